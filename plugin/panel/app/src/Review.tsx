// SPDX-License-Identifier: Apache-2.0
// The review: the list of issues and, beside it, one issue, the timeline or the thresholds.

import { filters as sidebar, useModalMode, view } from "@fiftyone/state";
import React, { type RefObject, useCallback, useEffect, useMemo, useRef } from "react";
import { useRecoilValue } from "recoil";
import { useAnnotate, useAnnotating, useJudge, useSelect } from "./annotate";
import { AnnotatorClock } from "./annotator";
import { useAnswer, usePrefetch } from "./api";
import { useOpenedClip } from "./clip";
import { type FixIssues, useDecide } from "./decide";
import { GridView } from "./GridView";
import { Help } from "./Help";
import { IssueList } from "./IssueList";
import { IssueView } from "./IssueView";
import { findIssue, findNext, findReplacement, withPending } from "./issues";
import { useKeys } from "./keys";
import { useLoop } from "./loop";
import { Marks } from "./mark";
import {
  useClose,
  useFollow,
  useGo,
  useOpenLooker,
  usePlayerLooker,
  usePlayhead,
  useTarget,
  useWaiting,
} from "./player";
import { QualityView } from "./QualityView";
import { Report } from "./Report";
import { Send } from "./Send";
import { useSamples } from "./samples";
import { useSavedViews } from "./savedViews";
import { PAGE, type Tab } from "./session";
import { useOthers, useSolo } from "./solo";
import * as store from "./state";
import { ThresholdsView } from "./ThresholdsView";
import { TimelineView } from "./TimelineView";
import { useThumbnails } from "./thumbnails";
import type { Decision, Details, Issue, Listing, Overview } from "./types";
import { useWatch } from "./watch";

const TABS: [Tab, string][] = [
  ["issue", "Issue"],
  ["grid", "Grid"],
  ["timeline", "Timeline"],
  ["thresholds", "Thresholds"],
  ["quality", "Quality"],
];

/** Return the IDs that the list has to describe even if they are on a later page. */
const knownIds = () => {
  const { chosen, selected } = store.get();
  return { ids: chosen ? [chosen, ...selected] : selected };
};

/** List the issues that match the filters, with the decisions that are being stored. */
function useListing() {
  const { filters, order, limit, version, decisions, pending, underWay } = store.useStored();
  const shown = [useRecoilValue(view), useRecoilValue(sidebar)];
  const { answer, late, problem } = useAnswer<Listing>(
    "list_issues",
    { ...filters, stages: filters.in_view ? JSON.stringify(shown) : "", order, limit },
    version + decisions,
    knownIds,
  );
  useEffect(() => {
    if (!late && !underWay && Object.keys(pending).length) store.set({ pending: {} });
  }, [late, underWay, pending]);
  useChoice(answer);
  const listing = useMemo(() => withPending(answer, pending), [answer, pending]);
  return { listing, problem };
}

/** Deselect issues that no longer exist, and show another one if the chosen one is among them. */
function useChoice(listing: Listing | null): void {
  const { chosen } = store.useStored();
  const before = useRef<Issue | undefined>();
  useEffect(() => {
    before.current = findIssue(listing, chosen) ?? before.current;
  }, [listing, chosen]);
  useEffect(() => {
    if (!listing) return;
    const { chosen, aside, selected } = store.get();
    const kept = selected.filter((id) => findIssue(listing, id));
    if (kept.length < selected.length) store.set({ selected: kept });
    if (chosen && !listing.gone.includes(chosen)) return;
    if (chosen && chosen === aside) return;
    store.set({ chosen: findReplacement(listing, before.current)?.id ?? null });
  }, [listing]);
}

/** List another page when the chosen issue gets close to the end of the list. */
function useMore(listing: Listing | null): void {
  const { chosen } = store.useStored();
  useEffect(() => {
    const { issues = [], total = 0 } = listing ?? {};
    const at = issues.findIndex(({ id }) => id === chosen);
    if (at >= issues.length - PAGE / 2 && issues.length < total) store.grow(issues.length);
  }, [listing, chosen]);
}

/** Load the chosen issue's details, and then in advance those of the next one to review. */
function useDetails(listing: Listing | null) {
  const { chosen, context, window, trailing, version } = store.useStored();
  const how = { context, window, trailing };
  const wanted = { id: chosen, ...how };
  const { answer, late, problem } = useAnswer<Details>(chosen ? "show_issue" : null, wanted, version);
  const details = late || problem ? null : answer;
  const next = findNext(listing, chosen, 1, true);
  usePrefetch("show_issue", details && next ? { id: next.id, ...how } : null, version);
  return { details, ready: !late, problem: late ? null : problem };
}

/** Show the issue that a key was meant for, and blink if it is still loading. */
function showFirst(panel: HTMLElement | null): void {
  store.set({ tab: "issue" });
  panel?.querySelector(".waiting")?.animate({ opacity: [0.1, 1] }, { duration: 400 });
}

function useShortcuts(
  panel: RefObject<HTMLElement>,
  actions: ReturnType<typeof useDecide>,
  open: (() => void) | null,
  annotate: (() => void) | null,
): void {
  const { decide, fix, step, undo } = actions;
  const { replaced, solo, loop, help } = store.useStored();
  const isOpen = useOpenLooker() !== null;
  const isPlayer = usePlayerLooker() !== null;
  const close = useClose();
  const press = (decision: Decision | null) => () => decide(decision) || showFirst(panel.current);
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    c: press("confirmed"),
    x: press("dismissed"),
    u: press(null),
    f: () => fix() || showFirst(panel.current),
    "Ctrl+z": replaced.length ? undo : null,
    n: () => store.set({ noting: true, tab: "issue" }),
    r: () => store.set({ reporting: true }),
    v: open,
    e: annotate,
    o: isOpen ? () => store.set({ solo: !solo }) : null,
    l: isPlayer ? () => store.set({ loop: !loop }) : null,
    "?": () => store.set({ help: !help }),
    escape: help ? () => store.set({ help: false }) : close,
  };
  useKeys(panel, keys, useModalMode() === "annotate");
}

export function Review({ overview }: { overview: Overview }) {
  const { chosen, tab } = store.useStored();
  const root = useRef<HTMLDivElement>(null);
  const { listing, problem } = useListing();
  const shown = useDetails(listing);
  const issue = findIssue(listing, chosen) ?? shown.details?.issue;
  const follow = useFollow();
  const sequenceOf = useCallback(
    (issue: Issue | undefined) => overview.sequences.find(({ name }) => name === issue?.sequence),
    [overview],
  );
  const choose = useCallback(
    (issue: Issue) => {
      store.set({ chosen: issue.id, tab: "issue" });
      follow(sequenceOf(issue), issue.peak_frame, issue.id);
    },
    [follow, sequenceOf],
  );
  // A key decides only an issue that the user can see
  const seen = shown.ready && tab === "issue" ? issue : undefined;
  const actions = useDecide(listing, seen, choose);
  useMore(listing);
  useSavedViews();
  useWatch();
  useSamples();
  useOpenedClip(listing);
  useTarget();
  useWaiting();
  const sequence = sequenceOf(issue);
  const playhead = usePlayhead(sequence);
  const go = useGo();
  const begin = useAnnotate();
  const annotate = issue && seen ? () => begin(sequence, issue) : null;
  const edit = (issue: Issue) => {
    store.set({ chosen: issue.id, tab: "issue" });
    begin(sequenceOf(issue), issue);
  };
  useShortcuts(root, actions, issue ? () => go(sequence, issue.peak_frame, issue.id) : null, annotate);
  useSelect();
  useAnnotating();
  useSolo(root, shown.details, overview.label_field);
  useThumbnails(overview.by_index ? overview.label_field : null);
  const others = useOthers(issue);
  useLoop(root, issue, sequence);

  const kinds = listing?.kinds ?? [];
  const kind = kinds.find(({ kind }) => kind === issue?.kind);
  return (
    <div className="review" ref={root} tabIndex={-1}>
      <IssueList {...{ overview, listing, problem, choose, ...actions }} />
      <Help />
      <AnnotatorClock />
      <Report
        overview={overview}
        sequence={sequence?.name}
        track={issue && issue.track >= 0 ? issue.track : undefined}
        frame={playhead ?? issue?.peak_frame ?? 1}
      />
      <Marks panel={root} plot={shown.details?.plot} sequence={sequence} others={others} />
      <main>
        {overview.message && <Banner overview={overview} />}
        <Tabs {...{ overview, listing, edit }} fix={actions.fix} />
        <div className="page">
          {tab === "issue" && <IssueView {...{ sequence, kind, issue, annotate, ...shown, ...actions }} />}
          {tab === "grid" && <GridView {...{ listing, choose, ...actions }} />}
          {tab === "timeline" && <TimelineView overview={overview} kinds={kinds} />}
          {tab === "thresholds" && <ThresholdsView overview={overview} kinds={kinds} />}
          {tab === "quality" && <QualityView kinds={kinds} />}
        </div>
      </main>
    </div>
  );
}

/** What is not finished, such as labels that were edited and not judged. */
function Banner({ overview }: { overview: Overview }) {
  const judge = useJudge();
  return (
    <p className="problem banner" data-testid="banner">
      {overview.message}
      {overview.changed > 0 && <button onClick={judge}>Judge again</button>}
    </p>
  );
}

interface TabsProps {
  overview: Overview;
  listing: Listing | null;
  fix: FixIssues;
  edit: (issue: Issue) => void;
}

function Tabs({ overview, listing, fix, edit }: TabsProps) {
  const { tab } = store.useStored();
  return (
    <nav>
      {TABS.map(([name, title]) => (
        <button key={name} aria-pressed={tab === name} onClick={() => store.set({ tab: name })}>
          {title}
        </button>
      ))}
      <Send {...{ overview, listing, fix, edit }} />
    </nav>
  );
}
