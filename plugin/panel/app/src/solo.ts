// SPDX-License-Identifier: Apache-2.0
// Solo: of all labels, the open sample shows only those that the issue is about.

import { type RefObject, useEffect } from "react";
import { useAnswer } from "./api";
import { follow, isBeside, type LabelFilter, makeSolo } from "./looker";
import { useOpenLooker, usePlayerLooker } from "./player";
import * as store from "./state";
import type { Details, Issue, Others } from "./types";

/** Show only the labels of an issue in the sample beside the panel, as long as solo is on. */
export function useSolo(panel: RefObject<HTMLElement>, details: Details | null, field: string | null): void {
  const looker = useOpenLooker();
  const { solo } = store.useStored();
  useEffect(() => {
    if (!solo || !looker || !field || !details?.plot || !isBeside(looker, panel.current)) return undefined;
    const { issue, plot } = details;
    let before: LabelFilter | null = null;
    let own: LabelFilter | null = null;
    const show = (filter: LabelFilter | null) => looker.updateOptions?.({ ...looker.state.options, filter }, true);
    // The App sets its own filter again whenever one of its options changes
    const apply = () => {
      const filter = looker.state.options?.filter ?? null;
      if (own && filter === own) return;
      before = filter;
      own = makeSolo(before, field, plot.labels, issue.id);
      show(own);
    };
    apply();
    const stop = follow(looker, "options", apply);
    return () => {
      stop();
      if (looker.state.options?.filter === own) show(before);
    };
  }, [solo, looker, panel, details, field]);
}

/** Return the boxes that solo hides and that are outlined instead, once a video is open. */
export function useOthers(issue: Issue | undefined): Others | null {
  const isPlayer = usePlayerLooker() !== null;
  const { solo, version } = store.useStored();
  const wanted = { id: issue?.id };
  const { answer, late } = useAnswer<Others>(solo && isPlayer && issue ? "show_others" : null, wanted, version);
  return solo && !late && answer?.id === issue?.id ? answer : null;
}
