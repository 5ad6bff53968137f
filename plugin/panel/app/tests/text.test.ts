// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  describeDecision,
  describePrecision,
  describeReliability,
  formatCount,
  formatFrames,
  formatPercent,
  formatScore,
  formatTracks,
} from "../src/text";
import { makeKind } from "./examples";

describe("numbers", () => {
  it("are formatted the American way", () => {
    expect(formatCount(1234567)).toBe("1,234,567");
    expect(formatPercent(0.625)).toBe("63%");
    expect(formatPercent(null)).toBe("–");
    expect(formatScore(0.5)).toBe("0.50");
    expect(formatScore(null)).toBe("unknown");
    expect(formatFrames(7, 7)).toBe("frame 7");
    expect(formatFrames(7, 9)).toBe("frames 7–9");
  });
});

describe("formatTracks", () => {
  it("names the tracks of an issue, if there are any", () => {
    expect(formatTracks({ track: 3, other_track: null })).toBe("track 3");
    expect(formatTracks({ track: 0, other_track: 5 })).toBe("track 0 and 5");
    expect(formatTracks({ track: -1, other_track: null })).toBe("no track");
  });
});

describe("describeDecision", () => {
  const undecided = { decision: null, decided_by: null, decided_at: null };
  it("names the author and the time", () => {
    expect(describeDecision(undecided)).toBe("to review");
    expect(describeDecision({ ...undecided, decision: "confirmed" })).toBe("confirmed");
    const text = describeDecision({
      decision: "dismissed",
      decided_by: "Ann",
      decided_at: "2024-05-15T12:00:00+00:00",
    });
    expect(text).toMatch(/^dismissed by Ann on 5\/1[456]\/2024, /);
  });
});

describe("describePrecision", () => {
  it("counts the confirmed issues", () => {
    expect(describePrecision(makeKind())).toBe("3 of 5 reviewed issues were confirmed");
    expect(describePrecision(makeKind({ fixed: 2 }))).toBe("5 of 7 reviewed issues were confirmed or fixed");
    expect(describePrecision(makeKind({ precision: null }))).toBe("No decisions yet");
  });
});

describe("describeReliability", () => {
  const unreviewed = makeKind({ precision: null });
  it("tells what reviewers and annotators found", () => {
    expect(describeReliability(undefined, null)).toBe("");
    expect(describeReliability(unreviewed, null)).toBe("");
    expect(describeReliability(makeKind(), null)).toBe("Size jump: 60% of 5 reviewed issues were confirmed");
    expect(describeReliability({ ...unreviewed, checked: 4, corrected: 3 }, true)).toBe(
      "annotators corrected 3 of the 4 they checked · annotators corrected this issue",
    );
    expect(describeReliability(unreviewed, false)).toBe("annotators left this issue unchanged");
  });
});
