// SPDX-License-Identifier: Apache-2.0
// The App's video player: which frame it shows, and how to make it show another.

import { isModalActive, modalLooker } from "@fiftyone/state";
import { useCallback, useEffect, useState } from "react";
import { useRecoilValue } from "recoil";
import { useCall } from "./api";
import * as store from "./state";
import type { SequenceInfo } from "./types";

/** The parts of FiftyOne's video looker that are used. */
export interface Looker {
  sample: { _id?: string; id?: string; _sample_id?: string; sample_id?: string };
  frameNumber: number;
  state: { loaded?: boolean; duration?: number | null };
  seekToFrame?(frame: number): void;
  pause?(): void;
  subscribeToState?(name: string, listener: () => void): () => void;
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

/** The video that a looker shows a part of, or all of. */
const sampleOf = ({ sample }: Looker) => sample._sample_id ?? sample.sample_id ?? sample._id ?? sample.id;

export interface Player {
  sample: string | null;
  /** The frame of the sample that is shown. */
  frame: number | null;
}

function usePlayerLooker(): Looker | null {
  const active = useRecoilValue(isModalActive);
  const looker = useRecoilValue(modalLooker);
  return active && looker?.seekToFrame ? looker : null;
}

/** Follows the player. */
export function usePlayer(): Player {
  const looker = usePlayerLooker();
  const [frame, setFrame] = useState<number | null>(null);
  useEffect(() => {
    if (!looker?.subscribeToState) {
      setFrame(null);
      return undefined;
    }
    const tell = () => setFrame(looker.frameNumber);
    tell();
    looker.addEventListener("load", tell);
    const stop = looker.subscribeToState("frameNumber", tell);
    return () => {
      stop();
      looker.removeEventListener("load", tell);
    };
  }, [looker]);
  return { sample: looker ? (sampleOf(looker) ?? null) : null, frame };
}

/** Brings the player to the frame that is wanted, once it can show it. */
export function useTarget(): void {
  const looker = usePlayerLooker();
  const { target } = store.useStored();
  useEffect(() => {
    if (!looker || !target || sampleOf(looker) !== target.sample) return undefined;
    const seek = () => {
      if (!looker.state.loaded || !looker.state.duration) return;
      looker.pause?.();
      looker.seekToFrame?.(target.frame);
      store.set({ target: null });
    };
    seek();
    looker.addEventListener("load", seek);
    const stop = looker.subscribeToState?.("duration", seek);
    return () => {
      looker.removeEventListener("load", seek);
      stop?.();
    };
  }, [looker, target]);
}

/** Returns what shows a frame of a sequence in the player, opening its sample. */
export function useGo(): (sequence: SequenceInfo | undefined, frame: number) => void {
  const looker = usePlayerLooker();
  const call = useCall();
  return useCallback(
    (sequence, frame) => {
      const part = sequence?.samples.find(({ offset, length }) => frame > offset && frame <= offset + length);
      if (!part) return;
      store.set({ target: { sample: part.id, frame: frame - part.offset } });
      if (!looker || sampleOf(looker) !== part.id) void call("open_sample", { sample_id: part.id });
    },
    [looker, call],
  );
}
