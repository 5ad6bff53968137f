// SPDX-License-Identifier: Apache-2.0
// FiftyOne's video looker: which frames it can show, and where it shows a box.

import type { Target } from "./state";
import type { Box, Figure, SequenceInfo, Track } from "./types";

/** Tells whether a looker shows a label of a field. */
export type LabelFilter = (path: string, label: { id?: string; _id?: string; index?: number | null }) => boolean;

/** What the clip of an issue knows of it. */
export interface ClipIssue {
  track?: number | null;
  other_track?: number | null;
  label_field?: string;
}

export interface LookerOptions {
  filter?: LabelFilter | null;
  playbackRate?: number;
}

/** The parts of FiftyOne's video looker that the panel uses. */
export interface Looker {
  sample?: { _id?: string; _sample_id?: string; issues?: ClipIssue | null };
  frameNumber: number;
  state: {
    loaded?: boolean;
    playing?: boolean;
    duration?: number | null;
    config: { sampleId: string; support?: [number, number]; frameRate?: number };
    options?: LookerOptions;
    /** The player and, panned and zoomed, its video: left, top, width and height in CSS pixels. */
    windowBBox?: Box;
    transformedMediaBBox?: Box;
    scale?: number;
    pan?: [number, number];
  };
  lookerElement?: { element: HTMLElement };
  seekToFrame?(frame: number): void;
  play?(): void;
  pause?(): void;
  updater?(state: { scale: number; pan: [number, number] }): void;
  updateOptions?(options: LookerOptions, disableReload?: boolean): void;
  subscribeToState?(name: string, listener: () => void): () => void;
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

/** Return the sample whose video or clip a looker shows, or null if it is not known yet. */
export const sampleOf = ({ sample, state: { config } }: Looker): string | null =>
  config.support ? (sample?._sample_id ?? null) : config.sampleId;

/** Tell whether a looker can show a frame. A clip's looker shows only the frames of the clip. */
export function canShow(looker: Looker, { sample, frame }: Target): boolean {
  const [first, last] = looker.state.config.support ?? [1, Infinity];
  return sampleOf(looker) === sample && first <= frame && frame <= last;
}

/** Tell whether a looker is beside a panel; a second panel may be open above the grid. */
export const isBeside = ({ lookerElement }: Looker, panel: HTMLElement | null): boolean =>
  lookerElement?.element.closest("[data-cy=modal]")?.contains(panel) ?? false;

/** Call a listener when a looker has loaded or one of its properties changes. */
export function follow(looker: Looker, name: string, listener: () => void): () => void {
  const stop = looker.subscribeToState?.(name, listener);
  looker.addEventListener("load", listener);
  return () => {
    stop?.();
    looker.removeEventListener("load", listener);
  };
}

/** Find the sample that holds a frame of a sequence. */
export function findTarget(sequence: SequenceInfo | undefined, frame: number, issue?: string): Target | undefined {
  const part = sequence?.samples.find(({ offset, length }) => frame > offset && frame <= offset + length);
  return part && { sample: part.id, frame: frame - part.offset, issue };
}

/** Return the number of frames before a sample in its sequence, or null if it is not part of it. */
export const offsetOf = (sequence: SequenceInfo | undefined, sample: string | null): number | null =>
  sequence?.samples.find(({ id }) => id === sample)?.offset ?? null;

const EDGES = ["left", "top", "width", "height"] as const;

/** Return the box of a row of a track. */
const boxOf = (track: Track, row: number): Box => EDGES.map((edge) => track[edge][row] ?? 0) as Box;

/** Return where the player shows a box, in CSS pixels from its top left corner. */
export function placeBox(
  { windowBBox: player, transformedMediaBBox: video }: Looker["state"],
  [width, height]: Figure["image"],
  box: Box,
): Box | null {
  if (!width || !height || !player || !video) return null;
  const across = video[2] / width;
  const down = video[3] / height;
  return [video[0] - player[0] + box[0] * across, video[1] - player[1] + box[1] * down, box[2] * across, box[3] * down];
}

/** Return where the player shows a track's box in a frame. */
export function boxInPlayer(state: Looker["state"], image: Figure["image"], track: Track, frame: number): Box | null {
  const row = track.frame.indexOf(frame);
  return row < 0 ? null : placeBox(state, image, boxOf(track, row));
}

/** Return the outlines of boxes in the player as the data of an SVG path, empty if it does not show them yet. */
export const traceOutlines = (state: Looker["state"], image: Figure["image"], boxes: Box[]): string =>
  boxes
    .map((box) => placeBox(state, image, box))
    .filter((box) => box !== null)
    .map(([left, top, width, height]) => `M${left} ${top}h${width}v${height}h${-width}z`)
    .join("");

/** List the tracks to mark in the player: the issue's own, the others of it, and what its fix would draw. */
export const listMarks = ({ issue, tracks, suggested }: Figure): { kind: string; track: Track }[] => [
  ...issue.tracks.map((index, place) => ({ kind: place ? "other" : "own", track: tracks[index] })),
  { kind: "suggested", track: suggested },
];

/** Return the smallest box around tracks in some frames, or null if they have none there. */
export function boxAround(tracks: Track[], first: number, last: number): Box | null {
  const boxes = tracks.flatMap((track) =>
    track.frame.flatMap((frame, row) => (frame !== null && frame >= first && frame <= last ? [boxOf(track, row)] : [])),
  );
  if (!boxes.length) return null;
  const left = Math.min(...boxes.map(([x]) => x));
  const top = Math.min(...boxes.map(([, y]) => y));
  const right = Math.max(...boxes.map(([x, , width]) => x + width));
  const bottom = Math.max(...boxes.map(([, y, , height]) => y + height));
  return [left, top, right - left, bottom - top];
}

/** How many times the player is larger than what it is zoomed to, and the largest zoom. */
const ROOM = 2.5;
const MAX_ZOOM = 4;

/** Return the scale and the pan with which the player shows a box in its middle and large. */
export function zoomTo(
  state: Looker["state"],
  image: Figure["image"],
  box: Box,
): { scale: number; pan: [number, number] } | null {
  const { windowBBox: player, scale: now = 1, pan = [0, 0] } = state;
  const placed = placeBox(state, image, box);
  if (!placed || !player) return null;
  const [width, height] = [placed[2] / now, placed[3] / now];
  const fits = Math.min(player[2] / (ROOM * width), player[3] / (ROOM * height));
  const scale = Math.min(Math.max(fits, 1), MAX_ZOOM);
  // The place of the box's center at scale 1 without a pan
  const center = [0, 1].map((axis) => (placed[axis] + placed[axis + 2] / 2 - pan[axis]) / now);
  return { scale, pan: [player[2] / 2 - scale * center[0], player[3] / 2 - scale * center[1]] };
}

/**
 * Return the filter that passes only the labels of an issue in the label field, only the issue
 * itself among the issues, and what passed before of the other fields.
 */
export function makeSolo(before: LabelFilter | null, field: string, labels: string[], issue: string): LabelFilter {
  const own = new Set(labels);
  return (path, label) => {
    if (before && !before(path, label)) return false;
    const id = label.id ?? label._id ?? "";
    if (path === "issues") return id === issue;
    return path.replace(/^frames\./, "") !== field || own.has(id);
  };
}

/**
 * Return the filter that passes, in a field of tracks, only those of the clip's issue, or null if
 * the clip is of no issue with a track. The index of a label is the number of its track.
 */
export function makeThumbnailFilter(
  before: LabelFilter | null,
  field: string,
  issue: ClipIssue | null | undefined,
): LabelFilter | null {
  if (issue?.label_field !== field || (issue.track ?? -1) < 0) return null;
  const own = [issue.track, issue.other_track];
  return (path, label) =>
    (!before || before(path, label)) && (path.replace(/^frames\./, "") !== field || own.includes(label.index ?? -1));
}

/**
 * Show only some labels in a looker; return the function that shows those of the App again.
 *
 * @param make Makes the filter on top of the App's own one, or null to leave that alone.
 */
export function narrowLabels(looker: Looker, make: (before: LabelFilter | null) => LabelFilter | null): () => void {
  let before: LabelFilter | null = null;
  let own: LabelFilter | null = null;
  const show = (filter: LabelFilter | null) => looker.updateOptions?.({ ...looker.state.options, filter }, true);
  // The App sets its own filter again whenever one of its options changes
  const apply = () => {
    const filter = looker.state.options?.filter ?? null;
    if (own && filter === own) return;
    const next = make(filter);
    if (!next) return;
    before = filter;
    own = next;
    show(own);
  };
  apply();
  const stop = follow(looker, "options", apply);
  return () => {
    stop();
    if (own && looker.state.options?.filter === own) show(before);
  };
}

/** How long before and after the issue the loop plays, in seconds. */
const LOOP_MARGIN = 1;

/** Return the first and the last frame of the loop, within the frames that the player can show. */
export function findLoop(first: number, last: number, rate: number, limits: [number, number]): [number, number] {
  const margin = Math.round(LOOP_MARGIN * rate);
  return [Math.max(first - margin, limits[0]), Math.min(last + margin, limits[1])];
}
