// SPDX-License-Identifier: Apache-2.0
// The plots of any track of a sequence, whether or not it has issues.

import React from "react";
import { useAnswer } from "./api";
import { Plots } from "./Plots";
import { Problem } from "./Problem";
import { useGo, usePlayhead } from "./player";
import * as store from "./state";
import type { SequenceInfo, WholeTrack } from "./types";

const COLOR = "#8a8f98";

interface ChoiceProps {
  track: number | null;
  pick: (track: number | null) => void;
}

/** Enter the number of a track, or nothing to close its plots. */
export const TrackChoice = ({ track, pick }: ChoiceProps) => (
  <input
    type="number"
    min={0}
    aria-label="Plot track"
    placeholder="plot track…"
    value={track ?? ""}
    onChange={({ target }) => pick(target.value === "" ? null : Math.trunc(Number(target.value)))}
  />
);

interface Props {
  sequence: SequenceInfo;
  track: number;
}

export function TrackView({ sequence, track }: Props) {
  const { version, window, trailing } = store.useStored();
  const go = useGo();
  const playhead = usePlayhead(sequence);
  const wanted = { sequence: sequence.name, track, window, trailing };
  const { answer, problem } = useAnswer<WholeTrack>("show_track", wanted, version);
  if (problem) return <Problem text={problem} />;
  if (answer?.sequence !== sequence.name || answer.track !== track) return <p className="quiet">Loading…</p>;
  return (
    <section data-testid="whole-track" data-track={track}>
      <h2>track {track}</h2>
      <Plots details={answer} track={answer} color={COLOR} playhead={playhead} show={(frame) => go(sequence, frame)} />
    </section>
  );
}
