// SPDX-License-Identifier: Apache-2.0
// The listed issues as pictures, to decide many at once.

import React, { useState } from "react";
import { useAnswer } from "./api";
import { CropImage } from "./Crops";
import type { Decide, FixIssues } from "./decide";
import { Selection, useToggle } from "./IssueList";
import { Problem } from "./Problem";
import * as store from "./state";
import { formatCount, formatTracks } from "./text";
import type { Crop, Issue, Listing } from "./types";

/** The number of issues on a page. */
const CARDS = 30;

interface Props {
  listing: Listing | null;
  choose: (issue: Issue) => void;
  decide: Decide;
  fix: FixIssues;
}

/** A page of issues, one picture each. A click selects an issue, and a double click shows it. */
export function GridView({ listing, choose, decide, fix }: Props) {
  const { version, selected } = store.useStored();
  const [page, setPage] = useState(0);
  const { issues = [], total = 0, kinds = [] } = listing ?? {};
  const first = Math.min(page * CARDS, Math.max(0, Math.ceil(issues.length / CARDS) - 1) * CARDS);
  const shown = issues.slice(first, first + CARDS);
  const ids = shown.map(({ id }) => id);
  const wanted = { ids };
  const { answer, problem } = useAnswer<{ cards: Record<string, Crop | null> }>(
    ids.length ? "show_cards" : null,
    wanted,
    version,
  );
  const toggle = useToggle(listing);
  const colors = Object.fromEntries(kinds.map(({ kind, color }) => [kind, color]));
  const turn = (by: number) => {
    // The next page may not be listed yet
    if (first + 2 * CARDS > issues.length) store.grow(issues.length);
    setPage(first / CARDS + by);
  };
  const rest = ids.filter((id) => !selected.includes(id));
  return (
    <section className="grid" data-testid="grid">
      <div className="row">
        <button disabled={!first} aria-label="Previous page" onClick={() => turn(-1)}>
          ‹
        </button>
        <span>
          {total ? `${first + 1}–${first + shown.length} of ${formatCount(total)}` : "No issues match the filters."}
        </span>
        <button disabled={first + CARDS >= total} aria-label="Next page" onClick={() => turn(1)}>
          ›
        </button>
        <button onClick={() => store.set({ selected: rest.length ? [...selected, ...rest] : [] })}>
          {rest.length ? "Select all" : "Select none"}
        </button>
      </div>
      {selected.length > 0 && <Selection count={selected.length} decide={decide} fix={fix} />}
      {problem && <Problem text={problem} />}
      <div className="cards">
        {shown.map((issue) => (
          <Card
            key={issue.id}
            issue={issue}
            color={colors[issue.kind]}
            crop={answer?.cards[issue.id]}
            selected={selected.includes(issue.id)}
            {...{ toggle, choose }}
          />
        ))}
      </div>
    </section>
  );
}

interface CardProps {
  issue: Issue;
  color: string;
  crop: Crop | null | undefined;
  selected: boolean;
  toggle: (id: string, range: boolean) => void;
  choose: (issue: Issue) => void;
}

const Card = ({ issue, color, crop, selected, toggle, choose }: CardProps) => (
  <button
    className={`card ${issue.decision ?? ""}`}
    aria-pressed={selected}
    data-testid="card"
    data-id={issue.id}
    title={issue.reason ?? issue.name}
    onClick={({ shiftKey }) => toggle(issue.id, shiftKey)}
    onDoubleClick={() => choose(issue)}
  >
    <span className="picture">
      {crop ? <CropImage crop={crop} /> : <i className="quiet">{crop === null && "–"}</i>}
    </span>
    <span className="kind">
      <i className="dot" style={{ background: color }} />
      {issue.name}
    </span>
    <small className="quiet">
      {formatTracks(issue)} · {issue.decision ?? issue.peak_frame}
    </small>
  </button>
);
