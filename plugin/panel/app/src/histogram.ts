// SPDX-License-Identifier: Apache-2.0
// Count the boxes that a threshold flags.

import type { Signal } from "./types";

const EPSILON = 1e-9;

/** Tell whether a threshold flags the boxes of a bin. */
export const isFlagged = ({ breaks, edges }: Signal, bin: number, threshold: number): boolean =>
  breaks === "above" ? edges[bin] >= threshold - EPSILON : edges[bin + 1] <= threshold + EPSILON;

export const countFlagged = (signal: Signal, threshold: number): number =>
  signal.counts.reduce((sum, count, bin) => sum + (isFlagged(signal, bin, threshold) ? count : 0), 0);

/** Return the bins within the slider's range, with heights in [0, 1] on a logarithmic scale. */
export function visibleBins({ counts, edges, min, max }: Signal) {
  const bins = counts
    .map((count, bin) => ({ count, bin }))
    .filter(({ bin }) => edges[bin] >= min - EPSILON && edges[bin] < max - EPSILON);
  const highest = Math.log1p(Math.max(1, ...bins.map(({ count }) => count)));
  return bins.map((each) => ({ ...each, height: Math.log1p(each.count) / highest }));
}
