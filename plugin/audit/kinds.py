# SPDX-License-Identifier: Apache-2.0
"""The kinds of mistakes, in one table.

A new kind is a module in ``detectors/``, a row of :data:`TABLE`, and its weights,
which ``benchmarks/train.py`` fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pandas as pd

from .detectors.appearance import APPEARANCE, find_appearance
from .detectors.drift import DRIFT, find_drift
from .detectors.duplicates import DUPLICATE, find_duplicates
from .detectors.ends import (
    GAP,
    SHORT_TRACK,
    TRUNCATED,
    find_gaps,
    find_short_tracks,
    find_truncated,
)
from .detectors.fragments import FRAGMENTATION, find_fragments
from .detectors.ghosts import GHOST, find_ghosts
from .detectors.glitches import (
    LOW_IOU,
    SHIFT,
    SIZE_CHANGE,
    find_misplaced,
    find_size_changes,
)
from .detectors.identity import (
    IDENTITY_SWITCH,
    find_exchanges,
    find_identity_switches,
)
from .detectors.jitter import JITTER, find_jitter
from .detectors.labels import LABEL_CHANGE, find_label_changes
from .detectors.witnessed import (
    BADLY_LOCATED,
    UNSUPPORTED,
    WRONG_CLASS,
    find_badly_located,
    find_unsupported,
    find_wrong_classes,
)
from .scene import Scene
from .sentences import (
    BREAKS_RULE,
    CORRECT_LABEL,
    UNUSABLE,
    Sentence,
    boxes,
    goes_on,
    interpolate,
    merge,
    misplaced,
    redraw,
    swap,
    switched,
    truncated,
    wrong_size,
)

#: Labels that no audit can use, see ``invalid.py``.
INVALID = "invalid"
#: Objects that a model sees and nobody labeled, see ``overlooked.py``.
OVERLOOKED = "overlooked"
#: Labels that break a rule of the project, see ``violations.py``.
RULE_VIOLATION = "rule_violation"

Group: TypeAlias = Literal["size", "iou", "boxes", "crops"]
Detector: TypeAlias = Callable[[Scene], pd.DataFrame]


@dataclass(frozen=True)
class Kind:
    """One kind of mistake.

    Attributes:
        name: the name, which is stored
        group: the signals that belong to it, see ``importers/audit_fields.py``;
            ``size`` and ``iou`` are also the names of the thresholds that flag it
        color: its color, such as ``#e4572e``
        reason: returns what is wrong, to follow "car 5 at 000012.jpg: "
        suggestion: returns what to do about it
        from_boxes (None): the detector that looks at boxes; kinds that share one
            are found together
        from_crops (None): the detector that looks at the embeddings of crops. It
            runs whenever there are any. A kind that has this one alone needs frames,
            and a kind that has neither is found when labels are read, or by the rules
            of the project
        from_predictions (None): the detector that compares labels with predictions. It
            runs whenever there are any
        needs_predictions (False): whether it is found with predictions only
        precedence (2.0): what is added to the log odds of a finding when the
            likeliest of several about one mistake gives the issue its kind.
            Whatever is wrong with a box shows in its size and place too, so kinds
            that explain more are ahead
    """

    name: str
    group: Group
    color: str
    reason: Sentence
    suggestion: Sentence
    from_boxes: Detector | None = None
    from_crops: Detector | None = None
    from_predictions: Detector | None = None
    needs_predictions: bool = False
    precedence: float = 2.0

    @property
    def needs_frames(self) -> bool:
        """Return whether it is found in frames only."""
        return self.from_boxes is None and self.from_crops is not None


#: All kinds. The colors can be told apart on light and on dark pages. The order is
#: that of names in ``outlier_reasons``.
TABLE = (
    Kind(
        SIZE_CHANGE,
        group="size",
        color="#e4572e",
        reason=wrong_size,
        suggestion=redraw,
        from_boxes=find_size_changes,
        precedence=0.5,
    ),
    Kind(
        SHIFT,
        group="iou",
        color="#4269d0",
        reason=misplaced,
        suggestion=redraw,
        from_boxes=find_misplaced,
        precedence=0.0,
    ),
    Kind(
        LOW_IOU,
        group="iou",
        color="#d99a00",
        reason=misplaced,
        suggestion=redraw,
        from_boxes=find_misplaced,
        precedence=0.0,
    ),
    Kind(
        JITTER,
        group="boxes",
        color="#2a9d8f",
        reason=lambda issue: (
            f"the box jitters by {issue.amount:.0%} of its size from frame to frame"
        ),
        suggestion=interpolate,
        from_boxes=find_jitter,
    ),
    Kind(
        DRIFT,
        group="boxes",
        color="#a463f2",
        reason=lambda issue: (
            f"the box drifts up to {issue.amount:.0%} of its size off the track's "
            "path, then returns"
        ),
        suggestion=lambda issue: (
            f"Check {issue.peak_name} and place a keyframe there, then interpolate "
            f"from {issue.first_name} to {issue.last_name}"
        ),
        from_boxes=find_drift,
    ),
    Kind(
        IDENTITY_SWITCH,
        group="boxes",
        color="#e0569b",
        reason=switched,
        suggestion=swap,
        from_boxes=find_identity_switches,
        from_crops=find_exchanges,
    ),
    Kind(
        FRAGMENTATION,
        group="boxes",
        color="#3ca951",
        reason=goes_on,
        suggestion=merge,
        from_boxes=find_fragments,
        # It explains why the track ends there
        precedence=4.0,
    ),
    Kind(
        GAP,
        group="boxes",
        color="#9c6b4e",
        reason=lambda issue: (
            f"{boxes(issue.amount)} {'is' if issue.amount == 1 else 'are'} missing "
            "within the track"
        ),
        suggestion=lambda issue: (
            f"Add {boxes(issue.amount)} between {issue.first_name} and "
            f"{issue.last_name}"
        ),
        from_boxes=find_gaps,
    ),
    Kind(
        SHORT_TRACK,
        group="boxes",
        color="#5aa9e6",
        reason=lambda issue: f"the track has only {boxes(issue.amount)}",
        suggestion=lambda issue: (
            f"Delete track {issue.track}, or merge it into the track that it belongs to"
        ),
        from_boxes=find_short_tracks,
    ),
    Kind(
        TRUNCATED,
        group="boxes",
        color="#c2714f",
        reason=truncated,
        suggestion=lambda issue: (
            f"Extend the track {'after' if issue.amount > 0 else 'before'} "
            f"{issue.peak_name}"
        ),
        from_boxes=find_truncated,
    ),
    Kind(
        GHOST,
        group="boxes",
        color="#b5a22a",
        reason=lambda issue: (
            f"the box does not move for {issue.amount:.0f} frames, although its object "
            "was moving before"
        ),
        suggestion=lambda issue: (
            f"Delete {boxes(issue.count)}, or move them with the object"
        ),
        from_boxes=find_ghosts,
    ),
    Kind(
        DUPLICATE,
        group="boxes",
        color="#6d6ee8",
        reason=lambda issue: (
            f"overlaps track {issue.other_track} throughout (mean IoU "
            f"{issue.amount:.2f})"
        ),
        suggestion=lambda issue: f"Delete track {issue.track}",
        from_boxes=find_duplicates,
        # It explains why the track begins and ends there
        precedence=4.0,
    ),
    Kind(
        LABEL_CHANGE,
        group="boxes",
        color="#b0413e",
        reason=lambda issue: (
            f"{boxes(issue.amount)} labeled '{issue.label}' in a track that is "
            f"otherwise '{issue.usual_label}'"
        ),
        suggestion=lambda issue: f"Change the label to '{issue.usual_label}'",
        from_boxes=find_label_changes,
    ),
    Kind(
        APPEARANCE,
        group="crops",
        color="#0f8b8d",
        reason=lambda issue: (
            "the crop looks unlike the rest of the track (cosine distance "
            f"{issue.amount:.2f})"
        ),
        suggestion=lambda issue: "Check whether this is the same object",
        from_crops=find_appearance,
        # Looks name an issue only if nothing else does
        precedence=-100.0,
    ),
    Kind(
        INVALID,
        group="boxes",
        color="#55606e",
        reason=lambda _: UNUSABLE,
        suggestion=lambda _: CORRECT_LABEL,
    ),
    Kind(
        OVERLOOKED,
        group="boxes",
        color="#1f7a4d",
        reason=lambda issue: (
            f"a model sees an object here in {issue.count} frames, and no label covers "
            "it"
        ),
        suggestion=lambda issue: (
            f"Add a track from {issue.first_name} to {issue.last_name}: the model "
            f"suggests left {issue.left:.0f}, top {issue.top:.0f}, width "
            f"{issue.width:.0f}, height {issue.height:.0f} at {issue.first_name}"
        ),
        needs_predictions=True,
    ),
    Kind(
        UNSUPPORTED,
        group="boxes",
        color="#8c564b",
        reason=lambda issue: (
            f"a model sees nothing at {boxes(issue.count)}, although it sees "
            f"{issue.amount:.0%} of such objects"
        ),
        suggestion=lambda issue: (
            f"Delete {boxes(issue.count)}, or move them to the object"
        ),
        from_predictions=find_unsupported,
        needs_predictions=True,
        precedence=-50.0,
    ),
    Kind(
        BADLY_LOCATED,
        group="boxes",
        color="#ad7fa8",
        reason=lambda issue: (
            f"the boxes have a mean IoU of {1 - issue.amount:.2f} with the predictions "
            "of a model, less than usual here"
        ),
        suggestion=redraw,
        from_predictions=find_badly_located,
        needs_predictions=True,
        precedence=-50.0,
    ),
    Kind(
        WRONG_CLASS,
        group="boxes",
        color="#7a1f5c",
        reason=lambda issue: (
            f"{issue.amount:.0%} of the predictions of a model for this track are of "
            "another class"
        ),
        suggestion=lambda issue: f"Check whether this is a {issue.usual_label}",
        from_predictions=find_wrong_classes,
        needs_predictions=True,
    ),
    Kind(
        RULE_VIOLATION,
        group="boxes",
        color="#2f4b7c",
        reason=lambda _: BREAKS_RULE,
        suggestion=lambda _: CORRECT_LABEL,
    ),
)
BY_NAME = {kind.name: kind for kind in TABLE}
#: The names of all kinds, and of those that are found in labels alone.
ALL_KINDS = tuple(BY_NAME)
KINDS = tuple(
    kind.name for kind in TABLE if not kind.needs_frames and not kind.needs_predictions
)
#: Kinds of boxes of the wrong size, and at the wrong place.
SIZE_KINDS = tuple(kind.name for kind in TABLE if kind.group == "size")
IOU_KINDS = tuple(kind.name for kind in TABLE if kind.group == "iou")
#: The color of kinds that the table does not have, such as those of a newer version.
_OTHER_COLOR = "#8a8f98"


def kind_name(kind: str) -> str:
    """Return the name of a kind of mistake as people read it.

    Args:
        kind: a kind, such as ``low_iou``

    Returns:
        the name

    Example:
        >>> kind_name("low_iou")
        'low IoU'
    """
    return kind.replace("_", " ").replace("iou", "IoU")


def kind_color(kind: str) -> str:
    """Return the color of a kind of mistake.

    Args:
        kind: a kind

    Returns:
        the color, such as ``#e4572e``; gray for an unknown kind
    """
    return BY_NAME[kind].color if kind in BY_NAME else _OTHER_COLOR
