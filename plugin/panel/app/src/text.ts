// SPDX-License-Identifier: Apache-2.0
// Numbers and decisions as text.

import type { Issue, Kind } from "./types";

export const formatCount = (count: number): string => count.toLocaleString("en");

export const formatPercent = (share: number | null): string => (share === null ? "–" : `${Math.round(100 * share)}%`);

/** Describe a rate and its interval, such as "3.2 (1.4–6.2)". */
export const formatRate = (rate: number | null, low: number | null, high: number | null): string =>
  rate === null || low === null || high === null ? "–" : `${rate.toFixed(1)} (${low.toFixed(1)}–${high.toFixed(1)})`;

export const formatScore = (score: number | null): string => score?.toFixed(2) ?? "unknown";

export const formatFrames = (first: number, last: number): string =>
  first === last ? `frame ${first}` : `frames ${first}–${last}`;

/** Name the tracks of an issue; an object that nobody labeled has none. */
export const formatTracks = ({ track, other_track }: Pick<Issue, "track" | "other_track">): string =>
  track < 0 ? "no track" : `track ${track}${other_track === null ? "" : ` and ${other_track}`}`;

type Decided = Pick<Issue, "decision" | "decided_by" | "decided_at">;

/** Describe the decision on an issue, with its author and local time. */
export function describeDecision({ decision, decided_by, decided_at }: Decided): string {
  if (!decision) return "to review";
  if (!decided_at) return decision;
  return `${decision} by ${decided_by} on ${new Date(decided_at).toLocaleString("en")}`;
}

/** Summarize how often issues of a kind were confirmed by reviewers. */
export function describePrecision({ precision, confirmed, dismissed, fixed }: Kind): string {
  if (precision === null) return "No decisions yet";
  const right = fixed ? "confirmed or fixed" : "confirmed";
  return `${confirmed + fixed} of ${confirmed + dismissed + fixed} reviewed issues were ${right}`;
}

/** Summarize what reviewers and annotators found about a kind of issue and about one issue of it. */
export function describeReliability(kind: Kind | undefined, corrected: boolean | null): string {
  const parts: string[] = [];
  if (kind && kind.precision !== null) {
    const reviewed = kind.confirmed + kind.dismissed + kind.fixed;
    const right = kind.fixed ? "confirmed or fixed" : "confirmed";
    parts.push(`${kind.name}: ${formatPercent(kind.precision)} of ${reviewed} reviewed issues were ${right}`);
  }
  if (kind?.checked) parts.push(`annotators corrected ${kind.corrected} of the ${kind.checked} they checked`);
  if (corrected !== null)
    parts.push(corrected ? "annotators corrected this issue" : "annotators left this issue unchanged");
  return parts.join(" · ");
}
