// SPDX-License-Identifier: Apache-2.0
// Notice what other windows decide, and which views they save.

import { isModalActive, useModalMode } from "@fiftyone/state";
import { useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";
import { useCall } from "./api";
import * as store from "./state";
import type { Watched } from "./types";
import { compareWatched } from "./watched";

/** How often to look, in milliseconds. */
const INTERVAL = 5000;

/**
 * Follow the decisions of other windows, list the views that they save, and show the open saved
 * view as it is now.
 */
export function useWatch(): void {
  const call = useCall();
  const { dataset } = store.useStored();
  const isOpen = useRecoilValue(isModalActive);
  const annotates = useModalMode() === "annotate";
  const seen = useRef<Watched | null>(null);
  useEffect(() => {
    seen.current = null;
  }, [dataset]);
  useEffect(() => {
    // The annotator has the sample to itself
    if (annotates) return undefined;
    let wanted = true;
    const look = () => {
      if (document.hidden || store.get().underWay) return;
      // A view that changes would close the video
      const open = new URLSearchParams(window.location.search).get("view");
      const params = { open, view: seen.current?.view ?? null, renew: !isOpen && seen.current !== null };
      const note = (now: Watched) => {
        if (!wanted) return;
        const { issues, views } = compareWatched(seen.current, now);
        seen.current = isOpen && seen.current ? { ...now, view: seen.current.view } : now;
        if (views) store.set({ otherViews: true });
        if (issues) store.relist();
      };
      // The next look may succeed
      call<Watched>("watch", params).then(note, () => undefined);
    };
    look();
    const timer = window.setInterval(look, INTERVAL);
    return () => {
      wanted = false;
      window.clearInterval(timer);
    };
  }, [call, dataset, isOpen, annotates]);
}
