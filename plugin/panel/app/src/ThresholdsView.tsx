// SPDX-License-Identifier: Apache-2.0
// The thresholds as sliders, over histograms of the boxes that they would flag.

import { executeOperator } from "@fiftyone/operators";
import React, { useState } from "react";
import { AnnotatorTable } from "./AnnotatorTable";
import { useAnswer, useCall } from "./api";
import { countFlagged, isFlagged, visibleBins } from "./histogram";
import { PrecisionTable } from "./PrecisionTable";
import { Problem } from "./Problem";
import * as store from "./state";
import { formatCount } from "./text";
import type { Annotator, Kind, Overview, Signal, Suggestion, Thresholds } from "./types";

const AUDIT = "@track-audit/video/audit_tracks";
const HELP = `A threshold decides which boxes are flagged, no matter how likely they are to be
  correct. Issues that the audit finds for other reasons remain. Decisions survive a re-audit. Those
  on issues that it no longer finds are kept too, but these issues are neither listed nor sent until
  an audit finds them again.`;

/** The thresholds that the user has moved. */
type Values = Partial<Record<Signal["name"], number>>;

/** Audit the whole dataset again with new thresholds. */
function audit(label_field: string | null, thresholds: Record<string, number>, done: () => void) {
  store.set({ auditing: true });
  void executeOperator(
    AUDIT,
    { label_field, view_target: "DATASET", ...thresholds },
    {
      callback: ({ error, errorMessage }) => {
        store.set({ auditing: false });
        done();
        if (error || errorMessage) store.set({ failure: String(errorMessage ?? error) });
        store.reload();
      },
    },
  );
}

export function ThresholdsView({ overview, kinds }: { overview: Overview; kinds: Kind[] }) {
  const { version, auditing } = store.useStored();
  const call = useCall();
  const { answer, problem } = useAnswer<Thresholds>("show_thresholds", {}, version);
  const drawn = useAnswer<{ annotators: Annotator[] }>("show_annotators", {}, version);
  const annotators = drawn.answer?.annotators ?? [];
  const [values, setValues] = useState<Values>({});
  const [message, setMessage] = useState<string | null>(null);
  if (problem) return <Problem text={problem} />;
  if (!answer) return <p className="quiet">Loading…</p>;
  const currentValue = (signal: Signal) => values[signal.name] ?? signal.value;
  const changed = answer.signals.some((signal) => currentValue(signal) !== signal.value);

  const apply = () => {
    setMessage(null);
    const wanted = answer.signals.map((signal) => [`${signal.name}_threshold`, currentValue(signal)]);
    audit(overview.label_field, Object.fromEntries(wanted), () => setValues({}));
  };
  const suggest = () =>
    void call<Suggestion>("suggest_thresholds").then(
      ({ size, iou, message }) => {
        setMessage(message);
        setValues({ ...values, ...(size !== null && { size }), ...(iou !== null && { iou }) });
      },
      (error: Error) => setMessage(error.message),
    );

  return (
    <div className="thresholds" data-testid="thresholds">
      {answer.signals.map((signal) => (
        <SignalView
          key={signal.name}
          signal={signal}
          boxes={answer.boxes}
          value={currentValue(signal)}
          change={(value) => setValues({ ...values, [signal.name]: value })}
        />
      ))}
      <div className="actions">
        <button className="primary" disabled={auditing} onClick={apply}>
          {auditing ? "Auditing…" : changed ? "Apply and re-audit" : "Re-audit"}
        </button>
        <button disabled={auditing} onClick={suggest}>
          Suggest from decisions
        </button>
        <button disabled={auditing || !changed} onClick={() => setValues({})}>
          Reset
        </button>
      </div>
      {message && <p data-testid="threshold-message">{message}</p>}
      <p className="quiet">{HELP}</p>
      <PrecisionTable kinds={kinds} />
      {annotators.length > 0 && <AnnotatorTable annotators={annotators} />}
    </div>
  );
}

interface SignalProps {
  signal: Signal;
  /** The number of boxes in the dataset. */
  boxes: number;
  value: number;
  change: (value: number) => void;
}

function SignalView({ signal, boxes, value, change }: SignalProps) {
  const { name, label, unit, min, max, step, breaks } = signal;
  return (
    <section data-signal={name}>
      <h3>
        {label} <span className="quiet">({unit})</span>
      </h3>
      <Histogram signal={signal} value={value} />
      <input
        type="range"
        aria-label={label}
        {...{ min, max, step, value }}
        onChange={({ target }) => change(Number(target.value))}
      />
      <div className="scale quiet">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share}>{(min + share * (max - min)).toFixed(2)}</span>
        ))}
      </div>
      <p>
        <b>
          {breaks} {value.toFixed(2)}:
        </b>{" "}
        <output data-testid={`count-${name}`}>
          {formatCount(countFlagged(signal, value))} of {formatCount(boxes)} boxes
        </output>{" "}
        <span className="quiet">
          · currently {signal.value.toFixed(2)}: {formatCount(countFlagged(signal, signal.value))}
        </span>
      </p>
    </section>
  );
}

function Histogram({ signal, value }: { signal: Signal; value: number }) {
  const { edges } = signal;
  const bins = visibleBins(signal);
  return (
    <svg className="histogram" viewBox={`0 0 ${bins.length} 1`} preserveAspectRatio="none" aria-hidden="true">
      {bins.map(({ count, bin, height }, place) => (
        <rect
          key={bin}
          className={isFlagged(signal, bin, value) ? "broken" : ""}
          x={place + 0.08}
          width={0.84}
          y={1 - height}
          height={height}
        >
          <title>{`${edges[bin].toFixed(2)}–${edges[bin + 1].toFixed(2)}: ${count} boxes`}</title>
        </rect>
      ))}
    </svg>
  );
}
