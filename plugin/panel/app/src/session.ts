// SPDX-License-Identifier: Apache-2.0
// What a browser tab remembers of a dataset, and the checks for reading it back.

import type { Decision } from "./types";

export interface Filters {
  kinds: string[];
  sequence: string | null;
  track: number | null;
  least_score: number;
  decision: "open" | Decision | null;
  in_view: boolean;
}

/** The order of the list: the worst issues first, or by sequence and frame. */
export type Order = "score" | "time";

export type Tab = "issue" | "grid" | "timeline" | "thresholds" | "quality";

export interface Session {
  field: string | null;
  filters: Filters;
  order: Order;
  /** The maximum number of issues to list. */
  limit: number;
  /** The ID of the issue that is shown. */
  chosen: string | null;
  tab: Tab;
  /** How much the crops show: 1 is the usual window, and 2 one that is twice as large. */
  context: number;
  /** The number of labeled frames that the rolling means in plots are taken over. */
  window: number;
  /** Whether they are taken over a frame and those before it, instead of those around it. */
  trailing: boolean;
}

/** The number of issues on a page of the list. */
export const PAGE = 100;
/** The maximum number of issues to list again after a reload. */
const MAX_LIMIT = 5 * PAGE;
/** The largest context of crops. */
export const MAX_CONTEXT = 4;
/** The largest window of rolling means. */
export const MAX_WINDOW = 999;
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
  order: "score",
  limit: PAGE,
  chosen: null,
  tab: "issue",
  context: 1,
  window: 11,
  trailing: false,
};

/** The version of the stored format. It changes when a key changes its meaning. */
const VERSION = 1;

type Checks<T> = { [Key in keyof T]: (value: unknown) => boolean };

const isText = (value: unknown) => typeof value === "string";
const isInteger = (value: unknown, min: number, max: number) =>
  Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
const isOneOf =
  (...values: unknown[]) =>
  (value: unknown) =>
    values.includes(value);
const isNullOr = (check: (value: unknown) => boolean) => (value: unknown) => value === null || check(value);

/** Whether rolling means can be taken over so many frames. */
export const isWindow = (value: unknown): boolean => isInteger(value, 1, MAX_WINDOW);

const FILTER_CHECKS: Checks<Filters> = {
  kinds: (value) => Array.isArray(value) && value.every(isText),
  sequence: isNullOr(isText),
  track: isNullOr((value) => isInteger(value, 0, MAX_TRACK)),
  least_score: (value) => typeof value === "number" && value >= 0 && value <= 1,
  decision: isOneOf("open", "confirmed", "dismissed", "fixed", null),
  in_view: (value) => typeof value === "boolean",
};

const SESSION_CHECKS: Checks<Session> = {
  field: isNullOr(isText),
  // Each filter is checked by itself
  filters: () => true,
  order: isOneOf("score", "time"),
  limit: (value) => isInteger(value, PAGE, MAX_LIMIT),
  chosen: isNullOr((value) => isText(value) && /^[0-9a-f]{24}$/.test(value as string)),
  tab: isOneOf("issue", "grid", "timeline", "thresholds", "quality"),
  context: (value) => typeof value === "number" && value >= 1 && value <= MAX_CONTEXT,
  window: isWindow,
  trailing: (value) => typeof value === "boolean",
};

const toRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Take the keys of `values` that pass their check, and the others from `defaults`. */
function pickValid<T extends object>(values: unknown, checks: Checks<T>, defaults: T): T {
  const given = toRecord(values);
  const valid = (Object.keys(checks) as (keyof T & string)[]).filter((key) => checks[key](given[key]));
  return { ...defaults, ...Object.fromEntries(valid.map((key) => [key, given[key]])) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Read a stored session. Everything that does not fit falls back to its default: each key and each
 * filter by itself, and the whole session if another version of the format wrote it.
 */
export function readSession(text: string | null): Session {
  const stored = toRecord(text === null ? null : parse(text));
  // The first version of the format did not name its version
  const { version = 1 } = stored;
  if (version !== VERSION) return NEW_SESSION;
  const filters = pickValid(stored.filters, FILTER_CHECKS, NO_FILTERS);
  return { ...pickValid(stored, SESSION_CHECKS, NEW_SESSION), filters };
}

export function writeSession({ limit, ...session }: Session): string {
  const kept: Session = { ...NEW_SESSION, ...session, limit: Math.min(limit, MAX_LIMIT) };
  const keys = Object.keys(NEW_SESSION) as (keyof Session)[];
  return JSON.stringify({ version: VERSION, ...Object.fromEntries(keys.map((key) => [key, kept[key]])) });
}
