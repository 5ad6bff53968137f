// SPDX-License-Identifier: Apache-2.0
// The timeline: when the tracks of a sequence are labeled, and where their issues are.

import React, { useEffect, useState } from "react";
import { useAnswer } from "./api";
import { Problem } from "./Problem";
import { useGo, usePlayhead } from "./player";
import { Select, SequenceSelect } from "./Select";
import { makeScale, type Scale, ticks } from "./scale";
import * as store from "./state";
import { TrackChoice, TrackView } from "./TrackView";
import { formatFrames } from "./text";
import type { Kind, Mark, Overview, SequenceInfo, Timeline } from "./types";
import { useWidth } from "./width";

/** The height of a track, in pixels. */
const ROW = 18;
/** The number of tracks on a page. */
const PAGE = 60;
const ORDERS: [string, string][] = [
  ["worst", "worst tracks first"],
  ["longest", "longest tracks first"],
];

interface Props {
  overview: Overview;
  kinds: Kind[];
}

/** Return the sequence to show: the one picked or filtered by, or the one with the most issues. */
function useSequence({ sequences }: Overview) {
  const filtered = store.useStored().filters.sequence;
  const [picked, pick] = useState(filtered);
  useEffect(() => pick(filtered), [filtered]);
  const [worst] = [...sequences].sort((one, two) => two.issues - one.issues);
  const sequence: SequenceInfo | undefined = sequences.find(({ name }) => name === picked) ?? worst;
  return { sequence, pick };
}

export function TimelineView({ overview, kinds }: Props) {
  const { version, decisions } = store.useStored();
  const { sequence, pick } = useSequence(overview);
  const [order, setOrder] = useState("worst");
  const [limit, setLimit] = useState(PAGE);
  const [track, plot] = useState<number | null>(null);
  const { answer, problem } = useAnswer<Timeline>(
    sequence ? "show_timeline" : null,
    { sequence: sequence?.name, order, limit },
    version + decisions,
  );
  if (!sequence) return <p className="problem">The dataset has no sequences</p>;
  const choice = (
    <SequenceSelect
      sequences={overview.sequences}
      value={sequence.name}
      pick={(name) => {
        pick(name);
        setLimit(PAGE);
        plot(null);
      }}
    />
  );
  if (problem || answer?.sequence !== sequence.name)
    return (
      <div className="timeline">
        <div className="row">{choice}</div>
        {problem ? <Problem text={problem} /> : <p className="quiet">Loading…</p>}
      </div>
    );
  return (
    <div className="timeline" data-testid="timeline">
      <div className="row">
        {choice}
        <Select label="Order" value={order} options={ORDERS} pick={setOrder} />
        <TrackChoice track={track} pick={plot} />
        <span className="quiet">
          {answer.tracks.length} of {answer.total} tracks, {answer.frames} frames
        </span>
      </div>
      {track !== null && <TrackView sequence={sequence} track={track} />}
      <p className="legend quiet">
        {kinds.map(({ kind, name, color }) => (
          <span key={kind}>
            <i className="dot" style={{ background: color }} /> {name}
          </span>
        ))}
      </p>
      <Chart timeline={answer} sequence={sequence} kinds={kinds} />
      {answer.tracks.length < answer.total && (
        <button className="more" onClick={() => setLimit(limit + PAGE)}>
          Show more tracks
        </button>
      )}
    </div>
  );
}

interface ChartProps {
  timeline: Timeline;
  sequence: SequenceInfo;
  kinds: Kind[];
}

/** The tracks of a sequence over its frames, with the player's frame as a line. */
function Chart({ timeline: { frames, tracks }, sequence, kinds }: ChartProps) {
  const [width, setNode] = useWidth();
  const go = useGo();
  const playhead = usePlayhead(sequence);
  const scale = makeScale(frames, width);
  const height = tracks.length * ROW;
  const choose = (issue: Mark) => {
    store.set({ chosen: issue.id, aside: issue.id });
    go(sequence, issue.first, issue.id);
  };
  return (
    <div ref={setNode}>
      <svg width={width} height={22} className="scale" aria-hidden="true">
        {ticks(frames, width).map((frame) => (
          <text key={frame} x={scale.x(frame)} y={15} textAnchor="middle">
            {frame}
          </text>
        ))}
      </svg>
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: a title would be a tooltip over all tracks */}
      <svg width={width} height={height} className="tracks">
        {tracks.map((track, row) => (
          <g key={track.track} transform={`translate(0 ${row * ROW})`}>
            <text x={scale.labels} y={13} textAnchor="end">
              track {track.track}
            </text>
            {track.runs.map((run) => (
              <Run key={run[0]} run={run} scale={scale} show={(frame) => go(sequence, frame)} />
            ))}
            {track.issues.map((issue) => (
              <IssueMark
                key={issue.id}
                issue={issue}
                kind={kinds.find(({ kind }) => kind === issue.kind)}
                scale={scale}
                choose={choose}
              />
            ))}
          </g>
        ))}
        {playhead !== null && (
          <line className="playhead" x1={scale.x(playhead)} x2={scale.x(playhead)} y1={0} y2={height} />
        )}
      </svg>
    </div>
  );
}

interface RunProps {
  run: [number, number];
  scale: Scale;
  show: (frame: number) => void;
}

/** Consecutive frames in which a track is labeled. A click shows the frame under the pointer. */
const Run = ({ run: [first, last], scale, show }: RunProps) => (
  // biome-ignore lint/a11y/noStaticElementInteractions: the player's own keys step through frames
  <rect
    className="run"
    y={4}
    height={ROW - 8}
    {...scale.bar(first, last)}
    onClick={({ clientX, currentTarget }) => {
      const left = currentTarget.ownerSVGElement?.getBoundingClientRect().left ?? 0;
      show(scale.frameAt(clientX - left));
    }}
  />
);

interface IssueMarkProps {
  issue: Mark;
  kind: Kind | undefined;
  scale: Scale;
  choose: (issue: Mark) => void;
}

function IssueMark({ issue, kind, scale, choose }: IssueMarkProps) {
  const { chosen } = store.useStored();
  return (
    // biome-ignore lint/a11y/useSemanticElements: SVG has no button
    <rect
      className={`mark ${issue.id === chosen ? "chosen" : ""} ${issue.decision ?? ""}`}
      data-id={issue.id}
      y={2}
      height={ROW - 4}
      {...scale.mark(issue.first, issue.last)}
      fill={kind?.color}
      role="button"
      tabIndex={0}
      onClick={() => choose(issue)}
      onKeyDown={({ key }) => key === "Enter" && choose(issue)}
    >
      <title>{`${kind?.name ?? issue.kind}, ${formatFrames(issue.first, issue.last)}`}</title>
    </rect>
  );
}
