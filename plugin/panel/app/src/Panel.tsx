// SPDX-License-Identifier: Apache-2.0
// The panel: the list of issues, and beside it the chosen one, a timeline, or thresholds.

import { usePromptOperatorInput } from "@fiftyone/operators";
import { datasetName, filters as sidebar, refresher, theme, view } from "@fiftyone/state";
import React, { useCallback, useEffect, useMemo, useRef } from "react";
import { useRecoilValue } from "recoil";
import { CallContext, useAhead, useAnswer, useMethods } from "./api";
import { findIssue, findNext, isSame, useDecide, useSavedViews, withPending } from "./decide";
import { FieldSelect } from "./FieldSelect";
import { IssueList } from "./IssueList";
import { IssueView } from "./IssueView";
import { useKeys } from "./keys";
import { Marks } from "./mark";
import { useFollow, useTarget, useWaiting } from "./player";
import { Problem } from "./Problem";
import { Send } from "./Send";
import * as store from "./state";
import style from "./style.css";
import { ThresholdsView } from "./ThresholdsView";
import { TimelineView } from "./TimelineView";
import type { Decision, Details, Issue, Listing, Overview } from "./types";

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
  const refreshed = useRecoilValue(refresher);
  const { dataset: opened } = store.useStored();
  useEffect(() => {
    if (dataset) store.open(dataset);
  }, [dataset]);
  useEffect(() => store.refresh(refreshed), [refreshed]);
  return (
    <CallContext.Provider value={call}>
      <style>{style}</style>
      <div className={`track-audit ${scheme}`} style={{ height: layout?.height ?? "100%" }} data-testid="track-audit">
        {dataset && opened === dataset && <Content key={dataset} dataset={dataset} />}
      </div>
    </CallContext.Provider>
  );
}

function Content({ dataset }: { dataset: string }) {
  const { field, filters, version } = store.useStored();
  const { answer, problem, late } = useAnswer<Overview>("load", { label_field: field, dataset }, version);
  const found = answer?.label_field ?? null;
  const isOther = found !== field;
  useEffect(() => {
    if (!answer || late) return;
    // What was remembered may be gone
    if (isOther) store.set({ field: found });
    const isGone = filters.sequence && !answer.sequences?.some(({ name }) => name === filters.sequence);
    if (isGone) store.narrow({ filters: { ...filters, sequence: null } });
  }, [answer, late, isOther, found, filters]);
  if (problem) return <div className="notice"><Problem text={problem} /></div>;
  if (!answer || isOther) return <div className="notice">Loading …</div>;
  if (answer.status !== "ready") return <NotYet overview={answer} />;
  return <Review key={found} overview={answer} />;
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
    const kept = selected.filter((id) => findIssue(listing, id));
    if (kept.length < selected.length) store.set({ selected: kept });
    if (chosen && !listing.gone.includes(chosen)) return;
    const next =
      listing.issues.find((issue) => chosen && isSame(issue, mistake.current)) ??
      listing.issues.find(({ decision }) => !decision) ??
      listing.issues[0];
    store.set({ chosen: next?.id ?? null });
  }, [listing]);
}

/** Lists more before the chosen issue is the last one that is listed. */
function useMore(listing: Listing | null, chosen: string | null): void {
  useEffect(() => {
    const { issues = [], total = 0 } = listing ?? {};
    const at = issues.findIndex(({ id }) => id === chosen);
    if (at >= issues.length - store.PAGE / 2 && issues.length < total) store.grow(issues.length);
  }, [listing, chosen]);
}

/** Shows the issue that a key is about, or that it is still on its way: the key did nothing. */
function showFirst(panel: HTMLElement | null): void {
  store.set({ tab: "issue" });
  panel?.querySelector(".waiting")?.animate({ opacity: [0.1, 1] }, { duration: 400 });
}

function Review({ overview }: { overview: Overview }) {
  const { chosen, filters, limit, tab, version, decisions, pending, underWay } = store.useStored();
  const shown = [useRecoilValue(view), useRecoilValue(sidebar)];
  const listed = useAnswer<Listing>(
    "list_issues",
    { ...filters, stages: filters.in_view ? JSON.stringify(shown) : "", limit },
    version + decisions,
    known,
  );
  const listing = useMemo(() => withPending(listed.answer, pending), [listed.answer, pending]);
  useEffect(() => {
    if (!listed.late && !underWay && Object.keys(pending).length) store.set({ pending: {} });
  }, [listed.late, underWay, pending]);
  const { answer, late, problem: trouble } = useAnswer<Details>(chosen ? "show_issue" : null, { id: chosen }, version);
  const details = late || trouble ? null : answer;
  const next = findNext(listing, chosen, 1, true);
  useAhead("show_issue", details && next ? { id: next.id } : null, version);
  const root = useRef<HTMLDivElement>(null);
  const follow = useFollow();
  const sequenceOf = useCallback(
    (issue: Issue | undefined) => overview.sequences.find(({ name }) => name === issue?.sequence),
    [overview],
  );
  const choose = useCallback(
    (issue: Issue) => {
      store.set({ chosen: issue.id, tab: "issue" });
      follow(sequenceOf(issue), issue.first_frame, issue.id);
    },
    [follow, sequenceOf],
  );
  const issue = findIssue(listing, chosen) ?? details?.issue;
  // A key decides what is seen, never what is still on its way
  const { decide, step, undo } = useDecide(listing, !late && tab === "issue" ? issue : undefined, choose);
  useChoice(listed.answer);
  useMore(listing, chosen);
  useSavedViews();
  useTarget();
  useWaiting();

  const { replaced } = store.useStored();
  const press = (decision: Decision | null) => () => decide(decision) || showFirst(root.current);
  useKeys(root, {
    j: () => step(1),
    k: () => step(-1),
    c: press("confirmed"),
    x: press("dismissed"),
    u: press(null),
    "Ctrl+z": replaced.length ? undo : null,
  });

  const kinds = listing?.kinds ?? [];
  return (
    <div className="review" ref={root} tabIndex={-1}>
      <IssueList overview={overview} listing={listing} problem={listed.problem} choose={choose} decide={decide} undo={undo} />
      <Marks panel={root} plot={details?.plot} sequence={sequenceOf(issue)} />
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
              sequence={sequenceOf(issue)}
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
