# SPDX-License-Identifier: Apache-2.0
"""What the methods of the panel have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import fiftyone as fo
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import Json
from ..review.audit_records import list_audits

_Panel = TypeVar("_Panel")


def told(
    method: Callable[[_Panel, ExecutionContext], Json],
) -> Callable[[_Panel, ExecutionContext], Json]:
    """Turn a ValueError into an answer, so that the panel can show it."""

    @wraps(method)
    def answer(self: _Panel, ctx: ExecutionContext) -> Json:
        try:
            return method(self, ctx)
        except ValueError as error:
            return {"problem": str(error)}

    return answer


def asked_dataset(ctx: ExecutionContext) -> fo.Dataset:
    """Return the dataset that is asked for, which may be another than the open one."""
    name = ctx.params.get("dataset")
    if name in (None, ctx.dataset.name):
        return ctx.dataset
    if not fo.dataset_exists(name):
        raise ValueError(f"the dataset '{name}' no longer exists")
    return fo.load_dataset(name)


def find_field(ctx: ExecutionContext) -> str:
    """Find the field to review: the one asked for, or one that was audited."""
    wanted, fields = ctx.params.get("label_field"), store.label_fields(ctx.dataset)
    if wanted in fields or not fields:
        return store.find_label_field(ctx.dataset, wanted)
    audited = [field for field in fields if list_audits(ctx.dataset, field)]
    known = audited or fields
    return "ground_truth" if "ground_truth" in known else known[0]
