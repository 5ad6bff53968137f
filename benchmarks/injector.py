# SPDX-License-Identifier: Apache-2.0
"""Plant known mistakes into correct tracks, reproducibly.

There are twelve kinds, in equal shares or in a drawn mixture. No two mistakes of the
same object are within ten frames. Boxes are in whole pixels, like those of annotators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.tracks import BOX, Tracks, concatenate, make_table
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Plants a mistake of one kind if it finds a place, and returns whether it did.
Plant: TypeAlias = Callable[["Drawing"], bool]
#: Functions that plant some of the kinds in another way.
Shapes: TypeAlias = Mapping[str, Plant]

#: Frames between two mistakes of an object, and around the ends of its track.
APART = 10
#: How many places are drawn for a mistake before its kind is given up.
_TRIES = 60


@dataclass(frozen=True)
class Injected:
    """Tracks with planted mistakes.

    Attributes:
        tracks: the tracks
        event: int array ``(n,)``, the number of the mistake that each row of the
            table shows, -1 for correct boxes. If boxes are missing, or IDs change,
            the boxes on both sides show the mistake
        events: one row per mistake, indexed by its number: ``kind``,
            ``sequence``, ``track`` and ``other_track`` (-1 for none) as in the
            table, ``first_frame``, ``last_frame``
    """

    tracks: Tracks
    event: NDArray[np.intp]
    events: pd.DataFrame


def inject(
    tracks: Tracks,
    seed: int,
    share: float = 0.02,
    kinds: tuple[str, ...] | None = None,
    odds: Mapping[str, float] | None = None,
    shapes: Shapes | None = None,
) -> Injected:
    """Plant mistakes into the tracks of each sequence.

    Args:
        tracks: tracks that are assumed to be correct
        seed: the seed; the same one plants the same mistakes
        share (0.02): the share of boxes that are wrong afterward
        kinds (None): some of :data:`KINDS`, by default all
        odds (None): how frequent each kind is; by default, the kinds take turns
        shapes (None): functions that plant some of the kinds in another way

    Returns:
        the :class:`Injected`
    """
    rng = np.random.default_rng(seed)
    parts = []
    for name, rows in tracks.table.groupby("sequence", observed=True, sort=True):
        drawing = Drawing(tracks, str(name), rows, rng, {**KINDS, **(shapes or {})})
        drawing.plant(odds or dict.fromkeys(kinds or KINDS, 1.0), share, odds is None)
        parts.append(drawing.finish())
    joined = concatenate([part.tracks for part in parts])
    offset = np.cumsum([0, *(len(part.events) for part in parts[:-1])])
    event = np.concatenate(
        [
            np.where(part.event < 0, -1, part.event + start)
            for part, start in zip(parts, offset, strict=True)
        ]
    )
    events = pd.concat([part.events for part in parts], ignore_index=True)
    return Injected(joined, event, events)


def draw_mixture(seed: int) -> tuple[float, dict[str, float]]:
    """Draw how many mistakes of which kinds labels have.

    Args:
        seed: the seed

    Returns:
        a tuple of the share of wrong boxes, 0.2 to 4 % (log-uniform), and how frequent
        each of :data:`KINDS` is: a quarter of the kinds is absent, the others differ by
        a log-normal factor
    """
    rng = np.random.default_rng([seed, 1])
    share = float(np.exp(rng.uniform(np.log(0.002), np.log(0.04))))
    odds = np.exp(rng.normal(0, 1, len(KINDS))) * (rng.random(len(KINDS)) > 0.25)
    return share, dict(zip(KINDS, odds.tolist(), strict=True))


class Drawing:
    """A sequence while mistakes are planted into it.

    ``rows`` keeps its order; ``object`` is the object that is really in the box,
    ``track`` the ID that it is given.
    """

    def __init__(
        self,
        tracks: Tracks,
        name: str,
        rows: pd.DataFrame,
        rng: np.random.Generator,
        plants: Mapping[str, Plant],
    ) -> None:
        """Begin with the labels of one sequence as they are."""
        self.tracks, self.name, self.rng = tracks, name, rng
        self.plants = plants
        self.record = tracks.sequences[name]
        self.rows = rows.reset_index(drop=True).assign(
            object=rows["track"].to_numpy(), event=-1, gone=False
        )
        self.objects = [
            group.to_numpy() for group in self.rows.groupby("object").groups.values()
        ]
        self.busy: dict[int, list[tuple[int, int]]] = {}
        self.handovers: list[tuple[int, int, int]] = []
        self.kinds: list[str] = []
        self.added: list[pd.DataFrame] = []
        self.next_id = int(self.rows["track"].max()) + 1

    def plant(self, odds: Mapping[str, float], share: float, in_turn: bool) -> None:
        """Plant mistakes until enough boxes are wrong."""
        wrong, possible = 0, {kind: odds[kind] for kind in sorted(odds) if odds[kind]}
        while wrong < share * len(self.rows) and possible:
            kinds, weights = list(possible), np.array(list(possible.values()))
            count = len(kinds) if in_turn else 1
            chosen = self.rng.choice(
                kinds, count, replace=False, p=weights / weights.sum()
            )
            for kind in map(str, chosen):
                count = self._plant_one(kind)
                wrong += count
                if not count:
                    possible.pop(kind)
                if wrong >= share * len(self.rows):
                    break

    def _plant_one(self, kind: str) -> int:
        """Plant a mistake; return how many boxes show it, 0 if there is no place."""
        before = (self.rows["event"] >= 0).sum()
        added = len(self.added)
        for _ in range(_TRIES):
            if self.plants[kind](self):
                self.kinds.append(kind)
                shown = (self.rows["event"] >= 0).sum() - before
                return int(shown + sum(map(len, self.added[added:])))
        return 0

    @property
    def number(self) -> int:
        """The number of the mistake that is being planted."""
        return len(self.kinds)

    def pick(self, length: int, margin: int = APART) -> NDArray[np.intp] | None:
        """Draw a free run of an object, away from the ends of its track."""
        rows = self.objects[self.rng.integers(len(self.objects))]
        spare = len(rows) - length - 2 * margin
        if spare < 0:
            return None
        first = margin + int(self.rng.integers(spare + 1))
        chosen = rows[first : first + length]
        return chosen if self.is_free(chosen) else None

    def is_free(self, rows: NDArray[np.intp]) -> bool:
        """Return whether no other mistake is within ten frames of these boxes."""
        first, last = self.frame(rows[0]), self.frame(rows[-1])
        taken = self.busy.get(int(self.rows["object"][rows[0]]), [])
        return all(last + APART < start or end + APART < first for start, end in taken)

    def frame(self, row: int) -> int:
        """Return the frame of a row."""
        return int(self.rows["frame"][row])

    def take(self, rows: NDArray[np.intp], shown: NDArray[np.intp]) -> None:
        """Record where a mistake is, and which rows show it."""
        spans = self.busy.setdefault(int(self.rows["object"][rows[0]]), [])
        spans.append((self.frame(rows[0]), self.frame(rows[-1])))
        self.rows.loc[shown, "event"] = self.number

    def boxes(self, rows: NDArray[np.intp]) -> Floats:
        """Return a copy of boxes, ``(n, 4)``."""
        return self.rows.loc[rows, BOX].to_numpy(np.float64, copy=True)

    def set_boxes(self, rows: NDArray[np.intp], boxes: Floats) -> None:
        """Write boxes, rounded to whole pixels, of at least 2 by 2."""
        boxes = boxes.round()
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 2)
        self.rows.loc[rows, BOX] = boxes

    def add(
        self,
        template: pd.DataFrame,
        boxes: Floats,
        **columns: Any,  # noqa: ANN401 - pandas' own
    ) -> None:
        """Add boxes that show the mistake."""
        boxes = boxes.round()
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 2)
        added = template.assign(event=self.number, gone=False, **columns)
        added[BOX] = boxes
        self.added.append(added)

    def new_id(self) -> int:
        """Return an unused ID."""
        self.next_id += 1
        return self.next_id - 1

    def finish(self) -> Injected:
        """Swap the IDs, and make the table."""
        track = self.rows["track"].to_numpy(copy=True)
        frame = self.rows["frame"].to_numpy()
        for start, one, other in sorted(self.handovers, reverse=True):
            later = frame >= start
            ones, others = later & (track == one), later & (track == other)
            track[ones], track[others] = other, one
        rows = self.rows.assign(track=track)[~self.rows["gone"]]
        # Boxes that were added to an object have the ID that the object ends with
        last = rows.groupby("object")["track"].last()
        added = [
            part.assign(track=part["object"].map(last).fillna(part["track"]))
            for part in self.added
        ]
        rows = pd.concat([rows, *added], ignore_index=True)
        rows["frame_name"] = [
            self.record.frame_names[frame - 1] for frame in rows["frame"]
        ]
        rows["track"] = rows["track"].astype("int32")
        rows["label"] = rows["label"].astype(str)
        rows["sequence"] = self.name
        kept = rows.drop(columns=["object", "gone"])
        table = make_table({str(name): kept[name] for name in kept})
        event = table.pop("event").to_numpy(np.intp)
        tracks = replace(
            self.tracks, table=table, sequences={self.name: self.record}, notes=()
        )
        return Injected(tracks, event, self._events(table, event))

    def _events(self, table: pd.DataFrame, event: NDArray[np.intp]) -> pd.DataFrame:
        shown = table.assign(event=event)[event >= 0].groupby("event")
        ids = shown["track"].agg(lambda ids: sorted(set(ids))).astype(object)
        return pd.DataFrame(
            {
                "kind": self.kinds,
                "sequence": self.name,
                "track": ids.str[0].to_numpy(),
                "other_track": ids.str[1].fillna(-1).astype(int).to_numpy(),
                "first_frame": shown["frame"].min().to_numpy(),
                "last_frame": shown["frame"].max().to_numpy(),
            },
            index=pd.RangeIndex(len(self.kinds), name="event"),
        )


def _size_glitch(drawing: Drawing) -> bool:
    """Make one to three boxes too large or small, evenly or cut at one side."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(1, 4)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    if rng.random() < 0.5:
        factor = rng.choice([rng.uniform(0.65, 0.85), rng.uniform(1.2, 1.5)])
        grown = boxes[:, 2:] * factor
        boxes[:, :2] -= (grown - boxes[:, 2:]) / 2
        boxes[:, 2:] = grown
    else:
        axis = int(rng.integers(2))
        cut = boxes[:, 2 + axis] * rng.uniform(0.2, 0.45)
        boxes[:, axis] += cut * rng.integers(2)
        boxes[:, 2 + axis] -= cut
    drawing.set_boxes(rows, boxes)
    drawing.take(rows, rows)
    return True


def _shift(drawing: Drawing) -> bool:
    """Shift one to three boxes by a fifth to a half of their size."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(1, 4)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    boxes[:, :2] += direction * rng.uniform(0.2, 0.5) * boxes[:, 2:]
    drawing.set_boxes(rows, boxes)
    drawing.take(rows, rows)
    return True


def _identity_swap(drawing: Drawing) -> bool:
    """Swap the IDs of two overlapping objects for good."""
    rows = drawing.pick(2)
    if rows is None:
        return False
    now = drawing.rows[
        (drawing.rows["frame"] == drawing.frame(rows[1])) & ~drawing.rows["gone"]
    ]
    mine = drawing.boxes(rows[1:])[0]
    theirs = now[BOX].to_numpy()
    across = np.minimum(mine[0] + mine[2], theirs[:, 0] + theirs[:, 2]) - np.maximum(
        mine[0], theirs[:, 0]
    )
    down = np.minimum(mine[1] + mine[3], theirs[:, 1] + theirs[:, 3]) - np.maximum(
        mine[1], theirs[:, 1]
    )
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    overlap = shared / np.minimum(mine[2] * mine[3], theirs[:, 2] * theirs[:, 3])
    rivals = now.index[(overlap > 0.1) & (now["object"] != now["object"][rows[1]])]
    for rival in drawing.rng.permutation(rivals):
        group = _rows_of(drawing, int(rival))
        place = int(np.searchsorted(group, rival))
        if APART <= place < len(group) - APART:
            others = group[place - 1 : place + 1]
            if drawing.is_free(others):
                _hand_over(drawing, rows, others)
                return True
    return False


def _rows_of(drawing: Drawing, row: int) -> NDArray[np.intp]:
    return next(rows for rows in drawing.objects if rows[0] <= row <= rows[-1])


def _hand_over(
    drawing: Drawing, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> None:
    ids = (int(drawing.rows["track"][rows[0]]), int(drawing.rows["track"][others[0]]))
    drawing.handovers.append((drawing.frame(rows[1]), *ids))
    drawing.take(others, others)
    drawing.take(rows, rows)


def _fragmentation(drawing: Drawing) -> bool:
    """Continue an object with a new ID."""
    rows = drawing.pick(2)
    if rows is None:
        return False
    own = int(drawing.rows["track"][rows[0]])
    drawing.handovers.append((drawing.frame(rows[1]), own, drawing.new_id()))
    drawing.take(rows, rows)
    return True


def _missing(drawing: Drawing) -> bool:
    """Remove one to thirty boxes within a track, a few more often than many."""
    count = int(np.exp(drawing.rng.uniform(0, np.log(31))))
    rows = drawing.pick(count + 2)
    if rows is None:
        return False
    drawing.take(rows, rows[[0, -1]])
    drawing.rows.loc[rows[1:-1], "gone"] = True
    return True


def _drift(drawing: Drawing) -> bool:
    """Let a box drift off its object and return, over 20 to 45 frames.

    The box is either interpolated along straight lines through a misplaced keyframe,
    or follows the object with an offset that grows and shrinks.
    """
    rng = drawing.rng
    length = int(rng.integers(20, 46))
    rows = drawing.pick(length)
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    way = np.arange(length) / (length - 1)
    angle = rng.uniform(0, 2 * np.pi)
    offset = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.25, 0.5)
    offset = offset * boxes[:, 2:].mean(axis=0)
    if rng.random() < 0.5:
        peak = rng.uniform(0.35, 0.65)
        middle = boxes[round(peak * (length - 1))].copy()
        middle[:2] += offset
        knots = np.stack([boxes[0], middle, boxes[-1]])
        boxes = np.stack(
            [np.interp(way, [0, peak, 1], knots[:, axis]) for axis in range(4)], axis=1
        )
    else:
        boxes[:, :2] += np.sin(np.pi * way)[:, None] * offset
    drawing.set_boxes(rows, boxes)
    drawing.take(rows, rows)
    return True


def _duplicate(drawing: Drawing) -> bool:
    """Add a second box with a new ID to an object for 5 to 30 frames."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(5, 31)), margin=0)
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    size = boxes[:, 2:]
    offset = rng.uniform(-0.1, 0.1, 2) + rng.normal(0, 0.01, (len(rows), 2))
    factor = rng.uniform(0.9, 1.1, 2)
    boxes[:, :2] += offset * size
    boxes[:, 2:] *= factor
    template = drawing.rows.loc[rows]
    identity = drawing.new_id()
    drawing.take(rows, rows[:0])
    drawing.add(template, boxes, track=identity, object=identity)
    return True


def _ghost(drawing: Drawing) -> bool:
    """Leave a box in place for 6 to 20 frames after its object has left."""
    rng = drawing.rng
    group = drawing.objects[rng.integers(len(drawing.objects))]
    count = int(rng.integers(6, 21))
    last = group[-1:]
    first = drawing.frame(last[0]) + 1
    end = min(first + count, len(drawing.record.frame_names) + 1)
    if end - first < 6 or len(group) < APART or not drawing.is_free(last):
        return False
    template = drawing.rows.loc[np.repeat(last, end - first)]
    template = template.assign(frame=np.arange(first, end, dtype=np.int32))
    drawing.take(last, last[:0])
    drawing.add(template, drawing.boxes(template.index.to_numpy()))
    return True


def _jitter(drawing: Drawing) -> bool:
    """Let a box jitter around its object for 6 to 15 frames."""
    rng = drawing.rng
    rows = drawing.pick(int(rng.integers(6, 16)))
    if rows is None:
        return False
    boxes = drawing.boxes(rows)
    noise = rng.normal(0, rng.uniform(0.04, 0.1), boxes.shape)
    boxes += noise * np.tile(boxes[:, 2:], 2)
    drawing.set_boxes(rows, boxes)
    drawing.take(rows, rows)
    return True


def _spawned(drawing: Drawing) -> bool:
    """Add a box of a usual size without an object for 2 to 8 frames."""
    rng = drawing.rng
    count = int(rng.integers(2, 9))
    frames = len(drawing.record.frame_names)
    if frames < count:
        return False
    model = drawing.rows.loc[[rng.integers(len(drawing.rows))] * count]
    box = drawing.boxes(model.index.to_numpy())
    right = max(1.0, (drawing.record.width or 1920) - box[0, 2])
    speed = rng.normal(0, 0.01, 2) * box[0, 2:]
    box[:, 0] = rng.uniform(0, right)
    box[:, 1] += rng.uniform(-0.3, 0.3) * box[0, 3]
    box[:, :2] += np.arange(count)[:, None] * speed
    first = int(rng.integers(1, frames - count + 2))
    identity = drawing.new_id()
    drawing.add(
        model,
        box,
        frame=np.arange(first, first + count, dtype=np.int32),
        track=identity,
        object=identity,
    )
    return True


def _wrong_label(drawing: Drawing) -> bool:
    """Change the class for 3 to 10 frames."""
    rows = drawing.pick(int(drawing.rng.integers(3, 11)))
    if rows is None:
        return False
    label = drawing.rows["label"].astype(object)
    own = label[rows[0]]
    known = [str(name) for name in label.unique() if name != own]
    label[rows] = str(drawing.rng.choice([*known, "static_person"]))
    drawing.rows["label"] = label
    drawing.take(rows, rows)
    return True


def _truncated(drawing: Drawing) -> bool:
    """Let a track start late or end early, by 15 frames or more."""
    rng = drawing.rng
    group = drawing.objects[rng.integers(len(drawing.objects))]
    if len(group) < 15 + 2 * APART:
        return False
    cut = int(rng.integers(15, min(len(group) // 2, 60) + 1))
    if rng.random() < 0.5:
        rows, shown = group[: cut + 1], group[cut : cut + 1]
    else:
        rows, shown = group[-cut - 1 :], group[-cut - 1 : -cut]
    if not drawing.is_free(rows):
        return False
    drawing.take(rows, shown)
    drawing.rows.loc[np.setdiff1d(rows, shown), "gone"] = True
    return True


#: The kinds of mistakes, with functions that plant one if they find a place.
KINDS: dict[str, Plant] = {
    "size": _size_glitch,
    "shift": _shift,
    "identity_swap": _identity_swap,
    "fragmentation": _fragmentation,
    "missing": _missing,
    "drift": _drift,
    "duplicate": _duplicate,
    "ghost": _ghost,
    "jitter": _jitter,
    "spawned": _spawned,
    "wrong_label": _wrong_label,
    "truncated": _truncated,
}
