# SPDX-License-Identifier: Apache-2.0
"""Make tables of tracks, and records of sequences, from what the database holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..s3_frames import cache_folder
from ..s3_objects import is_s3
from ..tracks import BOX, Sequence, Tracks, VideoPart, make_table
from ..video_frames import frames_folder
from . import raw_values
from .fields import FRAMES_URI, IMAGE_HEIGHT, IMAGE_WIDTH, SEQUENCE
from .frame_names import folder_of
from .sequences import check_sizes, make_spans
from .track_numbers import Identities, Numbers, number_tracks
from .unusable import find_unusable, set_aside

#: The prefix of the frames' attributes, which separates them from the detections'.
STATEMENT = "frame:"
#: The columns of the instance, and of the attribute that holds the identity.
INSTANCE, IDENTITY = "_instance", "_identity"


def sequence_records(
    stored: pd.DataFrame, documents: pd.DataFrame, frame_attributes: list[str]
) -> dict[str, Sequence]:
    """Return the records of sequences.

    Args:
        stored: the samples, see ``read_samples()``
        documents: the frames, see :attr:`StoredTracks.documents`
        frame_attributes: the frame fields that were read

    Returns:
        the record of each sequence by name

    Raises:
        ValueError: if the size of a video is not known
    """
    check_sizes(stored)
    sequences = {}
    by_sequence = dict(iter(documents.groupby("sequence", sort=False)))
    for name, samples in stored.groupby(SEQUENCE, sort=False):
        frames = by_sequence.get(name, documents.iloc[:0])
        frames = frames[~frames["beyond"]]
        last = int(frames["frame"].max()) if len(frames) else 0
        # A video may have fewer frame documents than frames
        names = pd.Series(frames["frame_name"].to_numpy(), frames["frame"].to_numpy())
        names = names.reindex(range(1, last + 1))
        names = names.fillna(names.index.to_series().map("{:06d}.jpg".format))
        placed = frames[frames["filepath"].notna()]
        folders = set(map(folder_of, placed["filepath"], placed["frame_name"]))
        first = samples.iloc[0]
        uri = _folder_uri(first[FRAMES_URI])
        videos = () if folders else _video_parts(samples, frames)
        folder = folders.pop() if len(folders) == 1 else None
        if folder is None and uri is not None and frames["named"].any():
            folder = cache_folder(uri)
        sequences[str(name)] = Sequence(
            name=str(name),
            width=int(first[IMAGE_WIDTH]),
            height=int(first[IMAGE_HEIGHT]),
            frame_rate=float(first["frame_rate"] or 0),
            frame_names=tuple(names),
            frames_dir=frames_folder(videos) if videos else folder,
            frame_attributes=_read_statements(frames, frame_attributes),
            videos=videos,
            frames_uri=uri,
        )
    return sequences


def _folder_uri(value: object) -> str | None:
    """Return the S3 URI of a folder with a slash at its end, None for another value."""
    return f"{str(value).rstrip('/')}/" if is_s3(str(value)) else None


def _video_parts(samples: pd.DataFrame, frames: pd.DataFrame) -> tuple[VideoPart, ...]:
    """Return the videos of a sequence whose frames have no images, if all are here."""
    if frames["named"].any() or not all(map(os.path.isfile, samples["video"])):
        return ()
    spans = make_spans(samples, frames)
    return tuple(
        VideoPart(Path(path), span.offset + 1, span.length)
        for path, span in zip(samples["video"], spans, strict=True)
    )


def _read_statements(frames: pd.DataFrame, names: list[str]) -> pd.DataFrame | None:
    """Return the attributes of whole frames, by frame."""
    if not names:
        return None
    columns = {name: frames[STATEMENT + name].to_numpy() for name in names}
    said = pd.DataFrame(columns, index=frames["frame"]).dropna(how="all")
    return said if len(said) else None


def build_tracks(
    documents: pd.DataFrame,
    columns: dict[str, list[Any]],
    sequences: Mapping[str, Sequence],
    attribute: str | None = None,
    kept: Numbers | None = None,
) -> tuple[Tracks, pd.DataFrame, Identities]:
    """Number the tracks of detections, and set aside what cannot be used.

    Args:
        documents: the frames, see :attr:`StoredTracks.documents`
        columns: the values of all detections, by column: ``bounding_box``, ``label``,
            ``index``, the instance, and further attributes
        sequences: the records of the sequences
        attribute (None): the attribute that holds the identity; its column is among
            them then
        kept (None): the numbers of some tracks

    Returns:
        a tuple of the tracks; the ``document`` and ``position`` of each row; and what
        the numbers of the tracks stand for
    """
    counts = documents["count"].to_numpy(np.int64)
    document = np.repeat(np.arange(len(documents)), counts)
    starts = np.cumsum(counts) - counts
    position = np.arange(len(document)) - np.repeat(starts, counts)
    indexes, stored_boxes = columns.pop("index"), columns.pop("bounding_box")
    boxes = _place_boxes(documents, sequences, document, stored_boxes)
    boxes["label"] = raw_values.class_names(columns.pop("label"))
    boxes["index"] = raw_values.whole_numbers(indexes)
    boxes["instance"] = raw_values.identities(columns.pop(INSTANCE))
    if attribute is not None:
        boxes["attribute"] = raw_values.identities(columns.pop(IDENTITY))
    identities = number_tracks(boxes, attribute, kept)
    boxes["track"] = identities.tracks
    broken = find_unusable(boxes, indexes, stored_boxes)
    table = make_table(
        {
            **{name: boxes[name] for name in ("sequence", "frame", "label", *BOX)},
            "frame_name": pd.Categorical(documents["frame_name"])[document],
            "track": boxes["track"].astype("int32"),
            **columns,
            "_document": document,
            "_position": position,
            "_usable": ~broken.found,
        }
    )
    if broken.reasons:
        table = table[table["_usable"]].reset_index(drop=True)
    rows = table[["_document", "_position"]].set_axis(["document", "position"], axis=1)
    table = table.drop(columns=["_document", "_position", "_usable"])
    invalid = set_aside(boxes, broken)
    return Tracks(table, sequences, identities.notes, invalid), rows, identities


def _place_boxes(
    documents: pd.DataFrame,
    sequences: Mapping[str, Sequence],
    document: NDArray[np.int64],
    stored_boxes: list[list[float] | None],
) -> pd.DataFrame:
    """Return the sequence, the frame and the pixels of each box."""
    names = list(sequences)
    codes = documents["sequence"].map({name: i for i, name in enumerate(names)})
    sequence = codes.to_numpy(np.int64)[document]
    known = np.array([(s.width, s.height) for s in sequences.values()], np.float64)
    sizes = known.reshape(-1, 2)[sequence]
    # What becomes infinite is set aside
    with np.errstate(over="ignore", invalid="ignore"):
        places = raw_values.boxes(stored_boxes) * np.tile(sizes, 2)
    return pd.DataFrame(
        {
            "sequence": pd.Categorical.from_codes(sequence, pd.Index(names)),
            "frame": documents["frame"].to_numpy()[document],
            "beyond": documents["beyond"].to_numpy()[document],
            "last": documents["last"].to_numpy()[document],
            **dict(zip(BOX, places.T, strict=True)),
            **dict(zip((IMAGE_WIDTH, IMAGE_HEIGHT), sizes.T, strict=True)),
        }
    )
