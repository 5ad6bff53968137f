// SPDX-License-Identifier: Apache-2.0
// What the panel's Python side answers. Frames are positions in the sequence, from 1.

export type Decision = "confirmed" | "dismissed";

export interface Kind {
  kind: string;
  name: string;
  color: string;
  issues: number;
  open: number;
  confirmed: number;
  dismissed: number;
  precision: number | null;
  checked: number;
  corrected: number;
}

export interface Part {
  id: string;
  offset: number;
  length: number;
}

export interface SequenceInfo {
  name: string;
  frames: number;
  issues: number;
  samples: Part[];
}

export interface Overview {
  status: "ready" | "no_tracks" | "not_audited";
  message: string;
  operator: string | null;
  label_field: string | null;
  label_fields: string[];
  sequences: SequenceInfo[];
  thresholds: { size: number; iou: number };
}

export type Progress = Record<"open" | Decision, number>;

export interface Issue {
  id: string;
  kind: string;
  name: string;
  sequence: string;
  track: number;
  other_track: number | null;
  first_frame: number;
  last_frame: number;
  score: number | null;
  reason: string | null;
  suggestion: string | null;
  decision: Decision | null;
  decided_by: string | null;
  decided_at: string | null;
  corrected: boolean | null;
}

export interface Listing {
  issues: Issue[];
  total: number;
  counts: Record<string, number>;
  /** Those asked for by ID, as far as they fit, whatever page they are on. */
  asked: Issue[];
  /** The IDs of the others. */
  gone: string[];
  /** How many of those that fit were not dismissed. */
  to_send: number;
  /** Of all issues, whether they are listed or not. */
  kinds: Kind[];
  progress: Progress;
}

export type Box = [number, number, number, number];

export interface Crop {
  frame: number;
  frame_name: string;
  place: "before" | "at" | "after";
  size: [number, number];
  boxes: Box[];
  other_boxes: Box[];
  image: string;
}

/** A track over its frames, null where it is broken. */
export type Track = Record<string, (number | null)[]>;

export interface Figure {
  /** Width and height of the image in whose pixels boxes are. */
  image: [number | null, number | null];
  tracks: Track[];
  issue: { tracks: number[]; first: number; last: number; view: [number, number]; limits: Record<string, number> };
}

export interface Details {
  issue: Issue;
  strip: Crop[];
  problem: string | null;
  panels: object[];
  plot: Figure | null;
}

export interface Mark {
  id: string;
  kind: string;
  first: number;
  last: number;
  score: number | null;
  decision: Decision | null;
}

export interface Timeline {
  sequence: string;
  frames: number;
  total: number;
  tracks: { track: number; label: string; runs: [number, number][]; issues: Mark[] }[];
}

export interface Signal {
  name: "size" | "iou";
  label: string;
  unit: string;
  value: number;
  min: number;
  max: number;
  step: number;
  breaks: "above" | "below";
  edges: number[];
  counts: number[];
}

export interface Thresholds {
  boxes: number;
  signals: Signal[];
}

export interface Suggestion {
  size: number | null;
  iou: number | null;
  message: string;
}
