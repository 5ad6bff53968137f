// SPDX-License-Identifier: Apache-2.0
// The bars of issues per 1,000 boxes.

import type { Rate } from "./types";

/** A pair of bars: the rates, and their widths in percent of the largest rate. */
export interface Bars {
  name: string;
  before: number;
  after: number;
  wide: number;
  narrow: number;
}

/** Return the bars of a group, the largest rate first. */
export function compareRates(rates: Rate[], group: string): Bars[] {
  const own = rates
    .filter((rate) => rate.group === group)
    .map(({ name, before, after }) => ({ name: String(name), before: before ?? 0, after: after ?? 0 }));
  const most = Math.max(...own.flatMap(({ before, after }) => [before, after]), 0) || 1;
  return own
    .map((rate) => ({ ...rate, wide: (100 * rate.before) / most, narrow: (100 * rate.after) / most }))
    .sort((one, two) => Math.max(two.before, two.after) - Math.max(one.before, one.after));
}
