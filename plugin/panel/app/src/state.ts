// SPDX-License-Identifier: Apache-2.0
// What the panel remembers: the same above the grid and beside a sample.

import { useSyncExternalStore } from "react";
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

export interface Target {
  sample: string;
  frame: number;
  /** The issue whose clip is to show it, where the view is of clips. */
  issue?: string;
}

/** What a decision replaced, and which issue was seen then. */
export interface Replaced {
  chosen: string | null;
  before: { ids: string[]; decision: Decision | null; decided_by: string | null; decided_at: string | null }[];
}

export interface State {
  dataset: string | null;
  field: string | null;
  filters: Filters;
  /** How many issues are listed at most. */
  limit: number;
  chosen: string | null;
  /** The issues that are decided together. */
  selected: string[];
  tab: Tab;
  /** The frame of a sample that the player is to show as soon as it can. */
  target: Target | null;
  /** Whether its sample is opened as soon as the App shows the whole dataset. */
  waiting: boolean;
  /** What went wrong with a decision or on the way to a frame, until somebody has read it. */
  failure: string | null;
  /** What can be taken back: the last decision is the last one. */
  replaced: Replaced[];
  /** Decisions that the list does not know of yet, by issue. */
  pending: Record<string, Decision | null>;
  /** How many times decisions are on their way. */
  underWay: number;
  /** Whether an audit that the panel began is under way. */
  auditing: boolean;
  /** Grows with every change of the issues. */
  version: number;
  /** Grows with every decision. */
  decisions: number;
  /** Whether there are saved views that the App does not know of, or no more. */
  otherViews: boolean;
  /** How often the App has loaded the dataset again, as far as that was seen. */
  refreshed: number | null;
}

export const NO_FILTERS: Filters = {
  kinds: [],
  sequence: null,
  track: null,
  least_score: 0,
  decision: null,
  in_view: false,
};

/** How many issues are listed at first, and how many more each time. */
export const PAGE = 100;
/** How many are listed again when the page is loaded again, at most. */
const KEPT = 5 * PAGE;

const START: State = {
  dataset: null,
  field: null,
  filters: NO_FILTERS,
  limit: PAGE,
  chosen: null,
  selected: [],
  tab: "issue",
  target: null,
  waiting: false,
  failure: null,
  replaced: [],
  pending: {},
  underWay: 0,
  auditing: false,
  version: 0,
  decisions: 0,
  otherViews: false,
  refreshed: null,
};

const listeners = new Set<() => void>();
let state: State = START;

const place = (dataset: string) => `track-audit:${dataset}`;

export const get = (): State => state;

export function set(change: Partial<State>): void {
  state = { ...state, ...change };
  if (state.dataset) {
    const { field, filters, chosen, tab } = state;
    const limit = Math.min(state.limit, KEPT);
    sessionStorage.setItem(place(state.dataset), JSON.stringify({ field, filters, limit, chosen, tab }));
  }
  listeners.forEach((listener) => listener());
}

/** Lists other issues, from the worst on. */
export const narrow = (change: Partial<State>): void => set({ ...change, limit: PAGE });

/** Lists more, once what was asked for is there. */
export function grow(listed: number): void {
  if (listed >= state.limit) set({ limit: state.limit + PAGE });
}

/** Asks for all anew; an audit may have replaced the issues that were decided. */
export const reload = (): void => set({ version: state.version + 1, replaced: [] });

/** Asks for all anew where the App has loaded the dataset again, other than for its saved views. */
export function refresh(refreshed: number): void {
  const { refreshed: before } = state;
  if (before === refreshed) return;
  set({ refreshed });
  if (before !== null) reload();
}

/** Begins with what was remembered of a dataset. */
export function open(dataset: string): void {
  if (state.dataset === dataset) return;
  const kept = sessionStorage.getItem(place(dataset));
  const { version, decisions, refreshed, underWay } = state;
  set({ ...START, version, decisions, refreshed, underWay, ...(kept ? JSON.parse(kept) : {}), dataset });
}

export function useStored(): State {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, get);
}
