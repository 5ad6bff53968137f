// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { makeScale, ticks } from "../src/scale";

describe("makeScale", () => {
  // Ten pixels for each frame, after the margins
  const scale = makeScale(100, 66 + 1000 + 10);

  it("maps frames to pixels and back", () => {
    expect(scale.x(1)).toBe(66);
    expect(scale.x(11)).toBe(166);
    for (const frame of [1, 2, 50, 100]) expect(scale.frameAt(scale.x(frame))).toBe(frame);
  });

  it("draws ranges of frames including the last one", () => {
    expect(scale.bar(1, 100)).toEqual({ x: 66, width: 1000 });
    expect(scale.bar(11, 11)).toEqual({ x: 166, width: 10 });
    expect(scale.mark(11, 12)).toEqual({ x: 166, width: 20 });
  });

  it("widens short ranges until they can be seen and clicked", () => {
    const dense = makeScale(10_000, 66 + 1000 + 10);
    expect(dense.bar(1, 1)).toEqual({ x: 66, width: 1 });
    expect(dense.mark(1, 10)).toEqual({ x: 64, width: 5 });
  });

  it("is finite before the width is known", () => {
    const unknown = makeScale(0, 0);
    expect(unknown.x(1)).toBe(66);
    expect(unknown.bar(1, 1).width).toBe(1);
  });
});

describe("ticks", () => {
  it.each([
    [429, 700, [100, 200, 300, 400]],
    [50, 900, [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]],
    [3, 900, [1, 2, 3]],
    [1000, 100, [500, 1000]],
    [0, 900, []],
  ])("of %i frames on %i pixels are %j", (frames, width, expected) => {
    expect(ticks(frames, width)).toEqual(expected);
  });

  it("are at least 90 pixels apart", () => {
    for (let frames = 10; frames < 5000; frames += 7) expect(ticks(frames, 720).length).toBeLessThanOrEqual(8);
  });
});
