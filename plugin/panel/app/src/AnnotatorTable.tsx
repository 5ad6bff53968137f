// SPDX-License-Identifier: Apache-2.0
// How many issues the boxes of each annotator have.

import React from "react";
import { formatCount, formatRate } from "./text";
import type { Annotator } from "./types";

const HELP = "With 95% intervals. Videos differ in difficulty: compare annotators on similar ones only.";

export function AnnotatorTable({ annotators }: { annotators: Annotator[] }) {
  return (
    <div className="wide">
      <table data-testid="annotators">
        <thead>
          <tr>
            {["annotator", "boxes", "issues", "confirmed", "fixed", "issues per 1,000", "mistakes per 1,000"].map(
              (name) => (
                <th key={name} title={name.includes("1,000") ? HELP : undefined}>
                  {name}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>
          {annotators.map((one) => (
            <tr key={one.annotator ?? ""}>
              <th>{one.annotator ?? "not known"}</th>
              <td>{formatCount(one.boxes)}</td>
              <td>{one.issues}</td>
              <td>{one.confirmed}</td>
              <td>{one.fixed}</td>
              <td>{formatRate(one.issues_per_thousand, one.issues_low, one.issues_high)}</td>
              <td>{formatRate(one.mistakes_per_thousand, one.mistakes_low, one.mistakes_high)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="quiet">{HELP}</p>
    </div>
  );
}
