// SPDX-License-Identifier: Apache-2.0
// Mark the tracks of the issue and what its fix would draw in the player, with the colors of the crops.

import { type RefObject, useEffect } from "react";
import { boxInPlayer, follow, isBeside, offsetOf } from "./looker";
import { usePlayer, usePlayerLooker } from "./player";
import type { Figure, SequenceInfo } from "./types";

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

interface Props {
  panel: RefObject<HTMLElement>;
  plot: Figure | null | undefined;
  sequence: SequenceInfo | undefined;
}

/** Mark the tracks of an issue in the player beside the panel while it shows their sequence. */
export function Marks({ panel, plot, sequence }: Props): null {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const offset = offsetOf(sequence, sample);
  useEffect(() => {
    const player = looker?.lookerElement?.element;
    if (!looker || !player || !isBeside(looker, panel.current) || !plot || offset === null) return undefined;
    const tracks = plot.issue.tracks.map((index) => plot.tracks[index]);
    const marks = [...tracks, plot.suggested].map((track, place) => ({
      node: addMark(player, place === tracks.length ? "suggested" : place ? "other" : "own"),
      track,
    }));
    const draw = () => {
      const { state, frameNumber } = looker;
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
      for (const { node } of marks) node.remove();
    };
  }, [looker, panel, plot, offset]);
  return null;
}
