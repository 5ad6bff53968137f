// SPDX-License-Identifier: Apache-2.0
// The plots of the track, over the frames around the issue.

import Plotly from "plotly.js-basic-dist-min";
import React, { useEffect, useRef, useState } from "react";
import { figureHeight, makeFigure } from "../../../report/plots.js";
import { useCall } from "./api";
import { boxesOver } from "./IssueView";
import * as store from "./state";
import type { Crop, Details } from "./types";
import { useWidth } from "./width";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" };
/** How long the pointer rests on a frame before its crop is asked for, in milliseconds. */
const REST = 120;
/** What the crops are given to be drawn before the plots, in milliseconds. */
const FIRST = 60;

interface Axis {
  _offset: number;
  _length: number;
  l2p(value: number): number;
}
interface Plot extends HTMLDivElement {
  _fullLayout?: Record<string, Axis>;
  on?(name: string, listener: (event: { points: { x: number }[]; event: MouseEvent }) => void): void;
  removeAllListeners?(name: string): void;
}
interface Props {
  details: Details;
  color: string;
  playhead: number | null;
  show: (frame: number) => void;
}

export function Plots({ details, color, playhead, show }: Props) {
  const [frame, setWidth] = useWidth();
  const node = useRef<Plot>(null);
  const heads = useRef<HTMLDivElement>(null);
  const [drawn, setDrawn] = useState(0);
  const [hovered, setHovered] = useState<{ frame: number; x: number; y: number } | null>(null);
  const shown = useRef(show);
  shown.current = show;
  const { panels, plot } = details;

  useEffect(() => {
    const plotNode = node.current;
    if (!plotNode || !plot || !frame) return undefined;
    const draw = () => {
      const styles = getComputedStyle(plotNode);
      const { traces, layout } = makeFigure({
        panels,
        issue: plot.issue,
        tracks: plot.issue.tracks.map((index) => plot.tracks[index]),
        width: frame,
        color: (name: string) => styles.getPropertyValue(`--${name}`).trim(),
        kind: color,
      });
      void Plotly.react(plotNode, traces, layout, CONFIG).then(() => {
        for (const name of ["plotly_click", "plotly_hover", "plotly_unhover", "plotly_relayout"]) {
          plotNode.removeAllListeners?.(name);
        }
        plotNode.on?.("plotly_click", ({ points }) => shown.current(Math.round(points[0].x)));
        plotNode.on?.("plotly_hover", ({ points, event }) => {
          const edge = plotNode.getBoundingClientRect();
          setHovered({ frame: Math.round(points[0].x), x: event.clientX - edge.left, y: event.clientY - edge.top });
        });
        plotNode.on?.("plotly_unhover", () => setHovered(null));
        plotNode.on?.("plotly_relayout", () => setDrawn((times) => times + 1));
        setDrawn((times) => times + 1);
      });
    };
    // What is quick to draw is seen first, and who goes on waits for nothing
    const timer = setTimeout(draw, FIRST);
    return () => clearTimeout(timer);
  }, [panels, plot, frame, color]);

  useEffect(() => {
    const plotNode = node.current;
    return () => {
      if (plotNode) Plotly.purge(plotNode);
    };
  }, []);

  // Lines of their own: to draw the plots again for each frame would be too slow
  useEffect(() => {
    const layout = node.current?._fullLayout;
    if (!heads.current || !layout) return;
    const axes = Object.keys(layout).filter((name) => /^xaxis\d*$/.test(name));
    heads.current.replaceChildren(
      ...axes.flatMap((name) => {
        const axis = layout[name];
        const at = playhead === null ? -1 : axis.l2p(playhead);
        if (at < 0 || at > axis._length) return [];
        const line = document.createElement("i");
        line.style.left = `${axis._offset + at}px`;
        return [line];
      }),
    );
  }, [playhead, drawn]);

  return (
    <div className="plots" ref={setWidth} style={{ height: figureHeight(panels.length, frame || 400) }}>
      <div ref={node} data-testid="plots" data-drawn={drawn} />
      <div ref={heads} className="playheads" data-testid="playhead" data-frame={playhead ?? ""} />
      {hovered && <HoverCrop details={details} {...hovered} />}
    </div>
  );
}

const cache = new Map<string, Crop | null>();

function HoverCrop({ details, frame, x, y }: { details: Details; frame: number; x: number; y: number }) {
  const call = useCall();
  const [crop, setCrop] = useState<Crop | null>(null);
  const { sequence, track } = details.issue;
  const { dataset, field } = store.get();
  const name = [dataset, field, sequence, track, frame].join("/");
  useEffect(() => {
    const known = cache.get(name);
    setCrop(known ?? null);
    if (known !== undefined) return undefined;
    const timer = setTimeout(() => {
      call<{ crop: Crop | null }>("show_crop", { sequence, track, frame }).then(
        (answer) => {
          cache.set(name, answer.crop);
          setCrop(answer.crop);
        },
        () => cache.set(name, null),
      );
    }, REST);
    return () => clearTimeout(timer);
  }, [call, name, sequence, track, frame]);
  if (!crop || crop.frame !== frame) return null;
  return (
    <figure className="hover" style={{ left: x, top: y }} data-testid="hover-crop">
      <span style={{ width: crop.size[0], height: crop.size[1] }}>
        <img src={`data:image/jpeg;base64,${crop.image}`} alt="" />
        {boxesOver(crop)}
      </span>
    </figure>
  );
}
