// SPDX-License-Identifier: Apache-2.0
// An error message with the button that resolves it.

import React from "react";
import * as store from "./state";

interface Props {
  text: string;
  action?: string;
  run?: () => void;
}

export const Problem = ({ text, action = "Reload", run = store.reload }: Props) => (
  <p className="problem row" role="alert">
    {text} <button onClick={run}>{action}</button>
  </p>
);
