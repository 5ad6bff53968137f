// SPDX-License-Identifier: Apache-2.0
// The frame axis of the timeline.

/** The margins of the timeline, in pixels. */
const LEFT = 66;
const RIGHT = 10;
/** The minimum width of an issue, in pixels. */
const MIN_WIDTH = 5;
/** The minimum distance between tick labels, in pixels. */
const TICK = 90;

export interface Scale {
  /** Where track labels end, in pixels. */
  labels: number;
  /** Return the left edge of a frame, in pixels. */
  x: (frame: number) => number;
  /** Return the frame closest to a position in pixels. */
  frameAt: (x: number) => number;
  /** Return the position and width of a range of frames, in pixels. */
  bar: (first: number, last: number) => { x: number; width: number };
  /** Return the same for an issue, widened around its middle until it is easy to click. */
  mark: (first: number, last: number) => { x: number; width: number };
}

/** Make the scale of a timeline that is `width` pixels wide and shows `frames` frames. */
export function makeScale(frames: number, width: number): Scale {
  const span = Math.max(1, width - LEFT - RIGHT) / Math.max(1, frames);
  const x = (frame: number) => LEFT + (frame - 1) * span;
  const widthOf = (first: number, last: number) => (last - first + 1) * span;
  return {
    labels: LEFT - 8,
    x,
    frameAt: (at) => Math.round((at - LEFT) / span) + 1,
    bar: (first, last) => ({ x: x(first), width: Math.max(1, widthOf(first, last)) }),
    mark: (first, last) => {
      const wide = Math.max(MIN_WIDTH, widthOf(first, last));
      return { x: (x(first) + x(last + 1) - wide) / 2, width: wide };
    },
  };
}

/** Return the frames to label: multiples of 1, 2 or 5 times a power of ten. */
export function ticks(frames: number, width: number): number[] {
  const rough = frames / Math.max(2, Math.floor(width / TICK));
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(frames / step) }, (_, place) => (place + 1) * step);
}
