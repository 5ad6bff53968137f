// SPDX-License-Identifier: Apache-2.0
// The plotted values of the frame under the pointer, beside the plots' titles.

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
/** An element that Plotly has drawn plots into. */
export interface Drawn extends HTMLDivElement {
  data?: Trace[];
  _fullLayout?: Record<string, Axis>;
}

const isX = (name: string) => /^xaxis\d*$/.test(name);

/** Return the axes of frames, one for each plot. */
export const axesOf = ({ _fullLayout: layout = {} }: Pick<Drawn, "_fullLayout">): Axis[] =>
  Object.keys(layout)
    .filter(isX)
    .map((name) => layout[name]);

interface Figure {
  traces: object[];
  layout: Record<string, unknown>;
}

/** Turn off Plotly's labels and spikes, which would cover the plots. */
export function withoutLabels({ traces, layout }: Figure): Figure {
  const axes = Object.entries(layout).map(([name, axis]) =>
    isX(name) ? [name, { ...(axis as object), showspikes: false }] : [name, axis],
  );
  return {
    traces: traces.map((trace) => ({ hoverinfo: "none", ...trace, hovertemplate: undefined })),
    layout: { ...Object.fromEntries(axes), hovermode: "x" },
  };
}

/** Format a plotted value with three decimals below 1, and with one above. */
export const formatValue = (value: number): string =>
  value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 1 ? 3 : 1 });

/** Return the measured lines of each plot, without thresholds and rolling means. */
export function linesByPlot(data: Trace[]): Map<string, Trace[]> {
  const plots = new Map<string, Trace[]>();
  for (const trace of data)
    if (trace.mode === "lines" && !trace.line?.dash) plots.set(trace.yaxis, [...(plots.get(trace.yaxis) ?? []), trace]);
  return plots;
}

/** The values of a frame in each plot, and a line at the frame. */
export function Readouts({ plot, frame }: { plot: Drawn; frame: number }) {
  const { data = [], _fullLayout: layout } = plot;
  if (!layout) return null;
  return (
    <div className="readouts" data-testid="readouts">
      {[...linesByPlot(data)].map(([name, lines]) => {
        const x = layout[lines[0].xaxis.replace("x", "xaxis")];
        const y = layout[name.replace("y", "yaxis")];
        const at = x.l2p(frame);
        const isVisible = at >= 0 && at <= x._length;
        const [left, top, height] = [x._offset + at, y._offset, y._length];
        return (
          <React.Fragment key={name}>
            {isVisible && <i style={{ left, top, height }} />}
            <span className={lines.length > 2 ? "several" : ""} style={{ left: x._offset + x._length, top }}>
              {lines.map((line) => (
                <Value key={line.name} line={line} frame={frame} />
              ))}
            </span>
          </React.Fragment>
        );
      })}
    </div>
  );
}

function Value({ line, frame }: { line: Trace; frame: number }) {
  const value = line.y[line.x.indexOf(frame)];
  if (typeof value !== "number") return null;
  return <b style={{ color: line.line?.color }}>{formatValue(value)}</b>;
}
