# SPDX-License-Identifier: Apache-2.0
"""The operator that interrupts what is writing to a dataset."""

from __future__ import annotations

from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers.store.locks import interrupt, running
from ..plain import Json
from .forms import TrackOperator, add_notice, plain


class InterruptOperation(TrackOperator):
    """Interrupt what is writing to the dataset."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    about: ClassVar = {
        "name": "interrupt_operation",
        "label": "Interrupt operation",
        "description": "Stop the audit or other operation that writes to this dataset",
        "icon": "stop_circle",
        "risk_level": types.RiskLevel.MEDIUM,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask nothing: one process at a time writes to a dataset."""

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say what will be interrupted."""
        found = running(ctx.dataset)
        text = "Nothing is writing to this dataset, so this will do nothing."
        if found:
            text = f"Will interrupt {plain(found)}. Run it again to finish."
        add_notice(inputs, "notice", text)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Interrupt it."""
        return self(ctx.dataset)

    def __call__(self, dataset: fo.Dataset) -> Json:
        """Interrupt what is writing to a dataset. See :func:`.interrupt`."""
        found = interrupt(dataset)
        if found is None:
            return {
                "message": f"nothing is writing to '{dataset.name}'",
                "next": "Reload the dataset if it does not show the latest labels",
            }
        return {
            "message": f"asked to end: {found}",
            "next": "It ends before its next write; run it again to finish",
        }
