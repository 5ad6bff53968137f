# SPDX-License-Identifier: Apache-2.0
"""Labels that nothing can judge."""

from __future__ import annotations

from ...importers.tracks import InputError


class NoTracks(InputError):
    """No box of some labels belongs to a track, so nothing can be judged."""
