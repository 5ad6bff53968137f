// SPDX-License-Identifier: Apache-2.0
// The plots of the track, over the frames around the issue.

import { theme } from "@fiftyone/state";
import Plotly from "plotly.js-basic-dist-min";
import React, { useEffect, useRef, useState } from "react";
import { useRecoilValue } from "recoil";
import { figureHeight, makeFigure } from "../../../report/plots.js";
import { keep, useCall } from "./api";
import { boxesOver } from "./IssueView";
import { axesOf, type Drawn, Readouts, withoutLabels } from "./Readouts";
import * as store from "./state";
import type { Crop, Details } from "./types";
import { useWidth } from "./width";

const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" };
/** How long the pointer rests on a frame before its crop is asked for, in milliseconds. */
const REST = 120;
/** What the crops are given to be drawn before the plots, in milliseconds. */
const FIRST = 60;

interface Plot extends Drawn {
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
  const scheme = useRecoilValue(theme);

  useEffect(() => {
    const plotNode = node.current;
    if (!plotNode || !plot || !frame) return undefined;
    const draw = () => {
      const styles = getComputedStyle(plotNode);
      const figure = makeFigure({
        panels,
        issue: plot.issue,
        tracks: plot.issue.tracks.map((index) => plot.tracks[index]),
        width: frame,
        color: (name: string) => styles.getPropertyValue(`--${name}`).trim(),
        kind: color,
      });
      const { traces, layout } = withoutLabels(figure);
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
  }, [panels, plot, frame, color, scheme]);

  useEffect(() => {
    const plotNode = node.current;
    return () => {
      if (plotNode) Plotly.purge(plotNode);
    };
  }, []);

  // Lines of their own: to draw the plots again for each frame would be too slow
  useEffect(() => {
    if (!heads.current || !node.current) return;
    heads.current.replaceChildren(
      ...axesOf(node.current).flatMap((axis) => {
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
      {hovered && node.current && <Readouts plot={node.current} frame={hovered.frame} />}
      {hovered && <HoverCrop details={details} {...hovered} width={frame} />}
    </div>
  );
}

/** The crops that the pointer was on, and how many of them are kept. */
const cache = new Map<string, Crop | null>(), KEPT = 200;

interface HoverProps {
  details: Details;
  frame: number;
  x: number;
  y: number;
  /** Of the plots. */
  width: number;
}

/** The frame that the pointer is on, beside it, with the track's crop as soon as that is there. */
function HoverCrop({ details, frame, x, y, width }: HoverProps) {
  const call = useCall();
  const [crop, setCrop] = useState<Crop | null>(null);
  const { sequence, track } = details.issue;
  const { dataset, field, version } = store.get();
  const name = [dataset, field, version, sequence, track, frame].join("/");
  useEffect(() => {
    const known = cache.get(name);
    setCrop(known ?? null);
    if (known !== undefined) return undefined;
    let wanted = true;
    const timer = setTimeout(() => {
      call<{ crop: Crop | null }>("show_crop", { sequence, track, frame }).then(
        ({ crop }) => {
          keep(cache, name, crop, KEPT);
          if (wanted) setCrop(crop);
        },
        // Without its crop, the values are there all the same
        () => undefined,
      );
    }, REST);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [call, name, sequence, track, frame]);
  const shown = crop?.frame === frame ? crop : null;
  return (
    <figure className={x < width / 2 ? "hover" : "hover left"} style={{ left: x, top: y }} data-testid="hover-crop">
      {shown && (
        <span style={{ width: shown.size[0], height: shown.size[1] }}>
          <img src={`data:image/jpeg;base64,${shown.image}`} alt="" />
          {boxesOver(shown)}
        </span>
      )}
      <figcaption>frame {frame}</figcaption>
    </figure>
  );
}
