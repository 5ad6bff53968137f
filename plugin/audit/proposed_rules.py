# SPDX-License-Identifier: Apache-2.0
"""Propose the rules of a labeling project from its labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...importers.splitting import split_tracks
from ...importers.tracks import COLUMNS, FORMAT_COLUMNS, Tracks
from ..plain import count
from .detectors.ends import find_gaps
from .detectors.glitches import find_size_changes
from .detectors.labels import find_label_changes
from .hiding import HIDDEN, hidden_gaps, hidden_parts
from .neighbors import find_neighbors
from .rules import Border, Rules, attribute_codes
from .scene import Scene, make_scene
from .violations import beyond_border

#: Gaps, boxes at the border, or tracks from which something can be told.
_ENOUGH = 5
#: The share of boxes or tracks that keep to a rule of the project; the others are
#: mistakes.
_MOST = 0.95
#: The share of tracks that keep the value of an attribute that stays the same.
_CONSTANT = 0.9
#: The share of tracks that change their class from which that is no mistake.
_CHANGING = 0.1
#: The most values of an attribute that is a choice among some, and the number of boxes
#: for each.
_CHOICES, _EACH = 12, 5


def propose_rules(tracks: Tracks) -> Rules:
    """Propose rules that most of the labels keep to.

    Args:
        tracks: the tracks of one or more sequences

    Returns:
        the :class:`Rules`, with a sentence for each setting in ``reasons``. A setting
        that the labels do not tell has its default

    Example:
        >>> rules = fta.propose_rules(fta.read_mot("street"))
        >>> rules.classes
        ('pedestrian',)
        >>> rules.reasons["hidden_drawn"]
        'There are no gaps within tracks: hidden objects seem to be drawn'
    """
    seen = _Seen()
    for part in split_tracks(tracks):
        seen.add(make_scene(part))
    values, constant, told = _attributes(tracks.table)
    hidden_drawn, told["hidden_drawn"] = _hidden(seen)
    border, told["border"] = _border(seen)
    step, told["keyframe_step"] = _keyframes(tracks.table)
    changes, told["class_changes"] = _class_changes(seen)
    classes, told["classes"] = _classes(tracks.table)
    visible, told["visible_part"] = _visible_part(seen)
    return Rules(
        hidden_drawn,
        border,
        step,
        changes,
        classes,
        values,
        constant,
        visible,
        reasons=told,
    )


@dataclass
class _Seen:
    """What was counted over all sequences."""

    boxes: int = 0
    occluded: int = 0
    gaps: int = 0
    hidden_gaps: int = 0
    cut: int = 0
    beyond: int = 0
    tracks: int = 0
    changing: int = 0
    sizes: int = 0
    hidden_sizes: int = 0

    def add(self, scene: Scene) -> None:
        """Count in one more sequence."""
        gaps = find_gaps(scene)["first"].to_numpy(np.intp)
        at_border = beyond_border(scene)
        changed = find_label_changes(scene)["first"].to_numpy(np.intp)
        self.boxes += len(scene.table)
        self.occluded += int((scene.occlusion >= HIDDEN).sum())
        self.gaps += len(gaps)
        self.hidden_gaps += int(hidden_gaps(scene, gaps).sum())
        self.cut += int((at_border <= 1).sum())
        self.beyond += int((at_border > 1).sum())
        self.tracks += int(scene.identified[scene.first].sum())
        self.changing += len(np.unique(scene.track[changed]))
        sizes = find_size_changes(scene)[["first", "last"]].to_numpy(np.intp)
        self.sizes += len(sizes)
        self.hidden_sizes += int(hidden_parts(scene, *sizes.T).sum())


def _hidden(seen: _Seen) -> tuple[bool, str]:
    """Tell whether hidden objects are drawn."""
    gaps = count(seen.gaps, "gap")
    if not seen.gaps:
        reason = "There are no gaps within tracks: hidden objects seem to be drawn"
        return True, reason
    usual = seen.occluded / seen.boxes
    at_occlusion = f"{seen.hidden_gaps:,} of {gaps} within tracks"
    reason = (
        f"{at_occlusion} {'is' if seen.hidden_gaps == 1 else 'are'} at an occlusion"
    )
    # In a crowd, gaps are at occlusions even if they are mistakes
    often = seen.hidden_gaps / seen.gaps > (1 + usual) / 2
    if often and seen.gaps >= _ENOUGH:
        return False, f"{reason}: hidden objects are not drawn"
    return True, f"{reason}, and so are {usual:.0%} of all boxes"


def _visible_part(seen: _Seen) -> tuple[bool, str]:
    """Tell whether boxes show only the visible part of hidden objects."""
    sizes = f"{seen.hidden_sizes:,} of {count(seen.sizes, 'sudden change')} of size"
    reason = f"{sizes} {'is' if seen.hidden_sizes == 1 else 'are'} at an occlusion"
    # In a crowd, most boxes are at an occlusion
    usual = seen.occluded / max(seen.boxes, 1)
    often = seen.hidden_sizes > (1 + usual) / 2 * seen.sizes and seen.sizes >= _ENOUGH
    shown = "boxes show the visible part" if often else "boxes show whole objects"
    return often, f"{reason}: {shown}"


def _border(seen: _Seen) -> tuple[Border, str]:
    """Tell what becomes of boxes at the image border."""
    reached = seen.cut + seen.beyond
    if reached < _ENOUGH:
        return (
            "any",
            f"Only {count(reached, 'box')} are known to reach the image border",
        )
    if seen.cut >= _MOST * reached:
        reason = f"{seen.cut:,} of {count(reached, 'box')} that reach the image border"
        return "cut", f"{reason} end there"
    reason = f"{seen.beyond:,} of {count(reached, 'box')} that reach the image border"
    reason += " go beyond it"
    return ("beyond" if seen.beyond >= _MOST * reached else "any"), reason


def _keyframes(table: pd.DataFrame) -> tuple[int | None, str]:
    """Tell how far keyframes are apart, if they are so regularly."""
    flags = table["keyframe"].astype(bool) if "keyframe" in table else None
    if flags is None or flags.all() or not flags.any():
        return None, "The labels do not tell keyframes from other boxes"
    keyframes = table[flags]
    elapsed = np.diff(keyframes["frame"].to_numpy(np.int64))
    start = find_neighbors(keyframes).start
    apart = elapsed[start[1:] == start[:-1]]
    if len(apart) < _ENOUGH:
        return None, f"Only {count(len(apart), 'pair')} of keyframes in a track"
    step = int(np.bincount(apart).argmax())
    kept = int((apart <= step).sum())
    reason = (
        f"{kept:,} of {len(apart):,} keyframes follow within {count(step, 'frame')}"
    )
    return (step if step > 1 and kept >= _MOST * len(apart) else None), reason


def _class_changes(seen: _Seen) -> tuple[bool, str]:
    """Tell whether the class may change within a track."""
    reason = f"{seen.changing:,} of {count(seen.tracks, 'track')}"
    reason += f" {'changes its' if seen.changing == 1 else 'change their'} class"
    often = seen.changing >= max(_ENOUGH, _CHANGING * seen.tracks)
    return often, reason


def _classes(table: pd.DataFrame) -> tuple[tuple[str, ...], str]:
    """List the classes, without other spellings of more frequent ones."""
    counts = Counter(table["label"].value_counts().to_dict())
    names = [str(name) for name, boxes in counts.most_common() if boxes]
    first: dict[str, str] = {}
    for name in names:
        first.setdefault("".join(filter(str.isalnum, name.casefold())), name)
    other = [name for name in names if name not in first.values()]
    reason = f"The classes of {count(len(table), 'box')}"
    if other:
        reason += f", without {', '.join(other)}: other spellings of more frequent ones"
    return tuple(first.values()), reason


def _attributes(
    table: pd.DataFrame,
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...], dict[str, str]]:
    """List the attributes' values, and the attributes that tracks keep."""
    start = find_neighbors(table).start
    allowed: dict[str, tuple[str, ...]] = {}
    constant: dict[str, str] = {}
    for name in map(str, table):
        if name in COLUMNS or name in FORMAT_COLUMNS:
            continue
        codes, texts = attribute_codes(table[name])
        known = codes >= 0
        if 1 < len(texts) <= _CHOICES and known.sum() >= _EACH * len(texts):
            allowed[name] = tuple(texts)
        kept, varied = _kept(codes[known], start[known])
        if varied >= _ENOUGH and kept >= _CONSTANT * varied:
            constant[name] = f"{kept} of {count(varied, 'track')} keep their {name}"
    reasons = {
        "attributes": "The values in the labels"
        if allowed
        else "The labels have no attributes with a choice of values",
        "constant": "; ".join(constant.values())
        or "The labels do not tell which attributes stay the same over a track",
    }
    return allowed, tuple(constant), reasons


def _kept(codes: NDArray[np.intp], track: NDArray[np.intp]) -> tuple[int, int]:
    """Count the tracks that keep a value, and those that have it at all.

    Tracks that have nothing but the most frequent value say nothing about it: most
    objects are never occluded.
    """
    if not len(codes):
        return 0, 0
    usual = np.bincount(codes).argmax()
    tracks = pd.DataFrame({"code": codes, "other": codes != usual}).groupby(track)
    each = tracks.agg(
        boxes=("code", "size"), values=("code", "nunique"), other=("other", "any")
    )
    telling = each[each["other"] & (each["boxes"] > 1)]
    return int((telling["values"] == 1).sum()), len(telling)
