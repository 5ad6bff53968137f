// SPDX-License-Identifier: Apache-2.0
// The answers of the panel's Python side. Frames are positions in the sequence, counted from 1.

export type Decision = "confirmed" | "dismissed" | "fixed";

export interface Kind {
  kind: string;
  name: string;
  color: string;
  issues: number;
  open: number;
  confirmed: number;
  dismissed: number;
  fixed: number;
  precision: number | null;
  checked: number;
  corrected: number;
}

/** The issues of one annotator; the name is null for boxes of nobody that is known. */
export interface Annotator {
  annotator: string | null;
  boxes: number;
  issues: number;
  confirmed: number;
  fixed: number;
  issues_per_thousand: number | null;
  issues_low: number | null;
  issues_high: number | null;
  mistakes_per_thousand: number | null;
  mistakes_low: number | null;
  mistakes_high: number | null;
}

/** A sample that holds part of a sequence. */
export interface Part {
  id: string;
  /** The number of frames before it in the sequence. */
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
  /** What has to be done first, or that the last audit has not finished. */
  message: string;
  /** The number of frames that changed since they were judged. */
  changed: number;
  operator: string | null;
  label_field: string | null;
  label_fields: string[];
  /** Whether the number of each track is the index of its boxes. */
  by_index?: boolean;
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
  /** The frame that shows the mistake best. */
  peak_frame: number;
  score: number | null;
  reason: string | null;
  suggestion: string | null;
  decision: Decision | null;
  decided_by: string | null;
  decided_at: string | null;
  corrected: boolean | null;
  /** The name of the fix of a fixed issue, "edited" if its labels were edited by hand. */
  fix: string | null;
  /** What a reviewer wrote about it. */
  note: string | null;
}

export interface Listing {
  issues: Issue[];
  total: number;
  counts: Record<string, number>;
  /** The issues requested by ID that match the filters, on whatever page they are. */
  asked: Issue[];
  /** The requested IDs that do not match or no longer exist. */
  gone: string[];
  /** The number of matching issues that are not dismissed. */
  to_send: number;
  /** Counts over all issues, whether or not they match the filters. */
  kinds: Kind[];
  progress: Progress;
  /** What the decisions so far changed about the order, empty if nothing. */
  learned: string;
}

export type Box = [number, number, number, number];

export interface Crop {
  frame: number;
  frame_name: string;
  place: "before" | "at" | "after";
  size: [number, number];
  boxes: Box[];
  other_boxes: Box[];
  /** The boxes that the default fix would draw. */
  suggested_boxes: Box[];
  image: string;
}

/** The columns of a track, one value per frame. Gaps in the track are null. */
export type Track = Record<string, (number | null)[]>;

export interface Figure {
  /** The width and height of the frames, to which box coordinates refer. */
  image: [number | null, number | null];
  tracks: Track[];
  /** The IDs of the labels that the issue is about, in the frames around it. */
  labels: string[];
  /** The boxes that the first fix would draw. */
  suggested: Track;
  issue: {
    tracks: number[];
    /** The frames to highlight, null if there are none. */
    first: number | null;
    last: number | null;
    view: [number, number];
    limits: Record<string, number>;
  };
}

/** A way to fix an issue. */
export interface Fix {
  name: string;
  title: string;
}

export interface Details {
  issue: Issue;
  /** The fixes that apply, the default first. */
  fixes: Fix[];
  strip: Crop[];
  problem: string | null;
  panels: object[];
  /** The number of plots that matter for the kind. They come first. */
  leading: number;
  plot: Figure | null;
}

/** A track as a whole, whether or not it has issues. */
export interface WholeTrack extends Pick<Details, "panels" | "leading" | "plot"> {
  sequence: string;
  track: number;
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

/** Issues per 1,000 boxes before and after fixes and corrections. */
export interface Rate {
  group: string;
  name: string;
  before: number | null;
  after: number | null;
}

export interface Quality {
  boxes: number;
  changed: number;
  rates: Rate[];
  issues: Record<string, number>;
  mistakes_left: { mean: number; low: number; high: number };
  agreement: Record<string, number> | null;
}

/** The boxes of all other tracks in the frames around an issue, by frame. */
export interface Others {
  id: string;
  boxes: Record<string, Box[]>;
}

/** What changes when somebody decides issues or saves views. */
export interface Watched {
  stamp: string | null;
  views: string[];
  /** When the open saved view was saved, null if none is open. */
  view: string | null;
}

export interface Suggestion {
  size: number | null;
  iou: number | null;
  message: string;
}
