// SPDX-License-Identifier: Apache-2.0
// How often issues of each kind were confirmed and corrected.

import React from "react";
import { formatPercent } from "./text";
import type { Kind } from "./types";

export function PrecisionTable({ kinds }: { kinds: Kind[] }) {
  const isChecked = kinds.some(({ checked }) => checked);
  return (
    <div className="wide">
      <table data-testid="precision">
        <thead>
          <tr>
            {["kind", "issues", "to review", "confirmed", "dismissed", "fixed", "precision"].map((name) => (
              <th key={name}>{name}</th>
            ))}
            {isChecked && <th title="Of the issues that annotators checked">corrected</th>}
          </tr>
        </thead>
        <tbody>
          {kinds.map((kind) => (
            <tr key={kind.kind}>
              <th>
                <i className="dot" style={{ background: kind.color }} />
                {kind.name}
              </th>
              <td>{kind.issues}</td>
              <td>{kind.open}</td>
              <td>{kind.confirmed}</td>
              <td>{kind.dismissed}</td>
              <td>{kind.fixed}</td>
              <td>{formatPercent(kind.precision)}</td>
              {isChecked && <td>{kind.checked ? `${kind.corrected} of ${kind.checked}` : "–"}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
