# SPDX-License-Identifier: Apache-2.0
"""The operators: thin adapters between FiftyOne's App and the plugin."""

from .audits import (
    AuditTracks,
    ComputeEmbeddingOutliers,
    ComputeIoUOutliers,
    ComputeSizeOutliers,
    SaveOutlierViews,
)
from .imports import ImportSequences
from .jobs import AdjustmentJobStatus, ExportAdjustmentJob, StopAdjustmentJob
from .reviews import PlanReview

#: In the order of ``fiftyone.yml``.
OPERATORS = (
    ImportSequences,
    AuditTracks,
    ComputeSizeOutliers,
    ComputeIoUOutliers,
    ComputeEmbeddingOutliers,
    SaveOutlierViews,
    PlanReview,
    ExportAdjustmentJob,
    AdjustmentJobStatus,
    StopAdjustmentJob,
)

__all__ = ["OPERATORS"]
