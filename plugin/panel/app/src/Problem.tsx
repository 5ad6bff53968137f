// SPDX-License-Identifier: Apache-2.0
// What went wrong, and what can be done about it.

import React from "react";
import * as store from "./state";

interface Props {
  text: string;
  act?: string;
  then?: () => void;
}

export const Problem = ({ text, act = "Load again", then = store.reload }: Props) => (
  <p className="problem row" role="alert">
    {text} <button onClick={then}>{act}</button>
  </p>
);
