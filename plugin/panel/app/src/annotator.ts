// SPDX-License-Identifier: Apache-2.0
// The App's own annotator, as a player that the panel follows and steers.

import { getPlayhead, type PlaybackStore, subscribePlayhead } from "@fiftyone/playback";
import { isModalActive, useModalMode, useModalSample } from "@fiftyone/state";
import { useEffect } from "react";
import { useRecoilValue } from "recoil";
import type { Looker } from "./looker";
import { findShared, frameAt, type Playback } from "./playback";

/** An element of the annotator that shows a video. */
const SURFACE = "[data-cy=modal] [data-cy=video-annotation-top-bar]";

const surface = () => document.querySelector<HTMLElement>(SURFACE);
const playback = () => findShared<Playback>(surface(), ["seek", "pause", "stepInterval"]);

/** The frame that the annotator shows, counted from 1, or 0 before it shows any. */
let frame = 0;
const listeners = new Set<() => void>();

function notify(): void {
  for (const listener of [...listeners]) listener();
}

function publish(next: number): void {
  if (next === frame) return;
  frame = next;
  notify();
}

/** How long the annotator may take to show a frame, in milliseconds. */
const PATIENCE = 300;

class Annotator implements Looker {
  constructor(readonly sample: { _id: string }) {}

  get frameNumber(): number {
    return frame;
  }

  get state(): Looker["state"] {
    const duration = frame ? playback()?.duration : null;
    return { loaded: frame > 0, duration, config: { sampleId: this.sample._id } };
  }

  get lookerElement() {
    const element = surface();
    return element ? { element } : undefined;
  }

  seekToFrame(wanted: number): void {
    const found = playback();
    found?.pause();
    found?.seek((wanted - 1) * found.stepInterval);
    // While it loads, it returns to the first frame without having shown another one
    window.setTimeout(() => {
      if (frame > 0 && frame !== wanted) notify();
    }, PATIENCE);
  }

  subscribeToState(_: string, listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  // A change of the frame is all that it reports
  addEventListener(): void {}
  removeEventListener(): void {}
}

/** The annotator of the open sample, which all parts of the panel share. */
let shared: Annotator | null = null;

function share(sample: string): Annotator {
  if (shared?.sample._id !== sample) shared = new Annotator({ _id: sample });
  return shared;
}

/** Return the annotator if the open sample is a video that is being annotated. */
export function useAnnotator(): Looker | null {
  // The mode and the sample stay when the sample is closed
  const active = useRecoilValue(isModalActive);
  const annotates = useModalMode() === "annotate";
  const sample = useModalSample()?.sample;
  return active && annotates && sample?._media_type === "video" ? share(sample._id) : null;
}

/** Follow the frame that the annotator shows. */
export function AnnotatorClock(): null {
  const annotator = useAnnotator();
  useEffect(() => {
    if (!annotator) return undefined;
    let clock: PlaybackStore | null = null;
    let stop: (() => void) | undefined;
    const attach = () => {
      const found = findShared<PlaybackStore>(surface(), ["get", "set", "sub"]);
      const { stepInterval } = playback() ?? {};
      if (!found || !stepInterval || found === clock) return;
      stop?.();
      clock = found;
      const update = () => publish(frameAt(getPlayhead(found), playback()?.stepInterval ?? stepInterval));
      stop = subscribePlayhead(found, update);
      update();
      notify();
    };
    // A video may be ready late, and the App may replace its player
    const timer = window.setInterval(attach, PATIENCE);
    attach();
    return () => {
      window.clearInterval(timer);
      stop?.();
      publish(0);
    };
  }, [annotator]);
  return null;
}
