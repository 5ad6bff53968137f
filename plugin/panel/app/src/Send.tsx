// SPDX-License-Identifier: Apache-2.0
// The buttons that send the frames of issues to annotators.

import { usePromptOperatorInput } from "@fiftyone/operators";
import React, { useState } from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Listing, Overview } from "./types";

const EXPORT = "@track-audit/video/export_adjustment_job";

interface Props {
  overview: Overview;
  listing: Listing | null;
}

/** Open the export form for the confirmed issues, or for those in the list. */
export function Send({ overview, listing }: Props) {
  const call = useCall();
  const prompt = usePromptOperatorInput();
  const [problem, setProblem] = useState<string | null>(null);
  const send = (which: "confirmed" | "listed") => {
    setProblem(null);
    call<{ issues: string[] }>("find_to_send", { which, filters: store.get().filters }).then(
      ({ issues }) => prompt(EXPORT, { issues, label_field: overview.label_field }),
      (error: Error) => setProblem(error.message),
    );
  };
  const button = (which: "confirmed" | "listed", count: number, note = "") => (
    <button
      aria-label={`Send ${count} ${which}`}
      title={`Send the frames of the ${count} ${which} issues to annotators${note}`}
      disabled={!count}
      onClick={() => send(which)}
    >
      {count} {which}
    </button>
  );
  return (
    <span className="send">
      {problem && <em className="problem">{problem}</em>}
      <span className="quiet">Send</span>
      {button("confirmed", listing?.progress.confirmed ?? 0)}
      {button("listed", listing?.to_send ?? 0, "; dismissed issues are not sent")}
    </span>
  );
}
