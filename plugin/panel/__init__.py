# SPDX-License-Identifier: Apache-2.0
"""The panel that goes through issues: its data here, its face in JavaScript."""

from .panel import TrackAuditPanel

#: In the order of ``fiftyone.yml``.
PANELS = (TrackAuditPanel,)

__all__ = ["PANELS"]
