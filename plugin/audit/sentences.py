# SPDX-License-Identifier: Apache-2.0
"""What is said about an issue, and the sentences that kinds of mistakes share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: IoU with the box that the neighboring frames suggest, above which redrawing does
#: not help.
_FITS = 0.9
#: The most tracks of one object that are told one by one.
_CHAIN = 2

#: What is said about labels that no audit can use, and what to do about them.
UNUSABLE = "the label cannot be used"
CORRECT_LABEL = "Correct the label, or delete it"
#: What is said about labels that break a rule of the project.
BREAKS_RULE = "the label breaks a rule of the project"


@dataclass(frozen=True)
class Issue:
    """What there is to say about one issue.

    Attributes:
        track: the track's ID, -1 if there is none
        other_track: the ID of the other track that is involved, -1 without one
        label: the label of the worst box
        usual_label: the most frequent label of the track
        first_name: the file name of the first frame
        last_name: the file name of the last frame
        peak_name: the file name of the frame with the worst box
        count: the number of boxes
        tracks: the number of tracks that the issue involves
        amount: the number that the detector returns for the sentence
        chance: the probability of the other track, NaN if it is not known
        rival_track: the ID of the next likely other track, -1 without one
        rival_chance: the probability of that one
        left: the position and size in pixels that the neighboring frames suggest
            for the worst box; NaN if they suggest nothing
        top: see ``left``
        width: see ``left``
        height: see ``left``
        fit: the IoU of the worst box with that
        size_change: the signals of the worst box, NaN if they are not defined
        iou_prev: see ``size_change``
        iou_next: see ``size_change``
        occlusion: see ``size_change``
    """

    track: int
    other_track: int
    label: str
    usual_label: str
    first_name: str
    last_name: str
    peak_name: str
    count: int
    tracks: int
    amount: float
    chance: float
    rival_track: int
    rival_chance: float
    left: float
    top: float
    width: float
    height: float
    fit: float
    size_change: float
    iou_prev: float
    iou_next: float
    occlusion: float

    def __str__(self) -> str:
        """Name the track and the frames."""
        return name_place(self.label, self.track, self.first_name, self.last_name)


Sentence: TypeAlias = Callable[[Issue], str]


def name_place(label: str, track: int, first_name: str, last_name: str) -> str:
    """Name a track and frames, such as ``car 5 at 000012.jpg``.

    Args:
        label: the label
        track: the track's ID, -1 if there is none
        first_name: the file name of the first frame
        last_name: the file name of the last frame
    """
    place = f"from {first_name} to {last_name}"
    if first_name == last_name:
        place = f"at {first_name}"
    return f"{label} {track} {place}" if track >= 0 else f"{label} {place}"


def boxes(count: float) -> str:
    """Return a number of boxes, such as ``1 box`` or ``3 boxes``."""
    return f"{count:.0f} box{'' if count == 1 else 'es'}"


def wrong_size(issue: Issue) -> str:
    """Say how far the size departs from the expected one, or how it changes."""
    departure = issue.amount - 1
    if abs(departure) > 0.1 or math.isnan(issue.size_change):
        more = "larger" if departure > 0 else "smaller"
        return (
            f"the box is {abs(departure):.0%} {more} than the neighboring frames "
            "suggest"
        )
    grows, larger = (
        ("grows", "larger") if issue.size_change > 0 else ("shrinks", "smaller")
    )
    return f"the box {grows} by {abs(issue.size_change):.0%} here and stays {larger}"


def misplaced(issue: Issue) -> str:
    """Say how little the box overlaps with its neighbors and the expected box."""
    sides = {"previous": issue.iou_prev, "next": issue.iou_next}
    known = {side: value for side, value in sides.items() if not math.isnan(value)}
    lowest = min(known, key=lambda side: known[side], default=None)
    expected = (
        f"the IoU with the box that the neighboring frames suggest is "
        f"{issue.amount:.2f}"
    )
    if lowest is None:
        return expected
    jump = f"the IoU with the {lowest} frame is {known[lowest]:.2f}"
    if issue.amount > 0.75:
        return f"{jump}: the track jumps here and stays there"
    return f"{jump}, and {expected}"


def switched(issue: Issue) -> str:
    """Say which tracks show each other's objects."""
    if issue.other_track < 0:
        return "the track jumps here, and shows another object from here on"
    if issue.tracks > 2:
        return (
            f"{issue.tracks} tracks show each other's objects from here on, such as "
            f"{issue.track} that of {issue.other_track}"
        )
    if not math.isnan(issue.chance):
        return (
            f"track {issue.track} shows the object of track {issue.other_track} from "
            f"here on ({issue.chance:.2f})"
        )
    pair = f"tracks {issue.track} and {issue.other_track}"
    return f"{pair} fit better with their IDs swapped"


def swap(issue: Issue) -> str:
    """Suggest to swap IDs, or to give the rest of a track an ID of its own."""
    if issue.other_track < 0:
        return f"Give the track a new ID from {issue.peak_name} on"
    if issue.tracks > 2:
        return f"Correct the IDs of the {issue.tracks} tracks from {issue.peak_name} on"
    return (
        f"Swap the IDs {issue.track} and {issue.other_track} from {issue.peak_name} on"
    )


def goes_on(issue: Issue) -> str:
    """Say as which track an object goes on, how likely, and as which one else."""
    if issue.tracks > _CHAIN:
        return f"{issue.tracks} tracks follow each other on the same object"
    one = f"{issue.other_track} ({issue.chance:.2f})"
    if issue.rival_track >= 0:
        one += f" or {issue.rival_track} ({issue.rival_chance:.2f})"
    later = f", {issue.amount:.0f} frames later" if issue.amount > 1 else ""
    return f"track {issue.track} ends and goes on as {one}{later}"


def merge(issue: Issue) -> str:
    """Suggest to merge tracks."""
    if issue.tracks > _CHAIN:
        return (
            f"Merge the {issue.tracks} tracks from {issue.first_name} to "
            f"{issue.last_name} into one"
        )
    return f"Merge track {issue.other_track} into track {issue.track}"


def truncated(issue: Issue) -> str:
    """Say where the track starts or ends in open view."""
    what = "ends" if issue.amount > 0 else "starts"
    seen = f"{issue.occlusion:.0%} occluded" if issue.occlusion else "in full view"
    return f"the track {what} here, away from the image border and {seen}"


def redraw(issue: Issue) -> str:
    """Suggest to redraw the boxes, if the neighboring frames suggest another box."""
    sides = [issue.left, issue.top, issue.width, issue.height]
    if any(map(math.isnan, sides)):
        return f"Redraw {boxes(issue.count)}"
    if issue.fit > _FITS:
        return "Check the neighboring frames: the box already lies between them"
    left, top, width, height = (f"{side:.0f}" for side in sides)
    return (
        f"Redraw {boxes(issue.count)}: the neighboring frames suggest left {left}, "
        f"top {top}, width {width}, height {height} at {issue.peak_name}"
    )


def interpolate(issue: Issue) -> str:
    """Suggest to interpolate the boxes between those before and after."""
    return (
        f"Interpolate {boxes(issue.count)} between the frames before "
        f"{issue.first_name} and after {issue.last_name}"
    )
