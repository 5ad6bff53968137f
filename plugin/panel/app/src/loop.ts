// SPDX-License-Identifier: Apache-2.0
// Loop: play the seconds of the issue again and again, at half speed if wanted.

import { type RefObject, useEffect } from "react";
import { findLoop, findTarget, follow, isBeside, offsetOf, sampleOf } from "./looker";
import { usePlayer, usePlayerLooker } from "./player";
import * as store from "./state";
import type { Issue, SequenceInfo } from "./types";

/** The speed of a slow loop. */
const HALF = 0.5;

/** Play the seconds of the issue again and again while its video is open and the loop is on. */
export function useLoop(
  panel: RefObject<HTMLElement>,
  issue: Issue | undefined,
  sequence: SequenceInfo | undefined,
): void {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const { loop, slow } = store.useStored();
  const { id, first_frame: first = 1, last_frame: last = 1 } = issue ?? {};
  useSpeed(panel, loop && slow);
  useEffect(() => {
    const offset = offsetOf(sequence, sample);
    const target = findTarget(sequence, first);
    if (!loop || !id || !looker || offset === null || target?.sample !== sampleOf(looker)) return undefined;
    if (!isBeside(looker, panel.current)) return undefined;
    const { support, frameRate = 25 } = looker.state.config;
    const length = sequence?.samples.find((part) => part.id === sample)?.length ?? last;
    const [start, end] = findLoop(first - offset, last - offset, frameRate, support ?? [1, length]);
    let started = false;
    const turn = () => {
      if (!looker.state.loaded || !looker.state.duration) return;
      if (started && looker.frameNumber >= start && looker.frameNumber < end) return;
      // The loop has its own place to begin
      if (!started) store.set({ target: null });
      started = true;
      looker.seekToFrame?.(start);
      looker.play?.();
    };
    turn();
    const stops = [follow(looker, "duration", turn), follow(looker, "frameNumber", turn)];
    return () => {
      for (const stop of stops) stop();
      looker.pause?.();
    };
  }, [loop, looker, panel, sample, sequence, id, first, last]);
}

/** Play at half speed, and at the speed of before afterward. */
function useSpeed(panel: RefObject<HTMLElement>, slow: boolean): void {
  const looker = usePlayerLooker();
  useEffect(() => {
    if (!slow || !looker || !isBeside(looker, panel.current)) return undefined;
    const before = looker.state.options?.playbackRate ?? 1;
    const play = (playbackRate: number) => looker.updateOptions?.({ ...looker.state.options, playbackRate }, true);
    play(HALF);
    return () => play(before);
  }, [slow, looker, panel]);
}
