# SPDX-License-Identifier: Apache-2.0
"""The methods of the panel that store what reviewers decide and write."""

from __future__ import annotations

from datetime import datetime

import fiftyone.core.utils as fou
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..operators.forms import author
from ..plain import Json
from ..review.deciding import decide_issues, note_issue
from ..review.reporting import report_issue
from ..review.saved_views import save_issue_views
from .annotating import with_version
from .answering import asked_dataset, find_field, told
from .params import check_id, read_ids, read_known, read_text, read_whole


class ReviewingMethods:
    """The methods that store decisions, notes and issues of reviewers."""

    @told
    def decide(self, ctx: ExecutionContext) -> Json:
        """Confirm, dismiss or reopen issues.

        A decision applies to the dataset in which it was made, even if the App shows
        another one by now. A decision that is restored keeps its author and time. One
        that was made meanwhile, in another window, is not overwritten.
        """
        params = ctx.params
        if "decision" not in params:
            raise ValueError("expected a 'decision'")
        by, at = params.get("decided_by"), params.get("decided_at")
        dataset = asked_dataset(ctx)

        def decide() -> Json:
            decided = decide_issues(
                dataset,
                read_ids(params),
                params["decision"],
                read_text(params, "decided_by") if by else author(ctx),
                datetime.fromisoformat(read_text(params, "decided_at")) if at else None,
                read_known(params),
            )
            return {"decided": decided}

        return with_version(ctx, dataset, decide)

    @told
    def save_views(self, ctx: ExecutionContext) -> Json:
        """Save the views of issues again, with the present decisions.

        The App does not notice by itself that there are other views than before.
        """
        before = ctx.dataset.list_saved_views()
        counts = save_issue_views(ctx.dataset, find_field(ctx))
        others = set(before) != set(ctx.dataset.list_saved_views())
        return {"views": counts, "others": others}

    @told
    def note(self, ctx: ExecutionContext) -> Json:
        """Write a note on an issue."""
        issue = check_id(read_text(ctx.params, "id"))
        note_issue(asked_dataset(ctx), issue, read_text(ctx.params, "note"))
        return {"id": issue}

    @told
    def report(self, ctx: ExecutionContext) -> Json:
        """Report a mistake that no audit found."""
        params = ctx.params
        frames = [read_whole(params, name, least=1) for name in ("first", "last")]
        issue = report_issue(
            asked_dataset(ctx),
            read_whole(params, "track"),
            (min(frames), max(frames)),
            read_text(params, "note"),
            read_text(params, "sequence"),
            find_field(ctx),
            author(ctx),
        )
        return {"id": issue}

    @told
    def watch(self, ctx: ExecutionContext) -> Json:
        """Return what changes whenever somebody decides issues or saves views.

        The saved view that is ``open`` is named as the App's address has it. If it is
        gone and was there when ``view`` was seen, as after the last of its issues was
        decided otherwise, the App shows the whole dataset with ``renew``.
        """
        dataset, slug = ctx.dataset, ctx.params.get("open")
        views = sorted(dataset.list_saved_views())
        name = next((each for each in views if fou.to_slug(each) == slug), None)
        shown = None
        if name is not None:
            shown = f"{name} {store.saved_view_time(dataset, name).isoformat()}"
        elif ctx.params.get("renew") and slug:
            seen = ctx.params.get("view") or ""
            if fou.to_slug(seen.rpartition(" ")[0] or "none") == slug:
                ctx.ops.clear_view()
        latest = dataset.sort_by("last_modified_at", reverse=True).limit(1)
        (stamp,) = latest.values("last_modified_at") or (None,)
        return {
            "stamp": stamp.isoformat() if stamp else None,
            "views": views,
            "view": shown,
        }
