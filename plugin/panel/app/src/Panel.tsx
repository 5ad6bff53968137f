// SPDX-License-Identifier: Apache-2.0
// The panel: the list of issues, and beside it the chosen one, a timeline, or thresholds.

import { usePromptOperatorInput } from "@fiftyone/operators";
import { datasetName, theme, view } from "@fiftyone/state";
import React, { useCallback, useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";
import { CallContext, useAhead, useAnswer, useMethods } from "./api";
import { findIssue, findNext, isSame, useDecide, useSavedViews } from "./decide";
import { FieldSelect } from "./FieldSelect";
import { IssueList } from "./IssueList";
import { IssueView } from "./IssueView";
import { useKeys } from "./keys";
import { useFollow, useTarget, useWaiting } from "./player";
import { Problem } from "./Problem";
import { Send } from "./Send";
import * as store from "./state";
import style from "./style.css";
import { ThresholdsView } from "./ThresholdsView";
import { TimelineView } from "./TimelineView";
import type { Details, Issue, Listing, Overview } from "./types";

const TABS: [store.Tab, string][] = [
  ["issue", "Issue"],
  ["timeline", "Timeline"],
  ["thresholds", "Thresholds"],
];

interface Props {
  id: string;
  schema: { view: Record<string, string> };
  layout?: { height?: number };
}

export function TrackAuditView({ id, schema, layout }: Props) {
  const call = useMethods(id, schema.view);
  const dataset = useRecoilValue(datasetName);
  const scheme = useRecoilValue(theme);
  useEffect(() => {
    if (dataset) store.open(dataset);
  }, [dataset]);
  return (
    <CallContext.Provider value={call}>
      <style>{style}</style>
      <div className={`track-audit ${scheme}`} style={{ height: layout?.height ?? "100%" }} data-testid="track-audit">
        <Content />
      </div>
    </CallContext.Provider>
  );
}

function Content() {
  const { dataset, field, version } = store.useStored();
  const { answer, problem } = useAnswer<Overview>(dataset ? "load" : null, { label_field: field, dataset }, version);
  if (problem || !answer) return <div className="notice">{problem ? <Problem text={problem} /> : "Loading …"}</div>;
  if (answer.status !== "ready") return <NotYet overview={answer} />;
  return <Review overview={answer} />;
}

function NotYet({ overview }: { overview: Overview }) {
  const prompt = usePromptOperatorInput();
  const { operator } = overview;
  return (
    <div className="notice">
      <FieldSelect overview={overview} />
      <p>{overview.message}</p>
      {operator && (
        <button
          className="primary"
          onClick={() => prompt(operator, { label_field: overview.label_field ?? undefined }, { callback: store.reload })}
        >
          {overview.status === "no_tracks" ? "Import sequences" : "Audit tracks"}
        </button>
      )}
    </div>
  );
}

/** The issues that are chosen: the list has them whatever page they are on, or no more. */
const known = () => {
  const { chosen, selected } = store.get();
  return { ids: chosen ? [chosen, ...selected] : selected };
};

/** Keeps to issues that there are: where an audit replaced the chosen one, to the same mistake. */
function useChoice(listing: Listing | null): void {
  const { chosen } = store.useStored();
  const mistake = useRef<Issue | undefined>();
  useEffect(() => {
    mistake.current = findIssue(listing, chosen) ?? mistake.current;
  }, [listing, chosen]);
  useEffect(() => {
    if (!listing) return;
    const { chosen, selected } = store.get();
    const gone = new Set(listing.gone);
    if (selected.some((id) => gone.has(id))) store.set({ selected: selected.filter((id) => !gone.has(id)) });
    if (chosen && !gone.has(chosen)) return;
    const next =
      listing.issues.find((issue) => chosen && isSame(issue, mistake.current)) ??
      listing.issues.find(({ decision }) => !decision) ??
      listing.issues[0];
    store.set({ chosen: next?.id ?? null });
  }, [listing]);
}

function Review({ overview }: { overview: Overview }) {
  const { chosen, filters, limit, tab, version, decisions, field } = store.useStored();
  const shown = useRecoilValue(view);
  const stages = filters.in_view ? JSON.stringify(shown) : "";
  const { answer: listing, problem } = useAnswer<Listing>(
    "list_issues",
    { ...filters, stages, field, limit },
    version + decisions,
    known,
  );
  const { answer, late, problem: trouble } = useAnswer<Details>(chosen ? "show_issue" : null, { id: chosen }, version);
  const details = late || trouble ? null : answer;
  const next = findNext(listing, chosen, 1, true);
  useAhead("show_issue", details && next ? { id: next.id } : null, version);
  const root = useRef<HTMLDivElement>(null);
  const follow = useFollow();
  const choose = useCallback(
    (issue: Issue) => {
      store.set({ chosen: issue.id, tab: "issue" });
      follow(
        overview.sequences.find(({ name }) => name === issue.sequence),
        issue.first_frame,
      );
    },
    [follow, overview],
  );
  // A key decides what is seen, never what is still on its way
  const { decide, step, undo } = useDecide(listing, !late && tab === "issue" ? chosen : null, choose);
  useChoice(listing);
  useSavedViews();
  useTarget();
  useWaiting();

  useKeys(root, {
    j: () => step(1),
    k: () => step(-1),
    c: () => decide("confirmed"),
    x: () => decide("dismissed"),
    u: () => decide(null),
    "Ctrl+z": undo,
  });

  const kinds = listing?.kinds ?? [];
  const issue = findIssue(listing, chosen) ?? details?.issue;
  return (
    <div className="review" ref={root} tabIndex={-1}>
      <IssueList overview={overview} listing={listing} problem={problem} choose={choose} decide={decide} undo={undo} />
      <main>
        <nav>
          {TABS.map(([name, title]) => (
            <button key={name} aria-pressed={tab === name} onClick={() => store.set({ tab: name })}>
              {title}
            </button>
          ))}
          <Send overview={overview} listing={listing} />
        </nav>
        <div className="page">
          {tab === "issue" && (
            <IssueView
              overview={overview}
              kind={kinds.find(({ kind }) => kind === issue?.kind)}
              issue={issue}
              ready={!late}
              details={details}
              problem={late ? null : trouble}
              decide={decide}
              step={step}
            />
          )}
          {tab === "timeline" && <TimelineView overview={overview} kinds={kinds} />}
          {tab === "thresholds" && <ThresholdsView overview={overview} kinds={kinds} />}
        </div>
      </main>
    </div>
  );
}
