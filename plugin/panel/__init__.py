# SPDX-License-Identifier: Apache-2.0
"""The panel for reviewing issues: its data in Python, its interface in JavaScript."""

from .panel import TrackAuditPanel

#: In the order of ``fiftyone.yml``.
PANELS = (TrackAuditPanel,)

__all__ = ["PANELS"]
