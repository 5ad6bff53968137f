// SPDX-License-Identifier: Apache-2.0
// The App's video player: which frame it shows, and how to make it show another.

import { Layout, useSpaceNodes, useSpaces } from "@fiftyone/spaces";
import { filters, isModalActive, modalLooker, useSetModalState, view } from "@fiftyone/state";
import { useCallback, useEffect, useRef, useState } from "react";
import { useRecoilValue } from "recoil";
import { useCall } from "./api";
import * as store from "./state";
import type { Box, SequenceInfo } from "./types";

/** The parts of FiftyOne's video looker that are used. */
export interface Looker {
  sample?: { _id?: string; _sample_id?: string };
  frameNumber: number;
  state: {
    loaded?: boolean;
    playing?: boolean;
    duration?: number | null;
    config: { sampleId: string; support?: [number, number] };
    /** Where the player and, panned and zoomed, its video are: left, top, width, height. */
    windowBBox?: Box;
    transformedMediaBBox?: Box;
  };
  lookerElement?: { element: HTMLElement };
  seekToFrame?(frame: number): void;
  pause?(): void;
  subscribeToState?(name: string, listener: () => void): () => void;
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

/** The video that a looker shows, or the one that its clip is of; null as long as it is not known. */
const sampleOf = ({ sample, state: { config } }: Looker): string | null =>
  config.support ? (sample?._sample_id ?? null) : config.sampleId;

/** Whether a player can show a frame: that of a clip shows the clip alone. */
const shows = (looker: Looker, { sample, frame }: store.Target): boolean => {
  const [first, last] = looker.state.config.support ?? [1, Infinity];
  return sampleOf(looker) === sample && first <= frame && frame <= last;
};

export interface Player {
  sample: string | null;
  /** The frame of the sample that is shown. */
  frame: number | null;
}

/** Tells when a player has loaded, or something about it is another. */
export function follow(looker: Looker, name: string, tell: () => void): () => void {
  const stop = looker.subscribeToState?.(name, tell);
  looker.addEventListener("load", tell);
  return () => {
    stop?.();
    looker.removeEventListener("load", tell);
  };
}

export function usePlayerLooker(): Looker | null {
  const active = useRecoilValue(isModalActive);
  const looker = useRecoilValue(modalLooker);
  return active && looker?.seekToFrame ? looker : null;
}

/** The spaces beside and over the player. */
const MODAL = "fiftyone-modal-spaces";

const NOTHING: Player = { sample: null, frame: null };

/** Follows the player. */
export function usePlayer(): Player {
  const looker = usePlayerLooker();
  const [player, setPlayer] = useState(NOTHING);
  useEffect(() => {
    setPlayer(NOTHING);
    if (!looker) return undefined;
    const tell = () => setPlayer({ sample: sampleOf(looker), frame: looker.frameNumber });
    tell();
    return follow(looker, "frameNumber", tell);
  }, [looker]);
  return player;
}

/** What the player showed last, and which one that was, as long as a sample is open. */
let last: { looker: Looker; target: store.Target } | null = null;

/** Brings the player to the frame that is wanted, once it can show it, until somebody moves on. */
export function useTarget(): void {
  const looker = usePlayerLooker();
  const { target } = store.useStored();
  const putBeside = useBeside();
  useEffect(() => {
    if (looker && target) putBeside();
  }, [looker, target, putBeside]);
  useEffect(() => {
    if (!looker) {
      last = null;
      return undefined;
    }
    const sample = sampleOf(looker);
    // Behind another tab, the App lets the player go, and begins anew
    if (!store.get().target && last && last.looker !== looker && last.target.sample === sample)
      store.set({ target: last.target });
    return follow(looker, "frameNumber", () => {
      if (sample) last = { looker, target: { sample, frame: looker.frameNumber } };
    });
  }, [looker]);
  useEffect(() => {
    if (!looker || !target) return undefined;
    const first = looker.state.config.support?.[0] ?? 1;
    let reached = false;
    const seek = () => {
      if (!shows(looker, target) || !looker.state.loaded || !looker.state.duration) return;
      if (!reached && looker.state.playing) looker.pause?.();
      // Some time after it has opened a video, the App rewinds it
      if (!reached || looker.frameNumber === first) looker.seekToFrame?.(target.frame);
      reached = true;
    };
    const release = () => {
      if (reached && store.get().target === target) store.set({ target: null });
    };
    seek();
    const stops = [follow(looker, "duration", seek), follow(looker, "frameNumber", seek), onInput(release)];
    return () => stops.forEach((stop) => stop());
  }, [looker, target]);
}

/** Listens to what somebody does next. */
function onInput(listener: () => void): () => void {
  const names = ["pointerdown", "keydown"];
  names.forEach((name) => window.addEventListener(name, listener, true));
  return () => names.forEach((name) => window.removeEventListener(name, listener, true));
}

/** Puts the panel beside the player, where it lies over it. */
function useBeside(): () => void {
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

/** Returns what opens the sample of a frame, and tells whether the view has it, which it may be to stay in. */
function useOpen(): (target: store.Target, stay?: boolean) => Promise<boolean> {
  const call = useCall();
  const active = useRecoilValue(isModalActive);
  const takeAlong = useSetModalState();
  return useCallback(
    async ({ sample, ...rest }, stay = false) => {
      try {
        // Which fields there are and shown, as a click in the grid does
        if (!active) await takeAlong();
        return (await call<{ opened: boolean }>("open_sample", { sample_id: sample, ...rest, stay })).opened;
      } catch (error) {
        store.set({ target: null, failure: (error as Error).message });
        return true;
      }
    },
    [call, active, takeAlong],
  );
}

const HIDDEN = "The App does not show this video; clear its view and filters";

/** Opens the sample that waits for the App to show the whole dataset. */
export function useWaiting(): void {
  const { target, waiting } = store.useStored();
  const stages = useRecoilValue(view);
  const filtered = useRecoilValue(filters);
  const active = useRecoilValue(isModalActive);
  const open = useOpen();
  const isAway = active || stages.length > 0 || Object.keys(filtered).length > 0;
  useEffect(() => {
    // There may be another panel
    if (!target || isAway || !store.get().waiting) return;
    store.set({ waiting: false });
    void open(target, true).then((opened) => opened || store.set({ target: null, failure: HIDDEN }));
  }, [target, waiting, isAway, open]);
}

/** What shows a frame of a sequence, where there is a choice the clip of an issue. */
type Go = (sequence: SequenceInfo | undefined, frame: number, issue?: string) => void;

function findTarget(sequence: SequenceInfo | undefined, frame: number, issue?: string): store.Target | undefined {
  const part = sequence?.samples.find(({ offset, length }) => frame > offset && frame <= offset + length);
  return part && { sample: part.id, frame: frame - part.offset, issue };
}

/** How long somebody rests on an issue before another video is opened for it, in milliseconds. */
const REST = 400;

/** Returns what takes the player along, also to another video or clip, as far as the view has it. */
export function useFollow(): Go {
  const looker = usePlayerLooker();
  const open = useOpen();
  const timer = useRef<number>();
  // Who has closed the video has done with it
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return useCallback(
    (sequence, frame, issue) => {
      window.clearTimeout(timer.current);
      const target = findTarget(sequence, frame, issue);
      if (!looker || !target) return;
      if (shows(looker, target)) store.set({ target });
      else {
        timer.current = window.setTimeout(() => {
          void open(target, true).then((opened) => opened && store.set({ target }));
        }, REST);
      }
    },
    [looker, open],
  );
}

/** Whether the player shows a video or clip that a frame of a sequence is not in. */
export function useElsewhere(sequence: SequenceInfo | undefined, frame: number): boolean {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const target = findTarget(sequence, frame);
  return Boolean(looker && sample && target && !shows(looker, target));
}

/** Returns what shows a frame of a sequence in the player, opening its sample. */
export function useGo(): Go {
  const looker = usePlayerLooker();
  const open = useOpen();
  return useCallback(
    (sequence, frame, issue) => {
      const target = findTarget(sequence, frame, issue);
      if (!target) return;
      store.set({ target });
      // The next key is meant for the player: Space would press the same button again
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      if (!looker || !shows(looker, target)) void open(target).then((opened) => store.set({ waiting: !opened }));
    },
    [looker, open],
  );
}
