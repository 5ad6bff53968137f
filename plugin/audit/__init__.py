# SPDX-License-Identifier: Apache-2.0
"""The audit: pure functions over the tracks table.

Nothing here knows of FiftyOne, of a database or of torch, so that the command
line, and any engine that can call a function on a data frame, runs the audit on
a bare table.
"""

from .audit import Audit, Thresholds, audit_tracks, detect, suspected_rows
from .kinds import (
    ALL_KINDS,
    APPEARANCE,
    IOU_KINDS,
    KINDS,
    LOW_IOU,
    SHIFT,
    SIZE_CHANGE,
    SIZE_KINDS,
    kind_name,
)
from .signals import iou_signals, size_signals

__all__ = [
    "ALL_KINDS",
    "APPEARANCE",
    "IOU_KINDS",
    "KINDS",
    "LOW_IOU",
    "SHIFT",
    "SIZE_CHANGE",
    "SIZE_KINDS",
    "Audit",
    "Thresholds",
    "audit_tracks",
    "detect",
    "iou_signals",
    "kind_name",
    "size_signals",
    "suspected_rows",
]
