// SPDX-License-Identifier: Apache-2.0
// What a browser tab remembers of a dataset.

import type { Decision } from "./types";

export interface Filters {
  kinds: string[];
  sequence: string | null;
  track: number | null;
  least_score: number;
  decision: "open" | Decision | null;
  in_view: boolean;
}

export type Tab = "issue" | "timeline" | "thresholds";

export interface Session {
  field: string | null;
  filters: Filters;
  /** The maximum number of issues to list. */
  limit: number;
  /** The ID of the issue that is shown. */
  chosen: string | null;
  tab: Tab;
}

/** The number of issues on a page of the list. */
export const PAGE = 100;
/** The maximum number of issues to list again after a reload. */
const MAX_LIMIT = 5 * PAGE;
/** The largest track ID that the database can store. */
export const MAX_TRACK = 2 ** 31 - 1;

export const NO_FILTERS: Filters = {
  kinds: [],
  sequence: null,
  track: null,
  least_score: 0,
  decision: null,
  in_view: false,
};

export const NEW_SESSION: Session = {
  field: null,
  filters: NO_FILTERS,
  limit: PAGE,
  chosen: null,
  tab: "issue",
};

export const readSession = (text: string | null): Session => ({ ...NEW_SESSION, ...(text ? JSON.parse(text) : {}) });

export function writeSession({ field, filters, limit, chosen, tab }: Session): string {
  return JSON.stringify({ field, filters, limit: Math.min(limit, MAX_LIMIT), chosen, tab });
}
