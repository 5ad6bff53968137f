// SPDX-License-Identifier: Apache-2.0
// Update the dataset's saved views of issues after decisions.

import { isModalActive, useRefresh } from "@fiftyone/state";
import { useEffect } from "react";
import { useRecoilValue } from "recoil";
import { type Call, useCall } from "./api";
import * as store from "./state";

/** How long after the last decision the saved views are updated, in milliseconds. */
const DELAY = 4000;

/** The prefix of the local storage keys that name label fields with outdated views. */
const staleKey = (dataset: string) => `track-audit:views:${dataset}/`;

/** Note that the saved views of a label field are outdated, in case the page is closed now. */
export const markStale = (dataset: string, field: string): void =>
  localStorage.setItem(staleKey(dataset) + field, `${Math.random()}`);

/** The notes of what is being saved, by key. */
const underWay = new Map<string, string | null>();

/** Save the views of one label field, and drop its note unless a decision was made meanwhile. */
async function save(call: Call, key: string, label_field: string): Promise<void> {
  const note = localStorage.getItem(key);
  if (underWay.has(key) && underWay.get(key) === note) return;
  underWay.set(key, note);
  try {
    const { others } = await call<{ others: boolean }>("save_views", { label_field });
    if (localStorage.getItem(key) === note) localStorage.removeItem(key);
    if (others) store.set({ otherViews: true });
  } catch (error) {
    store.set({ failure: (error as Error).message });
  } finally {
    underWay.delete(key);
  }
}

/** The timer of the next update. The last of several panels that sees a decision runs it. */
let timer: number | undefined;

/** Update the saved views when the user stops deciding, or when the page is opened again. */
export function useSavedViews(): void {
  const call = useCall();
  const { dataset, decisions } = store.useStored();
  useEffect(() => {
    window.clearTimeout(timer);
    if (!dataset) return;
    const prefix = staleKey(dataset);
    timer = window.setTimeout(() => {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
      for (const key of keys) void save(call, key, key.slice(prefix.length));
    }, DELAY);
  }, [call, dataset, decisions]);
  useOtherViews();
}

/** Make the App list new saved views, once no sample is open that it would have to reload. */
function useOtherViews(): void {
  const { otherViews } = store.useStored();
  const active = useRecoilValue(isModalActive);
  const refresh = useRefresh();
  useEffect(() => {
    if (active || !store.get().otherViews) return;
    // The issues have not changed, so this refresh must not reload them
    store.set({ otherViews: false, expected: store.get().expected + 1 });
    refresh();
  }, [otherViews, active, refresh]);
}
