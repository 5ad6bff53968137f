# SPDX-License-Identifier: Apache-2.0
"""Say in a line what was understood of label files."""

from __future__ import annotations

from collections.abc import Iterable

from .numbered_frames import assumed_rate, assumed_size
from .tracks import Sequence, Tracks

#: Classes and sequences that the line names.
_NAMED = 6


def describe(tracks: Tracks) -> str:
    """Describe what label files were understood to hold.

    Args:
        tracks: the tracks that were read

    Returns:
        one line: the format, the numbers of sequences, frames, boxes and tracks, the
        classes, the image size and the frame rate, and where these two come from
    """
    sequences = list(tracks.sequences.values())
    table = tracks.table
    pairs = table.loc[table["track"] >= 0, ["sequence", "track"]].drop_duplicates()
    counts = table["label"].value_counts()
    classes = [f"{label} {n}" for label, n in counts.items() if n]
    named = sequences[0].name if len(sequences) == 1 else _count(sequences, "sequence")
    parts = [
        f"{tracks.format or 'labels'}: {named}",
        _count(range(sum(len(each.frame_names) for each in sequences)), "frame"),
        f"{_count(table.index, 'box', 'boxes')} of {_count(pairs.index, 'track')}"
        + (f" ({_first(classes)})" if classes else ""),
        _join(map(_size, sequences)),
        _join(map(_rate, sequences)),
    ]
    return ", ".join(parts)


def further_notes(tracks: Tracks) -> tuple[str, ...]:
    """Return the notes on label files that :func:`describe` does not tell already.

    Args:
        tracks: the tracks that were read

    Returns:
        the notes without those on image sizes and frame rates that were assumed
    """
    told = set()
    for each in tracks.sequences.values():
        told.add(assumed_size(each.name, each.width, each.height))
        told.add(assumed_rate(each.name, each.frame_rate))
    return tuple(note for note in tracks.notes if note not in told)


def _count(things: object, one: str, many: str | None = None) -> str:
    number = len(things)  # type: ignore[arg-type]
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _size(sequence: Sequence) -> str:
    if sequence.width is None or sequence.height is None:
        return "unknown image size"
    origin = sequence.size_from
    from_boxes = "not known, holds all boxes"
    told = _origin(from_boxes if origin == "the boxes" else origin)
    return f"{sequence.width}x{sequence.height}{told}"


def _rate(sequence: Sequence) -> str:
    return f"{sequence.frame_rate:g} fps{_origin(sequence.rate_from)}"


def _origin(origin: str | None) -> str:
    return f" ({origin})" if origin else ""


def _join(values: Iterable[str]) -> str:
    return _first(list(dict.fromkeys(values)), " or ")


def _first(values: list[str], separator: str = ", ") -> str:
    rest = len(values) - _NAMED
    return separator.join(values[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
