// SPDX-License-Identifier: Apache-2.0
// Choose the issue whose clip the user opens.

import { useEffect, useRef } from "react";
import { useCall } from "./api";
import { findIssue } from "./issues";
import { usePlayerLooker } from "./player";
import { NO_FILTERS } from "./session";
import * as store from "./state";
import type { Listing } from "./types";

/** The clips of a view of issues have the IDs of the issues. */
export function useOpenedClip(listing: Listing | null): void {
  const looker = usePlayerLooker();
  const call = useCall();
  const known = useRef(listing);
  known.current = listing;
  const clip = looker?.state.config.support ? looker.state.config.sampleId : null;
  useEffect(() => {
    // The panel itself opens the clip of the issue that it shows
    if (!clip || clip === store.get().chosen || store.get().target) return undefined;
    if (findIssue(known.current, clip)) {
      store.set({ chosen: clip, tab: "issue" });
      return undefined;
    }
    let wanted = true;
    const show = ({ asked }: Listing) => {
      // The filters of the list may hide it; other clips are of no issue
      if (wanted && asked.length) store.narrow({ chosen: clip, tab: "issue", filters: NO_FILTERS });
    };
    call<Listing>("list_issues", { ids: [clip], limit: 1 }).then(show, (error: Error) =>
      store.set({ failure: error.message }),
    );
    return () => {
      wanted = false;
    };
  }, [clip, call]);
}
