# SPDX-License-Identifier: Apache-2.0
"""What the rules of a labeling project permit, and what breaks them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .boxes import Floats, Rows
from .detectors.ends import GAP, TRUNCATED
from .detectors.glitches import LOW_IOU, SHIFT, SIZE_CHANGE
from .detectors.labels import LABEL_CHANGE
from .findings import runs
from .grouping import COLUMNS, EXPECTED
from .hiding import hidden_ends, hidden_gaps, hidden_parts
from .kinds import RULE_VIOLATION
from .rules import Rules, attribute_codes
from .scene import Scene
from .score import covered_rows
from .sentences import boxes, name_place

_ROWS = ["first", "last", "peak"]
#: What labels without a column of flags have.
_NO_FLAGS = pd.Series([], dtype=bool)
#: How far a box may reach beyond the border and still count as cut there, in pixels.
_CUT = 1.0


def permitted(scene: Scene, findings: pd.DataFrame, rules: Rules) -> NDArray[np.bool_]:
    """Tell which findings are no mistakes under some rules.

    Args:
        scene: the scene
        findings: ``m`` findings
        rules: the rules

    Returns:
        bool array ``(m,)``
    """
    kind = findings["kind"].to_numpy(object)
    result = np.zeros(len(findings), bool)
    if rules.class_changes:
        result |= kind == LABEL_CHANGE
    first, peak = findings["first"].to_numpy(), findings["peak"].to_numpy()
    if rules.visible_part:
        jump = np.isin(kind, (SIZE_CHANGE, SHIFT, LOW_IOU))
        last = findings["last"].to_numpy()
        result[jump] = hidden_parts(scene, first[jump], last[jump])
    if rules.hidden_drawn:
        return result
    gap = kind == GAP
    result[gap] = hidden_gaps(scene, first[gap])
    for side in (-1, 1):
        # The amount of this kind is the side
        end = (kind == TRUNCATED) & (findings["amount"].to_numpy() == side)
        result[end] = hidden_ends(scene, peak[end], side)
    return result


@dataclass(frozen=True)
class _Broken:
    """A rule and the boxes that break it.

    Attributes:
        wrong: bool array ``(n,)``, the boxes
        code: int array ``(n,)``; neighboring boxes of the same code are one issue
        amount: array ``(n,)``, the number that the reason tells
        reasons: what is wrong, by code; ``{amount}`` stands for the amount
        suggestion: what to do about it; ``{boxes}`` stands for the number of boxes
        least: the number of boxes in a row from which they are wrong
    """

    wrong: NDArray[np.bool_]
    code: Rows
    amount: Floats
    reasons: list[str]
    suggestion: str
    least: int = 1


def find_violations(scene: Scene, rules: Rules) -> pd.DataFrame:
    """Find what breaks the rules in one sequence.

    Args:
        scene: the scene
        rules: the rules

    Returns:
        one row per stretch of a track: ``kind``, ``first`` and ``last`` row, ``peak``,
        the row that shows it best, ``reason`` and ``suggestion``
    """
    found = [_stretches(scene, broken) for broken in _break(scene, rules)]
    parts = [part for part in found if len(part)]
    rows = {name: np.empty(0, np.intp) for name in _ROWS}
    nothing = pd.DataFrame({**rows, "reason": [], "suggestion": []})
    joined = pd.concat(parts, ignore_index=True) if parts else nothing
    return joined.assign(kind=RULE_VIOLATION)


def _break(scene: Scene, rules: Rules) -> Iterator[_Broken]:
    """Yield the boxes that break each rule."""
    if rules.classes:
        yield _wrong_classes(scene, rules.classes)
    for name, allowed in rules.attributes.items():
        if name in scene.table:
            yield _wrong_values(scene, name, allowed)
    for name in rules.constant:
        if name in scene.table:
            yield _changed_values(scene, name)
    if rules.border != "any":
        yield _wrong_border(scene, is_cut=rules.border == "cut")
    if rules.keyframe_step and scene.table.get("keyframe", _NO_FLAGS).any():
        yield _missing_keyframes(scene, rules.keyframe_step)


def _wrong_classes(scene: Scene, allowed: tuple[str, ...]) -> _Broken:
    names = scene.table["label"].cat.categories.astype(str)
    reasons = [
        f"the class '{name}' is not allowed; expected {_one_of(allowed)}"
        for name in names
    ]
    known = np.append(names.isin(allowed), True)
    nothing = np.zeros(len(scene.label))
    suggestion = "Change the class to an allowed one"
    return _Broken(~known[scene.label], scene.label, nothing, reasons, suggestion)


def _wrong_values(scene: Scene, name: str, allowed: tuple[str, ...]) -> _Broken:
    codes, texts = attribute_codes(scene.table[name])
    reasons = [f"{name} is '{text}'; expected {_one_of(allowed)}" for text in texts]
    known = np.array([*(text in allowed for text in texts), True])
    nothing = np.zeros(len(codes))
    suggestion = f"Change {name} to an allowed value"
    return _Broken(~known[codes], codes, nothing, reasons, suggestion)


def _changed_values(scene: Scene, name: str) -> _Broken:
    codes, texts = attribute_codes(scene.table[name])
    usual = usual_codes(scene, codes)[scene.track]
    pairs, place = np.unique(
        np.stack([codes, usual], axis=1), axis=0, return_inverse=True
    )
    reasons = [
        f"{name} is '{texts[one]}' in a track where it is otherwise '{texts[other]}'"
        for one, other in pairs
        if texts
    ]
    wrong = (codes >= 0) & (codes != usual) & scene.identified
    nothing = np.zeros(len(codes))
    suggestion = f"Keep {name} the same over the track"
    return _Broken(wrong, place.ravel(), nothing, reasons, suggestion)


def usual_codes(scene: Scene, codes: Rows) -> Rows:
    """Return the most frequent value of each track.

    Args:
        scene: the scene, with ``k`` tracks
        codes: int array ``(n,)``, the values' numbers, -1 for none

    Returns:
        int array ``(k,)``, -1 for tracks without a value
    """
    usual = np.full(len(scene.first), -1, np.intp)
    known = np.flatnonzero(codes >= 0)
    counts = pd.DataFrame({"track": scene.track[known], "code": codes[known]})
    counts = counts.value_counts().reset_index(name="count")
    best = counts.sort_values(["count", "code"]).drop_duplicates("track", keep="last")
    usual[best["track"]] = best["code"]
    return usual


def beyond_border(scene: Scene) -> Floats:
    """Return how far boxes that reach the border go beyond it.

    Args:
        scene: the scene

    Returns:
        array ``(n,)`` in pixels, NaN for boxes that do not reach it, and for all boxes
        if the size of the images is not known
    """
    end = scene.boxes[:, :2] + scene.boxes[:, 2:]
    beyond = np.concatenate(
        [scene.extent[:2] - scene.boxes[:, :2], end - scene.extent[2:]], axis=1
    ).max(axis=1)
    return np.where(scene.clipped.any(axis=1), beyond, np.nan)


def _wrong_border(scene: Scene, is_cut: bool) -> _Broken:
    beyond = beyond_border(scene)
    wrong = beyond > _CUT if is_cut else beyond <= _CUT
    reason, suggestion = (
        ("the box reaches {amount} pixels beyond the image border", "Cut {boxes}")
        if is_cut
        else ("the box is cut at the image border", "Extend {boxes}")
    )
    one = np.zeros(len(wrong), np.intp)
    place = "at the image border" if is_cut else "beyond it, as far as the object goes"
    return _Broken(wrong, one, beyond, [reason], f"{suggestion} {place}")


def _missing_keyframes(scene: Scene, step: int) -> _Broken:
    filled = ~scene.table["keyframe"].to_numpy(bool)
    first, last = runs(filled, np.cumsum(~scene.neighbors.adjacent))
    amount = np.zeros(len(filled))
    amount[(first + last) // 2] = scene.frame[last] - scene.frame[first] + 1
    reason = f"{{amount}} frames without a keyframe; expected one every {step}"
    one = np.zeros(len(filled), np.intp)
    suggestion = "Place a keyframe in between"
    return _Broken(filled, one, amount, [reason], suggestion, least=step)


def _one_of(allowed: tuple[str, ...]) -> str:
    return allowed[0] if len(allowed) == 1 else f"one of {', '.join(allowed)}"


def _stretches(scene: Scene, broken: _Broken) -> pd.DataFrame:
    """Join neighboring boxes of a track that break a rule in the same way."""
    starts = ~scene.neighbors.adjacent
    starts |= np.diff(broken.code, prepend=-2) != 0
    first, last = runs(broken.wrong, np.cumsum(starts))
    long = scene.frame[last] - scene.frame[first] + 1 >= broken.least
    found = pd.DataFrame({"first": first[long], "last": last[long]})
    rows, index = covered_rows(found)
    order = np.lexsort((-broken.amount[rows], index))
    worst = rows[order[np.unique(index[order], return_index=True)[1]]]
    count = found["last"] - found["first"] + 1
    told = zip(broken.code[worst], broken.amount[worst], strict=True)
    return found.assign(
        peak=worst,
        reason=[
            broken.reasons[code].replace("{amount}", f"{amount:.0f}")
            for code, amount in told
        ],
        suggestion=[
            broken.suggestion.replace("{boxes}", boxes(each)) for each in count
        ],
    )


def violation_issues(scene: Scene, violations: pd.DataFrame) -> pd.DataFrame:
    """Make an issue of each stretch of a track that breaks a rule.

    Args:
        scene: the scene
        violations: what :func:`find_violations` returns

    Returns:
        the issues, see ``find_issues()``, of score 1
    """
    first, last, peak = (violations[name].to_numpy(np.intp) for name in _ROWS)
    names = scene.call_frames(scene.table)
    labels = scene.table["label"].astype(object).to_numpy()[peak]
    tracks = scene.table["track"].to_numpy()[peak]
    places = map(name_place, labels, tracks, names[first], names[last])
    said = zip(places, violations["reason"], strict=True)
    return pd.DataFrame(
        {
            "sequence": str(scene.table["sequence"].iloc[0]),
            "kind": RULE_VIOLATION,
            "track": tracks,
            "other_track": pd.array([pd.NA] * len(first), "Int64"),
            "first_frame": scene.frame[first],
            "last_frame": scene.frame[last],
            "score": 1.0,
            "reason": [f"{place}: {reason}" for place, reason in said],
            "suggestion": violations["suggestion"],
            "size_limit": np.nan,
            "iou_limit": np.nan,
            "peak_frame": scene.frame[peak],
            **dict.fromkeys(EXPECTED, np.nan),
        },
        columns=COLUMNS,
    )
