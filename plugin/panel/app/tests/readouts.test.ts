// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { axesOf, formatValue, linesByPlot, withoutLabels } from "../src/Readouts";

const axis = (offset: number) => ({ _offset: offset, _length: 100, l2p: (value: number) => value });
const makeTrace = (name: string, yaxis: string, change: object = {}) => ({
  mode: "lines" as const,
  name,
  x: [1, 2],
  y: [0.5, null],
  xaxis: yaxis.replace("y", "x"),
  yaxis,
  ...change,
});

describe("axesOf", () => {
  it("are the frame axes of a drawn figure", () => {
    const layout = { xaxis: axis(0), xaxis2: axis(200), yaxis: axis(9), title: axis(9) };
    expect(axesOf({ _fullLayout: layout }).map(({ _offset }) => _offset)).toEqual([0, 200]);
    expect(axesOf({})).toEqual([]);
  });
});

describe("withoutLabels", () => {
  it("turns off Plotly's labels and spikes", () => {
    const figure = withoutLabels({
      traces: [{ name: "size", hovertemplate: "%{y}" }],
      layout: { xaxis2: { showspikes: true, nticks: 5 }, yaxis: { nticks: 5 } },
    });
    expect(figure).toEqual({
      traces: [{ name: "size", hoverinfo: "none", hovertemplate: undefined }],
      layout: { xaxis2: { showspikes: false, nticks: 5 }, yaxis: { nticks: 5 }, hovermode: "x" },
    });
  });
});

describe("linesByPlot", () => {
  it("leaves out markers, thresholds and means", () => {
    const traces = [
      makeTrace("left", "y"),
      makeTrace("mean", "y", { line: { color: "gray", dash: "dot" } }),
      makeTrace("size", "y2"),
      makeTrace("top", "y"),
      makeTrace("outliers", "y2", { mode: "markers" }),
    ];
    const names = [...linesByPlot(traces)].map(([plot, lines]) => [plot, lines.map(({ name }) => name)]);
    expect(names).toEqual([
      ["y", ["left", "top"]],
      ["y2", ["size"]],
    ]);
  });
});

describe("formatValue", () => {
  it.each([
    [0.12345, "0.123"],
    [-0.5, "-0.5"],
    [1234.56, "1,234.6"],
  ])("formats %f as %s", (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
});
