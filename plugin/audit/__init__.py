# SPDX-License-Identifier: Apache-2.0
"""The audit: pure functions over the tracks table.

Nothing here knows of FiftyOne, of a database or of torch, so that the command
line, and any engine that can call a function on a data frame, runs the audit on
a bare table.
"""

from .audit import KINDS, Audit, Thresholds, audit_tracks
from .issues import LOW_IOU, SIZE_CHANGE, kind_name
from .signals import iou_signals, size_signals

__all__ = [
    "KINDS",
    "LOW_IOU",
    "SIZE_CHANGE",
    "Audit",
    "Thresholds",
    "audit_tracks",
    "iou_signals",
    "kind_name",
    "size_signals",
]
