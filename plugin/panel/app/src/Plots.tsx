// SPDX-License-Identifier: Apache-2.0
// The plots of the track over the frames around the issue.

import { theme } from "@fiftyone/state";
import Plotly from "plotly.js-basic-dist-min";
import React, { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { useRecoilValue } from "recoil";
import { figureHeight, makeFigure } from "../../../pictures/plots.js";
import { HoverCrop } from "./Crops";
import { axesOf, type Drawn, Readouts, withoutLabels } from "./Readouts";
import { isWindow, MAX_WINDOW } from "./session";
import * as store from "./state";
import type { Details, Issue } from "./types";
import { useWidth } from "./width";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" };
const EVENTS = ["plotly_click", "plotly_hover", "plotly_unhover", "plotly_relayout"];
/** How long the plots wait for the crops to be drawn first, in milliseconds. */
const DELAY = 60;
/** The height of the plots before their width is known is that for this width, in pixels. */
const DEFAULT_WIDTH = 400;

interface PlotEvent {
  points: { x: number }[];
  event: MouseEvent;
}
interface Plot extends Drawn {
  on?(name: string, listener: (event: PlotEvent) => void): void;
  removeAllListeners?(name: string): void;
}

/** The frame under the pointer, and the pointer's position in the plots in pixels. */
interface Hovered {
  frame: number;
  x: number;
  y: number;
}

interface Props {
  details: Pick<Details, "panels" | "plot">;
  /** Where the crops under the pointer are from. */
  track: Pick<Issue, "sequence" | "track">;
  color: string;
  playhead: number | null;
  show: (frame: number) => void;
}

/** Draw an issue's plots with Plotly, in the colors of the panel's theme. */
function draw(node: Plot, { panels, plot }: Props["details"], color: string, width: number) {
  if (!plot) return Promise.resolve();
  const styles = getComputedStyle(node);
  const figure = makeFigure({
    panels,
    issue: plot.issue,
    tracks: plot.issue.tracks.map((index) => plot.tracks[index]),
    width,
    color: (name) => styles.getPropertyValue(`--${name}`).trim(),
    kind: color,
  });
  const { traces, layout } = withoutLabels(figure);
  return Plotly.react(node, traces, layout, CONFIG);
}

/** Draw the plots whenever their content, width or theme changes; return how often they were. */
function useDrawing(
  node: RefObject<Plot>,
  { details, color, show }: Props,
  width: number,
  hover: (hovered: Hovered | null) => void,
): number {
  const [drawn, setDrawn] = useState(0);
  const shown = useRef(show);
  shown.current = show;
  const scheme = useRecoilValue(theme);
  useEffect(() => {
    const plot = node.current;
    if (!plot || !width) return undefined;
    const count = () => setDrawn((times) => times + 1);
    const listen = () => {
      for (const name of EVENTS) plot.removeAllListeners?.(name);
      plot.on?.("plotly_click", ({ points }) => shown.current(Math.round(points[0].x)));
      plot.on?.("plotly_hover", ({ points, event }) => {
        const { left, top } = plot.getBoundingClientRect();
        const [x, y] = [event.clientX - left, event.clientY - top];
        hover({ frame: Math.round(points[0].x), x, y });
      });
      plot.on?.("plotly_unhover", () => hover(null));
      plot.on?.("plotly_relayout", count);
      count();
    };
    const timer = setTimeout(() => void draw(plot, details, color, width).then(listen), DELAY);
    return () => clearTimeout(timer);
  }, [node, details, width, color, scheme, hover]);
  useEffect(() => {
    const plot = node.current;
    return () => {
      if (plot) Plotly.purge(plot);
    };
  }, [node]);
  return drawn;
}

/** The player's frame as a line in each column. Drawing the plots again would be too slow. */
function Playheads({ plot, frame }: { plot: Drawn | null; frame: number | null }) {
  const lines = plot && frame !== null ? axesOf(plot) : [];
  return (
    <div className="playheads" data-testid="playhead" data-frame={frame ?? ""}>
      {lines.map((axis) => {
        const at = axis.l2p(frame ?? 0);
        const isVisible = at >= 0 && at <= axis._length;
        return isVisible && <i key={axis._offset} style={{ left: axis._offset + at }} />;
      })}
    </div>
  );
}

/** The plots that matter for the kind, and all others on demand. */
export function Plots(props: Omit<Props, "details"> & { details: Pick<Details, "panels" | "leading" | "plot"> }) {
  const { allPlots } = store.useStored();
  const { panels, leading, plot } = props.details;
  const isFolded = !allPlots && leading < panels.length;
  const details = useMemo(
    () => ({ plot, panels: isFolded ? panels.slice(0, leading) : panels }),
    [plot, panels, leading, isFolded],
  );
  return (
    <>
      <PlotArea {...props} details={details} />
      <WindowChoice />
      {leading < panels.length && (
        <button className="more" onClick={() => store.set({ allPlots: isFolded })}>
          {isFolded ? `${panels.length - leading} more plots` : "Fewer plots"}
        </button>
      )}
    </>
  );
}

/** Choose the frames that the rolling means are taken over. */
function WindowChoice() {
  const { dataset, window, trailing } = store.useStored();
  const take = (frames: number) => {
    if (isWindow(frames)) store.set({ window: frames });
  };
  return (
    <p className="window quiet">
      rolling means over
      <input
        key={dataset}
        type="number"
        min={1}
        max={MAX_WINDOW}
        aria-label="Window of rolling means"
        title="The labeled frames that rolling means are taken over"
        defaultValue={window}
        onChange={({ target }) => take(Number(target.value))}
      />
      frames
      <label title="Over a frame and those before it, instead of those around it">
        <input type="checkbox" checked={trailing} onChange={({ target }) => store.set({ trailing: target.checked })} />
        trailing
      </label>
    </p>
  );
}

function PlotArea(props: Props) {
  const { details, track, playhead } = props;
  const [width, setNode] = useWidth();
  const node = useRef<Plot>(null);
  const [hovered, setHovered] = useState<Hovered | null>(null);
  const drawn = useDrawing(node, props, width, setHovered);
  const height = figureHeight(details.panels.length, width || DEFAULT_WIDTH);
  return (
    <div className="plots" ref={setNode} style={{ height }}>
      <div ref={node} data-testid="plots" data-drawn={drawn} />
      <Playheads plot={node.current} frame={playhead} />
      {hovered && node.current && <Readouts plot={node.current} frame={hovered.frame} />}
      {hovered && <HoverCrop track={track} {...hovered} width={width} />}
    </div>
  );
}
