// SPDX-License-Identifier: Apache-2.0
// What changed since a window looked last.

import type { Watched } from "./types";

/** Tell what has to be done about what was seen: list the issues again, or list the views again. */
export const compareWatched = (before: Watched | null, now: Watched) => ({
  issues: before !== null && before.stamp !== now.stamp,
  views: before !== null && before.views.join("\n") !== now.views.join("\n"),
});
