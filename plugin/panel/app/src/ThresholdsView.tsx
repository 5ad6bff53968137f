// SPDX-License-Identifier: Apache-2.0
// The thresholds as sliders over the boxes that they would flag.

import { executeOperator } from "@fiftyone/operators";
import React, { useState } from "react";
import { useAnswer, useCall } from "./api";
import { Problem } from "./Problem";
import * as store from "./state";
import type { Kind, Overview, Signal, Suggestion, Thresholds } from "./types";

const AUDIT = "@track-audit/video/audit_tracks";
const EPSILON = 1e-9;

/** Whether the boxes of a bin break a threshold. */
const broken = (signal: Signal, bin: number, threshold: number) =>
  signal.breaks === "above"
    ? signal.edges[bin] >= threshold - EPSILON
    : signal.edges[bin + 1] <= threshold + EPSILON;

/** The number of boxes that break a threshold. */
const flagged = (signal: Signal, threshold: number) =>
  signal.counts.reduce((sum, count, bin) => sum + (broken(signal, bin, threshold) ? count : 0), 0);

export function ThresholdsView({ overview, kinds }: { overview: Overview; kinds: Kind[] }) {
  const { version, auditing } = store.useStored();
  const call = useCall();
  const { answer, problem } = useAnswer<Thresholds>("show_thresholds", {}, version);
  const [values, setValues] = useState<Partial<Record<Signal["name"], number>>>({});
  const [message, setMessage] = useState<string | null>(null);
  if (problem) return <Problem text={problem} />;
  if (!answer) return <p className="quiet">Loading …</p>;
  const valueOf = (signal: Signal) => values[signal.name] ?? signal.value;
  const changed = answer.signals.some((signal) => valueOf(signal) !== signal.value);

  const apply = () => {
    store.set({ auditing: true });
    setMessage(null);
    const wanted = Object.fromEntries(answer.signals.map((signal) => [`${signal.name}_threshold`, valueOf(signal)]));
    void executeOperator(
      AUDIT,
      { label_field: overview.label_field, view_target: "DATASET", ...wanted },
      {
        callback: ({ error, errorMessage }) => {
          store.set({ auditing: false });
          setValues({});
          if (error || errorMessage) store.set({ failure: String(errorMessage ?? error) });
          store.reload();
        },
      },
    );
  };
  const suggest = () =>
    void call<Suggestion>("suggest_thresholds").then(
      ({ size, iou, message: said }) => {
        setMessage(said);
        setValues({ ...values, ...(size === null ? {} : { size }), ...(iou === null ? {} : { iou }) });
      },
      (error: Error) => setMessage(error.message),
    );

  return (
    <div className="thresholds" data-testid="thresholds">
      {answer.signals.map((signal) => (
        <section key={signal.name} data-signal={signal.name}>
          <h3>
            {signal.label} <span className="quiet">({signal.unit})</span>
          </h3>
          <Histogram signal={signal} value={valueOf(signal)} />
          <input
            type="range"
            aria-label={signal.label}
            min={signal.min}
            max={signal.max}
            step={signal.step}
            value={valueOf(signal)}
            onChange={(event) => setValues({ ...values, [signal.name]: Number(event.target.value) })}
          />
          <div className="scale quiet">
            {[0, 0.25, 0.5, 0.75, 1].map((share) => (
              <span key={share}>{(signal.min + share * (signal.max - signal.min)).toFixed(2)}</span>
            ))}
          </div>
          <p>
            <b>
              {signal.breaks} {valueOf(signal).toFixed(2)}:
            </b>{" "}
            <output data-testid={`count-${signal.name}`}>
              {flagged(signal, valueOf(signal)).toLocaleString("en")} of {answer.boxes.toLocaleString("en")} boxes
            </output>{" "}
            <span className="quiet">
              · now {signal.value.toFixed(2)}: {flagged(signal, signal.value).toLocaleString("en")}
            </span>
          </p>
        </section>
      ))}
      <div className="actions">
        <button className="primary" disabled={auditing} onClick={apply}>
          {auditing ? "Auditing …" : changed ? "Apply: audit again" : "Audit again"}
        </button>
        <button disabled={auditing} onClick={suggest}>
          Suggest from decisions
        </button>
        <button disabled={auditing || !changed} onClick={() => setValues({})}>
          Reset
        </button>
      </div>
      {message && <p data-testid="threshold-message">{message}</p>}
      <p className="quiet">
        A threshold says which boxes are flagged however likely they are right. What the audit holds for a mistake for
        other reasons stays an issue. Decisions are kept, also those of issues that are no longer found: they are not
        listed and sent until they are found again.
      </p>
      <Precision kinds={kinds} />
    </div>
  );
}

function Histogram({ signal, value }: { signal: Signal; value: number }) {
  const bins = signal.counts
    .map((count, bin) => ({ count, bin }))
    .filter(({ bin }) => signal.edges[bin] >= signal.min - EPSILON && signal.edges[bin] < signal.max - EPSILON);
  const most = Math.log1p(Math.max(1, ...bins.map(({ count }) => count)));
  return (
    <svg className="histogram" viewBox={`0 0 ${bins.length} 1`} preserveAspectRatio="none">
      {bins.map(({ count, bin }, place) => (
        <rect
          key={bin}
          className={broken(signal, bin, value) ? "broken" : ""}
          x={place + 0.08}
          width={0.84}
          y={1 - Math.log1p(count) / most}
          height={Math.log1p(count) / most}
        >
          <title>{`${signal.edges[bin].toFixed(2)}–${signal.edges[bin + 1].toFixed(2)}: ${count} boxes`}</title>
        </rect>
      ))}
    </svg>
  );
}

const percent = (share: number | null) => (share === null ? "–" : `${Math.round(100 * share)} %`);

function Precision({ kinds }: { kinds: Kind[] }) {
  const checked = kinds.some((kind) => kind.checked);
  return (
    <div className="wide">
      <table data-testid="precision">
        <thead>
          <tr>
            <th>kind</th>
            <th>issues</th>
            <th>to review</th>
            <th>confirmed</th>
            <th>dismissed</th>
            <th>precision</th>
            {checked && <th title="Of the issues that annotators looked at">corrected</th>}
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
              <td>{percent(kind.precision)}</td>
              {checked && <td>{kind.checked ? `${kind.corrected} of ${kind.checked}` : "–"}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
