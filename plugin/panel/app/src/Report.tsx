// SPDX-License-Identifier: Apache-2.0
// The form in which a reviewer reports a mistake that no audit found.

import React, { useState } from "react";
import { useCall } from "./api";
import { Problem } from "./Problem";
import { Select } from "./Select";
import * as store from "./state";
import type { Overview } from "./types";

interface Props {
  overview: Overview;
  /** What the form suggests. */
  sequence: string | undefined;
  track: number | undefined;
  frame: number;
}

/** Report a mistake of a track in some frames, while the form is open. */
export function Report({ overview, sequence, track, frame }: Props) {
  const { reporting } = store.useStored();
  if (!reporting) return null;
  return <Form {...{ overview, sequence, track, frame }} />;
}

function Form({ overview, sequence, track, frame }: Props) {
  const call = useCall();
  const [problem, setProblem] = useState<string | null>(null);
  const [name, setName] = useState(sequence ?? overview.sequences[0]?.name ?? "");
  const close = () => store.set({ reporting: false });
  const submit = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const whole = (key: string) => Math.trunc(Number(given.get(key)));
    const place = { sequence: name, track: whole("track"), first: whole("first"), last: whole("last") };
    const { dataset } = store.get();
    call<{ id: string }>("report", { ...place, note: String(given.get("note")), dataset }).then(
      ({ id }) => {
        store.set({ reporting: false, chosen: id, tab: "issue" });
        store.relist();
      },
      (error: Error) => setProblem(error.message),
    );
  };
  const number = (key: string, label: string, value: number | undefined, min: number) => (
    <label>
      {label}
      <input type="number" name={key} aria-label={label} min={min} required defaultValue={value} />
    </label>
  );
  return (
    <form
      className="help"
      data-testid="report"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <h2>Report a mistake</h2>
      {overview.sequences.length > 1 && (
        <Select
          label="Sequence of the mistake"
          value={name}
          options={overview.sequences.map((each) => [each.name, each.name])}
          pick={setName}
        />
      )}
      <div className="row">
        {number("track", "Track of the mistake", track, 0)}
        {number("first", "First frame", frame, 1)}
        {number("last", "Last frame", frame, 1)}
      </div>
      <input type="text" name="note" aria-label="What is wrong" placeholder="What is wrong" required />
      {problem && <Problem text={problem} />}
      <div className="row">
        <button className="primary" type="submit">
          Report
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
