# SPDX-License-Identifier: Apache-2.0
"""The options that say what a report shows beside the issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from ...importers.tracks import Tracks
    from ..audit.rolling import Window


@dataclass(frozen=True)
class Shown:
    """What a report shows beside the issues.

    Attributes:
        reviews: output of 'track-audit load --json'; the page then shows how often
            reviewers confirmed each kind of issue
        annotator: the attribute of the boxes that holds who drew them; the page then
            shows the issues per annotator (default: one with a usual name, such as
            annotator or assignee)
        tracks: the numbers of the tracks whose crops and plots are shown as a whole,
            whether or not they have issues (default: all tracks, if they are few)
        window: the number of labeled frames that the rolling means in plots are taken
            over
        trailing: take them over a frame and those before it, instead of those around it
    """

    reviews: Annotated[tuple[str, ...], Parameter(metavar="JSON...")] = ()
    annotator: Annotated[str | None, Parameter(metavar="NAME")] = None
    tracks: Annotated[tuple[int, ...] | None, Parameter(metavar="TRACK...")] = None
    window: Annotated[int, Parameter(metavar="FRAMES")] = 11
    trailing: bool = False

    def frames(self) -> Window:
        """Return the window of the rolling means.

        Raises:
            InputError: if it has no frame
        """
        from ...importers.tracks import InputError
        from ..audit.rolling import Window

        try:
            return Window(self.window, not self.trailing)
        except ValueError as error:
            raise InputError("--window", str(error)) from error

    def check(self, labels: str, tracks: Tracks) -> None:
        """Check that labels have what is to be shown.

        Raises:
            InputError: if they do not
        """
        from ...importers.tracks import InputError

        if self.annotator and self.annotator not in tracks.table:
            message = f"the boxes have no attribute '{self.annotator}'"
            raise InputError(labels, f"{message}; expected who drew them")
        missing = {*(self.tracks or ())} - {*map(int, tracks.table["track"].unique())}
        if missing:
            listed = ", ".join(map(str, sorted(missing)))
            message = f"no track {listed}; expected numbers of tracks"
            raise InputError("--tracks", message)
