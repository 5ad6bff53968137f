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
}

export interface State {
  dataset: string | null;
  field: string | null;
  filters: Filters;
  chosen: string | null;
  /** The issues that are decided together. */
  selected: string[];
  tab: Tab;
  /** The frame of a sample that the player is to show as soon as it can. */
  target: Target | null;
  /** Whether its sample is opened as soon as the App shows the whole dataset. */
  waiting: boolean;
  /** What went wrong with the last decision or the way to a frame. */
  failure: string | null;
  /** Grows with every change of the issues. */
  version: number;
  /** Grows with every decision. */
  decisions: number;
}

export const NO_FILTERS: Filters = {
  kinds: [],
  sequence: null,
  track: null,
  least_score: 0,
  decision: null,
  in_view: false,
};

const START: State = {
  dataset: null,
  field: null,
  filters: NO_FILTERS,
  chosen: null,
  selected: [],
  tab: "issue",
  target: null,
  waiting: false,
  failure: null,
  version: 0,
  decisions: 0,
};

const listeners = new Set<() => void>();
let state: State = START;

const place = (dataset: string) => `track-audit:${dataset}`;

export const get = (): State => state;

export function set(change: Partial<State>): void {
  state = { ...state, ...change };
  if (state.dataset) {
    const { field, filters, chosen, tab } = state;
    sessionStorage.setItem(place(state.dataset), JSON.stringify({ field, filters, chosen, tab }));
  }
  listeners.forEach((listener) => listener());
}

/** Begins with what was remembered of a dataset. */
export function open(dataset: string): void {
  if (state.dataset === dataset) return;
  const kept = sessionStorage.getItem(place(dataset));
  const { version, decisions } = state;
  set({ ...START, version, decisions, ...(kept ? JSON.parse(kept) : {}), dataset });
}

export function useStored(): State {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, get);
}
