# SPDX-License-Identifier: Apache-2.0
"""The data of plots: the tracks of issues over time, and timelines of sequences.

The data end up as JSON in the page or the panel, whose scripts draw what comes into
view. Issues of the same track share its data.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.tracks import BOX, Tracks
from ..audit import Audit, Thresholds
from ..audit.boxes import Floats, area
from ..audit.neighbors import Neighbors, before
from ..audit.outliers import UNUSUAL
from ..audit.rolling import WINDOW, Window, rolling_signals
from ..audit.signals import box_array
from ..plain import Json
from .rows import Span, TrackRows, find_spans

#: Number of boxes of a track on either side of an issue that are plotted, how many of
#: them are in view at first, and the most boxes per issue.
_AROUND, _IN_VIEW, _MOST = 250, 25, 1000
#: Number of tracks in the timeline of a sequence.
_TIMELINE_TRACKS = 12
#: Decimal places of the plotted values.
_DIGITS = 3
_DEVIATIONS = tuple(f"{name}_deviation" for name in BOX)

#: The first columns of the plots that tell most about issues of a kind, and of others.
_TELLING = {
    "size_change": ("height", "width", "size_change"),
    "shift": ("left", "top", "motion_residual"),
    "low_iou": ("iou_prev", "left", "top"),
    "jitter": ("left_deviation", "left", "top"),
    "ghost": ("iou_prev", "left", "top"),
    "appearance": ("embedding_distance", "left", "top"),
}
_USUALLY_TELLING = ("left", "top", "height")


@dataclass(frozen=True)
class Panel:
    """One plot of a track over its frames.

    Attributes:
        title: what is plotted, and its unit
        columns: the columns of the track, one per line
        names (()): the names of the lines, if there are several
        thresholds (()): the values of dashed lines
        rolling_mean (False): whether the rolling mean of the column is plotted, too
        limits (None): the range of the values, None for the range of those in view
    """

    title: str
    columns: tuple[str, ...]
    names: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    rolling_mean: bool = False
    limits: tuple[float, float] | None = None


def make_panels(audit: Audit, thresholds: Thresholds) -> list[Panel]:
    """Choose the plots of each track.

    Args:
        audit: the audit; missing signals are not plotted
        thresholds: the thresholds of the audit
    """
    limits = asdict(thresholds)
    size, least_iou = limits["size"], limits["iou"]
    panels = [
        *(Panel(f"{name}, px", (name,), rolling_mean=True) for name in BOX),
        Panel("size, px²", ("size",)),
        Panel("size change, px²", ("size_step",)),
        Panel("deviation, px", _DEVIATIONS, names=tuple(BOX)),
        # A box that shrinks to 1 / (1 + size) counts like one that grows to 1 + size
        Panel(
            "size change",
            ("size_change",),
            thresholds=(size, 1 / (1 + size) - 1),
        ),
        Panel(
            "IoU with the previous frame",
            ("iou_prev",),
            thresholds=(least_iou,),
            limits=(0, 1),
        ),
        Panel("motion residual", ("motion_residual",)),
        Panel("embedding distance", ("embedding_distance",)),
    ]
    known = {*BOX, *_DEVIATIONS, "size", "size_step", *audit.detections}
    return [panel for panel in panels if known.issuperset(panel.columns)]


def sort_panels(panels: list[Panel], kind: str) -> tuple[list[Panel], int]:
    """Sort the plots so that those that matter for a kind of mistake come first.

    Args:
        panels: the plots, see :func:`make_panels`
        kind: the kind of the issue

    Returns:
        a tuple of the sorted plots, and how many of them matter for the kind
    """
    order = _TELLING.get(kind, _USUALLY_TELLING)
    known = {panel.columns[0]: panel for panel in panels}
    first = [known[column] for column in order if column in known]
    return [*first, *(panel for panel in panels if panel not in first)], len(first)


def plot_issues(
    tracks: Tracks,
    audit: Audit,
    panels: list[Panel],
    issues: pd.DataFrame,
    rows: TrackRows,
    neighbors: Neighbors,
    window: Window = WINDOW,
) -> Json:
    """Collect the data of the plots of issues.

    Args:
        tracks: the tracks
        audit: the audit, whose signals are plotted
        panels: the plots of :func:`make_panels`
        issues: the issues, see :attr:`Audit.issues`
        rows: the rows of each track
        neighbors: the neighbors of each box
        window (WINDOW): the frames of the rolling means

    Returns:
        a JSON object of

        -   ``tracks``: the columns of each track as lists, null for undefined values
            and between boxes that are not adjacent
        -   ``issues``: the ``first`` and ``last`` frame of each issue; the ``view``,
            the first and last frame that are shown initially; the indices of its
            one or two ``tracks``, except for boxes without an ID and tracks without
            boxes; and the ``limits`` of its own track, by column
    """
    frames = tracks.table["frame"].to_numpy()
    columns = _collect_columns(tracks, audit, panels, neighbors, window)
    index: dict[tuple[str, int], int] = {}
    parts: dict[int, list[NDArray[np.intp]]] = defaultdict(list)
    shown = []
    for issue in find_spans(issues):
        keys = [key for key in issue.tracks() if key in rows]
        in_view = [issue.first, issue.last]
        for key in keys:
            place = index.setdefault(key, len(index))
            parts[place].append(_rows_near(frames, rows[key], issue, _AROUND)[:_MOST])
            near = _rows_near(frames, rows[key], issue, _IN_VIEW)
            in_view += frames[near].tolist()
        shown.append(
            {
                "tracks": [index[key] for key in keys],
                "first": issue.first,
                "last": issue.last,
                "view": [min(in_view), max(in_view)],
                "limits": _find_limits(columns, rows[keys[0]]) if keys else {},
            }
        )
    return {
        "tracks": [
            _take(columns, np.unique(np.concatenate(part)), neighbors)
            for part in parts.values()
        ],
        "issues": shown,
    }


def plot_tracks(
    tracks: Tracks,
    audit: Audit,
    panels: list[Panel],
    whole: pd.DataFrame,
    rows: TrackRows,
    neighbors: Neighbors,
    window: Window = WINDOW,
) -> Json:
    """Collect the data of the plots of whole tracks, whether or not they have issues.

    Args:
        tracks: the tracks
        audit: the audit, whose signals are plotted
        panels: the plots of :func:`make_panels`
        whole: the tracks, see ``whole_tracks()``
        rows: the rows of each track
        neighbors: the neighbors of each box
        window (WINDOW): the frames of the rolling means

    Returns:
        a JSON object as that of :func:`plot_issues`, in which ``first`` and ``last``
        are null, as nothing is highlighted
    """
    plotted = plot_issues(tracks, audit, panels, whole, rows, neighbors, window)
    shown = [
        {**issue, "first": None, "last": None, "view": [int(first), int(last)]}
        for issue, first, last in zip(
            plotted["issues"], whole["first_frame"], whole["last_frame"], strict=True
        )
    ]
    return {"tracks": plotted["tracks"], "issues": shown}


def plot_timelines(
    tracks: Tracks, issues: pd.DataFrame, rows: TrackRows, neighbors: Neighbors
) -> list[Json]:
    """Collect the timelines of sequences: when their worst tracks are labeled.

    Returns:
        a JSON object per sequence with issues: its name as ``sequence``, its number
        of ``frames``, and the ``tracks`` with the largest sums of scores, each with
        its ID as ``track``, its ``runs`` of frames, ``[first, last]``, and the
        positions of its ``issues`` in the list of issues
    """
    frames = tracks.table["frame"].to_numpy()
    timelines = []
    for name, found in issues.reset_index(drop=True).groupby("sequence", sort=False):
        sums = found.groupby("track")["score"].sum().nlargest(_TIMELINE_TRACKS)
        timelines.append(
            {
                "sequence": name,
                "frames": len(tracks.sequences[str(name)].frame_names),
                "tracks": [
                    {
                        "track": int(track),
                        "runs": _find_runs(frames, rows[str(name), track], neighbors),
                        "issues": found.index[found["track"] == track].tolist(),
                    }
                    for track in sums.index
                    # A label that was set aside may be alone in its track
                    if (str(name), track) in rows
                ],
            }
        )
    return timelines


def _rows_near(
    frames: NDArray[np.integer],
    rows: NDArray[np.intp],
    issue: Span,
    reach: int,
) -> NDArray[np.intp]:
    """Return a track's rows at an issue, and ``reach`` rows on either side."""
    start, end = np.searchsorted(frames[rows], [issue.first, issue.last + 1])
    return rows[max(start - reach, 0) : end + reach]


def _collect_columns(
    tracks: Tracks,
    audit: Audit,
    panels: list[Panel],
    neighbors: Neighbors,
    window: Window,
) -> dict[str, Floats]:
    """Return the plotted columns of the tracks table, by name."""
    size = area(box_array(tracks.table))
    known = {
        **{name: tracks.table[name] for name in ("frame", *BOX)},
        "size": size,
        "size_step": size - before(size, neighbors.adjacent),
        **{str(name): column for name, column in audit.detections.items()},
        **rolling_signals(tracks.table, neighbors, window),
    }
    wanted = dict.fromkeys(chain(["frame"], *(panel.columns for panel in panels)))
    return {name: np.asarray(known[name], np.float64) for name in wanted}


def _find_limits(
    columns: dict[str, Floats], rows: NDArray[np.intp]
) -> dict[str, float]:
    """Return what is unusual for a track, for signals without a common threshold.

    For embeddings this is the mean plus two standard deviations, as for
    ``embedding_outlier``; for motion see ``outliers.py``.
    """
    limits = {}
    for name in columns.keys() & {"embedding_distance", "motion_residual"}:
        values = columns[name][rows]
        values = values[~np.isnan(values)]
        if len(values) and name == "embedding_distance":
            limits[name] = values.mean() + 2 * values.std()
        elif len(values):
            center = np.median(values)
            limits[name] = center + UNUSUAL * np.median(np.abs(values - center))
    return {name: round(float(limit), _DIGITS) for name, limit in limits.items()}


def _take(
    columns: dict[str, Floats], rows: NDArray[np.intp], neighbors: Neighbors
) -> Json:
    """Take rows of the columns, with a null wherever a line is broken."""
    breaks = np.flatnonzero(~_follows(rows, neighbors))[1:]
    taken = pd.DataFrame(
        {
            name: np.insert(values[rows], breaks, np.nan)
            for name, values in columns.items()
        }
    ).round(_DIGITS)
    plain = taken.astype(object).where(taken.notna(), None)
    return {str(name): values.tolist() for name, values in plain.items()}


def _find_runs(
    frames: NDArray[np.integer], rows: NDArray[np.intp], neighbors: Neighbors
) -> list[list[int]]:
    """Return the first and last frame of each run of a track without a gap."""
    first = np.flatnonzero(~_follows(rows, neighbors))
    last = np.append(first[1:], len(rows)) - 1
    runs: list[list[int]] = np.stack(
        [frames[rows[first]], frames[rows[last]]], axis=1
    ).tolist()
    return runs


def _follows(rows: NDArray[np.intp], neighbors: Neighbors) -> NDArray[np.bool_]:
    """Return whether each of a track's rows is adjacent to the one before it."""
    next_row: NDArray[np.bool_] = np.diff(rows, prepend=rows[:1]) == 1
    return neighbors.adjacent[rows] & next_row
