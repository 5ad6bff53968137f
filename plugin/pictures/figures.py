# SPDX-License-Identifier: Apache-2.0
"""Figures of any track, as Plotly draws them in a notebook."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import fiftyone as fo
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image
from plotly.subplots import make_subplots

from ...importers import store
from ...importers.frames import check_frames_at
from ...importers.tracks import BOX, Tracks
from ..audit import Thresholds
from ..audit.boxes import area
from ..audit.neighbors import before, find_neighbors
from ..audit.signals import box_array, iou_signals
from .strips import cut_crops, read_frame

_COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728")
_BOX = {"color": "#e4572e", "width": 2}
_HEIGHT = 190
#: The plots of a track, from the top down.
_TITLES = (
    *(f"{name}, px" for name in BOX),
    "deviation, px",
    "size, px²",
    "size change, px²",
    "size change",
    "IoU with the previous box",
)


def plot_track(
    tracks: Tracks,
    track: int,
    window: int = 5,
    *,
    centered: bool = True,
    sequence: str | None = None,
    thresholds: Thresholds | None = None,
) -> go.Figure:
    """Plot a track over its frames: its box, its size and what changes.

    Args:
        tracks: the tracks
        track: the number of the track
        window (5): the number of boxes that the rolling means are taken over
        centered (True): whether a window lies around its box, rather than before it
        sequence (None): the sequence of the track; may be omitted if there is one
        thresholds (None): the thresholds to draw; by default the usual ones

    Returns:
        a Plotly figure: the box and its size with rolling means, the deviations from
        these, and the change of size and the IoU with thresholds

    Raises:
        ValueError: if there is no such track, or the window is no positive number

    Example:
        >>> figure = fta.plot_track(tracks, 1, window=5)
        >>> figure.layout.title.text
        'street, track 1'
    """
    if window < 1:
        raise ValueError(f"expected a window of 1 box or more, not {window}")
    name = _sequence_name(tracks, sequence)
    values = _signals(_track_of(tracks, name, track))
    means = (
        values[[*BOX, "size"]].rolling(window, center=centered, min_periods=1).mean()
    )
    figure = make_subplots(len(_TITLES), 1, shared_xaxes=True, subplot_titles=_TITLES)
    frames = values["frame"]
    for row, each in (
        (1, "left"),
        (2, "top"),
        (3, "width"),
        (4, "height"),
        (6, "size"),
    ):
        _add_line(figure, row, frames, values[each], each, _COLORS[0])
        _add_line(figure, row, frames, means[each], "rolling mean", _COLORS[1])
    for each, color in zip(BOX, _COLORS, strict=True):
        _add_line(figure, 5, frames, values[each] - means[each], each, color)
    _add_line(figure, 7, frames, values["size_step"], "size change", _COLORS[0])
    _add_line(figure, 8, frames, values["size_change"], "size change", _COLORS[0])
    _add_line(figure, 9, frames, values["iou_prev"], "IoU", _COLORS[0])
    _add_limits(figure, thresholds or Thresholds())
    figure.update_xaxes(title_text="frame", row=len(_TITLES), col=1)
    height, title = _HEIGHT * len(_TITLES), f"{name}, track {track}"
    return figure.update_layout(title_text=title, height=height, showlegend=False)


def plot_overlaps(tracks: Tracks, sequence: str | None = None) -> go.Figure:
    """Plot the IoU of the boxes of all tracks with their previous boxes, side by side.

    Args:
        tracks: the tracks
        sequence (None): the sequence; may be omitted if there is one

    Returns:
        a Plotly figure with a plot per track

    Raises:
        ValueError: if there is no such sequence, or it has no tracks

    Example:
        >>> len(fta.plot_overlaps(tracks).data)
        1
    """
    name = _sequence_name(tracks, sequence)
    own = tracks.table[tracks.table["sequence"] == name]
    numbers = sorted(int(track) for track in own["track"].unique() if track >= 0)
    if not numbers:
        raise ValueError(f"{name} has no tracks")
    titles = [f"track {number}" for number in numbers]
    columns = min(len(numbers), 4)
    rows = -(-len(numbers) // columns)
    # Many plots leave less room between them than Plotly's default takes
    figure = make_subplots(
        rows,
        columns,
        shared_xaxes=True,
        shared_yaxes=True,
        subplot_titles=titles,
        vertical_spacing=0.3 / rows,
    )
    for place, number in enumerate(numbers):
        values = _signals(own[own["track"] == number])
        line = go.Scatter(
            x=values["frame"], y=values["iou_prev"], name=titles[place], mode="lines"
        )
        figure.add_trace(line, place // columns + 1, place % columns + 1)
    title = f"{name}: IoU with the previous box"
    return figure.update_layout(
        title_text=title, height=_HEIGHT * rows + 100, showlegend=False
    )


def plot_crops(
    dataset: fo.core.collections.SampleCollection,
    track: int,
    start: int,
    count: int = 5,
    *,
    sequence: str | None = None,
    label_field: str | None = None,
) -> go.Figure:
    """Show a track in some of its frames, side by side.

    Args:
        dataset: a dataset of tracks, or a view
        track: the number of the track
        start: the frame to begin with, from 1
        count (5): the number of frames, of those in which the track has a box
        sequence (None): the sequence of the track; may be omitted if there is one
        label_field (None): the frame field of the tracks; by default the only one

    Returns:
        a Plotly figure with a picture per frame, and the box in it

    Raises:
        ValueError: if there is no such track, or it has no box from there on
        InputError: if a frame is missing or not an image

    Example:
        >>> figure = fta.plot_crops(dataset, 1, start=1, count=3)
        >>> len(figure.layout.images)
        3
    """
    tracks, name = _read(dataset, sequence, label_field)
    own = _track_of(tracks, name, track)
    frames = np.unique(own["frame"][own["frame"] >= start])[:count]
    if not len(frames):
        raise ValueError(f"track {track} of {name} has no box from frame {start} on")
    alone = replace(tracks, table=own)
    titles = [f"frame {frame}" for frame in frames]
    figure = make_subplots(1, len(frames), subplot_titles=titles)
    crops = cut_crops(alone, name, frames.tolist())
    if not crops:
        raise ValueError(f"the frames of {name} are not on this machine")
    for column, crop in enumerate(crops, start=1):
        image = Image.open(io.BytesIO(base64.b64decode(crop.image)))
        _add_image(figure, image, crop.size, column)
        for box in crop.boxes:
            _add_box(figure, box, column)
    return figure.update_layout(title_text=f"{name}, track {track}", height=280)


def plot_frame(
    dataset: fo.core.collections.SampleCollection,
    frame: int,
    *,
    sequence: str | None = None,
    label_field: str | None = None,
) -> go.Figure:
    """Show a frame with its boxes.

    Args:
        dataset: a dataset of tracks, or a view
        frame: the frame, from 1
        sequence (None): the sequence; may be omitted if there is one
        label_field (None): the frame field of the tracks; by default the only one

    Returns:
        a Plotly figure, in pixels of the images that were labeled

    Raises:
        ValueError: if there is no such frame
        InputError: if the frame is missing or not an image

    Example:
        >>> len(fta.plot_frame(dataset, 1).layout.shapes)
        2
    """
    tracks, name = _read(dataset, sequence, label_field)
    record = tracks.sequences[name]
    if not 1 <= frame <= len(record.frame_names) or record.frames_dir is None:
        raise ValueError(f"no frame {frame} of {name} on this machine")
    check_frames_at(record, [frame])
    image = read_frame(record, frame)
    figure = make_subplots(1, 1)
    size = record.width or image.width, record.height or image.height
    _add_image(figure, image, size, 1)
    own = tracks.table[tracks.table["sequence"] == name]
    for row in own[own["frame"] == frame].itertuples():
        _add_box(figure, np.array([row.left, row.top, row.width, row.height]), 1)
        figure.add_annotation(
            x=row.left,
            y=row.top,
            text=f"{row.label} {row.track}",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            font={"color": _BOX["color"]},
        )
    return figure.update_layout(title_text=f"{name}, frame {frame}")


def _sequence_name(tracks: Tracks, sequence: str | None) -> str:
    names = list(tracks.sequences)
    if sequence is None and len(names) == 1:
        return names[0]
    if sequence not in names:
        asked = "which sequence" if sequence is None else f"no sequence {sequence!r}"
        raise ValueError(f"{asked}; expected one of {', '.join(names)}")
    return str(sequence)


def _track_of(tracks: Tracks, name: str, track: int) -> pd.DataFrame:
    """Return the rows of a track."""
    table = tracks.table
    own = table[(table["sequence"] == name) & (table["track"] == track)]
    if own.empty or track < 0:
        raise ValueError(f"{name} has no track {track}")
    return own.reset_index(drop=True)


def _signals(own: pd.DataFrame) -> pd.DataFrame:
    """Return what is plotted of the boxes of one track."""
    own = own.reset_index(drop=True)
    neighbors = find_neighbors(own)
    size = area(box_array(own))
    step = size - before(size, neighbors.adjacent)
    return own[["frame", *BOX]].assign(
        size=size,
        size_step=step,
        size_change=step / before(size, neighbors.adjacent),
        iou_prev=iou_signals(own, neighbors)["iou_prev"],
    )


def _read(
    samples: fo.core.collections.SampleCollection,
    sequence: str | None,
    label_field: str | None,
) -> tuple[Tracks, str]:
    """Read the tracks of a dataset, and the name of the sequence that is meant."""
    field = store.find_label_field(store.dataset_of(samples), label_field)
    tracks = store.read_tracks(samples, field).tracks
    return tracks, _sequence_name(tracks, sequence)


def _add_line(
    figure: go.Figure,
    row: int,
    frames: pd.Series[int],
    values: pd.Series[float],
    name: str,
    color: str,
) -> None:
    line = {"color": color, "width": 1.5}
    figure.add_trace(go.Scatter(x=frames, y=values, name=name, line=line), row, 1)


def _add_limits(figure: go.Figure, limits: Thresholds) -> None:
    """Draw the thresholds of the size and of the IoU."""
    # A box that shrinks to 1 / (1 + size) counts like one that grows to 1 + size
    for row, limit in (
        (8, limits.size),
        (8, 1 / (1 + limits.size) - 1),
        (9, limits.iou),
    ):
        figure.add_hline(y=limit, line_dash="dash", row=row, col=1)


def _add_image(
    figure: go.Figure, image: Image.Image, size: tuple[int, int], column: int
) -> None:
    """Show an image that is as large as some pixels of a plot."""
    width, height = size
    number = column if column > 1 else ""
    figure.add_layout_image(
        source=image,
        x=0,
        y=0,
        sizex=width,
        sizey=height,
        xref=f"x{number}",
        yref=f"y{number}",
        sizing="stretch",
        layer="below",
    )
    figure.update_xaxes(range=[0, width], visible=False, row=1, col=column)
    figure.update_yaxes(
        range=[height, 0], visible=False, scaleanchor=f"x{number}", row=1, col=column
    )


def _add_box(figure: go.Figure, box: np.ndarray, column: int) -> None:
    left, top, width, height = box.tolist()
    figure.add_shape(
        type="rect",
        x0=left,
        y0=top,
        x1=left + width,
        y1=top + height,
        line=_BOX,
        row=1,
        col=column,
    )
