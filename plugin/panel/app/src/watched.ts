// SPDX-License-Identifier: Apache-2.0
// What changed since a window looked last.

import type { Watched } from "./types";

/** Tell whether a saved view is still open that was saved anew. */
const isNew = (before: string | null, now: string | null) =>
  before !== null && now !== null && before !== now && nameOf(before) === nameOf(now);

/** The name of a saved view, which its time follows. */
const nameOf = (view: string) => view.slice(0, view.lastIndexOf(" "));

/** Tell what has to be done about what was seen: list the issues again, or load the views again. */
export const compareWatched = (before: Watched | null, now: Watched) => ({
  issues: before !== null && before.stamp !== now.stamp,
  views: before !== null && (before.views.join("\n") !== now.views.join("\n") || isNew(before.view, now.view)),
});
