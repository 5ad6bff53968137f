# SPDX-License-Identifier: Apache-2.0
"""Number the tracks of stored detections.

FiftyOne has two spellings of an object's identity. ``Detection.instance`` is what the
App's annotator writes: its ID says which boxes are one object, whatever their index.
``Detection.index`` is the older one, and counts either over all classes or within each.
A field may mix both, or use an attribute of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..tracks import BOX
from .bulk import Document
from .raw_values import whole_numbers

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
#: The numbers of tracks by sequence, and by the name of the track's identity.
Numbers: TypeAlias = Mapping[str, Mapping[str, int]]

#: Greater indexes are no track numbers, so that new numbers fit above them.
_GREATEST = 2_000_000_000
#: Boxes of one index in neighboring frames that overlap less are different objects.
_SAME_PLACE = 0.1
_KEY = ["sequence", "key"]
_TRACK = ["sequence", "track", "index", "instance", "attribute", "name"]


@dataclass(frozen=True)
class Identities:
    """The tracks of boxes.

    Attributes:
        tracks: the track of each box, an int64 column; -1 if it has no identity
        table: one row per track, if they are ``numbered``: ``sequence``, ``track``,
            the ``index``, ``instance`` and ``attribute`` that boxes of the track have,
            null if none, and the ``name`` of its identity
        numbered: whether a track may have another number than its index
        per_class: whether an index may count within its class
        attribute: the attribute that holds the identity, or None
        notes: sentences for the user about what was taken for the identity
    """

    tracks: pd.Series[int]
    table: pd.DataFrame
    numbered: bool = False
    per_class: bool = False
    attribute: str | None = None
    notes: tuple[str, ...] = ()


def number_tracks(
    boxes: pd.DataFrame, attribute: str | None = None, kept: Numbers | None = None
) -> Identities:
    """Number the tracks of boxes.

    The number of a track is the one that is kept for it, or else its index if no other
    track of the sequence has the same one, or else of those tracks the one that begins
    first. Other tracks get the numbers above all indexes.

    Args:
        boxes: one row per box: ``sequence``, ``frame``, ``label``, ``index`` (Int64),
            ``instance`` (an ID, or null), ``left``, ``top``, ``width``, ``height``,
            and, if an attribute is given, ``attribute``
        attribute (None): the name of the attribute that holds the identity; only it
            counts then
        kept (None): the numbers of some tracks

    Returns:
        the :class:`Identities`
    """
    boxes = boxes.reset_index(drop=True)
    index = boxes["index"].where(boxes["index"] >= 0)
    boxes = boxes.assign(index=index, has_index=index.notna().to_numpy(bool))
    boxes = boxes.assign(number=index)
    notes: list[str] = []
    per_class: set[str] = set()
    if attribute is not None:
        known = boxes["attribute"].notna().to_numpy(bool)
        key = pd.Series(pd.factorize(boxes["attribute"])[0], boxes.index)
        boxes = boxes.assign(number=whole_numbers(boxes["attribute"].tolist()))
        notes.append(f"tracks are told apart by the attribute '{attribute}'")
    else:
        by_instance = boxes["instance"].notna().to_numpy(bool)
        known = by_instance | boxes["has_index"].to_numpy()
        per_class = _count_per_class(boxes[~by_instance & known])
        key = _keys(boxes, by_instance, per_class)
        notes += _describe(boxes, by_instance, per_class)
    key = key.where(known, -1)
    if attribute is None and not per_class and not boxes["instance"].notna().any():
        fits = bool((index.fillna(0) <= _GREATEST).all())
        if fits:
            tracks = index.fillna(-1).astype("int64")
            return Identities(tracks, pd.DataFrame(columns=_TRACK))
    found = boxes.assign(key=key)
    numbers = _number(found[known], kept or {})
    tracks = pd.Series(-1, boxes.index, dtype="int64")
    tracks[known] = numbers.loc[
        pd.MultiIndex.from_frame(found.loc[known, _KEY]), "track"
    ].to_numpy()
    table = numbers.reset_index().drop(columns="key")
    return Identities(tracks, table, True, bool(per_class), attribute, tuple(notes))


def _count_per_class(boxes: pd.DataFrame) -> set[str]:
    """Return the sequences whose indexes count within each class.

    Two labels with one index in one frame are two objects, or a mistake. The other
    indexes tell which: where their labels change, the object either stays in place,
    since it is one whose label is wrong, or is another one elsewhere.
    """
    sequence, index, label, frame = (
        boxes["sequence"].cat.codes.to_numpy(),
        boxes["index"].to_numpy(np.int64),
        boxes["label"].cat.codes.to_numpy(),
        boxes["frame"].to_numpy(),
    )
    order = np.lexsort((frame, index, sequence))
    before, after = order[:-1], order[1:]
    changes = (sequence[before] == sequence[after]) & (index[before] == index[after])
    changes &= (label[before] != label[after]) & (label[before] >= 0)
    changes &= label[after] >= 0
    before, after = before[changes], after[changes]
    together = frame[before] == frame[after]
    if not together.any():
        return set()
    places = boxes[BOX].to_numpy(np.float64)
    apart = together | (_overlap(places[before], places[after]) < _SAME_PLACE)
    found = boxes[["sequence", "index"]].iloc[after].astype({"sequence": object})
    found = found.assign(together=together, apart=apart)
    per_index = found.groupby(["sequence", "index"])[["together", "apart"]].any()
    votes = per_index.groupby("sequence").agg({"together": "any", "apart": "mean"})
    return set(votes.index[votes["together"] & (votes["apart"] > 0.5)])


def _overlap(first: Floats, second: Floats) -> Floats:
    """Return the IoU of boxes, row by row; 0 where it is not defined."""
    ends = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    both = np.clip(ends - np.maximum(first[:, :2], second[:, :2]), 0, None)
    shared = both.prod(axis=1)
    union = first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        iou: Floats = np.nan_to_num(shared / union, posinf=0, neginf=0)
    return iou


def _keys(
    boxes: pd.DataFrame,
    by_instance: Flags,
    per_class: set[str],
) -> pd.Series[int]:
    """Return a number per object, which is the same for all boxes of an object."""
    instances = pd.factorize(boxes["instance"])[0]
    split = boxes["sequence"].isin(per_class).to_numpy()
    label = np.where(split, boxes["label"].cat.codes.to_numpy(), -1)
    by_index = pd.MultiIndex.from_arrays([boxes["index"].fillna(-1), label])
    codes = pd.factorize(by_index)[0] + instances.max(initial=-1) + 1
    found = np.where(by_instance, instances, codes)
    key: pd.Series[int] = pd.Series(found, boxes.index, dtype="int64")
    alone = ~by_instance & boxes["has_index"].to_numpy()
    if by_instance.any() and alone.any():
        key = _join_instances(boxes.assign(key=key), by_instance, alone)
    return key


def _join_instances(
    boxes: pd.DataFrame,
    by_instance: Flags,
    alone: Flags,
) -> pd.Series[int]:
    """Let boxes that only have an index join the instance that has it as well.

    They do if they are among the boxes of the instance, and never in the same frame.
    What comes before or after the instance is the other part of a track that was split.
    """
    spans = boxes.groupby(_KEY, observed=True)["frame"].agg(["min", "max"])
    claims = boxes.loc[by_instance & boxes["has_index"], [*_KEY, "index"]]
    pairs = (
        boxes.loc[alone, [*_KEY, "index"]]
        .drop_duplicates()
        .merge(claims.drop_duplicates(), on=["sequence", "index"], suffixes=("", "_of"))
    )
    own = spans.loc[pd.MultiIndex.from_frame(pairs[_KEY])].to_numpy()
    other = spans.loc[pd.MultiIndex.from_frame(pairs[["sequence", "key_of"]])]
    meets = (own[:, 0] <= other["max"].to_numpy()) & (
        other["min"].to_numpy() <= own[:, 1]
    )
    pairs = pairs[meets]
    frames = boxes[[*_KEY, "frame"]]
    both = pairs.merge(frames, on=_KEY).merge(
        frames.rename(columns={"key": "key_of"}), on=["sequence", "key_of", "frame"]
    )
    together = pd.MultiIndex.from_frame(both[[*_KEY, "key_of"]])
    pairs = pairs[~pd.MultiIndex.from_frame(pairs[[*_KEY, "key_of"]]).isin(together)]
    pairs = pairs[~pairs.duplicated(_KEY, keep=False)]
    joined = boxes[_KEY].merge(pairs[[*_KEY, "key_of"]], on=_KEY, how="left")
    found = joined["key_of"].set_axis(boxes.index)
    keys: pd.Series[int] = found.fillna(boxes["key"]).astype("int64")
    return keys


def _number(boxes: pd.DataFrame, kept: Numbers) -> pd.DataFrame:
    """Return the track number of each key, and its index, instance and attribute."""
    boxes = boxes.sort_values("frame", kind="stable")
    names = [
        "number",
        "index",
        "instance",
        "label",
        *(["attribute"] * ("attribute" in boxes)),
    ]
    tracks = boxes.groupby(_KEY, observed=True, sort=False).agg(
        frame=("frame", "min"), **{name: (name, "first") for name in names}
    )
    tracks["name"] = _names(tracks)
    tracks = tracks.sort_values(["frame", "name", "label"], kind="stable")
    fits = tracks["number"].between(0, _GREATEST).fillna(False).astype(bool)
    old = _kept_numbers(tracks, kept)
    claims = tracks[fits].assign(claimed=tracks.loc[fits, "number"].astype("int64"))
    claims = pd.concat([tracks.assign(claimed=old)[old.notna()], claims])
    claims = claims[~claims.index.duplicated()].reset_index()
    claims = claims.drop_duplicates(["sequence", "claimed"])
    own = claims.set_index(_KEY)["claimed"].astype("int64")
    rest = tracks[~tracks.index.isin(own.index)]
    rest = rest.sort_values(["name", "label", "number"], kind="stable")
    taken = own.groupby("sequence", observed=True).max().to_dict()
    for sequence, numbers in kept.items():
        # Those of tracks that are gone stay theirs
        taken[sequence] = max([taken.get(sequence, 0), *numbers.values()])
    base = rest.index.get_level_values("sequence").map(taken)
    first = pd.Series(base, rest.index, dtype="float64").fillna(0)
    following = rest.groupby("sequence", observed=True).cumcount() + 1 + first
    tracks["track"] = pd.concat([own, following.astype("int64")]).reindex(tracks.index)
    return tracks.reindex(columns=_TRACK[1:])


def _names(tracks: pd.DataFrame) -> pd.Series[str]:
    """Return the name of the identity of each track, which tells it in its sequence."""
    by_index = tracks["label"].astype(str) + " " + tracks["index"].astype(str)
    names = tracks.get("attribute", tracks["instance"])
    found: pd.Series[str] = names.astype(str).where(names.notna(), by_index)
    return found


def name_of(label: Document, attribute: str | None) -> str:
    """Return the name of the identity of one label, as in :class:`Identities`.

    Args:
        label: the document of a detection
        attribute: the attribute that holds the identity, or None
    """
    instance = label.get("instance") or {}
    value = label.get(attribute) if attribute else instance.get("_id")
    by_index = f"{label.get('label')} {label.get('index')}"
    return by_index if value is None else str(value)


def _kept_numbers(tracks: pd.DataFrame, kept: Numbers) -> pd.Series[int]:
    """Return the number that is kept for each track, null if none is."""
    sequences = tracks.index.get_level_values("sequence")
    found = [
        kept.get(str(sequence), {}).get(name)
        for sequence, name in zip(sequences, tracks["name"], strict=True)
    ]
    return pd.Series(pd.array(found, dtype="Int64"), tracks.index)


def _describe(
    boxes: pd.DataFrame,
    by_instance: Flags,
    per_class: set[str],
) -> list[str]:
    """Return what was taken for the identity, where it is not the index alone."""
    notes = []
    alone = int((~by_instance & boxes["has_index"].to_numpy()).sum())
    if by_instance.any() and alone:
        notes.append(
            f"tracks are told apart by instance; {alone:,} boxes have no instance, and "
            "are told apart by index"
        )
    elif by_instance.any():
        notes.append("tracks are told apart by instance")
    if per_class:
        notes.append(
            "indexes count within each class, so tracks are told apart by label and "
            "index; a track whose index another one has gets a new number"
        )
    return notes
