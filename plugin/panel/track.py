# SPDX-License-Identifier: Apache-2.0
"""The selected issue: crops and plots of its tracks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import fiftyone as fo
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers import store
from ...importers.tracks import BOX, InputError, Tracks
from ..audit import INVALID, Audit, Thresholds
from ..audit.grouping import EXPECTED
from ..audit.neighbors import find_neighbors
from ..audit.rolling import WINDOW, Window
from ..fixing.paths import MARGIN
from ..fixing.planning import list_fixes
from ..fixing.remedies import Remedy
from ..pictures.plots import (
    Panel,
    make_panels,
    plot_issues,
    plot_tracks,
    sort_panels,
)
from ..pictures.rows import find_rows, whole_tracks
from ..pictures.strips import Crop, cut_crop, cut_strips
from ..plain import Json
from ..review.witnesses import read_predictions_near

#: A row of the issues that are stored.
Issue: TypeAlias = "pd.Series[Any]"

#: Number of frames read on either side of an issue: ten seconds at 25 fps.
_AROUND = 250
#: Number of frames read on either side of a frame, from which its track is known.
_BESIDE = 5
#: Number of frames on either side of an issue in which all boxes are outlined, and
#: the most on either side of its peak.
_BEYOND, _FARTHEST = 30, 150
#: How much larger the images of crops are than the crops in the strip.
_ZOOM = 2
#: The signals on detections that are plotted.
_SIGNALS = ("size_change", "iou_prev", "motion_residual", "embedding_distance")


def show_issue(
    dataset: fo.Dataset,
    field: str,
    issue: Issue,
    thresholds: Thresholds,
    context: float = 1,
    window: Window = WINDOW,
) -> Json:
    """Return the crops and the plots of an issue.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        issue: the issue, a row of ``read_issues()``
        thresholds: the thresholds of the audit
        context (1): how much the crops show of the surroundings
        window (WINDOW): the frames of the rolling means

    Returns:
        a JSON object: ``strip``, the crops, empty if the frames are not available,
        with the reason as ``problem``; ``fixes``, the ``name`` and ``title`` of each
        fix that applies, the default first; ``panels``, the plots, with how many of
        them matter for the kind and come first as ``leading``; and ``plot``, the data
        that they show, see ``plot_issues()``, with the IDs of the ``labels`` that the
        issue is about, the boxes that the first fix would draw as ``suggested``
        columns, and the width and height of the ``image`` that boxes are relative to
        in pixels, null if they are unknown

    Raises:
        ValueError: if the boxes of the issue no longer exist
    """
    attributes, around = _signals(dataset, field), _around(issue)
    tracks, labeled = _read_tracks(dataset, field, issue, [*attributes, "id"])
    is_alone = issue["track"] < 0 and issue["kind"] != INVALID
    known = _read_labels(dataset, field, issue) if is_alone else tracks
    seen = read_predictions_near(dataset, field, issue["sequence"], around)
    fixes = list_fixes(known, issue, seen)
    drawn = _drawn(fixes, issue, known.table)
    audit = _audited(tracks, attributes, issue.to_frame().T)
    panels, leading = sort_panels(make_panels(audit, thresholds), issue["kind"])
    alone = drawn if is_alone else None
    strip, problem = _cut_strip(tracks, issue, labeled, alone, context)
    return {
        "strip": [
            describe_crop(crop, drawn[drawn["frame"] == crop.frame]) for crop in strip
        ],
        "fixes": [{"name": fix.name, "title": fix.title} for fix, _ in fixes],
        "problem": problem,
        "leading": leading,
        **_draw(
            tracks,
            audit,
            panels,
            plot_issues,
            window,
            labels=[] if is_alone else tracks.table["id"].map(str).tolist(),
            suggested=drawn[["frame", *BOX]].round(2).to_dict("list"),
        ),
    }


def _around(issue: Issue) -> tuple[int, int]:
    return issue["first_frame"] - _AROUND, issue["last_frame"] + _AROUND


def _track_ids(issue: Issue) -> list[int]:
    """Return the IDs of the tracks of an issue."""
    return [int(each) for each in issue[["track", "other_track"]].dropna()]


def _read_tracks(
    dataset: fo.Dataset, field: str, issue: Issue, attributes: list[str]
) -> tuple[Tracks, NDArray[np.int64]]:
    """Read the tracks of an issue, and the labeled frames around it.

    Raises:
        ValueError: if the boxes of the issue no longer exist
    """
    ids = _track_ids(issue)
    tracks, labeled = store.read_part(
        dataset, field, issue["sequence"], ids, _around(issue), attributes
    )
    tracks = replace(tracks, table=_placed(tracks.table))
    is_there = (tracks.table["track"] == issue["track"]).any()
    if not (is_there or issue["track"] < 0 or issue["kind"] == INVALID):
        raise ValueError(
            f"track {issue['track']} no longer has these boxes; audit the tracks again"
        )
    return tracks, labeled


def show_track(
    dataset: fo.Dataset,
    field: str,
    place: tuple[str, int],
    frames: int,
    thresholds: Thresholds,
    window: Window = WINDOW,
) -> Json:
    """Return the plots of a whole track, whether or not it has issues.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        place: the sequence and the number of the track
        frames: the number of frames of the sequence
        thresholds: the thresholds of the audit
        window (WINDOW): the frames of the rolling means

    Returns:
        ``panels``, ``leading`` and ``plot`` as :func:`show_issue` returns them

    Raises:
        ValueError: if there is no such track
    """
    name, number = place
    attributes = _signals(dataset, field)
    reach = (1, frames)
    tracks, _ = store.read_part(dataset, field, name, [number], reach, attributes)
    tracks = replace(tracks, table=_placed(tracks.table))
    rows = find_rows(tracks.table)
    if place not in rows:
        raise ValueError(f"{name} has no track {number}")
    audit = _audited(tracks, attributes, whole_tracks(tracks.table, rows, [place]))
    nothing: Json = {column: [] for column in ("frame", *BOX)}
    panels = make_panels(audit, thresholds)
    more: Json = {"labels": [], "suggested": nothing}
    drawn = _draw(tracks, audit, panels, plot_tracks, window, **more)
    return {"leading": len(panels), **drawn}


def _signals(dataset: fo.Dataset, field: str) -> dict[str, str]:
    """Return the signals that are plotted, by the attributes that hold them."""
    own = store.own_attributes(dataset, field)
    return {own[signal]: signal for signal in _SIGNALS if signal in own}


def _audited(tracks: Tracks, attributes: dict[str, str], issues: pd.DataFrame) -> Audit:
    """Return the signals that were stored, with what is shown of the tracks."""
    signals = tracks.table[[*attributes]].rename(columns=attributes).astype(float)
    return Audit(signals, issues)


def _draw(
    tracks: Tracks,
    audit: Audit,
    panels: list[Panel],
    plot: Callable[..., Json],
    window: Window,
    **more: object,
) -> Json:
    """Return the plots of the only issue or track of an audit, and their data.

    Args:
        tracks: the tracks of one sequence
        audit: what is shown of them
        panels: the plots
        plot: ``plot_issues`` or ``plot_tracks``
        window: the frames of the rolling means
        **more: what else belongs to the data
    """
    rows, neighbors = find_rows(tracks.table), find_neighbors(tracks.table)
    plotted = plot(tracks, audit, panels, audit.issues, rows, neighbors, window)
    (sequence,) = tracks.sequences.values()
    return {
        "panels": [asdict(panel) for panel in panels],
        "plot": {
            "tracks": plotted["tracks"],
            **more,
            "issue": plotted["issues"][0],
            "image": [sequence.width, sequence.height],
        },
    }


def _read_labels(dataset: fo.Dataset, field: str, issue: Issue) -> Tracks:
    """Read the labels around an object that nobody labeled."""
    peak = int(issue["peak_frame"])
    near = peak - MARGIN, peak + MARGIN
    return store.read_range(dataset, field, issue["sequence"], near).tracks


def _drawn(
    fixes: list[tuple[Remedy, pd.DataFrame]],
    issue: Issue,
    table: pd.DataFrame,
) -> pd.DataFrame:
    """Return the boxes that the first fix would draw.

    If no fix applies to an object without a track, its expected box is drawn.
    """
    if fixes:
        edits = fixes[0][1]
        drawn: pd.DataFrame = edits[~edits["deleted"].astype(bool)]
        return drawn
    expected = issue.reindex(EXPECTED).to_numpy(float)
    if issue["track"] >= 0 or not np.isfinite(expected).all():
        return table[:0]
    box = dict(zip(BOX, expected, strict=True))
    return pd.DataFrame([{"frame": int(issue["peak_frame"]), **box}])


def _cut_strip(
    tracks: Tracks,
    issue: Issue,
    labeled: NDArray[np.int64],
    alone: pd.DataFrame | None,
    context: float,
) -> tuple[list[Crop], str | None]:
    """Cut the crops of an issue, or say why there are none.

    Args:
        tracks: the tracks
        issue: the issue
        labeled: the frames with labels
        alone: the boxes that are suggested for an object without a track, around
            which its crops are; None if the object has a track
        context: how much the crops show of the surroundings
    """
    name, table = issue["sequence"], tracks.table
    if alone is not None:
        table = alone[["frame", *BOX]].assign(sequence=name, track=issue["track"])
    try:
        (strip,) = cut_strips(
            replace(tracks, table=table),
            issue.to_frame().T,
            find_rows(table),
            progress=False,
            labeled={name: labeled},
            zoom=_ZOOM,
            context=context,
        )
    except InputError as error:
        return [], str(error)
    if alone is not None:
        # These boxes are no labels
        strip = [replace(crop, boxes=crop.other_boxes) for crop in strip]
    return strip, None if strip else "the frames are not available"


def show_crop(
    dataset: fo.Dataset, field: str, sequence: str, track: int, frame: int
) -> Json | None:
    """Return the crop of a track in a frame.

    Returns:
        the crop, see :func:`describe_crop`; None if there is none
    """
    around = (frame - _BESIDE, frame + _BESIDE)
    tracks, _ = store.read_part(dataset, field, sequence, [track], around)
    tracks = replace(tracks, table=_placed(tracks.table))
    known = tracks.sequences.get(sequence)
    within = known is not None and frame <= len(known.frame_names)
    crop = cut_crop(tracks, sequence, frame) if within else None
    return describe_crop(crop) if crop else None


def show_others(dataset: fo.Dataset, field: str, issue: Issue) -> Json:
    """Return the boxes of all tracks but those of an issue, in the frames around it.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        issue: the issue, a row of ``read_issues()``

    Returns:
        a JSON object of ``boxes``: by frame, ``[left, top, width, height]`` of each
        box in pixels of the labels
    """
    peak = int(issue["peak_frame"])
    first = max(issue["first_frame"] - _BEYOND, peak - _FARTHEST)
    last = min(issue["last_frame"] + _BEYOND, peak + _FARTHEST)
    read = store.read_range(dataset, field, issue["sequence"], (first, last))
    table = _placed(read.tracks.table)
    own = table["track"].isin(_track_ids(issue))
    frames = table[~own].groupby("frame")
    boxes = {str(frame): part[BOX].round(1).to_numpy() for frame, part in frames}
    return {"boxes": {frame: each.tolist() for frame, each in boxes.items()}}


def show_card(dataset: fo.Dataset, field: str, issue: Issue) -> Json | None:
    """Return the one crop that shows an issue best.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        issue: the issue, a row of ``read_issues()``

    Returns:
        the crop, see :func:`describe_crop`, with the box that is expected there; None
        if there is none
    """
    frame = int(issue["peak_frame"])
    around = (min(frame, issue["first_frame"]) - _BESIDE, frame + _BESIDE)
    ids = _track_ids(issue)
    tracks, _ = store.read_part(dataset, field, issue["sequence"], ids, around)
    table = _placed(tracks.table)
    expected = issue.reindex(EXPECTED).to_numpy(float)
    drawn = pd.DataFrame([expected] * bool(np.isfinite(expected).all()), columns=BOX)
    own = table[table["track"] == issue["track"]]
    if issue["track"] < 0:
        own = drawn.assign(sequence=issue["sequence"], frame=frame, track=-1)
    known = tracks.sequences.get(issue["sequence"])
    if known is None or frame > len(known.frame_names):
        return None
    other = table[table["track"] != issue["track"]]
    try:
        crop = cut_crop(replace(tracks, table=own), issue["sequence"], frame, other)
    except InputError:
        return None
    return describe_crop(crop, drawn) if crop else None


def describe_crop(crop: Crop, suggested: pd.DataFrame | None = None) -> Json:
    """Describe a crop in JSON values.

    Args:
        crop: the crop
        suggested (None): the boxes that a fix would draw there, in pixels of the
            labels

    Returns:
        ``frame``, ``frame_name``, ``place``, ``size``, ``boxes``, ``other_boxes``,
        ``suggested_boxes`` (in pixels of the crop) and ``image``, a JPEG in base64
    """
    drawn = np.empty((0, 4)) if suggested is None else suggested[BOX].to_numpy(float)
    return {
        "frame": int(crop.frame),
        "frame_name": crop.frame_name,
        "place": crop.place,
        "size": list(crop.size),
        "boxes": crop.boxes.round(1).tolist(),
        "other_boxes": crop.other_boxes.round(1).tolist(),
        "suggested_boxes": crop.place_boxes(drawn).round(1).tolist(),
        "image": crop.image,
    }


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the boxes that have coordinates; others cannot be shown."""
    placed = np.isfinite(table[BOX].to_numpy()).all(axis=1)
    kept: pd.DataFrame = table[placed].reset_index(drop=True)
    return kept
