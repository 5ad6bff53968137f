// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  decisionOf,
  findIssue,
  findNext,
  findReplacement,
  groupDecisions,
  isSame,
  toggleSelected,
  withPending,
} from "../src/issues";
import { makeIssue, makeListing } from "./examples";

const [a, b, c, d] = ["a", "b", "c", "d"].map((id) => makeIssue({ id }));
const confirmed = makeIssue({ id: "b", decision: "confirmed", decided_by: "Ann", decided_at: "2024-05-01" });

describe("isSame", () => {
  const issue = makeIssue();
  it("compares kind, sequence, track and frames", () => {
    expect(isSame(issue, makeIssue({ id: "new", first_frame: 20, last_frame: 30 }))).toBe(true);
    expect(isSame(issue, makeIssue({ first_frame: 21, last_frame: 30 }))).toBe(false);
    expect(isSame(issue, makeIssue({ kind: "gap" }))).toBe(false);
    expect(isSame(issue, makeIssue({ sequence: "square" }))).toBe(false);
    expect(isSame(issue, makeIssue({ track: 6 }))).toBe(false);
    expect(isSame(issue)).toBe(false);
  });
});

describe("findIssue", () => {
  it("finds listed and requested issues", () => {
    const listing = makeListing([a], { asked: [b] });
    expect(findIssue(listing, "a")).toBe(a);
    expect(findIssue(listing, "b")).toBe(b);
    expect(findIssue(listing, "c")).toBeUndefined();
    expect(findIssue(null, "a")).toBeUndefined();
  });
});

describe("findNext", () => {
  const listing = makeListing([a, confirmed, c, d]);
  it.each([
    ["a", 1, false, "b"],
    ["a", -1, false, undefined],
    ["c", -1, false, "b"],
    ["d", 1, false, undefined],
    ["a", 1, true, "c"],
    ["d", 1, true, "a"],
    ["gone", 1, false, "a"],
    ["gone", -1, false, undefined],
    [null, 1, false, "a"],
  ])("steps from %s by %i (open: %s) to %s", (from, by, open, id) => {
    expect(findNext(listing, from, by, open)?.id).toBe(id);
  });

  it("steps to a reviewed issue if none is open", () => {
    expect(findNext(makeListing([a, confirmed]), "a", 1, true)).toBe(confirmed);
  });

  it("finds nothing without a list", () => {
    expect(findNext(null, "a", 1)).toBeUndefined();
  });
});

describe("findReplacement", () => {
  it("prefers the same mistake, then an open issue, then the first one", () => {
    const other = makeIssue({ id: "e", track: 9 });
    expect(findReplacement(makeListing([confirmed, other, c]), makeIssue({ track: 9 }))).toBe(other);
    expect(findReplacement(makeListing([confirmed, c]), undefined)).toBe(c);
    expect(findReplacement(makeListing([confirmed]), other)).toBe(confirmed);
    expect(findReplacement(makeListing([]), other)).toBeUndefined();
  });
});

describe("toggleSelected", () => {
  const listed = ["a", "b", "c", "d"];
  it("selects and deselects one issue", () => {
    expect(toggleSelected(["a"], listed, "c", null)).toEqual(["a", "c"]);
    expect(toggleSelected(["a", "c"], listed, "c", null)).toEqual(["a"]);
  });

  it("selects a range in either direction", () => {
    expect(toggleSelected(["b"], listed, "d", "b")).toEqual(["b", "c", "d"]);
    expect(toggleSelected(["d"], listed, "b", "d")).toEqual(["b", "c", "d"]);
  });

  it("selects one issue if the other end is not listed any more", () => {
    expect(toggleSelected([], listed, "b", "gone")).toEqual(["b"]);
  });
});

describe("withPending", () => {
  it("returns the same list without decisions", () => {
    const listing = makeListing([a]);
    expect(withPending(listing, {})).toBe(listing);
    expect(withPending(null, { a: "confirmed" })).toBeNull();
  });

  it("applies decisions to the issues and to the progress", () => {
    const listing = makeListing([a, confirmed], {
      asked: [c],
      progress: { open: 2, confirmed: 1, dismissed: 0, fixed: 0 },
    });
    const shown = withPending(listing, { a: "dismissed", b: null, c: "confirmed", gone: "confirmed" });
    expect(shown?.issues.map(({ decision }) => decision)).toEqual(["dismissed", null]);
    expect(shown?.issues[1].decided_by).toBeNull();
    expect(shown?.asked[0].decision).toBe("confirmed");
    expect(shown?.progress).toEqual({ open: 1, confirmed: 1, dismissed: 1, fixed: 0 });
    expect(listing.progress.open).toBe(2);
  });
});

describe("decisionOf", () => {
  it("is that the issue is fixed, or dismissed if it is left", () => {
    expect([undefined, "fill", "leave"].map(decisionOf)).toEqual(["fixed", "fixed", "dismissed"]);
  });
});

describe("groupDecisions", () => {
  it("groups issues by decision, author and time", () => {
    const find = (id: string) => [a, confirmed, c].find((issue) => issue.id === id);
    expect(groupDecisions(["a", "b", "c", "unknown"], find)).toEqual([
      { ids: ["a", "c", "unknown"], decision: null, decided_by: null, decided_at: null },
      { ids: ["b"], decision: "confirmed", decided_by: "Ann", decided_at: "2024-05-01" },
    ]);
  });
});
