// SPDX-License-Identifier: Apache-2.0
// Decisions, and the way from issue to issue.

import { isModalActive, useRefresh } from "@fiftyone/state";
import { useCallback, useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";
import { useCall } from "./api";
import * as store from "./state";
import type { Decision, Issue, Listing } from "./types";

/** How long after the last decision the saved views are made anew, in milliseconds. */
const REST = 4000;
/** How many decisions can be taken back, one by one. */
const KEPT = 100;

/** Decides some issues: without IDs the selected ones, or else the one that is seen. Tells whether there are any. */
export type Decide = (decision: Decision | null, ids?: string[]) => boolean;

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

/** Finds the issue before or after one, or the next of those to review, wherever it is. */
export function findNext(listing: Listing | null, from: string | null, by: number, open = false): Issue | undefined {
  const issues = listing?.issues ?? [];
  const at = issues.findIndex(({ id }) => id === from);
  const rest = by > 0 ? issues.slice(at + 1) : issues.slice(0, Math.max(at, 0)).reverse();
  const isOpen = ({ id, decision }: Issue) => !decision && id !== from;
  return (open && (rest.find(isOpen) ?? issues.find(isOpen))) || rest[0];
}

/** A list with the decisions that it does not know of yet. */
export function withPending(listing: Listing | null, pending: store.State["pending"]): Listing | null {
  if (!listing || !Object.keys(pending).length) return listing;
  const progress = { ...listing.progress };
  for (const [id, decision] of Object.entries(pending)) {
    const issue = findIssue(listing, id);
    if (!issue) continue;
    progress[issue.decision ?? "open"] -= 1;
    progress[decision ?? "open"] += 1;
  }
  const decided = (issue: Issue) =>
    issue.id in pending ? { ...issue, decision: pending[issue.id], decided_by: null, decided_at: null } : issue;
  return { ...listing, progress, issues: listing.issues.map(decided), asked: listing.asked.map(decided) };
}

/** What was decided of issues, by that, and by whom and when. */
function decidedBefore(ids: string[], find: (id: string) => Issue | undefined): store.Replaced["before"] {
  const groups = new Map<string, store.Replaced["before"][number]>();
  for (const id of ids) {
    const { decision = null, decided_by = null, decided_at = null } = find(id) ?? {};
    const key = JSON.stringify([decision, decided_by, decided_at]);
    const group = groups.get(key) ?? { ids: [], decision, decided_by, decided_at };
    group.ids.push(id);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** The last decision that is on its way: they are taken in the order in which they were made. */
let last: Promise<void> = Promise.resolve();

/** Without `seen`, an issue whose crops are there, only those are decided that are selected. */
export function useDecide(listing: Listing | null, seen: Issue | undefined, choose: (issue: Issue) => void) {
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
    (decision: Decision | null, ids: string[], was: object = {}) => {
      const { dataset, field, pending, underWay } = store.get();
      store.set({
        pending: { ...pending, ...Object.fromEntries(ids.map((id) => [id, decision])) },
        underWay: underWay + 1,
      });
      // By then, the App may show another dataset
      const sent = () => call("decide", { ...was, ids, decision, dataset });
      const told = () => {
        if (dataset && field) localStorage.setItem(stale(dataset) + field, `${Math.random()}`);
        const { decisions, selected, underWay } = store.get();
        const rest = selected.filter((id) => !ids.includes(id));
        store.set({ decisions: decisions + 1, selected: rest, underWay: underWay - 1 });
      };
      const refused = (error: Error) => {
        const { dataset: now, chosen, underWay } = store.get();
        const again = now === dataset && ids.length === 1 ? ids[0] : chosen;
        store.set({ failure: error.message, underWay: underWay - 1, chosen: again });
        // The issues may be others by now
        store.reload();
      };
      last = last.then(sent).then(told, refused);
    },
    [call],
  );

  const decide = useCallback<Decide>(
    (decision, some) => {
      const { chosen, selected, replaced } = store.get();
      const { listing, seen } = known.current;
      const ids = some ?? (selected.length ? selected : seen ? [seen.id] : []);
      if (!ids.length) return false;
      const isSeen = ids.length === 1 && ids[0] === chosen;
      // The list lacks what was chosen in the timeline, but does not fit the filters
      const find = (id: string) => findIssue(listing, id) ?? (seen?.id === id ? seen : undefined);
      // There is nothing to take back: to leave an issue is to go on
      if (!decision && ids.every((id) => find(id)?.decision === null)) {
        store.set({ selected: selected.filter((id) => !ids.includes(id)) });
        if (isSeen) step(1, true);
        return true;
      }
      store.set({ replaced: [...replaced, { chosen, before: decidedBefore(ids, find) }].slice(-KEPT) });
      if (decision && isSeen) step(1, true);
      send(decision, ids);
      return true;
    },
    [send, step],
  );

  const undo = useCallback(() => {
    const { replaced } = store.get();
    const latest = replaced[replaced.length - 1];
    if (!latest) return;
    store.set({ replaced: replaced.slice(0, -1), chosen: latest.chosen, tab: "issue" });
    const issue = findIssue(known.current.listing, latest.chosen);
    if (issue) choose(issue);
    latest.before.forEach(({ decision, ids, ...was }) => send(decision, ids, was));
  }, [send, choose]);

  return { decide, step, undo };
}

/** Where it is noted, of which fields a dataset's saved views are older than its decisions. */
const stale = (dataset: string) => `track-audit:views:${dataset}/`;

/** When the saved views are made anew; of several panels, the last one that was told of a decision does it. */
let resting: number | undefined;

/** Saves the views of issues anew when deciding rests; later, where the page is closed before that. */
export function useSavedViews(): void {
  const call = useCall();
  const { dataset, decisions } = store.useStored();
  useEffect(() => {
    window.clearTimeout(resting);
    if (!dataset) return;
    const notes = () => Object.keys(localStorage).filter((note) => note.startsWith(stale(dataset)));
    const save = (note: string) => {
      // Somebody may decide meanwhile, also in another window
      const told = localStorage.getItem(note);
      const saved = ({ others }: { others: boolean }) => {
        if (localStorage.getItem(note) === told) localStorage.removeItem(note);
        if (others) store.set({ otherViews: true });
      };
      const label_field = note.slice(stale(dataset).length);
      const refused = (error: Error) => store.set({ failure: error.message });
      return call<{ others: boolean }>("save_views", { label_field }).then(saved, refused);
    };
    resting = window.setTimeout(() => notes().forEach(save), REST);
  }, [call, dataset, decisions]);
  useOtherViews();
}

/** Makes the App list the saved views that there are, once no sample is open that it would load again. */
function useOtherViews(): void {
  const { otherViews } = store.useStored();
  const active = useRecoilValue(isModalActive);
  const refresh = useRefresh();
  useEffect(() => {
    if (active || !store.get().otherViews) return;
    // The issues are the same
    store.set({ otherViews: false, refreshed: null });
    refresh();
  }, [otherViews, active, refresh]);
}
