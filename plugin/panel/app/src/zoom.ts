// SPDX-License-Identifier: Apache-2.0
// Enlarge a part of a picture.

/** How much a picture is enlarged, and where its top left corner is, as shares of its size. */
export interface Zoom {
  scale: number;
  left: number;
  top: number;
}

export const NO_ZOOM: Zoom = { scale: 1, left: 0, top: 0 };
const MAX_SCALE = 8;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** Enlarge by a factor so that the place `at`, in shares of the frame, stays where it is. */
export function zoomAt({ scale, left, top }: Zoom, at: [number, number], factor: number): Zoom {
  const next = clamp(scale * factor, 1, MAX_SCALE);
  // The picture always fills its frame
  const move = (corner: number, place: number) => clamp(place - ((place - corner) * next) / scale, 1 - next, 0);
  return { scale: next, left: move(left, at[0]), top: move(top, at[1]) };
}

export const transformOf = ({ scale, left, top }: Zoom): string =>
  `translate(${100 * left}%, ${100 * top}%) scale(${scale})`;
