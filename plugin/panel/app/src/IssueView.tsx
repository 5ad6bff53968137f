// SPDX-License-Identifier: Apache-2.0
// The chosen issue: what is wrong, its crops and plots, and the decision on it.

import React from "react";
import { Crops } from "./Crops";
import type { Decide, FixIssues } from "./decide";
import { Note } from "./Note";
import { Plots } from "./Plots";
import { Problem } from "./Problem";
import { useElsewhere, useGo, useOpenLooker, usePlayerLooker, usePlayhead } from "./player";
import * as store from "./state";
import { describeReliability, formatScore, formatTracks } from "./text";
import type { Crop, Details, Fix, Issue, Kind, SequenceInfo } from "./types";

const UNKNOWN_COLOR = "#8a8f98";

interface Props {
  /** The sequence that contains the issue. */
  sequence: SequenceInfo | undefined;
  kind: Kind | undefined;
  issue: Issue | undefined;
  /** Whether the details, or the problem of loading them, have arrived. */
  ready: boolean;
  details: Details | null;
  problem: string | null;
  decide: Decide;
  fix: FixIssues;
  step: (by: number) => void;
  /** Opens the App's annotator, null if the issue is not shown yet. */
  annotate: (() => void) | null;
}

export function IssueView(props: Props) {
  const { sequence, kind, issue, ready, details, problem, step } = props;
  const go = useGo();
  const playhead = usePlayhead(sequence);
  const elsewhere = useElsewhere(sequence, issue?.first_frame ?? 1);
  const { chosen } = store.useStored();
  if (!chosen) return <p className="quiet">No issue selected</p>;
  if (!issue) return problem ? <Problem text={problem} /> : <p className="quiet">Loading…</p>;
  const color = kind?.color ?? UNKNOWN_COLOR;
  const show = (frame: number) => go(sequence, frame, issue.id);
  const reliability = describeReliability(kind, issue.corrected);
  return (
    <article
      style={{ "--kind": color } as React.CSSProperties}
      data-testid="chosen"
      data-id={issue.id}
      aria-busy={!ready}
    >
      <Header issue={issue} color={color} step={step} show={() => show(issue.peak_frame)} />
      <p className="reason">{issue.reason}</p>
      {issue.suggestion && <p className="suggestion">{issue.suggestion}</p>}
      <Note issue={issue} />
      <Actions {...props} issue={issue} />
      {elsewhere && <p className="quiet">The open video does not include these frames. Press ▶ to open them.</p>}
      {problem && <Problem text={problem} />}
      {details?.problem && <p className="problem">{details.problem}</p>}
      {!ready && <p className="quiet waiting">Loading…</p>}
      {details && details.strip.length > 0 && (
        <Crops strip={details.strip} peak={issue.peak_frame} playhead={playhead} show={show}>
          <Legend issue={issue} strip={details.strip} />
        </Crops>
      )}
      {details?.plot && details.plot.issue.tracks.length > 0 && (
        <Plots details={details} track={issue} color={color} playhead={playhead} show={show} />
      )}
      {reliability && <p className="quiet precision">{reliability}</p>}
    </article>
  );
}

interface HeaderProps extends Pick<Props, "step"> {
  issue: Issue;
  color: string;
  show: () => void;
}

const Header = ({ issue, color, step, show }: HeaderProps) => (
  <header>
    <h2>
      <i className="dot" style={{ background: color }} />
      {issue.name}
    </h2>
    <span className={`state ${issue.decision ?? ""}`} data-testid="state">
      {issue.fix === "edited" ? issue.fix : (issue.decision ?? "to review")}
    </span>
    <span className="steps">
      <button aria-label="Previous" title="Previous issue" onClick={() => step(-1)}>
        ↑ <kbd>k</kbd>
      </button>
      <button aria-label="Next" title="Next issue" onClick={() => step(1)}>
        ↓ <kbd>j</kbd>
      </button>
      <button aria-label="Show in video" title="Show in video" onClick={show}>
        ▶
      </button>
      <button aria-label="Write a note" title="Write a note (n)" onClick={() => store.set({ noting: true })}>
        ✎
      </button>
      <button aria-label="Keys" title="All keys (?)" onClick={() => store.set({ help: true })}>
        ?
      </button>
    </span>
    <span className="quiet place">
      {formatTracks(issue)} · {issue.sequence} · score {formatScore(issue.score)}
    </span>
  </header>
);

interface ActionProps extends Pick<Props, "ready" | "details" | "decide" | "fix" | "annotate"> {
  issue: Issue;
}

function Actions({ issue, ready, details, decide, fix, annotate }: ActionProps) {
  // The keys decide selected issues instead
  const hasKeys = store.useStored().selected.length === 0;
  const { decision } = issue;
  return (
    <div className="actions">
      <button
        className="confirm"
        disabled={!ready}
        aria-pressed={decision === "confirmed"}
        onClick={() => decide("confirmed", [issue.id])}
      >
        Confirm {hasKeys && <kbd>c</kbd>}
      </button>
      <button
        className="dismiss"
        disabled={!ready}
        aria-pressed={decision === "dismissed"}
        onClick={() => decide("dismissed", [issue.id])}
      >
        Dismiss {hasKeys && <kbd>x</kbd>}
      </button>
      <button
        disabled={!ready}
        title={decision ? "Take back the decision" : "Go to the next issue and decide later"}
        onClick={() => decide(null, [issue.id])}
      >
        {decision ? "Reopen" : "Skip"} {hasKeys && <kbd>u</kbd>}
      </button>
      {!decision && ready && <FixButtons issue={issue} fixes={details?.fixes ?? []} fix={fix} />}
      <button disabled={!annotate} title="Edit the track in the App's annotator" onClick={() => annotate?.()}>
        Edit <kbd>e</kbd>
      </button>
      <PlayerToggles />
    </div>
  );
}

/** What the open video shows of the issue, and how it plays it. */
function PlayerToggles() {
  const { solo, loop, slow } = store.useStored();
  const isOpen = useOpenLooker() !== null;
  const isPlayer = usePlayerLooker() !== null;
  return (
    <>
      {isOpen && (
        <button
          aria-pressed={solo}
          title="Show only the tracks of the issue"
          onClick={() => store.set({ solo: !solo })}
        >
          Solo <kbd>o</kbd>
        </button>
      )}
      {isPlayer && (
        <button aria-pressed={loop} title="Play the seconds of the issue" onClick={() => store.set({ loop: !loop })}>
          Loop <kbd>l</kbd>
        </button>
      )}
      {isPlayer && loop && (
        <button
          aria-pressed={slow}
          title="Half speed"
          aria-label="Half speed"
          onClick={() => store.set({ slow: !slow })}
        >
          ½
        </button>
      )}
    </>
  );
}

/** The default fix, and a menu of the others. */
function FixButtons({ issue, fixes, fix }: { issue: Issue; fixes: Fix[]; fix: FixIssues }) {
  const hasKeys = store.useStored().selected.length === 0;
  if (!fixes.length) return null;
  const [{ name, title }, ...others] = fixes;
  return (
    <>
      <button className="fix" title={title} onClick={() => fix(name, [issue.id])}>
        Fix {hasKeys && <kbd>f</kbd>}
      </button>
      {others.length > 0 && (
        <select aria-label="Other fixes" value="" onChange={({ target }) => fix(target.value, [issue.id])}>
          <option value="" disabled>
            or…
          </option>
          {others.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      )}
    </>
  );
}

/** What the boxes of the crops are, unless all are those of the track. */
function Legend({ issue: { track, other_track }, strip }: { issue: Issue; strip: Crop[] }) {
  const isSuggested = strip.some((crop) => crop.suggested_boxes.length);
  if (other_track === null && !isSuggested) return null;
  return (
    <p className="legend quiet">
      {track >= 0 && (
        <>
          <i className="own" /> track {track}
        </>
      )}
      {other_track !== null && (
        <>
          <i className="other" /> track {other_track}
        </>
      )}
      {isSuggested && (
        <>
          <i className="suggested" /> suggested
        </>
      )}
    </p>
  );
}
