// SPDX-License-Identifier: Apache-2.0
// Find issues in the list, step through it, and apply decisions to it.

import type { PriorDecision, State } from "./state";
import type { Decision, Issue, Listing, Progress } from "./types";

/** Tell whether two issues, from different audits, are about the same mistake. */
export const isSame = (one: Issue, two?: Issue): boolean =>
  two !== undefined &&
  one.kind === two.kind &&
  one.sequence === two.sequence &&
  one.track === two.track &&
  one.first_frame <= two.last_frame &&
  two.first_frame <= one.last_frame;

export function findIssue(listing: Listing | null, wanted: string | null): Issue | undefined {
  const isWanted = ({ id }: Issue) => id === wanted;
  return listing?.issues.find(isWanted) ?? listing?.asked.find(isWanted);
}

/**
 * Find the issue before (`by` < 0) or after (`by` > 0) another one. If `open` is set, an issue to
 * review comes first, wherever it is in the list.
 */
export function findNext(listing: Listing | null, from: string | null, by: number, open = false): Issue | undefined {
  const issues = listing?.issues ?? [];
  const at = issues.findIndex(({ id }) => id === from);
  const rest = by > 0 ? issues.slice(at + 1) : issues.slice(0, Math.max(at, 0)).reverse();
  const isOpen = ({ id, decision }: Issue) => !decision && id !== from;
  return (open && (rest.find(isOpen) ?? issues.find(isOpen))) || rest[0];
}

/** Choose the issue to show in place of one that is gone: the same mistake, or the first open one. */
export const findReplacement = ({ issues }: Listing, gone: Issue | undefined): Issue | undefined =>
  issues.find((issue) => isSame(issue, gone)) ?? issues.find(({ decision }) => !decision) ?? issues[0];

/** Toggle an issue in a selection or, given the other end of a range, select the whole range. */
export function toggleSelected(selected: string[], listed: string[], id: string, from: string | null): string[] {
  const ends = [from ?? id, id].map((each) => listed.indexOf(each));
  const isRange = from !== null && !ends.includes(-1);
  const ids = isRange ? listed.slice(Math.min(...ends), Math.max(...ends) + 1) : [id];
  const rest = selected.filter((each) => !ids.includes(each));
  return selected.includes(id) && from === null ? rest : [...rest, ...ids];
}

/** Apply decisions to a list that does not include them yet. */
export function withPending(listing: Listing | null, pending: State["pending"]): Listing | null {
  if (!listing || !Object.keys(pending).length) return listing;
  const progress: Progress = { ...listing.progress };
  for (const [id, decision] of Object.entries(pending)) {
    const issue = findIssue(listing, id);
    if (!issue) continue;
    progress[issue.decision ?? "open"] -= 1;
    progress[decision ?? "open"] += 1;
  }
  const decide = (issue: Issue): Issue =>
    issue.id in pending ? { ...issue, decision: pending[issue.id], decided_by: null, decided_at: null } : issue;
  return {
    ...listing,
    progress,
    issues: listing.issues.map(decide),
    asked: listing.asked.map(decide),
  };
}

/** Return the decision that a fix is, by its name. To leave an issue is to dismiss it. */
export const decisionOf = (fix?: string): Decision => (fix === "leave" ? "dismissed" : "fixed");

/** Group issues by their present decision, its author and its time, so that it can be restored. */
export function groupDecisions(ids: string[], find: (id: string) => Issue | undefined): PriorDecision[] {
  const groups = new Map<string, PriorDecision>();
  for (const id of ids) {
    const { decision = null, decided_by = null, decided_at = null } = find(id) ?? {};
    const key = JSON.stringify([decision, decided_by, decided_at]);
    const group = groups.get(key) ?? { ids: [], decision, decided_by, decided_at };
    group.ids.push(id);
    groups.set(key, group);
  }
  return [...groups.values()];
}
