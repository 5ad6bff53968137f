# SPDX-License-Identifier: Apache-2.0
"""The selected issue: crops and plots of its tracks."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import fiftyone as fo
import numpy as np
import pandas as pd

from ...importers import store
from ...importers.tracks import BOX, InputError, Tracks
from ..audit import INVALID, Audit, Thresholds
from ..audit.neighbors import find_neighbors
from ..fixing.planning import list_fixes
from ..pictures.plots import make_panels, plot_issues
from ..pictures.rows import find_rows
from ..pictures.strips import Crop, cut_crop, cut_strips
from ..plain import Json
from ..review.witnesses import read_predictions_near

#: Number of frames read on either side of an issue: ten seconds at 25 fps.
_AROUND = 250
#: Number of frames read on either side of a frame, from which its track is known.
_BESIDE = 5
#: How much larger the images of crops are than the crops in the strip.
_ZOOM = 2
#: The signals on detections that are plotted.
_SIGNALS = ("size_change", "iou_prev", "motion_residual", "embedding_distance")


def show_issue(
    dataset: fo.Dataset, field: str, issue: pd.Series[Any], thresholds: Thresholds
) -> Json:
    """Return the crops and the plots of an issue.

    Args:
        dataset: the dataset
        field: the frame field of the tracks
        issue: the issue, a row of ``read_issues()``
        thresholds: the thresholds of the audit

    Returns:
        a JSON object: ``strip``, the crops, empty if the frames are not available,
        with the reason as ``problem``; ``fixes``, the ``name`` and ``title`` of each
        fix that applies, the default first; ``panels``, the plots; and ``plot``, the
        data that they show, see ``plot_issues()``, with the width and height of the
        ``image`` that boxes are relative to in pixels, null if they are unknown

    Raises:
        ValueError: if the boxes of the issue no longer exist
    """
    name, own = issue["sequence"], store.own_attributes(dataset, field)
    around = issue["first_frame"] - _AROUND, issue["last_frame"] + _AROUND
    attributes = {own[signal]: signal for signal in _SIGNALS if signal in own}
    tracks, labeled = store.read_part(
        dataset,
        field,
        name,
        issue[["track", "other_track"]].dropna().tolist(),
        around,
        attributes,
    )
    tracks = replace(tracks, table=_placed(tracks.table))
    set_aside = issue["kind"] == INVALID
    if not set_aside and not (tracks.table["track"] == issue["track"]).any():
        raise ValueError(
            f"track {issue['track']} no longer has these boxes; audit the tracks again"
        )
    seen = read_predictions_near(dataset, field, name, around)
    signals = tracks.table[[*attributes]].rename(columns=attributes).astype(float)
    audit = Audit(signals, issue.to_frame().T)
    rows = find_rows(tracks.table)
    panels = make_panels(audit, thresholds)
    neighbors = find_neighbors(tracks.table)
    plotted = plot_issues(tracks, audit, panels, audit.issues, rows, neighbors)
    try:
        (strip,) = cut_strips(tracks, audit.issues, rows, False, {name: labeled}, _ZOOM)
        problem = None if strip else "the frames are not available"
    except InputError as error:
        strip, problem = [], str(error)
    return {
        **_suggest(tracks, issue, strip, seen),
        "problem": problem,
        "panels": [asdict(panel) for panel in panels],
        "plot": {
            "tracks": plotted["tracks"],
            "issue": plotted["issues"][0],
            "image": [tracks.sequences[name].width, tracks.sequences[name].height],
        },
    }


def _suggest(
    tracks: Tracks,
    issue: pd.Series[Any],
    strip: list[Crop],
    predictions: pd.DataFrame | None,
) -> Json:
    """Return the fixes that apply, and the crops with what the first one draws."""
    fixes = list_fixes(tracks, issue, predictions)
    edits = fixes[0][1] if fixes else tracks.table[:0].assign(deleted=False)
    drawn = edits[~edits["deleted"].astype(bool)]
    return {
        "strip": [
            describe_crop(crop, drawn[drawn["frame"] == crop.frame]) for crop in strip
        ],
        "fixes": [{"name": fix.name, "title": fix.title} for fix, _ in fixes],
    }


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
