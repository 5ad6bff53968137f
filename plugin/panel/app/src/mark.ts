// SPDX-License-Identifier: Apache-2.0
// Mark the tracks of the issue and what its fix would draw in the player, with the colors of the crops.

import { type RefObject, useEffect } from "react";
import { boxAround, boxInPlayer, follow, isBeside, listMarks, offsetOf, traceOutlines, zoomTo } from "./looker";
import { usePlayer, usePlayerLooker } from "./player";
import * as store from "./state";
import type { Figure, Others, SequenceInfo } from "./types";

/** The properties of the player that move a box. */
const MOVES = ["frameNumber", "pan", "scale", "windowBBox"];
const EDGES = ["left", "top", "width", "height"] as const;

function addMark(player: HTMLElement, kind: string): HTMLElement {
  const node = document.createElement("div");
  node.className = `track-audit-mark ${kind}`;
  node.dataset.testid = "mark";
  player.append(node);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** Add an empty path for the thin outlines of all other tracks. */
function addOutlines(player: HTMLElement): { node: SVGElement; path: SVGPathElement } {
  const node = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  node.setAttribute("class", "track-audit-outlines");
  node.append(path);
  player.append(node);
  return { node, path };
}

interface Props {
  panel: RefObject<HTMLElement>;
  plot: Figure | null | undefined;
  sequence: SequenceInfo | undefined;
  /** The boxes to outline while solo hides them. */
  others: Others | null;
}

/** Mark the tracks of an issue in the player beside the panel while it shows their sequence. */
export function Marks({ panel, plot, sequence, others }: Props): null {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const offset = offsetOf(sequence, sample);
  useEffect(() => {
    const player = looker?.lookerElement?.element;
    if (!looker || !player || !isBeside(looker, panel.current) || !plot || offset === null) return undefined;
    const marks = listMarks(plot).map(({ kind, track }) => ({ node: addMark(player, kind), track }));
    const outlines = addOutlines(player);
    const draw = () => {
      const { state, frameNumber } = looker;
      const around = (state.loaded && others?.boxes[frameNumber + offset]) || [];
      outlines.path.setAttribute("d", traceOutlines(state, plot.image, around));
      for (const { node, track } of marks) {
        // A video that is still loading is black
        const box = state.loaded && boxInPlayer(state, plot.image, track, frameNumber + offset);
        node.hidden = !box;
        EDGES.forEach((edge, at) => {
          node.style[edge] = `${box ? box[at] : 0}px`;
        });
      }
    };
    let drawn = requestAnimationFrame(draw);
    // The player reports a change before it has placed the video accordingly
    const redraw = () => {
      cancelAnimationFrame(drawn);
      drawn = requestAnimationFrame(draw);
    };
    const stops = MOVES.map((name) => follow(looker, name, redraw));
    return () => {
      for (const stop of stops) stop();
      cancelAnimationFrame(drawn);
      for (const { node } of [...marks, outlines]) node.remove();
    };
  }, [looker, panel, plot, offset, others]);
  useZoom({ panel, plot, sequence });
  return null;
}

/** Zoom the player beside the panel to the tracks of the issue as long as solo is on. */
function useZoom({ panel, plot, sequence }: Omit<Props, "others">): void {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const { solo } = store.useStored();
  const offset = offsetOf(sequence, sample);
  useEffect(() => {
    if (!solo || !looker?.updater || !plot || offset === null || !isBeside(looker, panel.current)) return undefined;
    const { first, last, tracks } = plot.issue;
    const box = boxAround(
      tracks.map((index) => plot.tracks[index]),
      first ?? 1,
      last ?? 1,
    );
    let size: string | undefined;
    let asked = 0;
    const zoom = () => {
      const now = looker.state.windowBBox?.slice(2).join();
      if (!box || !now || now === size || !looker.state.loaded || !looker.state.duration) return;
      const wanted = zoomTo(looker.state, plot.image, box);
      if (!wanted) return;
      size = now;
      looker.updater?.(wanted);
    };
    // The App shows the whole video again when the size of the player changes
    const zoomLater = () => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(zoom);
    };
    zoomLater();
    const stops = ["duration", "windowBBox", "frameNumber"].map((name) => follow(looker, name, zoomLater));
    return () => {
      for (const stop of stops) stop();
      cancelAnimationFrame(asked);
      if (size) looker.updater?.({ scale: 1, pan: [0, 0] });
    };
  }, [solo, looker, panel, plot, offset]);
}
