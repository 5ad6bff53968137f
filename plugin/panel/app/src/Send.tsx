// SPDX-License-Identifier: Apache-2.0
// Sends issues to be corrected: asks how to send the frames that they are about.

import { usePromptOperatorInput } from "@fiftyone/operators";
import React, { useState } from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Listing, Overview } from "./types";

const EXPORT = "@track-audit/video/export_adjustment_job";

export function Send({ overview, listing }: { overview: Overview; listing: Listing | null }) {
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
  const confirmed = listing?.progress.confirmed ?? 0, listed = listing?.to_send ?? 0;
  return (
    <span className="send">
      {problem && <em className="problem">{problem}</em>}
      <span className="quiet">Send</span>
      <SendButton what={`${confirmed} confirmed`} count={confirmed} send={() => send("confirmed")} />
      <SendButton what={`${listed} listed`} count={listed} send={() => send("listed")} note=": all but those dismissed" />
    </span>
  );
}

const SendButton = ({ what, count, send, note = "" }: { what: string; count: number; send: () => void; note?: string }) => (
  <button aria-label={`Send ${what}`} title={`Send ${what} to be corrected${note}`} disabled={!count} onClick={send}>
    {what}
  </button>
);
