// SPDX-License-Identifier: Apache-2.0
// All keys of the panel.

import React from "react";
import * as store from "./state";

/** Each key and what it does. */
const KEYS: [string[], string][] = [
  [["j", "k"], "next, previous issue"],
  [["c"], "confirm, and go on"],
  [["x"], "dismiss, and go on"],
  [["f"], "fix as suggested, and go on"],
  [["e"], "edit the track in the App's annotator"],
  [["u"], "reopen, or skip"],
  [["Ctrl+z"], "undo the last decision or fix"],
  [["n"], "write a note on the issue"],
  [["r"], "report a mistake that no audit found"],
  [["v"], "open the video at the issue"],
  [["o"], "only the tracks of the issue in the video, or all"],
  [["l"], "play the seconds of the issue again and again"],
  [["Escape"], "close the video that the panel opened"],
  [["?"], "these keys"],
];

/** The table of all keys, until the user closes it. */
export function Help() {
  const { help } = store.useStored();
  if (!help) return null;
  return (
    <div className="help" data-testid="help">
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([keys, text]) => (
          <React.Fragment key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key === "Ctrl+z" ? "Ctrl+Z" : key === "Escape" ? "Esc" : key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </React.Fragment>
        ))}
      </dl>
      <p className="quiet">
        While several issues are selected, the keys decide all of them. All other keys belong to the App. While you
        annotate, all keys do, unless you click into the panel.
      </p>
      <button onClick={() => store.set({ help: false })}>Close</button>
    </div>
  );
}
