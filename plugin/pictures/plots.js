// SPDX-License-Identifier: Apache-2.0
// The plots of a track as a Plotly figure, shared by the report and the panel.

const ROW = 104, GAP = 34, FOOT = 22, LEFT = 46, SPACE = 58, NARROWEST = 225;

const rowsAt = (count, width) => Math.ceil(count / Math.max(1, Math.floor(width / NARROWEST)));

// The height of the figure in pixels
export const figureHeight = (count, width) => rowsAt(count, width) * (ROW + GAP) + FOOT;

export const baseLayout = (color) => ({
  font: { family: "system-ui, sans-serif", size: 11, color: color("quiet") },
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  dragmode: "zoom",
  hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("text"), size: 11 } },
});

export const axis = (color) => ({
  gridcolor: color("grid"), linecolor: color("line"), zeroline: false, ticklen: 3, tickcolor: color("line"), nticks: 5,
});

const rollingMean = (track, name) =>
  track[name].map((value, row) => (value === null ? null : value - track[`${name}_deviation`][row]));

// A panel's lines: [name, frames, values, line]
function linesOf(panel, [track, other], color) {
  const lines = panel.columns.map((column, place) => [
    panel.names.length ? `${panel.names[place]} ${panel.title}` : panel.title, track.frame, track[column], { color: color(`line-${place + 1}`), width: 1.4 },
  ]);
  if (panel.rolling_mean) {
    const name = panel.columns[0];
    lines.unshift(["rolling mean", track.frame, rollingMean(track, name), { color: color("mean"), width: 1.2, dash: "dot" }]);
    if (other) lines.unshift(["other track", other.frame, other[name], { color: color("other"), width: 1.2 }]);
  }
  return lines;
}

// The title, with the colored names of several lines
function titleOf({ title, names }, color) {
  const parts = names.map((name, place) => `<span style="color: ${color(`line-${place + 1}`)}">${name}</span>`);
  return [title, ...parts].join("  ");
}

// The points of a line that are drawn as dots: those in view, and isolated ones
function dotsOf(frames, values, [first, last]) {
  const missing = (row) => values[row] === null || values[row] === undefined;
  const rows = [...values.keys()].filter((row) =>
    (frames[row] >= first && frames[row] <= last) || (missing(row - 1) && missing(row + 1)));
  return { x: rows.map((row) => frames[row]), y: rows.map((row) => values[row]) };
}

function valuesIn(lines, [first, last]) {
  const values = [];
  for (const [, frames, column] of lines) {
    frames.forEach((frame, row) => {
      if (frame !== null && frame >= first && frame <= last && column[row] !== null) values.push(column[row]);
    });
  }
  return values;
}

// The thresholds of the audit, and the track's own limits
const thresholdsOf = (panel, issue) => [
  ...panel.thresholds, ...panel.columns.map((column) => issue.limits[column]).filter((limit) => limit !== undefined),
];

function rangeOf(panel, lines, issue, view) {
  if (panel.limits) return [panel.limits[0] - 0.04, panel.limits[1] + 0.04];
  const values = [...valuesIn(lines, view), ...thresholdsOf(panel, issue)];
  if (!values.length) return [0, 1];
  const low = Math.min(...values), high = Math.max(...values);
  const pad = (high - low) * 0.1 || Math.abs(high) * 0.05 || 1;
  return [low - pad, high + pad];
}

// The figure of an issue: its panels side by side, over the same frames
export function makeFigure({ panels, issue, tracks, width, color, kind }) {
  const rows = rowsAt(panels.length, width), columns = Math.ceil(panels.length / rows);
  const height = figureHeight(panels.length, width);
  const span = (width - LEFT - 8 - (columns - 1) * SPACE) / columns;
  const area = { width: width - LEFT - 8, height: height - FOOT };
  const layout = { ...baseLayout(color), width, height, hovermode: "x unified", hoversubplots: "axis",
    margin: { l: LEFT, r: 8, t: 0, b: FOOT }, shapes: [], annotations: [] };
  const view = [issue.view[0] - 0.5, issue.view[1] + 0.5];
  const traces = [];
  panels.forEach((panel, number) => {
    const column = number % columns, row = Math.floor(number / columns);
    const x = column ? `x${column + 1}` : "x", y = number ? `y${number + 1}` : "y";
    const top = 1 - (row * (ROW + GAP) + GAP - 8) / area.height;
    const bottom = top - ROW / area.height;
    const lines = linesOf(panel, tracks, color);
    const left = (column * (span + SPACE)) / area.width;
    // The last panel of a column has the axis of frames
    layout[x.replace("x", "xaxis")] = { ...axis(color), range: view, anchor: y, matches: column ? "x" : undefined,
      domain: [left, left + span / area.width], tickformat: "d", unifiedhovertitle: { text: "frame %{x}" },
      showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: color("quiet") };
    layout[y.replace("y", "yaxis")] = { ...axis(color), anchor: x, domain: [Math.max(0, bottom), top], range: rangeOf(panel, lines, issue, view) };
    for (const [name, frames, values, line] of lines) {
      traces.push({ type: "scatter", mode: "lines", name, x: frames, y: values, line, xaxis: x, yaxis: y,
        // The rolling mean has no hover text of its own
        ...(line.dash ? { hoverinfo: "skip" } : { hovertemplate: "%{y}" }) });
      if (!line.dash) traces.push({ type: "scatter", mode: "markers", ...dotsOf(frames, values, view), xaxis: x, yaxis: y,
        marker: { size: 3, color: line.color }, hoverinfo: "skip" });
    }
    for (const value of thresholdsOf(panel, issue)) {
      layout.shapes.push({ type: "line", xref: `${x} domain`, yref: y, x0: 0, x1: 1, y0: value, y1: value,
        line: { color: color("threshold"), width: 1, dash: "dash" } });
    }
    // Whole tracks have no frames to point at
    if (issue.first !== null) layout.shapes.push({ type: "rect", layer: "below", xref: x, yref: `${y} domain`, x0: issue.first - 0.5, x1: issue.last + 0.5,
      y0: 0, y1: 1, fillcolor: kind, opacity: 0.2, line: { width: 0 } });
    layout.annotations.push({ text: titleOf(panel, color), showarrow: false, xref: `${x} domain`, yref: `${y} domain`, x: 0, y: 1,
      xanchor: "left", yanchor: "bottom", font: { size: 12, color: color("text") } });
  });
  return { traces, layout, height };
}
