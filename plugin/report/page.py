# SPDX-License-Identifier: Apache-2.0
"""The page: the summary of an audit, and its issues, worst first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from ...importers.tracks import Tracks
from ...importers.version import __version__
from ..audit import Audit, Thresholds, kind_name
from ..audit.annotators import count_by_annotator, find_annotators, name_annotators
from ..audit.kinds import kind_color
from ..audit.neighbors import find_neighbors
from ..audit.rolling import WINDOW, Window
from ..audit.summary import make_summary
from ..pictures.plots import (
    make_panels,
    plot_issues,
    plot_timelines,
    plot_tracks,
)
from ..pictures.rows import TrackRows, find_rows, whole_tracks
from ..pictures.strips import cut_strips
from ..plain import Json, count, to_records

#: Number of issues with crops and plots, and of those that are listed after them. The
#: page stays fast, and small enough to be sent by email.
PICTURED, LISTED = 200, 2000
#: The most tracks of which all are shown, whether or not they have issues.
FEW_TRACKS = 20


def make_report(
    tracks: Tracks,
    audit: Audit,
    thresholds: Thresholds,
    pictured: int = PICTURED,
    progress: bool = True,
    reviewed: pd.DataFrame | None = None,
    annotator: str | None = None,
    plotted: Collection[int] | None = (),
    window: Window = WINDOW,
) -> bytes:
    """Return a self-contained page that shows an audit.

    The worst issues have the plots of their tracks, and crops if the frames are
    available. More issues are listed, and the rest are counted.

    Args:
        tracks: the tracks
        audit: the audit of these tracks
        thresholds: the thresholds of the audit
        pictured (200): the number of issues with crops and plots
        progress (True): whether to show a progress bar if standard error is a terminal
        reviewed (None): how often reviewers corrected what the audit found, as
            returned by ``join_precision()``
        annotator (None): the column of who drew the boxes, by default a usual one
        plotted (()): the numbers of the tracks to show as a whole, whether or not
            they have issues; None for all of them if they are few
        window (WINDOW): the frames of the rolling means in plots

    Returns:
        the page, as HTML in UTF-8

    Raises:
        InputError: if a frame is missing or not an image
    """
    listed = audit.issues.head(pictured + LISTED)
    cards = listed.head(pictured)
    rows = find_rows(tracks.table)
    kinds = _count_kinds(audit.issues)
    whole = whole_tracks(tracks.table, rows, _choose_tracks(rows, plotted))
    described = _describe(tracks, listed, rows, kinds)
    spans = {"kinds": kinds, "listed": [_take_span(issue) for issue in described]}
    plots = _draw(tracks, audit, thresholds, (cards, listed, whole), rows, window)
    page = _environment().get_template("page.html")
    return page.render(
        **_constants(thresholds, window),
        tracks=tracks,
        kinds=kinds,
        summary=_summarize(tracks, audit, kinds),
        reviewed=[] if reviewed is None else to_records(reviewed),
        annotators=_count_annotators(tracks, audit, annotator),
        issues=described,
        strips=cut_strips(tracks, cards, rows, progress),
        whole=to_records(whole.assign(first_name="", last_name="")),
        whole_strips=cut_strips(tracks, whole, rows, progress),
        unseen=[s.name for s in tracks.sequences.values() if not s.frames_dir],
        total=len(audit.issues),
        script=spans | plots,
    ).encode()


def _draw(
    tracks: Tracks,
    audit: Audit,
    thresholds: Thresholds,
    shown: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame],
    rows: TrackRows,
    window: Window,
) -> Json:
    """Return the data of all plots.

    Args:
        tracks: the tracks
        audit: the audit of these tracks
        thresholds: the thresholds of the audit
        shown: the issues with plots, the issues in timelines, and the whole tracks
        rows: the rows of each track
        window: the frames of the rolling means
    """
    cards, listed, whole = shown
    panels = make_panels(audit, thresholds)
    neighbors = find_neighbors(tracks.table)
    return {
        "panels": [asdict(panel) for panel in panels],
        **plot_issues(tracks, audit, panels, cards, rows, neighbors, window),
        "timelines": plot_timelines(tracks, listed, rows, neighbors),
        "whole": plot_tracks(tracks, audit, panels, whole, rows, neighbors, window),
    }


def _choose_tracks(
    rows: TrackRows, asked: Collection[int] | None
) -> list[tuple[str, int]]:
    """Return the tracks to plot: those that are asked for, or all of a few."""
    keys = [(name, track) for name, track in rows if track >= 0]
    if asked is None:
        return keys if len(keys) <= FEW_TRACKS else []
    return [(name, track) for name, track in keys if track in asked]


def _constants(thresholds: Thresholds, window: Window) -> Json:
    """Return what does not depend on the tracks."""
    return {
        "version": __version__,
        "date": datetime.now(UTC),
        "plotly": get_plotlyjs(),
        "window": count(window.frames, "labeled frame"),
        "trailing": not window.centered,
        "thresholds": {
            kind_name(key): value for key, value in asdict(thresholds).items()
        },
    }


def _count_annotators(tracks: Tracks, audit: Audit, column: str | None) -> list[Json]:
    """Return a record per annotator, if the boxes tell who drew them."""
    column = column or find_annotators(map(str, tracks.table))
    if column is None or audit.issues.empty:
        return []
    named = name_annotators(tracks.table, audit.issues, column)
    boxes = tracks.table[column].astype(object).value_counts(dropna=False)
    undecided = pd.Series(None, named.index, dtype=object)
    return to_records(count_by_annotator(boxes, named, undecided))


def _take_span(issue: Json) -> Json:
    """Return what a timeline shows of an issue."""
    return {
        "kind": issue["kind_number"],
        "first": issue["first_frame"],
        "last": issue["last_frame"],
    }


def _environment() -> Environment:
    room = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader([room, room.parent / "pictures"]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    compact = {"separators": (",", ":"), "allow_nan": False}
    environment.policies["json.dumps_kwargs"] = compact
    return environment


def _count_kinds(issues: pd.DataFrame) -> list[Json]:
    """Return each kind with its ``name``, ``count`` and ``color``."""
    counts = (
        issues["kind"]
        .value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    return [
        {
            "kind": kind,
            "name": kind_name(str(kind)),
            "count": count,
            "color": kind_color(str(kind)),
        }
        for kind, count in counts.items()
    ]


def _summarize(tracks: Tracks, audit: Audit, kinds: list[Json]) -> list[Json]:
    """Return a record per sequence, with the list of ``counts`` of each kind."""
    issues = audit.issues
    counts = pd.crosstab(issues["sequence"], issues["kind"])
    counts = counts.reindex(
        index=list(tracks.sequences),
        columns=[kind["kind"] for kind in kinds],
        fill_value=0,
    )
    lists = pd.Series(counts.to_numpy().tolist(), dtype=object)
    return to_records(make_summary(tracks, audit).assign(counts=lists))


def _describe(
    tracks: Tracks, issues: pd.DataFrame, rows: TrackRows, kinds: list[Json]
) -> list[Json]:
    """Return what the page shows of each issue: its columns, and some more."""
    labels = tracks.table["label"]
    of_tracks = {
        key: labels.iloc[rows[key][0]]
        for key in zip(issues["sequence"], issues["track"], strict=True)
        if key in rows
    }
    kind_numbers = {kind["kind"]: number for number, kind in enumerate(kinds)}
    sequence_numbers = {name: number for number, name in enumerate(tracks.sequences)}

    def frame_names(column: str) -> list[str]:
        places = zip(issues["sequence"], issues[column].fillna(0), strict=True)
        return [
            tracks.sequences[name].frame_names[at - 1] if at else ""
            for name, at in places
        ]

    described = issues.assign(
        # Tables from older versions have no suggestions
        suggestion=issues.get("suggestion"),
        label=[
            of_tracks.get(key, "")
            for key in zip(issues["sequence"], issues["track"], strict=True)
        ],
        kind_number=issues["kind"].map(kind_numbers),
        sequence_number=issues["sequence"].map(sequence_numbers),
        first_name=frame_names("first_frame"),
        last_name=frame_names("last_frame"),
    )
    return to_records(described)
