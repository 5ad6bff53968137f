// SPDX-License-Identifier: Apache-2.0
// The chosen issue: what is wrong, what it looks like, and what is decided.

import React, { useLayoutEffect, useRef } from "react";
import type { Decide } from "./decide";
import { useElsewhere, useGo, usePlayer } from "./player";
import { Plots } from "./Plots";
import { Problem } from "./Problem";
import * as store from "./state";
import type { Box, Crop, Details, Issue, Kind, SequenceInfo } from "./types";

interface Props {
  /** The one that the issue is in. */
  sequence: SequenceInfo | undefined;
  kind: Kind | undefined;
  issue: Issue | undefined;
  /** Whether it is known what it looks like, or why that is not known. */
  ready: boolean;
  details: Details | null;
  problem: string | null;
  decide: Decide;
  step: (by: number) => void;
}

export function IssueView({ sequence, kind, issue, ready, details, problem, decide, step }: Props) {
  const { chosen, selected } = store.useStored();
  const go = useGo();
  const player = usePlayer();
  const elsewhere = useElsewhere(sequence, issue?.first_frame ?? 1);
  const part = sequence?.samples.find(({ id }) => id === player.sample);
  if (!chosen) return <p className="quiet">No issue is chosen</p>;
  if (!issue) return problem ? <Problem text={problem} /> : <p className="quiet">Loading …</p>;
  const strip = details?.strip ?? [];
  const color = kind?.color ?? "#8a8f98";
  const playhead = part && player.frame !== null ? player.frame + part.offset : null;
  const show = (frame: number) => go(sequence, frame, issue.id);
  const key = (name: string) => selected.length === 0 && <kbd>{name}</kbd>;
  return (
    <article style={{ "--kind": color } as React.CSSProperties} data-testid="chosen" data-id={issue.id} aria-busy={!ready}>
      <header>
        <h2>
          <i className="dot" style={{ background: color }} />
          {issue.name}
        </h2>
        <span className={`state ${issue.decision ?? ""}`} data-testid="state">
          {issue.decision ?? "to review"}
        </span>
        <span className="quiet">
          track {issue.track}
          {issue.other_track !== null && ` and ${issue.other_track}`} · {issue.sequence} · score{" "}
          {issue.score?.toFixed(2) ?? "unknown"}
        </span>
      </header>
      <p className="reason">{issue.reason}</p>
      {issue.suggestion && <p className="suggestion">{issue.suggestion}</p>}
      <div className="actions">
        <button className="confirm" disabled={!ready} aria-pressed={issue.decision === "confirmed"} onClick={() => decide("confirmed", [issue.id])}>
          Confirm {key("c")}
        </button>
        <button className="dismiss" disabled={!ready} aria-pressed={issue.decision === "dismissed"} onClick={() => decide("dismissed", [issue.id])}>
          Dismiss {key("x")}
        </button>
        <button
          disabled={!ready}
          title={issue.decision ? "Take back what was decided" : "Go on, and decide later"}
          onClick={() => decide(null, [issue.id])}
        >
          Leave {key("u")}
        </button>
        <span className="gap" />
        <button aria-label="Previous" title="Previous issue" onClick={() => step(-1)}>
          ↑ <kbd>k</kbd>
        </button>
        <button aria-label="Next" title="Next issue" onClick={() => step(1)}>
          ↓ <kbd>j</kbd>
        </button>
        <button aria-label="Show in video" title="Show in video" onClick={() => show(issue.first_frame)}>
          ▶
        </button>
      </div>
      {elsewhere && <p className="quiet">The video that is open shows other frames; ▶ opens these</p>}
      <Precision kind={kind} corrected={issue.corrected} />
      {problem && <Problem text={problem} />}
      {details?.problem && <p className="problem">{details.problem}</p>}
      {!ready && <p className="quiet waiting">Loading …</p>}
      {strip.length > 0 && <Strip strip={strip} playhead={playhead} show={show} />}
      {issue.other_track !== null && strip.length > 0 && (
        <p className="legend quiet">
          <i className="own" /> track {issue.track} <i className="other" /> track {issue.other_track}
        </p>
      )}
      {details?.plot && details.plot.issue.tracks.length > 0 && (
        <Plots details={details} color={color} playhead={playhead} show={show} />
      )}
    </article>
  );
}

function Precision({ kind, corrected }: { kind?: Kind; corrected: boolean | null }) {
  const told: string[] = [];
  if (kind && kind.precision !== null) {
    const decided = kind.confirmed + kind.dismissed;
    told.push(`${kind.name}: ${Math.round(100 * kind.precision)} % of ${decided} decided were right`);
  }
  if (kind?.checked) told.push(`annotators corrected ${kind.corrected} of ${kind.checked}`);
  if (corrected !== null) told.push(corrected ? "annotators corrected this one" : "annotators left this one as it is");
  return told.length ? <p className="quiet precision">{told.join(" · ")}</p> : null;
}

const rectangle = (box: Box, name: string, key: number) => (
  <rect key={`${name}${key}`} className={name} x={box[0]} y={box[1]} width={box[2]} height={box[3]} />
);

export const boxesOver = ({ size, boxes, other_boxes }: Pick<Crop, "size" | "boxes" | "other_boxes">) => (
  <svg viewBox={`0 0 ${size[0]} ${size[1]}`}>
    {other_boxes.map((box, key) => rectangle(box, "other", key))}
    {boxes.map((box, key) => rectangle(box, "own", key))}
  </svg>
);

/** The frames around the issue; where there is no room for all, those at it are seen first. */
function Strip({ strip, playhead, show }: { strip: Crop[]; playhead: number | null; show: (frame: number) => void }) {
  const node = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const [first] = node.current?.getElementsByClassName("at") ?? [];
    if (first instanceof HTMLElement) first.parentElement?.scrollTo({ left: first.offsetLeft - 2 * first.offsetWidth });
  }, [strip]);
  return (
    <div className="strip" data-testid="strip" ref={node}>
      {strip.map((crop) => (
        <CropView key={crop.frame} crop={crop} now={crop.frame === playhead} show={show} />
      ))}
    </div>
  );
}

function CropView({ crop, now, show }: { crop: Crop; now: boolean; show: (frame: number) => void }) {
  return (
    <button
      className={`crop ${crop.place} ${now ? "now" : ""}`}
      data-frame={crop.frame}
      title={`${crop.frame_name}: show this frame`}
      onClick={() => show(crop.frame)}
    >
      <span style={{ width: crop.size[0], aspectRatio: crop.size.join("/") }}>
        <img src={`data:image/jpeg;base64,${crop.image}`} width={crop.size[0]} height={crop.size[1]} alt="" />
        {boxesOver(crop)}
      </span>
      <small>{crop.frame}</small>
    </button>
  );
}
