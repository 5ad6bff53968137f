# SPDX-License-Identifier: Apache-2.0
"""Operators that fix issues, and that undo it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import ClassVar

import fiftyone as fo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ...importers.store.locks import LockedError
from ..corrections.fixes import (
    Fixed,
    fix_issues,
    list_fixed,
    preview_fixes,
    undo_fixes,
)
from ..fixing.choosing import MIN_SCORE
from ..fixing.remedies import TABLE
from ..plain import Json, count
from ..review.saved_views import save_issue_views
from .forms import (
    TrackOperator,
    add_label_field,
    add_notice,
    add_warning,
    author,
    warn_unfinished,
)
from .review import find_issues

_SELECTED, _ALL = "selected", "all"


class FixIssues(TrackOperator):
    """Correct the labels that issues are about."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    about: ClassVar = {
        "name": "fix_issues",
        "label": "Fix issues",
        "description": "Correct the labels that issues are about, by each kind's fix",
        "icon": "build",
        "risk_level": types.RiskLevel.HIGH,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which issues to fix."""
        field = add_label_field(ctx, inputs)
        warn_unfinished(ctx, inputs, field)
        which = types.RadioGroup()
        which.add_choice(_SELECTED, label="The issues that are selected or shown")
        which.add_choice(_ALL, label="All issues of some kinds, from a score on")
        inputs.enum(
            "which",
            which.values(),
            default=_SELECTED,
            view=which,
            required=True,
            label="Issues",
            description="Issues that were dismissed or fixed are left alone",
        )
        if ctx.params.get("which") != _ALL:
            return
        kinds = types.Choices()
        for kind in (kind for kind, remedies in TABLE.items() if remedies):
            kinds.add_choice(kind, label=kind.replace("_", " "))
        inputs.list(
            "kinds",
            types.String(),
            view=types.AutocompleteView(choices=kinds.choices, allow_duplicates=False),
            label="Kinds",
            description="By default, those whose fixes are right without a look",
        )
        inputs.float(
            "min_score",
            default=MIN_SCORE,
            min=0,
            max=1,
            label="Minimum score",
            description="Issues with a lower score are left alone",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Count what will be changed."""
        told = preview_fixes(ctx.dataset, **_asked(ctx))
        if not told.issues:
            add_notice(inputs, "notice", "None of these issues has a fix that applies.")
            return
        text = f"Will change labels: {told}. The old labels are kept, to undo it."
        add_warning(inputs, "warning", text)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Fix the issues."""
        asked = _asked(ctx)
        fixed = fix_issues(ctx.dataset, author=author(ctx), **asked)
        outdated = _save_views(ctx.dataset, asked["label_field"])
        ctx.trigger("reload_dataset")
        return {
            **_told(fixed),
            "message": f"{fixed}{outdated}",
            "next": "Look at the view 'fixed'; 'Undo fixes' takes them back",
        }

    def __call__(
        self,
        dataset: fo.Dataset,
        kinds: Collection[str] = (),
        min_score: float = MIN_SCORE,
        label_field: str | None = None,
        ids: Collection[str] | None = None,
    ) -> Json:
        """Correct the labels that issues are about.

        Args:
            dataset: an audited dataset
            kinds (()): the kinds to fix, by default those of ``SAFE``
            min_score (0.8): the least score of an issue to fix, in [0, 1]
            label_field (None): the frame field of the tracks; by default the only one
            ids (None): the IDs of the issues to fix, whatever their kinds and scores

        Returns:
            a dict with the ``name`` by which it can be undone, and counts
        """
        return _told(fix_issues(dataset, kinds, min_score, label_field, ids))


class UndoFixes(TrackOperator):
    """Restore the labels of before issues were fixed."""

    outputs: ClassVar = {"message": "Result", "next": "What next"}

    about: ClassVar = {
        "name": "undo_fixes",
        "label": "Undo fixes",
        "description": "Restore the labels of before issues were fixed",
        "icon": "undo",
        "risk_level": types.RiskLevel.HIGH,
        "view_target": False,
    }

    def build_form(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Ask which fixes to undo."""
        fixed = list_fixed(ctx.dataset)
        if not fixed:
            raise ValueError(f"no issues of '{ctx.dataset.name}' were fixed")
        choices = types.Dropdown()
        for name, record in reversed(fixed.items()):
            time = record["time"][:16].replace("T", " ")
            number = count(len(record["issues"]), "issue")
            label = f"{number} by {record['author']} at {time} UTC"
            choices.add_choice(name, label=label)
        inputs.enum(
            "name",
            choices.values(),
            default=list(fixed)[-1],
            view=choices,
            label="Fixes",
            description="What was fixed together is undone together",
        )

    def preview(self, ctx: ExecutionContext, inputs: types.Object) -> None:
        """Say what will be restored."""
        text = "Will restore the labels as they were, and reopen the issues."
        add_warning(inputs, "warning", text)

    def execute(self, ctx: ExecutionContext) -> Json:
        """Restore the labels."""
        records = list_fixed(ctx.dataset)
        name = ctx.params.get("name") or next(reversed(records), None)
        undone = undo_fixes(ctx.dataset, name)
        outdated = _save_views(ctx.dataset, records[undone.name]["label_field"])
        ctx.trigger("reload_dataset")
        return {
            **_told(undone),
            "message": f"restored {undone.boxes}{outdated}",
            "next": "The issues can be decided or fixed again",
        }

    def __call__(self, dataset: fo.Dataset, name: str | None = None) -> Json:
        """Restore the labels of before issues were fixed.

        Args:
            dataset: the dataset
            name (None): the name of what was fixed, by default the last

        Returns:
            a dict with the ``name`` and counts
        """
        return _told(undo_fixes(dataset, name))


def _asked(ctx: ExecutionContext) -> Json:
    """Return the arguments for the issues that the form asks for."""
    field = store.find_label_field(ctx.dataset, ctx.params.get("label_field"))
    if ctx.params.get("which") == _ALL:
        return {
            "label_field": field,
            "kinds": ctx.params.get("kinds") or (),
            "min_score": ctx.params.get("min_score", MIN_SCORE),
        }
    return {"label_field": field, "ids": find_issues(ctx, field)}


def _told(fixed: Fixed) -> Json:
    return {**asdict(fixed), "boxes": asdict(fixed.boxes)}


def _save_views(dataset: fo.Dataset, field: str) -> str:
    """Save the views of issues again; return what to say if that was impossible."""
    try:
        save_issue_views(dataset, field)
    except LockedError:
        return ". Another process was saving views, so they do not show this yet"
    return ""
