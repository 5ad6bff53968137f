// SPDX-License-Identifier: Apache-2.0
// The list of issues, the highest scores first or by sequence and frame.

import React, { useCallback, useEffect, useRef } from "react";
import type { Decide, FixIssues } from "./decide";
import { Filters } from "./Filters";
import { toggleSelected } from "./issues";
import { Problem } from "./Problem";
import * as store from "./state";
import { describeDecision, formatCount, formatFrames, formatScore, formatTracks } from "./text";
import type { Issue, Listing, Overview } from "./types";

const MARKS = { confirmed: "✓", dismissed: "✕", fixed: "✎" };

interface Props {
  overview: Overview;
  listing: Listing | null;
  problem: string | null;
  choose: (issue: Issue) => void;
  decide: Decide;
  fix: FixIssues;
  undo: () => void;
}

/** Return the function that selects or deselects an issue or, with Shift, selects a range. */
export function useToggle(listing: Listing | null) {
  const before = useRef<string | null>(null);
  return useCallback(
    (id: string, range: boolean) => {
      const listed = listing?.issues.map((issue) => issue.id) ?? [];
      const from = range ? before.current : null;
      store.set({ selected: toggleSelected(store.get().selected, listed, id, from) });
      before.current = id;
    },
    [listing],
  );
}

export function IssueList({ overview, listing, problem, choose, decide, fix, undo }: Props) {
  const { chosen, selected, failure, tab } = store.useStored();
  const { issues = [], total = 0, kinds = [], learned = "" } = listing ?? {};
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  }, [chosen, total]);
  const toggle = useToggle(listing);
  const colors = Object.fromEntries(kinds.map(({ kind, color }) => [kind, color]));
  return (
    <aside>
      <Filters overview={overview} listing={listing} undo={undo} />
      {problem && <Problem text={problem} />}
      {failure && <Problem text={failure} action="Close" run={() => store.set({ failure: null })} />}
      {learned && (
        <p className="quiet" data-testid="learned">
          {learned}
        </p>
      )}
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
        {listing && !issues.length && <li className="quiet">No issues match the filters</li>}
        {issues.length < total && <More key={issues.length} listed={issues.length} total={total} />}
      </ol>
      {selected.length > 0 && tab !== "grid" && <Selection count={selected.length} decide={decide} fix={fix} />}
    </aside>
  );
}

/** The buttons that decide or fix all selected issues. */
export const Selection = ({ count, decide, fix }: { count: number } & Pick<Props, "decide" | "fix">) => (
  <div className="selection">
    <FixPreview fix={fix} />
    <b>{count} selected</b>
    <button onClick={() => fix()}>
      Fix <kbd>f</kbd>
    </button>
    <button onClick={() => decide("confirmed")}>
      Confirm <kbd>c</kbd>
    </button>
    <button onClick={() => decide("dismissed")}>
      Dismiss <kbd>x</kbd>
    </button>
    <button onClick={() => decide(null)}>
      Reopen <kbd>u</kbd>
    </button>
    <button onClick={() => store.set({ selected: [], preview: null })}>Clear</button>
  </div>
);

/** What fixing the selected issues would change, until the user agrees. */
function FixPreview({ fix }: { fix: FixIssues }) {
  const { preview, selected } = store.useStored();
  if (!preview || preview.ids.join() !== selected.join()) return null;
  return (
    <p className="preview" role="status" data-testid="preview">
      {preview.message}
      <button onClick={() => fix()}>Apply</button>
      <button onClick={() => store.set({ preview: null })}>Cancel</button>
    </p>
  );
}

/** The end of the list, which loads another page when it scrolls into view. */
function More({ listed, total }: { listed: number; total: number }) {
  const node = useRef<HTMLLIElement>(null);
  useEffect(() => {
    const watcher = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && store.grow(listed));
    if (node.current) watcher.observe(node.current);
    return () => watcher.disconnect();
  }, [listed]);
  return (
    <li ref={node} className="quiet">
      {formatCount(total)} issues in total
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

const Row = React.memo(function Row(props: RowProps) {
  const { issue, color, chosen, selected, several, choose, toggle } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys j and k step through the list
    <li
      className={chosen ? "chosen" : issue.decision ? "decided" : ""}
      aria-current={chosen}
      data-testid="issue"
      data-id={issue.id}
      onClick={() => choose(issue)}
    >
      <input
        type="checkbox"
        aria-label={`Select ${issue.name}, ${formatTracks(issue)}, frame ${issue.first_frame}`}
        checked={selected}
        onClick={(event) => {
          event.stopPropagation();
          toggle(issue.id, event.shiftKey);
        }}
        readOnly
      />
      <i className="dot" style={{ background: color }} />
      <span className="kind">{issue.name}</span>
      <span className={`mark ${issue.decision ?? ""}`} title={describeDecision(issue)}>
        {issue.decision ? MARKS[issue.decision] : ""}
      </span>
      <span className="score" title={`Score ${formatScore(issue.score)}`}>
        <i style={{ width: `${100 * (issue.score ?? 0)}%`, background: color }} />
      </span>
      <span className="where" title={issue.sequence}>
        {formatTracks(issue)} · {formatFrames(issue.first_frame, issue.last_frame)}
        {several && ` · ${issue.sequence}`}
      </span>
    </li>
  );
});
