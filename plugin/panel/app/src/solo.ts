// SPDX-License-Identifier: Apache-2.0
// Solo: of all labels, the open sample shows only those that the issue is about.

import { type RefObject, useEffect } from "react";
import { useAnswer } from "./api";
import { isBeside, makeSolo, narrowLabels } from "./looker";
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
    return narrowLabels(looker, (before) => makeSolo(before, field, plot.labels, issue.id));
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
