// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { countFlagged, isFlagged, visibleBins } from "../src/histogram";
import type { Signal } from "../src/types";

const makeSignal = (change: Partial<Signal> = {}): Signal => ({
  name: "size",
  label: "Change of size",
  unit: "share of the area",
  value: 0.1,
  min: 0.1,
  max: 0.3,
  step: 0.01,
  breaks: "above",
  edges: [0, 0.1, 0.2, 0.3, 0.4],
  counts: [1, 10, 100, 1000],
  ...change,
});

describe("a threshold", () => {
  it("flags the boxes above it", () => {
    expect(isFlagged(makeSignal(), 0, 0.1)).toBe(false);
    expect(isFlagged(makeSignal(), 1, 0.1)).toBe(true);
    expect(countFlagged(makeSignal(), 0.2)).toBe(1100);
    expect(countFlagged(makeSignal(), 1)).toBe(0);
  });

  it("flags the boxes below it", () => {
    const signal = makeSignal({ breaks: "below" });
    expect(isFlagged(signal, 0, 0.1)).toBe(true);
    expect(isFlagged(signal, 1, 0.1)).toBe(false);
    expect(countFlagged(signal, 0.3)).toBe(111);
  });

  it("flags boxes despite rounding errors", () => {
    expect(countFlagged(makeSignal(), 0.1 + 0.2)).toBe(1000);
    expect(countFlagged(makeSignal({ breaks: "below", edges: [0, 0.1, 0.2, 0.1 + 0.2, 0.4] }), 0.3)).toBe(111);
  });
});

describe("visibleBins", () => {
  it("are those within the slider's range", () => {
    expect(visibleBins(makeSignal()).map(({ bin, count }) => [bin, count])).toEqual([
      [1, 10],
      [2, 100],
    ]);
  });

  it("are as high as the logarithms of their counts", () => {
    const [low, high] = visibleBins(makeSignal());
    expect(high.height).toBe(1);
    expect(low.height).toBeCloseTo(Math.log(11) / Math.log(101));
  });

  it("have no height without boxes", () => {
    expect(visibleBins(makeSignal({ counts: [0, 0, 0, 0] })).map(({ height }) => height)).toEqual([0, 0]);
  });
});
