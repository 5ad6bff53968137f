// SPDX-License-Identifier: Apache-2.0
// Decide issues, fix them, step through them, and take that back.

import { useCallback, useRef } from "react";
import { annotated, renew } from "./annotate";
import { useCall } from "./api";
import { decisionOf, findIssue, findNext, groupDecisions } from "./issues";
import { markStale } from "./savedViews";
import * as store from "./state";
import type { Decision, Issue, Listing } from "./types";

/** The number of decisions that can be undone, one by one. */
const UNDO_SIZE = 100;

/**
 * Decide issues: those with the given IDs, or else the selected ones, or else the one that is shown.
 * Null reopens them. Return whether there was any issue to decide.
 */
export type Decide = (decision: Decision | null, ids?: string[]) => boolean;

/** The author and time of a decision that is restored. */
type Origin = Partial<Pick<store.PriorDecision, "decided_by" | "decided_at">>;

/** The present decisions as this window knows them, which others must not have changed. */
type Known = Record<string, Decision | null>;

/** Return the present decisions of the issues that are listed. */
const knownDecisions = (ids: string[], find: (id: string) => Issue | undefined): Known =>
  Object.fromEntries(ids.flatMap((id) => find(id) ?? []).map(({ id, decision }) => [id, decision]));

/** The last request under way. Decisions are stored in the order in which they were made. */
let last: Promise<void> = Promise.resolve();

/** Fix issues by their default or by a named fix; see `Decide` for which. */
export type FixIssues = (fix?: string, ids?: string[]) => boolean;

/** Return the function that stores a decision, which the list shows at once. */
function useSend(): (decision: Decision | null, ids: string[], known: Known, origin?: Origin) => void {
  const call = useCall();
  return useCallback(
    (decision, ids, known, origin = {}) => {
      const { dataset, field, pending, underWay } = store.get();
      const added = Object.fromEntries(ids.map((id) => [id, decision]));
      store.set({ pending: { ...pending, ...added }, underWay: underWay + 1 });
      // The App may show another dataset by the time that this is sent
      const send = () =>
        call<{ version?: number }>("decide", { ...origin, ids, decision, known, dataset, ...annotated() }).then(
          (answer) => renew(answer),
        );
      const succeed = () => {
        if (dataset && field) markStale(dataset, field);
        const { decisions, selected, underWay } = store.get();
        const rest = selected.filter((id) => !ids.includes(id));
        store.set({ decisions: decisions + 1, selected: rest, underWay: underWay - 1 });
      };
      const fail = (error: Error) => {
        const { dataset: now, chosen, underWay } = store.get();
        const again = now === dataset && ids.length === 1 ? ids[0] : chosen;
        store.set({ failure: error.message, underWay: underWay - 1, chosen: again });
        // An audit may have replaced the issues
        store.reload();
      };
      last = last.then(send).then(succeed, fail);
    },
    [call],
  );
}

/** Return the functions that fix issues, and that take a fix back. */
function useFixes() {
  const call = useCall();
  const run = useCallback(
    <T>(method: string, params: object, ids: string[]): Promise<T | null> => {
      const { dataset, field } = store.get();
      store.set({ underWay: store.get().underWay + 1, preview: null });
      const succeed = (answer: T): T => {
        if (dataset && field) markStale(dataset, field);
        const { decisions, version, selected, underWay } = store.get();
        const rest = selected.filter((id) => !ids.includes(id));
        // The labels and the issues around have changed, too
        store.set({ decisions: decisions + 1, version: version + 1, selected: rest, underWay: underWay - 1 });
        return answer;
      };
      const fail = (error: Error): null => {
        const { underWay, version } = store.get();
        store.set({ failure: error.message, underWay: underWay - 1, version: version + 1, pending: {} });
        return null;
      };
      const send = () => call<T & { version?: number }>(method, { ...params, dataset, ...annotated() });
      const done = last
        .then(send)
        .then((answer) => {
          renew(answer, true);
          return succeed(answer);
        })
        .catch(fail);
      last = done.then(() => undefined);
      return done;
    },
    [call],
  );
  const storeFix = useCallback(
    (ids: string[], fix?: string) =>
      run<{ name: string }>("fix", { ids, fix }, ids).then((answer) => answer?.name ?? null),
    [run],
  );
  const takeBack = useCallback(
    (name: Promise<string | null>) => name.then((name) => name && run("undo_fix", { name }, [])),
    [run],
  );
  return { storeFix, takeBack };
}

/**
 * Return the functions that decide issues, step through the list, and undo decisions.
 *
 * @param listing The list of issues.
 * @param seen The issue that is shown with its crops. Without it, only selected issues are decided.
 * @param choose Shows an issue.
 */
export function useDecide(listing: Listing | null, seen: Issue | undefined, choose: (issue: Issue) => void) {
  const send = useSend();
  const { storeFix, takeBack } = useFixes();
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

  const decide = useCallback<Decide>(
    (decision, wanted) => {
      const { chosen, selected, replaced } = store.get();
      const { listing, seen } = known.current;
      const ids = wanted ?? (selected.length ? selected : seen ? [seen.id] : []);
      if (!ids.length) return false;
      const isShown = ids.length === 1 && ids[0] === chosen;
      // An issue that was chosen in the timeline may not match the list's filters
      const find = (id: string) => findIssue(listing, id) ?? (seen?.id === id ? seen : undefined);
      if (ids.some((id) => find(id)?.decision === "fixed" && find(id)?.fix !== "edited")) {
        store.set({ failure: "The labels of this issue were fixed. Undo the fix first." });
        return true;
      }
      // Without a decision to take back, the issue is skipped
      if (!decision && ids.every((id) => find(id)?.decision === null)) {
        store.set({ selected: selected.filter((id) => !ids.includes(id)) });
        if (isShown) step(1, true);
        return true;
      }
      const latest = { chosen, before: groupDecisions(ids, find), made: decision };
      store.set({ replaced: [...replaced, latest].slice(-UNDO_SIZE) });
      if (decision && isShown) step(1, true);
      send(decision, ids, knownDecisions(ids, find));
      return true;
    },
    [send, step],
  );

  const fix = useCallback<FixIssues>(
    (name, wanted) => {
      const { chosen, selected, replaced, preview, pending } = store.get();
      const { seen } = known.current;
      const ids = wanted ?? (selected.length ? selected : seen ? [seen.id] : []);
      if (!ids.length) return false;
      const agreed = preview && preview.ids.join() === ids.join();
      if (ids.length > 1 && !agreed) {
        call<{ message: string }>("preview_fix", { ids }).then(
          ({ message }) => store.set({ preview: { ids, message } }),
          (error: Error) => store.set({ failure: error.message }),
        );
        return true;
      }
      const latest = { chosen, before: [], fix: storeFix(ids, name) };
      const added = Object.fromEntries(ids.map((id) => [id, decisionOf(name)]));
      store.set({ replaced: [...replaced, latest].slice(-UNDO_SIZE), pending: { ...pending, ...added } });
      if (ids.length === 1 && ids[0] === chosen) step(1, true);
      return true;
    },
    [call, storeFix, step],
  );

  const undo = useCallback(() => {
    const { replaced } = store.get();
    const latest = replaced.at(-1);
    if (!latest) return;
    store.set({ replaced: replaced.slice(0, -1), chosen: latest.chosen, tab: "issue" });
    const issue = findIssue(known.current.listing, latest.chosen);
    if (issue) choose(issue);
    if (latest.fix) void takeBack(latest.fix);
    // Issues that the filters hide by now were last seen as they were decided
    const seen = (id: string) => {
      const now = findIssue(known.current.listing, id);
      return now ? now.decision : (latest.made ?? null);
    };
    for (const { decision, ids, ...origin } of latest.before) {
      send(decision, ids, Object.fromEntries(ids.map((id) => [id, seen(id)])), origin);
    }
  }, [send, takeBack, choose]);

  return { decide, fix, step, undo };
}
