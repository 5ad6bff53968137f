// SPDX-License-Identifier: Apache-2.0
// The tracks of the chosen issue, marked in the player as they are in the crops.

import { type RefObject, useEffect } from "react";
import { follow, type Looker, usePlayer, usePlayerLooker } from "./player";
import type { Box, Figure, SequenceInfo, Track } from "./types";

/** What moves a box in the player. */
const MOVES = ["frameNumber", "pan", "scale", "windowBBox"];

/** Where a track is in a frame, from the player's corner, in CSS pixels. */
function placeOf(looker: Looker, [width, height]: Figure["image"], track: Track, frame: number): Box | null {
  const { windowBBox: player, transformedMediaBBox: video } = looker.state;
  const row = track.frame.indexOf(frame);
  if (row < 0 || !width || !height || !player || !video) return null;
  const across = video[2] / width, down = video[3] / height;
  const at = (name: string) => track[name][row] ?? 0;
  return [
    video[0] - player[0] + at("left") * across,
    video[1] - player[1] + at("top") * down,
    at("width") * across,
    at("height") * down,
  ];
}

interface Props {
  panel: RefObject<HTMLElement>;
  plot: Figure | null | undefined;
  sequence: SequenceInfo | undefined;
}

/** Marks the tracks of an issue in the player beside a panel, where it shows their sequence. */
export function Marks({ panel, plot, sequence }: Props): null {
  const looker = usePlayerLooker();
  const { sample } = usePlayer();
  const part = sequence?.samples.find(({ id }) => id === sample);
  useEffect(() => {
    const player = looker?.lookerElement?.element;
    // There may be another panel, above the grid
    const beside = player?.closest("[data-cy=modal]")?.contains(panel.current);
    if (!looker || !player || !beside || !plot || !part) return undefined;
    const marks = plot.issue.tracks.map((index, place) => {
      const node = document.createElement("div");
      node.className = `track-audit-mark ${place ? "other" : "own"}`;
      node.dataset.testid = "mark";
      player.append(node);
      return { node, track: plot.tracks[index] };
    });
    const draw = () => {
      for (const { node, track } of marks) {
        // A video that is on its way is black
        const place = looker.state.loaded && placeOf(looker, plot.image, track, looker.frameNumber + part.offset);
        node.hidden = !place;
        const names = ["left", "top", "width", "height"] as const;
        names.forEach((name, at) => (node.style[name] = `${place ? place[at] : 0}px`));
      }
    };
    let drawn = requestAnimationFrame(draw);
    // The player tells of a change before it knows where that puts the video
    const later = () => {
      cancelAnimationFrame(drawn);
      drawn = requestAnimationFrame(draw);
    };
    const stops = MOVES.map((name) => follow(looker, name, later));
    return () => {
      stops.forEach((stop) => stop());
      cancelAnimationFrame(drawn);
      marks.forEach(({ node }) => node.remove());
    };
  }, [looker, panel, plot, part]);
  return null;
}
