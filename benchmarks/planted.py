# SPDX-License-Identifier: Apache-2.0
"""Planted mistakes: how many of them the audit and its rivals find."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit import Audit, audit_tracks
from injector import Injected, inject
from measures import (
    localize,
    match_issues,
    matched_events,
    merge_into_issues,
    place_by_score,
    seen_events,
)
from rivals import OURS, RIVALS, Floats, our_score

#: Shares of detections that a reviewer looks at.
SHARES = (0.01, 0.02, 0.05)
#: Numbers of issues that a reviewer looks at, in multiples of the mistakes.
MULTIPLES = (1, 2, 4)
#: The share of detections that a rival's issues are made from, enough for any budget.
ISSUES_SHARE = 0.05


@dataclass(frozen=True)
class Results:
    """What the methods found of planted mistakes.

    Attributes:
        events: one row per method, seed and mistake: ``kind``, whether it is ``seen
            <share>`` among this share of detections, and ``matched <multiple>`` by
            this many issues
        issues: one row per method, seed and issue that points at a mistake: the
            ``kind`` of the mistake, and the frames ``outside`` and ``missed``
        ranking: one row per method, seed and detection: its ``place`` as a share of
            all, 0 for the most suspicious, and whether it is ``wrong``
        flags: one row per seed, shares at the audit's own threshold: ``clean``
            boxes flagged, mistakes with a ``flagged`` box, mistakes ``matched`` by
            an issue, issues that are ``right``; and issues ``per_mistake``
    """

    events: pd.DataFrame
    issues: pd.DataFrame
    ranking: pd.DataFrame
    flags: pd.DataFrame


def measure_faults(
    tracks: Tracks, kinds: tuple[str, ...], seeds: Iterable[int]
) -> Results:
    """Plant mistakes, and measure how many of them each method finds.

    Args:
        tracks: tracks that are assumed to be correct
        kinds: the kinds of mistakes to plant
        seeds: the seeds, one per run

    Returns:
        the :class:`Results`
    """
    events: list[pd.DataFrame] = []
    issues: list[pd.DataFrame] = []
    ranking: list[pd.DataFrame] = []
    flags: list[dict[str, float]] = []
    for seed in seeds:
        injected = inject(tracks, seed, kinds=kinds)
        audit = audit_tracks(injected.tracks)
        flags.append(_flagged(injected, audit))
        for method, (score, found) in _rank(injected.tracks, audit).items():
            pairs = match_issues(found, injected.events)
            places = {"place": place_by_score(score), "wrong": injected.event >= 0}
            for parts, part in (
                (events, _judge_events(injected, score, pairs)),
                (issues, _judge_issues(injected, pairs)),
                (ranking, pd.DataFrame(places)),
            ):
                parts.append(part.assign(method=method, seed=seed))
    return Results(
        pd.concat(events, ignore_index=True),
        pd.concat(issues, ignore_index=True),
        pd.concat(ranking, ignore_index=True),
        pd.DataFrame(flags),
    )


def _rank(tracks: Tracks, audit: Audit) -> dict[str, tuple[Floats, pd.DataFrame]]:
    """Return each method's scores and issues, ours first."""
    found = {OURS: (our_score(audit), audit.issues)}
    for name, rank in RIVALS.items():
        score = rank(tracks)
        found[name] = score, merge_into_issues(tracks.table, score, ISSUES_SHARE)
    return found


def _judge_events(
    injected: Injected, score: Floats, pairs: pd.DataFrame
) -> pd.DataFrame:
    """Return whether each mistake is seen and matched at each budget."""
    count = len(injected.events)
    judged = injected.events[["kind"]].copy()
    for share in SHARES:
        judged[f"seen {share:.0%}"] = seen_events(score, injected.event, count, share)
    for times in MULTIPLES:
        judged[f"matched {times}N"] = matched_events(pairs, count, times * count)
    return judged


def _judge_issues(injected: Injected, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how well the issues that a reviewer looks at cover their mistakes."""
    looked_at = pairs["issue"] < MULTIPLES[-1] * len(injected.events)
    best = localize(pairs[looked_at])
    kinds = injected.events["kind"].to_numpy()
    return best[["outside", "missed"]].assign(kind=kinds[best["event"]])


def _flagged(injected: Injected, audit: Audit) -> dict[str, float]:
    flagged, wrong = our_score(audit) > 0.5, injected.event >= 0
    pairs = match_issues(audit.issues, injected.events)
    count = len(injected.events)
    return {
        "clean": float(flagged[~wrong].mean()),
        "flagged": len(np.unique(injected.event[flagged & wrong])) / count,
        "matched": pairs["event"].nunique() / count,
        "right": pairs["issue"].nunique() / max(1, len(audit.issues)),
        "per_mistake": len(audit.issues) / count,
    }
