# SPDX-License-Identifier: Apache-2.0
"""The audit: pure functions over the tracks table.

Nothing here imports FiftyOne or torch, so the audit runs on a bare table wherever a
function can be called on a data frame, such as from the command line.
"""

from .audit import Audit, audit_tracks, detect, suspected_rows
from .detectors.appearance import APPEARANCE
from .kinds import (
    ALL_KINDS,
    INVALID,
    IOU_KINDS,
    KINDS,
    RULE_VIOLATION,
    SIZE_KINDS,
    kind_name,
)
from .outliers import Thresholds
from .proposed_rules import propose_rules
from .rules import Rules
from .signals import iou_signals, size_signals

__all__ = [
    "ALL_KINDS",
    "APPEARANCE",
    "INVALID",
    "IOU_KINDS",
    "KINDS",
    "RULE_VIOLATION",
    "SIZE_KINDS",
    "Audit",
    "Rules",
    "Thresholds",
    "audit_tracks",
    "detect",
    "iou_signals",
    "kind_name",
    "propose_rules",
    "size_signals",
    "suspected_rows",
]
