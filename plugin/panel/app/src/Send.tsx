// SPDX-License-Identifier: Apache-2.0
// Sends issues to be corrected: shows them in the App, and asks how to send what it shows.

import { usePromptOperatorInput } from "@fiftyone/operators";
import React, { useState } from "react";
import { useCall } from "./api";
import * as store from "./state";
import type { Progress } from "./types";

const EXPORT = "@track-audit/video/export_adjustment_job";

export function Send({ progress, total }: { progress: Progress; total: number }) {
  const call = useCall();
  const prompt = usePromptOperatorInput();
  const [problem, setProblem] = useState<string | null>(null);
  const send = (which: "confirmed" | "shown") => {
    const { filters, field } = store.get();
    call("show_in_view", { which, filters }).then(
      () => {
        setProblem(null);
        // The form reads the view, which the App takes a moment to change
        setTimeout(() => prompt(EXPORT, field ? { label_field: field } : {}), 600);
      },
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <span className="send">
      {problem && <em className="problem">{problem}</em>}
      <span className="quiet">Send</span>
      <SendButton what={`${progress.confirmed} confirmed`} count={progress.confirmed} send={() => send("confirmed")} />
      <SendButton what={`${total} listed`} count={total} send={() => send("shown")} />
    </span>
  );
}

const SendButton = ({ what, count, send }: { what: string; count: number; send: () => void }) => (
  <button aria-label={`Send ${what}`} title={`Send ${what} to be corrected`} disabled={!count} onClick={send}>
    {what}
  </button>
);
