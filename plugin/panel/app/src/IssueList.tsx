// SPDX-License-Identifier: Apache-2.0
// The list of issues, the worst first, with its filters.

import React, { type ChangeEvent, useCallback, useEffect, useRef } from "react";
import type { Decide } from "./decide";
import { FieldSelect } from "./FieldSelect";
import { Problem } from "./Problem";
import * as store from "./state";
import type { Issue, Listing, Overview, Progress } from "./types";

const STATES: [string, string][] = [
  ["", "all"],
  ["open", "to review"],
  ["confirmed", "confirmed"],
  ["dismissed", "dismissed"],
];
/** The largest number that the database takes for a track's. */
const MOST = 2 ** 31 - 1;
const MARKS = { confirmed: "✓", dismissed: "✕" };

interface Props {
  overview: Overview;
  listing: Listing | null;
  problem: string | null;
  choose: (issue: Issue) => void;
  decide: Decide;
  undo: () => void;
}

export function IssueList({ overview, listing, problem, choose, decide, undo }: Props) {
  const { chosen, selected, failure } = store.useStored();
  const { issues = [], total = 0, kinds = [] } = listing ?? {};
  const before = useRef<string | null>(null);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  }, [chosen, total]);
  /** Selects or leaves an issue; with Shift, all from the one before to it. */
  const toggle = useCallback(
    (id: string, range: boolean) => {
      const { selected } = store.get();
      const listed = listing?.issues.map((issue) => issue.id) ?? [];
      const ends = [before.current ?? id, id].map((each) => listed.indexOf(each));
      const some = range && !ends.includes(-1) ? listed.slice(Math.min(...ends), Math.max(...ends) + 1) : [id];
      const rest = selected.filter((each) => !some.includes(each));
      store.set({ selected: selected.includes(id) && !range ? rest : [...rest, ...some] });
      before.current = id;
    },
    [listing],
  );
  const colors = Object.fromEntries(kinds.map(({ kind, color }) => [kind, color]));
  return (
    <aside>
      <Filters overview={overview} listing={listing} undo={undo} />
      {problem && <Problem text={problem} />}
      {failure && <Problem text={failure} act="Close" then={() => store.set({ failure: null })} />}
      <ol className="issues" data-testid="issues" ref={list}>
        {issues.map((issue) => (
          <Row
            key={issue.id}
            issue={issue}
            color={colors[issue.kind]}
            chosen={issue.id === chosen}
            selected={selected.includes(issue.id)}
            several={overview.sequences.length > 1}
            choose={choose}
            toggle={toggle}
          />
        ))}
        {listing && !issues.length && <li className="quiet">No issues here</li>}
        {issues.length < total && <More key={issues.length} listed={issues.length} total={total} />}
      </ol>
      {selected.length > 0 && (
        <div className="selection">
          <b>{selected.length} selected</b>
          <button onClick={() => decide("confirmed")}>
            Confirm <kbd>c</kbd>
          </button>
          <button onClick={() => decide("dismissed")}>
            Dismiss <kbd>x</kbd>
          </button>
          <button onClick={() => decide(null)}>
            Leave <kbd>u</kbd>
          </button>
          <button onClick={() => store.set({ selected: [] })}>Clear</button>
        </div>
      )}
    </aside>
  );
}

/** The end of the list, which grows when it comes into view. */
function More({ listed, total }: { listed: number; total: number }) {
  const node = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && store.grow(listed));
    if (node.current) watcher.observe(node.current);
    return () => watcher.disconnect();
  }, [listed]);
  return (
    <li ref={node} className="quiet">
      {total.toLocaleString("en")} in all
    </li>
  );
}

interface RowProps {
  issue: Issue;
  color: string;
  chosen: boolean;
  selected: boolean;
  several: boolean;
  choose: (issue: Issue) => void;
  toggle: (id: string, range: boolean) => void;
}

export const frames = (first: number, last: number) => (first === last ? `frame ${first}` : `frames ${first}–${last}`);

const Row = React.memo(function Row({ issue, color, chosen, selected, several, choose, toggle }: RowProps) {
  const other = issue.other_track === null ? "" : `, ${issue.other_track}`;
  return (
    <li
      className={chosen ? "chosen" : issue.decision ? "decided" : ""}
      aria-current={chosen}
      data-testid="issue"
      data-id={issue.id}
      onClick={() => choose(issue)}
    >
      <input
        type="checkbox"
        aria-label={`Select ${issue.name}, track ${issue.track}, frame ${issue.first_frame}`}
        checked={selected}
        onClick={(event) => {
          event.stopPropagation();
          toggle(issue.id, event.shiftKey);
        }}
        readOnly
      />
      <i className="dot" style={{ background: color }} />
      <span className="kind">{issue.name}</span>
      <span className={`mark ${issue.decision ?? ""}`} title={decided(issue)}>
        {issue.decision ? MARKS[issue.decision] : ""}
      </span>
      <span className="score" title={`Score ${issue.score?.toFixed(2) ?? "unknown"}`}>
        <i style={{ width: `${100 * (issue.score ?? 0)}%`, background: color }} />
      </span>
      <span className="where" title={issue.sequence}>
        track {issue.track}
        {other} · {frames(issue.first_frame, issue.last_frame)}
        {several && ` · ${issue.sequence}`}
      </span>
    </li>
  );
});

const decided = ({ decision, decided_by, decided_at }: Issue) =>
  decision && decided_at ? `${decision} by ${decided_by}, ${new Date(decided_at).toLocaleString()}` : (decision ?? "to review");

interface FiltersProps {
  overview: Overview;
  listing: Listing | null;
  undo: () => void;
}

function Filters({ overview, listing, undo }: FiltersProps) {
  const { filters } = store.useStored();
  const change = (part: Partial<store.Filters>) => store.narrow({ filters: { ...filters, ...part } });
  // Keys are for decisions again once an entry is picked
  const pick = (event: ChangeEvent<HTMLSelectElement>, part: Partial<store.Filters>) => {
    event.target.blur();
    change(part);
  };
  const toggleKind = (kind: string) => {
    const kinds = filters.kinds.includes(kind)
      ? filters.kinds.filter((each) => each !== kind)
      : [...filters.kinds, kind];
    change({ kinds });
  };
  const { progress, kinds = [], counts = {} } = listing ?? {};
  return (
    <div className="filters">
      {progress ? <ProgressBar {...progress} undo={undo} /> : <ClearFilters />}
      <div className="chips">
        {kinds.map(({ kind, name, color, precision, confirmed, dismissed }) => (
          <button
            key={kind}
            data-kind={kind}
            aria-pressed={filters.kinds.includes(kind)}
            title={precision === null ? "nothing decided yet" : `${confirmed} of ${confirmed + dismissed} decided were right`}
            onClick={() => toggleKind(kind)}
          >
            <i className="dot" style={{ background: color }} />
            {name} <span className="quiet">{counts[kind] ?? 0}</span>
          </button>
        ))}
      </div>
      <div className="row">
        <FieldSelect overview={overview} />
        {overview.sequences.length > 1 && (
          <select
            aria-label="Sequence"
            value={filters.sequence ?? ""}
            onChange={(event) => pick(event, { sequence: event.target.value || null })}
          >
            <option value="">all sequences</option>
            {overview.sequences.map(({ name, issues }) => (
              <option key={name} value={name}>
                {name} ({issues})
              </option>
            ))}
          </select>
        )}
        <select
          aria-label="State"
          value={filters.decision ?? ""}
          onChange={(event) => pick(event, { decision: (event.target.value || null) as store.Filters["decision"] })}
        >
          {STATES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
        <input
          type="number"
          min={0}
          placeholder="track"
          aria-label="Track"
          value={filters.track ?? ""}
          onChange={({ target: { value } }) => change({ track: value === "" ? null : Math.min(Math.max(0, Math.trunc(Number(value))), MOST) })}
          onKeyDown={({ key, currentTarget }) => ["Enter", "Escape"].includes(key) && currentTarget.blur()}
        />
        <label className="least" title="The least score">
          score ≥ {filters.least_score.toFixed(2)}
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            aria-label="Least score"
            value={filters.least_score}
            onChange={(event) => change({ least_score: Number(event.target.value) })}
          />
        </label>
        <label title="Only what the current view shows">
          <input
            type="checkbox"
            checked={filters.in_view}
            onChange={(event) => change({ in_view: event.target.checked })}
          />
          in view
        </label>
      </div>
    </div>
  );
}

function ClearFilters() {
  const { filters } = store.useStored();
  const isFiltered = JSON.stringify({ ...store.NO_FILTERS, ...filters }) !== JSON.stringify(store.NO_FILTERS);
  return isFiltered ? <button onClick={() => store.narrow({ filters: store.NO_FILTERS })}>Clear filters</button> : null;
}

function ProgressBar({ open, confirmed, dismissed, undo }: Progress & { undo: () => void }) {
  const { replaced, underWay } = store.useStored();
  return (
    <div className="progress" aria-busy={underWay > 0} data-testid="progress">
      <b>{open.toLocaleString("en")} to review</b>
      <span className="quiet">
        {confirmed} confirmed, {dismissed} dismissed
      </span>
      <meter aria-label="Decided" value={confirmed + dismissed} max={Math.max(1, confirmed + dismissed + open)} />
      <ClearFilters />
      <button
        className="undo"
        aria-label="Undo"
        title="Take back the last decision: Ctrl+Z"
        style={{ visibility: replaced.length ? "visible" : "hidden" }}
        onClick={undo}
      >
        ↶
      </button>
    </div>
  );
}
