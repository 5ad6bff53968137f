// SPDX-License-Identifier: Apache-2.0
// The panel's state, which the panel above the grid and the one beside a sample share.

import { useSyncExternalStore } from "react";
import { NEW_SESSION, PAGE, readSession, type Session, writeSession } from "./session";
import type { Decision } from "./types";

/** A frame of a sample, counted from 1. */
export interface Target {
  sample: string;
  frame: number;
  /** The issue whose clip should show the frame if the view consists of clips. */
  issue?: string;
}

/** An earlier decision, with its author and time, and the issues that share it. */
export interface PriorDecision {
  ids: string[];
  decision: Decision | null;
  decided_by: string | null;
  decided_at: string | null;
}

/** What a decision replaced, and the issue that was shown at that time. */
export interface Replaced {
  chosen: string | null;
  before: PriorDecision[];
  /** The decision that replaced those before. */
  made?: Decision | null;
  /** The name of the fix to undo, once it is stored; null if it failed. */
  fix?: Promise<string | null>;
}

/** What fixing issues together would change. */
export interface Preview {
  ids: string[];
  message: string;
}

export interface State extends Session {
  dataset: string | null;
  /** An issue that was chosen in the timeline, and need not match the filters of the list. */
  aside: string | null;
  /** The issues to decide together. */
  selected: string[];
  /** The frame that the player should show as soon as it can. */
  target: Target | null;
  /** Whether to open the target's sample once the App shows the whole dataset. */
  waiting: boolean;
  /** The box to select in the App's annotator once it shows it. */
  annotated: { target: Target; names: string[] } | null;
  /** The last error of a decision or of opening a frame, until the user closes it. */
  failure: string | null;
  /** The decisions that can be undone, the most recent one last. */
  replaced: Replaced[];
  /** The decisions, by issue, that the list does not include yet. */
  pending: Record<string, Decision | null>;
  /** The number of requests that are storing decisions. */
  underWay: number;
  /** The selected issues to fix as soon as the user agrees. */
  preview: Preview | null;
  /** Whether the open sample shows only the tracks of the issue. */
  solo: boolean;
  /** Whether the player repeats the seconds of the issue, and whether at half speed. */
  loop: boolean;
  slow: boolean;
  /** Whether the note of the issue is being written, and whether a mistake is being reported. */
  noting: boolean;
  reporting: boolean;
  /** Whether the App's grid shows the listed issues. */
  samples: boolean;
  /** Whether the large crop takes all the room there is. */
  enlarged: boolean;
  /** Whether all plots of an issue are shown, or only those that matter for its kind. */
  allPlots: boolean;
  /** Whether the table of all keys is shown. */
  help: boolean;
  /** Whether the panel opened the sample that is open. */
  opened: boolean;
  /** Whether an audit started from the panel is running. */
  auditing: boolean;
  /** Increases whenever the issues change. */
  version: number;
  /** Increases with every decision. */
  decisions: number;
  /** Whether saved views were added or removed that the App does not know about. */
  otherViews: boolean;
  /** The App's refresh counter when it was last seen. */
  refreshed: number | null;
  /** How many refreshes that the panel asked the App for are still to come. */
  expected: number;
}

const START: State = {
  ...NEW_SESSION,
  dataset: null,
  aside: null,
  selected: [],
  target: null,
  waiting: false,
  annotated: null,
  failure: null,
  replaced: [],
  pending: {},
  underWay: 0,
  preview: null,
  solo: true,
  loop: false,
  slow: false,
  noting: false,
  reporting: false,
  samples: false,
  enlarged: false,
  allPlots: false,
  help: false,
  opened: false,
  auditing: false,
  version: 0,
  decisions: 0,
  otherViews: false,
  refreshed: null,
  expected: 0,
};

const listeners = new Set<() => void>();
let state: State = START;

const storageKey = (dataset: string) => `track-audit:${dataset}`;

export const get = (): State => state;

export function set(change: Partial<State>): void {
  state = { ...state, ...change };
  if (state.dataset) sessionStorage.setItem(storageKey(state.dataset), writeSession(state));
  for (const listener of listeners) listener();
}

/** Apply a change that lists other issues, starting from the first page. */
export const narrow = (change: Partial<State>): void => set({ aside: null, ...change, limit: PAGE });

/** List another page once the previous one has arrived. */
export function grow(listed: number): void {
  if (listed >= state.limit) set({ limit: state.limit + PAGE });
}

/** List the issues again, whose decisions or notes have changed. */
export const relist = (): void => set({ decisions: state.decisions + 1 });

/** Request everything again. Undo is cleared because an audit may have replaced the issues. */
export const reload = (): void => set({ version: state.version + 1, replaced: [], aside: null });

/**
 * Reload if the App has refreshed the dataset, unless the panel itself made it do so.
 * The App may count several refreshes at once.
 */
export function refresh(refreshed: number): void {
  const { refreshed: before, expected } = state;
  if (before === refreshed) return;
  const count = before === null ? 0 : refreshed - before;
  const own = Math.min(count, expected);
  set({ refreshed, expected: expected - own });
  if (count > own) reload();
}

/** Switch to a dataset, with the session that the browser tab remembers of it. */
export function open(dataset: string): void {
  if (state.dataset === dataset) return;
  const session = readSession(sessionStorage.getItem(storageKey(dataset)));
  const { version, decisions, refreshed, expected, underWay } = state;
  set({ ...START, version, decisions, refreshed, expected, underWay, ...session, dataset });
}

export function useStored(): State {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, get);
}
