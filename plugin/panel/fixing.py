# SPDX-License-Identifier: Apache-2.0
"""The methods of the panel that fix issues, and take that back."""

from __future__ import annotations

from fiftyone.operators.executor import ExecutionContext

from ..corrections.fixes import fix_issues, preview_fixes, undo_fixes
from ..operators.forms import author
from ..plain import Json
from .annotating import with_version
from .answering import asked_dataset, find_field, told
from .params import read_ids, read_text


class FixingMethods:
    """The methods that change labels.

    Like a decision, a fix applies to the dataset in which it was made, even if the App
    shows another one by now.
    """

    @told
    def fix(self, ctx: ExecutionContext) -> Json:
        """Fix issues by their default, or by the fix that is named."""
        ids, dataset = read_ids(ctx.params), asked_dataset(ctx)

        def fix() -> Json:
            fixed = fix_issues(
                dataset,
                label_field=find_field(ctx),
                ids=ids,
                fixes=_chosen(ctx, ids),
                author=author(ctx),
            )
            if not fixed.issues:
                raise ValueError("no fix applies here; look at the suggestion")
            return {"name": fixed.name, "message": str(fixed)}

        return with_version(ctx, dataset, fix)

    @told
    def undo_fix(self, ctx: ExecutionContext) -> Json:
        """Restore the labels of before a fix."""
        name, dataset = read_text(ctx.params, "name"), asked_dataset(ctx)

        def undo() -> Json:
            return {"name": undo_fixes(dataset, name).name}

        return with_version(ctx, dataset, undo)

    @told
    def preview_fix(self, ctx: ExecutionContext) -> Json:
        """Say what fixing issues would change."""
        ids = read_ids(ctx.params)
        told = preview_fixes(
            asked_dataset(ctx),
            label_field=find_field(ctx),
            ids=ids,
            fixes=_chosen(ctx, ids),
        )
        return {"issues": told.issues, "message": str(told)}


def _chosen(ctx: ExecutionContext, ids: list[str]) -> dict[str, str]:
    """Return the fix of each issue, if one was named."""
    if not ctx.params.get("fix"):
        return {}
    return dict.fromkeys(ids, read_text(ctx.params, "fix"))
