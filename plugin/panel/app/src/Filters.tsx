// SPDX-License-Identifier: Apache-2.0
// The filters above the list of issues, and the progress of the review.

import React from "react";
import { FieldSelect, Select, SequenceSelect } from "./Select";
import { type Filters as FilterValues, MAX_TRACK, NO_FILTERS, type Order } from "./session";
import * as store from "./state";
import { describePrecision, formatCount } from "./text";
import type { Listing, Overview, Progress } from "./types";

const STATES: [string, string][] = [
  ["", "all"],
  ["open", "to review"],
  ["confirmed", "confirmed"],
  ["dismissed", "dismissed"],
  ["fixed", "fixed"],
];

const ORDERS: [string, string][] = [
  ["score", "worst first"],
  ["time", "by time"],
];

const change = (part: Partial<FilterValues>) => store.narrow({ filters: { ...store.get().filters, ...part } });

interface Props {
  overview: Overview;
  listing: Listing | null;
  undo: () => void;
}

export function Filters({ overview, listing, undo }: Props) {
  const { filters, order } = store.useStored();
  return (
    <div className="filters">
      {listing ? <ProgressBar {...listing.progress} undo={undo} /> : <ClearFilters />}
      <KindChips listing={listing} />
      <div className="row">
        <FieldSelect overview={overview} />
        <SequenceSelect
          sequences={overview.sequences}
          all
          value={filters.sequence ?? ""}
          pick={(name) => change({ sequence: name || null })}
        />
        <Select
          label="State"
          value={filters.decision ?? ""}
          options={STATES}
          pick={(name) => change({ decision: (name || null) as FilterValues["decision"] })}
        />
        <Select label="Order" value={order} options={ORDERS} pick={(name) => store.narrow({ order: name as Order })} />
        <TrackInput track={filters.track} />
        <label className="least" title="Minimum score">
          ≥ {filters.least_score.toFixed(2)}
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            aria-label="Minimum score"
            value={filters.least_score}
            onChange={({ target }) => change({ least_score: Number(target.value) })}
          />
        </label>
        <label title="List only issues in the App's current view">
          <input
            type="checkbox"
            checked={filters.in_view}
            onChange={({ target }) => {
              if (target.checked) store.set({ samples: false });
              change({ in_view: target.checked });
            }}
          />
          in view
        </label>
        <Samples />
      </div>
    </div>
  );
}

/** Filter the App's grid as the list, or show all samples in it. */
function Samples() {
  const { samples } = store.useStored();
  return (
    <label title="Show the listed issues in the App's grid">
      <input
        type="checkbox"
        checked={samples}
        onChange={({ target }) => {
          // A list of what the grid shows and a grid of what the list shows would wait for each other
          if (target.checked) change({ in_view: false });
          store.set({ samples: target.checked });
        }}
      />
      in grid
    </label>
  );
}

function KindChips({ listing }: { listing: Listing | null }) {
  const chosen = store.useStored().filters.kinds;
  const toggle = (kind: string) =>
    change({
      kinds: chosen.includes(kind) ? chosen.filter((each) => each !== kind) : [...chosen, kind],
    });
  return (
    <div className="chips">
      {listing?.kinds.map((each) => (
        <button
          key={each.kind}
          data-kind={each.kind}
          aria-pressed={chosen.includes(each.kind)}
          title={describePrecision(each)}
          onClick={() => toggle(each.kind)}
        >
          <i className="dot" style={{ background: each.color }} />
          {each.name} <span className="quiet">{listing.counts[each.kind] ?? 0}</span>
        </button>
      ))}
    </div>
  );
}

const TrackInput = ({ track }: { track: number | null }) => (
  <input
    type="number"
    min={0}
    placeholder="track"
    aria-label="Track"
    value={track ?? ""}
    onChange={({ target: { value } }) => {
      const id = Math.min(Math.max(0, Math.trunc(Number(value))), MAX_TRACK);
      change({ track: value === "" ? null : id });
    }}
    onKeyDown={({ key, currentTarget }) => ["Enter", "Escape"].includes(key) && currentTarget.blur()}
  />
);

function ClearFilters() {
  const { filters } = store.useStored();
  const isFiltered = JSON.stringify(filters) !== JSON.stringify(NO_FILTERS);
  if (!isFiltered) return null;
  return <button onClick={() => store.narrow({ filters: NO_FILTERS })}>Clear filters</button>;
}

function ProgressBar({ open, confirmed, dismissed, fixed, undo }: Progress & { undo: () => void }) {
  const { replaced, underWay } = store.useStored();
  const decided = confirmed + dismissed + fixed;
  return (
    <div className="progress" aria-busy={underWay > 0} data-testid="progress">
      <b>
        {formatCount(open)} to review{" "}
        <button
          aria-label="Report a mistake"
          title="Report a mistake that no audit found (r)"
          onClick={() => store.set({ reporting: true })}
        >
          +
        </button>
      </b>
      <span className="quiet">
        {confirmed} confirmed, {dismissed} dismissed{fixed > 0 && `, ${fixed} fixed`}
      </span>
      <meter aria-label="Reviewed" value={decided} max={Math.max(1, decided + open)} />
      <ClearFilters />
      <button
        className="undo"
        aria-label="Undo"
        title="Undo the last decision or fix (Ctrl+Z)"
        style={{ visibility: replaced.length ? "visible" : "hidden" }}
        onClick={undo}
      >
        ↶
      </button>
    </div>
  );
}
