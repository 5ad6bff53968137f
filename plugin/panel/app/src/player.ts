// SPDX-License-Identifier: Apache-2.0
// Follow the App's video player, and make it show a frame.

import { Layout, useSpaceNodes, useSpaces } from "@fiftyone/spaces";
import {
  filters,
  isModalActive,
  modalLooker,
  useClearModal,
  useModalMode,
  useSetModalState,
  view,
} from "@fiftyone/state";
import { useCallback, useEffect, useRef, useState } from "react";
import { useRecoilValue } from "recoil";
import { useAnnotator } from "./annotator";
import { useCall } from "./api";
import { canShow, findTarget, follow, type Looker, offsetOf, sampleOf } from "./looker";
import * as store from "./state";
import type { SequenceInfo } from "./types";

export interface Player {
  sample: string | null;
  /** The frame of the sample that is shown. */
  frame: number | null;
}

/** The ID of the spaces beside and over the player. */
const MODAL = "fiftyone-modal-spaces";
const NOTHING: Player = { sample: null, frame: null };

/** Return the looker of the open sample, whether it is a video, a video that is annotated, or an image. */
export function useOpenLooker(): Looker | null {
  const active = useRecoilValue(isModalActive);
  const looker = useRecoilValue(modalLooker);
  const annotator = useAnnotator();
  return active ? (annotator ?? looker) : null;
}

/** Return the looker of an open image, which is a frame of its own and has no player. */
function useImageLooker(): Looker | null {
  const looker = useOpenLooker();
  return looker?.seekToFrame ? null : looker;
}

export function usePlayerLooker(): Looker | null {
  const looker = useOpenLooker();
  return looker?.seekToFrame ? looker : null;
}

/** Return what the player shows. */
export function usePlayer(): Player {
  const looker = usePlayerLooker();
  const [player, setPlayer] = useState(NOTHING);
  useEffect(() => {
    setPlayer(NOTHING);
    if (!looker) return undefined;
    const update = () => setPlayer({ sample: sampleOf(looker), frame: looker.frameNumber });
    update();
    return follow(looker, "frameNumber", update);
  }, [looker]);
  return player;
}

/** Return the frame of a sequence that the player shows, or null if it shows another sequence. */
export function usePlayhead(sequence: SequenceInfo | undefined): number | null {
  const { sample, frame } = usePlayer();
  const offset = offsetOf(sequence, sample);
  return offset === null || frame === null ? null : frame + offset;
}

/** What the player showed last, while a sample is open. */
let last: { looker: Looker; target: store.Target } | null = null;

/** Return to the last frame after the App has replaced the player, which it does behind a tab. */
function useLastFrame(looker: Looker | null): void {
  useEffect(() => {
    if (!looker) {
      last = null;
      return undefined;
    }
    const sample = sampleOf(looker);
    if (!store.get().target && last && last.looker !== looker && last.target.sample === sample)
      store.set({ target: last.target });
    return follow(looker, "frameNumber", () => {
      if (sample) last = { looker, target: { sample, frame: looker.frameNumber } };
    });
  }, [looker]);
}

/** Bring the player to the target frame once it can show it, and keep it there until user input. */
export function useTarget(): void {
  const looker = usePlayerLooker();
  const image = useImageLooker();
  const { target } = store.useStored();
  const moveBeside = useMoveBeside();
  useEffect(() => {
    if ((looker || image) && target) moveBeside();
  }, [looker, image, target, moveBeside]);
  useEffect(() => {
    if (!image || !target) return undefined;
    return onInput(() => {
      if (sampleOf(image) === target.sample && store.get().target === target) store.set({ target: null });
    });
  }, [image, target]);
  useLastFrame(looker);
  useEffect(() => {
    if (!looker || !target) return undefined;
    const first = looker.state.config.support?.[0] ?? 1;
    let reached = false;
    const seek = () => {
      if (!canShow(looker, target) || !looker.state.loaded || !looker.state.duration) return;
      if (!reached && looker.state.playing) looker.pause?.();
      // The App rewinds a video some time after opening it
      if (!reached || looker.frameNumber === first) looker.seekToFrame?.(target.frame);
      reached = true;
    };
    const release = () => {
      if (reached && store.get().target === target) store.set({ target: null });
    };
    seek();
    const stops = [follow(looker, "duration", seek), follow(looker, "frameNumber", seek), onInput(release)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [looker, target]);
}

/** Call a listener at the user's next input. */
export function onInput(listener: () => void): () => void {
  const names = ["pointerdown", "keydown"];
  for (const name of names) window.addEventListener(name, listener, true);
  return () => {
    for (const name of names) window.removeEventListener(name, listener, true);
  };
}

/** Return the function that moves the panel beside the player if it covers it. */
function useMoveBeside(): () => void {
  const { spaces } = useSpaces(MODAL);
  const nodes = useSpaceNodes(MODAL);
  return useCallback(() => {
    const own = nodes.find(({ type }) => type === "track_audit");
    const player = nodes.find(({ type }) => type === "fo-sample-modal-plugin");
    const parent = own?.parent;
    if (!own || !parent || parent !== player?.parent || !spaces.canSplitLayout(parent)) return;
    spaces.splitLayout(parent, Layout.Horizontal, own);
  }, [spaces, nodes]);
}

/**
 * Return the function that opens the sample of a frame, and tells whether the current view includes
 * it. If it does not, the view is cleared unless `stay` is set.
 */
function useOpen(): (target: store.Target, stay?: boolean) => Promise<boolean> {
  const call = useCall();
  const active = useRecoilValue(isModalActive);
  const setModalState = useSetModalState();
  const mode = useModalMode();
  return useCallback(
    async ({ sample, ...rest }, stay = false) => {
      try {
        // As a click in the grid does, pass on which fields are shown
        if (!active) await setModalState();
        const annotate = mode === "annotate" || store.get().annotated !== null;
        const wanted = { sample_id: sample, ...rest, stay, annotate };
        const { opened } = await call<{ opened: boolean }>("open_sample", wanted);
        if (opened) store.set({ opened });
        return opened;
      } catch (error) {
        store.set({ target: null, failure: (error as Error).message });
        return true;
      }
    },
    [call, active, mode, setModalState],
  );
}

/** Return the function that closes the sample that the panel opened, or null if it opened none. */
export function useClose(): (() => void) | null {
  const active = useRecoilValue(isModalActive);
  const { opened } = store.useStored();
  const clear = useClearModal();
  useEffect(() => {
    if (active) return () => store.set({ opened: false });
    return undefined;
  }, [active]);
  return active && opened ? clear : null;
}

const HIDDEN = "The App's current view or filters hide this video. Clear them to open it.";

/** Open the sample that waits until the App shows the whole dataset. */
export function useWaiting(): void {
  const { target, waiting } = store.useStored();
  const stages = useRecoilValue(view);
  const filtered = useRecoilValue(filters);
  const active = useRecoilValue(isModalActive);
  const open = useOpen();
  const isBusy = active || stages.length > 0 || Object.keys(filtered).length > 0;
  useEffect(() => {
    // A second panel may have opened it
    if (!target || isBusy || !store.get().waiting) return;
    store.set({ waiting: false });
    void open(target, true).then((opened) => {
      if (!opened) store.set({ target: null, failure: HIDDEN });
    });
  }, [target, waiting, isBusy, open]);
}

/** Show a frame of a sequence, in the clip of an issue if the view consists of clips. */
type Go = (sequence: SequenceInfo | undefined, frame: number, issue?: string) => void;

/** How long the user stays on an issue before another video is opened for it, in milliseconds. */
const DELAY = 400;

/** Return the function that moves an open player or image along, if the view includes the frame. */
export function useFollow(): Go {
  const looker = usePlayerLooker();
  const image = useImageLooker();
  const open = useOpen();
  const timer = useRef<number>();
  // A user who closes the video does not want another one
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return useCallback(
    (sequence, frame, issue) => {
      window.clearTimeout(timer.current);
      const target = findTarget(sequence, frame, issue);
      if (!target || !(looker || image)) return;
      if (looker && canShow(looker, target)) {
        store.set({ target });
        return;
      }
      if (image && sampleOf(image) === target.sample) return;
      timer.current = window.setTimeout(() => {
        void open(target, true).then((opened) => opened && store.set({ target }));
      }, DELAY);
    },
    [looker, image, open],
  );
}

/** Tell whether the player shows a video or clip that does not include a frame of a sequence. */
export function useElsewhere(sequence: SequenceInfo | undefined, frame: number): boolean {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const target = findTarget(sequence, frame);
  return Boolean(looker && sample && target && !canShow(looker, target));
}

/** Return the function that opens the player at a frame of a sequence. */
export function useGo(): Go {
  const looker = usePlayerLooker();
  const open = useOpen();
  return useCallback(
    (sequence, frame, issue) => {
      const target = findTarget(sequence, frame, issue);
      if (!target) return;
      store.set({ target });
      // Space should play the video instead of pressing the same button again
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      if (!looker || !canShow(looker, target)) void open(target).then((opened) => store.set({ waiting: !opened }));
    },
    [looker, open],
  );
}
