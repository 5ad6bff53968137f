// SPDX-License-Identifier: Apache-2.0
// Decisions, and the way from issue to issue.

import { useCallback, useRef } from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Decision, Listing } from "./types";

/** How long after the last decision the saved views are made anew, in milliseconds. */
const REST = 4000;
let timer: ReturnType<typeof setTimeout> | undefined;

export type Decide = (ids: string[], decision: Decision | null, on: boolean) => void;

export function useDecide(listing: Listing | null) {
  const call = useCall();
  const listed = useRef<Listing | null>(listing);
  listed.current = listing;

  const step = useCallback((by: number, open = false) => {
    const issues = listed.current?.issues ?? [];
    const at = issues.findIndex(({ id }) => id === store.get().chosen);
    const rest = by > 0 ? issues.slice(at + 1) : issues.slice(0, Math.max(at, 0)).reverse();
    const next = open ? (rest.find(({ decision }) => !decision) ?? rest[0]) : rest[0];
    if (next) store.set({ chosen: next.id, tab: "issue" });
  }, []);

  const decide = useCallback<Decide>(
    (ids, decision, on) => {
      if (on) step(1, true);
      call("decide", { ids, decision }).then(
        () => {
          store.set({ version: store.get().version + 1, failure: null });
          clearTimeout(timer);
          timer = setTimeout(() => void call("save_views"), REST);
        },
        (error: Error) => store.set({ failure: error.message }),
      );
    },
    [call, step],
  );
  return { decide, step };
}
