# SPDX-License-Identifier: Apache-2.0
"""The methods of the panel that count and measure."""

from __future__ import annotations

from dataclasses import asdict

from fiftyone.operators.executor import ExecutionContext

from ..corrections.quality import measure_quality
from ..plain import Json, to_records
from ..review.annotator_statistics import annotator_statistics, find_attribute
from ..review.audit_records import last_thresholds, read_overview
from ..review.decisions import suggest_thresholds
from ..review.issues import read_dataset_issues
from . import thresholds
from .answering import find_field, told


class MeasuringMethods:
    """The methods that count boxes and issues."""

    @told
    def show_thresholds(self, ctx: ExecutionContext) -> Json:
        """Return what other thresholds would flag."""
        field = find_field(ctx)
        overview = read_overview(ctx.dataset, field)
        return thresholds.show_thresholds(overview, last_thresholds(ctx.dataset, field))

    @told
    def show_annotators(self, ctx: ExecutionContext) -> Json:
        """Count the issues by who drew the boxes, if the labels tell."""
        field = find_field(ctx)
        if find_attribute(ctx.dataset, field) is None:
            return {"annotators": []}
        return {"annotators": to_records(annotator_statistics(ctx.dataset, field))}

    @told
    def show_quality(self, ctx: ExecutionContext) -> Json:
        """Measure how much better the labels got."""
        field = find_field(ctx)
        annotators = find_attribute(ctx.dataset, field)
        return measure_quality(ctx.dataset, field, annotators).to_dict()

    @told
    def suggest_thresholds(self, ctx: ExecutionContext) -> Json:
        """Suggest thresholds that agree with the decisions."""
        field = find_field(ctx)
        present = last_thresholds(ctx.dataset, field)
        return asdict(
            suggest_thresholds(read_dataset_issues(ctx.dataset, field), present)
        )
