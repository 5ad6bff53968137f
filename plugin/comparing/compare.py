# SPDX-License-Identifier: Apache-2.0
"""Compare two sets of labels of the same frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from ...importers.tracks import Tracks
from ..audit.grouping import COLUMNS as ISSUE_COLUMNS
from ..audit.grouping import sort_issues
from .disagreements import OTHERS, find_disagreements
from .measures import Measures
from .pairing import pair_labels


@dataclass(frozen=True)
class Comparison:
    """How well two sets of labels agree, and where they do not.

    Attributes:
        measures: one row per sequence and class, then per sequence, per class, and of
            everything: ``sequence`` and ``label`` (null in rows about all of them),
            the numbers of ``boxes`` and ``other_boxes`` that were compared, ``HOTA``,
            ``DetA``, ``AssA``, ``IDF1`` and ``MOTA`` (1 is perfect), and ``IDSW``, the
            number of identity switches
        issues: one row per disagreement, worst first, with the columns of
            :attr:`Audit.issues`. ``track`` is of the judged labels, and -1 where they
            have none; ``expected_left`` to ``expected_height`` is the box of the other
            labels at ``peak_frame``

    Example:
        >>> street = fta.read_mot("street")
        >>> compared = fta.compare_tracks(street, street)
        >>> len(compared.issues), float(compared.measures["HOTA"].iloc[-1])
        (0, 1.0)
    """

    measures: pd.DataFrame
    issues: pd.DataFrame


def compare_tracks(tracks: Tracks, others: Tracks, name: str = OTHERS) -> Comparison:
    """Compare labels with others of the same frames.

    They can be those of another annotator, those before or after a correction, or
    those of a model. Sequences are told apart by their names, and frames by their
    positions. Where one of the two has a label every few frames only, just these
    frames are compared. Disagreements are issues of the kinds ``overlooked`` (only the
    others have a box), ``unsupported`` (only these labels have one), ``badly_located``
    (the boxes differ more than others do here), ``wrong_class``, and
    ``identity_switch``. The score rises with the number of wrong boxes.

    Args:
        tracks: the labels that are judged
        others: what they are compared with
        name ("the other labels"): what sentences call these

    Returns:
        the :class:`Comparison`

    Raises:
        ValueError: if the two have different sequences, or images of different sizes;
            or if TrackEval is not installed, which computes the measures

    Example:
        Another annotator has drawn one more box:

        >>> import pandas as pd
        >>> from fiftyone_track_audit.importers.tracks import (
        ...     Sequence, Tracks, make_table
        ... )
        >>> names = tuple(f"{frame:06d}.jpg" for frame in range(1, 5))
        >>> rows = pd.DataFrame({"left": [10.0, 20, 30, 40], "frame": range(1, 5)})
        >>> rows = rows.assign(
        ...     sequence="street", track=1, label="car", top=50.0, width=60.0,
        ...     height=40.0, frame_name=names
        ... )
        >>> street = {"street": Sequence("street", None, None, 25.0, names)}
        >>> one = Tracks(make_table(rows[:3]), street)
        >>> two = Tracks(make_table(rows), street)
        >>> found = fta.compare_tracks(one, two)
        >>> found.issues[["kind", "first_frame", "last_frame"]].values.tolist()
        [['overlooked', 4, 4]]
        >>> float(found.measures["MOTA"].iloc[-1])
        0.75
    """
    return compare_parts([(tracks, others)], name)


def compare_parts(
    parts: Iterable[tuple[Tracks, Tracks]], name: str = OTHERS
) -> Comparison:
    """Compare labels with others, a few sequences at a time.

    Args:
        parts: the labels that are judged and those that they are compared with, of
            different sequences each, see :func:`compare_tracks`
        name ("the other labels"): what sentences call the latter

    Returns:
        the :class:`Comparison` of all of them
    """
    measures, found = Measures(), [pd.DataFrame(columns=ISSUE_COLUMNS)]
    for tracks, others in parts:
        for pair in pair_labels(tracks, others):
            measures.add(pair)
            found.append(find_disagreements(pair, name))
    issues = pd.concat([part for part in found if len(part)] or found[:1])
    return Comparison(measures.tabulate(), sort_issues(issues))
