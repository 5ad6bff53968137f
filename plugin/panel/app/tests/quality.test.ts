// SPDX-License-Identifier: Apache-2.0

import { expect, test } from "vitest";
import { compareRates } from "../src/quality";
import { compareWatched } from "../src/watched";

const RATES = [
  { group: "all", name: "all", before: 9, after: 3 },
  { group: "kind", name: "gap", before: 2, after: 1 },
  { group: "kind", name: "shift", before: 4, after: null },
];

test("bars are as wide as their rates, the largest first", () => {
  expect(compareRates(RATES, "kind")).toEqual([
    { name: "shift", before: 4, after: 0, wide: 100, narrow: 0 },
    { name: "gap", before: 2, after: 1, wide: 50, narrow: 25 },
  ]);
  expect(compareRates(RATES, "label")).toEqual([]);
});

test("what changed in another window is noticed, but not what is seen first", () => {
  const before = { stamp: "1", views: ["issues"], view: null };
  expect(compareWatched(null, before)).toEqual({ issues: false, views: false });
  expect(compareWatched(before, { ...before, stamp: "2" })).toEqual({ issues: true, views: false });
  expect(compareWatched(before, { ...before, views: ["confirmed", "issues"] })).toEqual({ issues: false, views: true });
  const open = { ...before, view: "to review 10:00" };
  expect(compareWatched(before, open).views).toBe(false);
  expect(compareWatched(open, { ...open, view: "to review 10:05" }).views).toBe(true);
  expect(compareWatched(open, { ...open, view: "confirmed 10:05" }).views).toBe(false);
});
