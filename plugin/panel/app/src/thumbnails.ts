// SPDX-License-Identifier: Apache-2.0
// The grid's thumbnails of clips of issues: of all labels, each shows those that its issue is about.

import { isModalActive } from "@fiftyone/state";
import { useEffect } from "react";
import { useRecoilValue } from "recoil";
import { type Looker, makeThumbnailFilter, narrowLabels } from "./looker";
import { findHeld } from "./playback";
import * as store from "./state";

/** The thumbnails that the grid shows. */
interface Grid {
  shown: Map<string, Looker>;
  isShown: unknown;
}

const GRID = "[data-cy=fo-grid]";

/** Let a thumbnail show only the tracks of its issue; return the function that shows all again. */
const narrow = (looker: Looker, field: string): (() => void) =>
  narrowLabels(looker, (before) => makeThumbnailFilter(before, field, looker.sample?.issues));

/** Show in the grid's thumbnails which boxes their issues are about, as long as solo is on. */
export function useThumbnails(field: string | null): void {
  const { solo } = store.useStored();
  const isOpen = useRecoilValue(isModalActive);
  useEffect(() => {
    if (!field || !solo || isOpen) return undefined;
    const narrowed = new Map<Looker, () => void>();
    const update = () => {
      const grid = findHeld<Grid>(document.querySelector(GRID), ["shown", "isShown"]);
      const shown = new Set(grid?.shown.values() ?? []);
      for (const looker of shown) {
        if (!narrowed.has(looker)) narrowed.set(looker, narrow(looker, field));
      }
      for (const [looker, stop] of narrowed) {
        if (shown.has(looker)) continue;
        stop();
        narrowed.delete(looker);
      }
    };
    let asked = 0;
    const observer = new MutationObserver(() => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(update);
    });
    // The App replaces the whole grid now and then
    observer.observe(document.body, { childList: true, subtree: true });
    update();
    return () => {
      observer.disconnect();
      cancelAnimationFrame(asked);
      for (const stop of narrowed.values()) stop();
    };
  }, [field, solo, isOpen]);
}
