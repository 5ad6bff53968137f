// SPDX-License-Identifier: Apache-2.0
// What the plots say of the frame that the pointer is on: beside their titles, where it covers no line.

import React from "react";

interface Axis {
  _offset: number;
  _length: number;
  l2p(value: number): number;
}
interface Trace {
  mode: "lines" | "markers";
  name: string;
  x: (number | null)[];
  y: (number | null)[];
  xaxis: string;
  yaxis: string;
  line?: { color: string; dash?: string };
}
/** A node that Plotly has drawn plots into. */
export interface Drawn extends HTMLDivElement {
  data?: Trace[];
  _fullLayout?: Record<string, Axis>;
}

const isX = (name: string) => /^xaxis\d*$/.test(name);

/** The axes of frames, one for each column of plots. */
export const axesOf = ({ _fullLayout: layout = {} }: Drawn): Axis[] =>
  Object.keys(layout).filter(isX).map((name) => layout[name]);

/** Keeps Plotly from telling values in a label over the plots. */
export function withoutLabels({ traces, layout }: { traces: object[]; layout: Record<string, unknown> }) {
  const axes = Object.entries(layout).map(([name, axis]) =>
    isX(name) ? [name, { ...(axis as object), showspikes: false }] : [name, axis],
  );
  return {
    traces: traces.map((trace) => ({ hoverinfo: "none", ...trace, hovertemplate: undefined })),
    layout: { ...Object.fromEntries(axes), hovermode: "x" },
  };
}

const told = (value: number) => value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1 ? 3 : 1 });

/** The values of a frame, and where it is. */
export function Readouts({ plot, frame }: { plot: Drawn; frame: number }) {
  const { data = [], _fullLayout: layout } = plot;
  const lines = data.filter(({ mode, line }) => mode === "lines" && !line?.dash);
  if (!layout) return null;
  return (
    <div className="readouts" data-testid="readouts">
      {[...new Set(lines.map(({ yaxis }) => yaxis))].map((name) => {
        const own = lines.filter(({ yaxis }) => yaxis === name);
        const x = layout[own[0].xaxis.replace("x", "xaxis")], y = layout[name.replace("y", "yaxis")];
        const at = x.l2p(frame);
        return (
          <React.Fragment key={name}>
            {at >= 0 && at <= x._length && <i style={{ left: x._offset + at, top: y._offset, height: y._length }} />}
            <span className={own.length > 2 ? "several" : ""} style={{ left: x._offset + x._length, top: y._offset }}>
              {own.map((trace) => {
                const value = trace.y[trace.x.indexOf(frame)];
                return typeof value === "number" && <b key={trace.name} style={{ color: trace.line?.color }}>{told(value)}</b>;
              })}
            </span>
          </React.Fragment>
        );
      })}
    </div>
  );
}
