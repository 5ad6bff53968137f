// SPDX-License-Identifier: Apache-2.0
// Decisions, and the way from issue to issue.

import { useCallback, useEffect, useRef } from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Decision, Issue, Listing } from "./types";

/** How long after the last decision the saved views are made anew, in milliseconds. */
const REST = 4000;

/** Decides some issues: without IDs the selected ones, or else the one that is seen. */
export type Decide = (decision: Decision | null, ids?: string[]) => void;

export const isSame = (one: Issue, two?: Issue): boolean =>
  two !== undefined &&
  one.kind === two.kind &&
  one.sequence === two.sequence &&
  one.track === two.track &&
  one.first_frame <= two.last_frame &&
  two.first_frame <= one.last_frame;

export const findIssue = (listing: Listing | null, wanted: string | null): Issue | undefined => {
  const isWanted = ({ id }: Issue) => id === wanted;
  return listing?.issues.find(isWanted) ?? listing?.asked.find(isWanted);
};

/** Finds the issue before or after one, or the next of those to review. */
export function findNext(listing: Listing | null, from: string | null, by: number, open = false): Issue | undefined {
  const issues = listing?.issues ?? [];
  const at = issues.findIndex(({ id }) => id === from);
  const rest = by > 0 ? issues.slice(at + 1) : issues.slice(0, Math.max(at, 0)).reverse();
  return (open && rest.find(({ decision }) => !decision)) || rest[0];
}

/** What was decided of issues, by that. */
function decidedBefore(listing: Listing | null, ids: string[]): store.Replaced["before"] {
  const decisions: (Decision | null)[] = ["confirmed", "dismissed", null];
  return decisions
    .map((decision) => ({ decision, ids: ids.filter((id) => (findIssue(listing, id)?.decision ?? null) === decision) }))
    .filter(({ ids }) => ids.length);
}

/** The last decision that is on its way: they are taken in the order in which they were made. */
let last: Promise<void> = Promise.resolve();

export function useDecide(listing: Listing | null, seen: string | null, choose: (issue: Issue) => void) {
  const call = useCall();
  const known = useRef({ listing, seen });
  known.current = { listing, seen };

  const step = useCallback(
    (by: number, open = false) => {
      const next = findNext(known.current.listing, store.get().chosen, by, open);
      if (next) choose(next);
    },
    [choose],
  );

  const send = useCallback(
    (decision: Decision | null, ids: string[]) => {
      const { dataset, field } = store.get();
      const sent = () => call<{ label_field: string }>("decide", { ids, decision, label_field: field });
      last = last.then(sent).then(
        ({ label_field }) => {
          if (dataset) localStorage.setItem(stale(dataset), label_field);
          const { decisions, selected } = store.get();
          store.set({ decisions: decisions + 1, selected: selected.filter((id) => !ids.includes(id)) });
        },
        (error: Error) => store.set({ failure: error.message }),
      );
    },
    [call],
  );

  const decide = useCallback<Decide>(
    (decision, some) => {
      const { chosen, selected } = store.get();
      const { listing, seen } = known.current;
      const ids = some ?? (selected.length ? selected : seen ? [seen] : []);
      if (!ids.length) return;
      store.set({ replaced: { chosen, before: decidedBefore(listing, ids) } });
      if (decision && ids.length === 1 && ids[0] === chosen) step(1, true);
      send(decision, ids);
    },
    [send, step],
  );

  const undo = useCallback(() => {
    const { replaced } = store.get();
    if (!replaced) return;
    store.set({ replaced: null, chosen: replaced.chosen, tab: "issue" });
    const issue = findIssue(known.current.listing, replaced.chosen);
    if (issue) choose(issue);
    replaced.before.forEach(({ decision, ids }) => send(decision, ids));
  }, [send, choose]);

  return { decide, step, undo };
}

/** Where it is noted, of which field a dataset's saved views are older than its decisions. */
const stale = (dataset: string) => `track-audit:views:${dataset}`;

/** Saves the views of issues anew when deciding rests; later, where the page is closed before that. */
export function useSavedViews(): void {
  const call = useCall();
  const { dataset, decisions } = store.useStored();
  useEffect(() => {
    if (!dataset || !localStorage.getItem(stale(dataset))) return undefined;
    const timer = setTimeout(() => {
      const field = localStorage.getItem(stale(dataset));
      if (!field) return;
      const saved = () => store.get().decisions === decisions && localStorage.removeItem(stale(dataset));
      call("save_views", { label_field: field }).then(saved, (error: Error) => store.set({ failure: error.message }));
    }, REST);
    return () => clearTimeout(timer);
  }, [call, dataset, decisions]);
}
