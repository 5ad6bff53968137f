// SPDX-License-Identifier: Apache-2.0
// Edit the track of an issue in the App's annotator, and judge it again afterward.

import {
  isModalActive,
  useClearModal,
  useModalMode,
  useModalModeController,
  useModalSample,
  useRefreshSample,
} from "@fiftyone/state";
import { useCallback, useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";
import { useAnnotator } from "./annotator";
import { useCall } from "./api";
import { findTarget } from "./looker";
import { readTime } from "./playback";
import { onInput, useGo } from "./player";
import { markStale } from "./savedViews";
import * as store from "./state";
import type { Issue, SequenceInfo } from "./types";

const MODAL = "[data-cy=modal]";
const BACK = "[data-cy=annotate-edit-back]";

/** What Python tells about the box to begin with. */
interface Begin {
  frame: number;
  /** The names that the annotator may have for the box. */
  names: string[];
  /** Whether a sample that is open does not know yet that its labels may be edited. */
  is_new: boolean;
}

/** Return the function that opens the annotator at an issue, with its track selected. */
export function useAnnotate(): (sequence: SequenceInfo | undefined, issue: Issue) => void {
  const call = useCall();
  const go = useGo();
  const { activateAnnotateMode } = useModalModeController();
  const active = useRecoilValue(isModalActive);
  const clear = useClearModal();
  return useCallback(
    (sequence, issue) => {
      const begin = ({ frame, names, is_new }: Begin) => {
        const target = findTarget(sequence, frame, issue.id);
        if (!target) return;
        if (is_new && active) {
          // It reads what it may edit when it opens a sample
          clear();
          store.set({ failure: "The App can edit these labels from now on. Press e again." });
          return;
        }
        store.set({ annotated: { target, names } });
        activateAnnotateMode();
        go(sequence, frame, issue.id);
      };
      const fail = (error: Error) => store.set({ failure: error.message });
      call<Begin>("annotate", { id: issue.id }).then(begin, fail);
    },
    [call, go, active, clear, activateAnnotateMode],
  );
}

/** Find the entry of a box in the annotator's list. */
function findEntry(frame: number, names: string[]): HTMLElement | null {
  const found = names.map((name) =>
    document.querySelector<HTMLElement>(
      `${MODAL} [data-cy="annotate-label-${name}"]:not([data-cy-frame]), ` +
        `${MODAL} [data-cy="annotate-label-${name}"][data-cy-frame="${frame}"]`,
    ),
  );
  return found.find(Boolean) ?? null;
}

/** Select the track of the issue once the annotator lists it, unless the user does something else. */
export function useSelect(): void {
  const { annotated } = store.useStored();
  const active = useRecoilValue(isModalActive);
  const annotates = useModalMode() === "annotate";
  useEffect(() => {
    if (!annotated || !annotates || !active) return undefined;
    let left = false;
    const done = () => store.set({ annotated: null });
    const select = () => {
      if (store.get().annotated !== annotated) return;
      const back = document.querySelector<HTMLElement>(`${MODAL} ${BACK}`);
      if (back && !left) {
        // Another box is being edited
        left = true;
        back.click();
        return;
      }
      const entry = findEntry(annotated.target.frame, annotated.names);
      if (!entry) return;
      done();
      entry.click();
    };
    const observer = new MutationObserver(select);
    // The modal itself may come later than the news that it is open
    observer.observe(document.body, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ["data-cy-frame"],
    });
    const stop = onInput(done);
    select();
    return () => {
      observer.disconnect();
      stop();
    };
  }, [annotated, annotates, active]);
}

/** The sample that is being annotated, as the App knows it. */
interface Open {
  sample: { _id: string; last_modified_at?: unknown };
  refresh: (sample: object) => void;
  restart: () => void;
}

let open: Open | null = null;

/** Return the sample that is being annotated and its version, for calls that change issues. */
export function annotated(): { annotated?: { sample: string; version: number | null } } {
  if (!open) return {};
  return { annotated: { sample: open.sample._id, version: readTime(open.sample.last_modified_at) } };
}

/** Tell the annotator about the version of its sample after a change, or it would save nothing. */
export function renew({ version }: { version?: number | null }, restart = false): void {
  if (!open) return;
  if (version) {
    const last_modified_at = { _cls: "DateTime", datetime: version };
    // The issues have not changed otherwise, so this refresh must not reload them
    store.set({ expected: store.get().expected + 1 });
    open.refresh({ ...open.sample, last_modified_at });
  }
  // It does not see labels that others changed
  if (restart) open.restart();
}

/** How long the annotator may take to save its last edit, in milliseconds. */
const SAVING = 1500;

/** Return the function that judges edits. */
export function useJudge(): () => void {
  const call = useCall();
  return useCallback(() => {
    const { dataset, field } = store.get();
    const judged = (answer: { frames: number; version?: number | null }) => {
      renew(answer);
      if (!answer.frames) return;
      if (dataset && field) markStale(dataset, field);
      const { version, decisions } = store.get();
      store.set({ version: version + 1, decisions: decisions + 1 });
    };
    const fail = (error: Error) => store.set({ failure: error.message });
    call<{ frames: number }>("judge_edits", { dataset, ...annotated() }).then(judged, fail);
  }, [call]);
}

/** Keep the version of the sample that is being annotated, and judge its edits when it is left. */
export function useAnnotating(): void {
  const annotator = useAnnotator();
  const sample = useModalSample()?.sample;
  const refresh = useRefreshSample();
  const { activateAnnotateMode, activateExploreMode } = useModalModeController();
  const judge = useJudge();
  useEffect(() => {
    if (!annotator || !sample) return undefined;
    const restart = () => {
      activateExploreMode();
      window.setTimeout(activateAnnotateMode);
    };
    const own = { sample, refresh, restart };
    open = own;
    return () => {
      if (open === own) open = null;
    };
  }, [annotator, sample, refresh, activateAnnotateMode, activateExploreMode]);
  const timer = useRef<number>();
  useEffect(() => {
    if (!annotator) return undefined;
    window.clearTimeout(timer.current);
    return () => {
      timer.current = window.setTimeout(judge, SAVING);
    };
  }, [annotator, judge]);
}
