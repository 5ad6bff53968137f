// SPDX-License-Identifier: Apache-2.0
// The menu of all ways to get issues corrected: here, or by annotators.

import { usePromptOperatorInput } from "@fiftyone/operators";
import React, { useEffect, useRef, useState } from "react";
import { useCall } from "./api";
import type { FixIssues } from "./decide";
import { NO_FILTERS } from "./session";
import * as store from "./state";
import type { Issue, Listing, Overview } from "./types";

const PLUGIN = "@track-audit/video";

/** The forms of the ways out: the operator, what is set in its form, and the text of the menu. */
const FORMS: [string, object, string][] = [
  ["export_adjustment_job", {}, "Ground Truth job…"],
  ["export_mot_sequences", { format: "cvat" }, "CVAT files…"],
  ["export_mot_sequences", { format: "mot" }, "MOT files…"],
  ["annotate_frames", {}, "Annotation backend…"],
];

export type Which = "confirmed" | "listed";

interface Props {
  overview: Overview;
  listing: Listing | null;
  fix: FixIssues;
  /** Opens the App's annotator at an issue. */
  edit: (issue: Issue) => void;
}

/** Send the confirmed issues, or those in the list, one of the ways. */
export function Send({ overview, listing, fix, edit }: Props) {
  const [open, setOpen] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const counts = { confirmed: listing?.progress.confirmed ?? 0, listed: listing?.to_send ?? 0 };
  const close = () => setOpen(false);
  return (
    <span className="send">
      {problem && <em className="problem">{problem}</em>}
      <button
        aria-expanded={open}
        disabled={!counts.confirmed && !counts.listed}
        onClick={() => {
          setProblem(null);
          setOpen(!open);
        }}
      >
        Send…
      </button>
      {open && <Menu {...{ overview, counts, fix, edit, close, setProblem }} />}
    </span>
  );
}

interface MenuProps extends Pick<Props, "overview" | "fix" | "edit"> {
  counts: Record<Which, number>;
  close: () => void;
  setProblem: (problem: string) => void;
}

function Menu({ overview, counts, fix, edit, close, setProblem }: MenuProps) {
  const call = useCall();
  const prompt = usePromptOperatorInput();
  const node = useRef<HTMLDivElement>(null);
  const [which, setWhich] = useState<Which>(counts.confirmed ? "confirmed" : "listed");
  useEffect(() => node.current?.focus(), []);
  const choose = (act: (issues: string[]) => void) => {
    close();
    const asked = { which, filters: store.get().filters };
    call<{ issues: string[] }>("find_to_send", asked).then(
      ({ issues }) => act(issues),
      (error: Error) => setProblem(error.message),
    );
  };
  const fixHere = (issues: string[]) => {
    store.set({ selected: issues, preview: null });
    fix(undefined, issues);
  };
  const editFirst = ([first]: string[]) => {
    // The list beside the annotator leads from one to the next
    if (which === "confirmed") store.narrow({ filters: { ...NO_FILTERS, decision: "confirmed" } });
    call<Listing>("list_issues", { ids: [first], limit: 1 }).then(
      ({ asked }) => edit(asked[0]),
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <div
      ref={node}
      role="menu"
      tabIndex={-1}
      className="menu"
      onBlur={({ relatedTarget }) => !node.current?.contains(relatedTarget) && close()}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      {(["confirmed", "listed"] as const).map((name) => (
        <label key={name} title={name === "listed" ? "Dismissed and fixed issues are not sent" : undefined}>
          <input
            type="radio"
            aria-label={`Send ${counts[name]} ${name}`}
            disabled={!counts[name]}
            checked={which === name}
            onChange={() => setWhich(name)}
          />
          {counts[name]} {name}
        </label>
      ))}
      <button role="menuitem" onClick={() => choose(fixHere)}>
        Fix here
      </button>
      <button role="menuitem" onClick={() => choose(editFirst)}>
        The App's annotator
      </button>
      {FORMS.map(([operator, values, text]) => (
        <button
          key={text}
          role="menuitem"
          onClick={() =>
            choose((issues) =>
              prompt(`${PLUGIN}/${operator}`, { issues, label_field: overview.label_field, ...values }),
            )
          }
        >
          {text}
        </button>
      ))}
      <p className="quiet">The forms can send only the tracks in question.</p>
    </div>
  );
}
