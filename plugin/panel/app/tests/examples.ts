// SPDX-License-Identifier: Apache-2.0
// Examples of the objects that the panel's Python side returns.

import type { Issue, Kind, Listing } from "../src/types";

export const makeIssue = (change: Partial<Issue> = {}): Issue => ({
  id: "a",
  kind: "size_jump",
  name: "Size jump",
  sequence: "street",
  track: 5,
  other_track: null,
  first_frame: 10,
  last_frame: 20,
  peak_frame: 15,
  score: 0.5,
  reason: null,
  suggestion: null,
  decision: null,
  decided_by: null,
  decided_at: null,
  corrected: null,
  fix: null,
  note: null,
  ...change,
});

export const makeKind = (change: Partial<Kind> = {}): Kind => ({
  kind: "size_jump",
  name: "Size jump",
  color: "#aa0000",
  issues: 9,
  open: 4,
  confirmed: 3,
  dismissed: 2,
  fixed: 0,
  precision: 0.6,
  checked: 0,
  corrected: 0,
  ...change,
});

export const makeListing = (issues: Issue[], change: Partial<Listing> = {}): Listing => ({
  issues,
  total: issues.length,
  counts: {},
  asked: [],
  gone: [],
  learned: "",
  to_send: issues.length,
  kinds: [],
  progress: { open: issues.length, confirmed: 0, dismissed: 0, fixed: 0 },
  ...change,
});
