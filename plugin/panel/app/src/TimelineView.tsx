// SPDX-License-Identifier: Apache-2.0
// When the tracks of a sequence are labelled, and where their issues are.

import React, { useEffect, useState } from "react";
import { useAnswer } from "./api";
import { frames } from "./IssueList";
import { useGo, usePlayer } from "./player";
import { Problem } from "./Problem";
import * as store from "./state";
import type { Kind, Mark, Overview, Timeline } from "./types";
import { useWidth } from "./width";

const ROW = 18, LEFT = 66, RIGHT = 10, LEAST = 5, PAGE = 60;

export function TimelineView({ overview, kinds }: { overview: Overview; kinds: Kind[] }) {
  const { filters, chosen, version, decisions } = store.useStored();
  const [picked, setPicked] = useState<string | null>(filters.sequence);
  useEffect(() => setPicked(filters.sequence), [filters.sequence]);
  const [order, setOrder] = useState("worst");
  const [width, setWidth] = useWidth();
  const [limit, setLimit] = useState(PAGE);
  const go = useGo();
  const player = usePlayer();
  const worst = [...overview.sequences].sort((one, two) => two.issues - one.issues)[0];
  const sequence = overview.sequences.find(({ name }) => name === picked) ?? worst;
  const asked = { sequence: sequence?.name, order, limit };
  const { answer, problem } = useAnswer<Timeline>(sequence ? "show_timeline" : null, asked, version + decisions);
  if (!sequence) return <p className="problem">There are no sequences</p>;
  const pick = (name: string) => {
    setPicked(name);
    setLimit(PAGE);
  };
  const choice = overview.sequences.length > 1 && (
    <select aria-label="Sequence" value={sequence.name} onChange={(event) => pick(event.target.value)}>
      {overview.sequences.map(({ name, issues }) => (
        <option key={name} value={name}>
          {name} ({issues})
        </option>
      ))}
    </select>
  );
  if (problem || answer?.sequence !== sequence.name)
    return (
      <div className="timeline">
        <div className="row">{choice}</div>
        {problem ? <Problem text={problem} /> : <p className="quiet">Loading …</p>}
      </div>
    );
  const { tracks } = answer;
  const span = Math.max(1, width - LEFT - RIGHT) / Math.max(1, answer.frames);
  const x = (frame: number) => LEFT + (frame - 1) * span;
  const part = sequence.samples.find(({ id }) => id === player.sample);
  const playhead = part && player.frame !== null ? player.frame + part.offset : null;
  const colors = Object.fromEntries(kinds.map(({ kind, color }) => [kind, color]));
  const height = tracks.length * ROW;
  const choose = (issue: Mark) => {
    store.set({ chosen: issue.id });
    go(sequence, issue.first, issue.id);
  };
  return (
    <div className="timeline" data-testid="timeline">
      <div className="row">
        {choice}
        <select aria-label="Order" value={order} onChange={(event) => setOrder(event.target.value)}>
          <option value="worst">worst tracks first</option>
          <option value="longest">longest tracks first</option>
        </select>
        <span className="quiet">
          {tracks.length} of {answer.total} tracks, {answer.frames} frames
        </span>
      </div>
      <p className="legend quiet">
        {kinds.map(({ kind, name, color }) => (
          <span key={kind}>
            <i className="dot" style={{ background: color }} /> {name}
          </span>
        ))}
      </p>
      <div ref={setWidth}>
        <svg width={width} height={22} className="scale">
          {ticks(answer.frames, width).map((frame) => (
            <text key={frame} x={x(frame)} y={15} textAnchor="middle">
              {frame}
            </text>
          ))}
        </svg>
        <svg width={width} height={height} className="tracks">
          {tracks.map((track, row) => (
            <g key={track.track} transform={`translate(0 ${row * ROW})`}>
              <text x={LEFT - 8} y={13} textAnchor="end">
                track {track.track}
              </text>
              {track.runs.map(([first, last]) => (
                <rect
                  key={first}
                  className="run"
                  x={x(first)}
                  y={4}
                  width={Math.max(1, (last - first + 1) * span)}
                  height={ROW - 8}
                  onClick={(event) => {
                    const edge = (event.currentTarget.ownerSVGElement as Element).getBoundingClientRect().left;
                    go(sequence, Math.round((event.clientX - edge - LEFT) / span) + 1);
                  }}
                />
              ))}
              {track.issues.map((issue) => {
                const wide = Math.max(LEAST, (issue.last - issue.first + 1) * span);
                const middle = (x(issue.first) + x(issue.last + 1)) / 2;
                return (
                  <rect
                    key={issue.id}
                    className={`mark ${issue.id === chosen ? "chosen" : ""} ${issue.decision ?? ""}`}
                    data-id={issue.id}
                    x={middle - wide / 2}
                    y={2}
                    width={wide}
                    height={ROW - 4}
                    fill={colors[issue.kind]}
                    role="button"
                    tabIndex={0}
                    onClick={() => choose(issue)}
                    onKeyDown={({ key }) => key === "Enter" && choose(issue)}
                  >
                    <title>
                      {`${kinds.find(({ kind }) => kind === issue.kind)?.name ?? issue.kind}, ${frames(issue.first, issue.last)}`}
                    </title>
                  </rect>
                );
              })}
            </g>
          ))}
          {playhead !== null && <line className="playhead" x1={x(playhead)} x2={x(playhead)} y1={0} y2={height} />}
        </svg>
      </div>
      {tracks.length < answer.total && (
        <button className="more" onClick={() => setLimit(limit + PAGE)}>
          Show more tracks
        </button>
      )}
    </div>
  );
}

function ticks(frames: number, width: number): number[] {
  const rough = frames / Math.max(2, Math.floor(width / 90));
  const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(frames / step) }, (_, place) => (place + 1) * step);
}
