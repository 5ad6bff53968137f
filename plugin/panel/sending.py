# SPDX-License-Identifier: Apache-2.0
"""The method of the panel that chooses what to send."""

from __future__ import annotations

from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import Json
from ..review.decisions import CONFIRMED
from . import listing
from .answering import find_field, told
from .listed import in_view, read_listed
from .params import read_filters, read_text


class SendingMethods:
    """The method that chooses the issues to send."""

    @told
    def find_to_send(self, ctx: ExecutionContext) -> Json:
        """Return the issues to send: all confirmed ones, or the listed ones.

        Dismissed issues are not sent. The worst ones come first.
        """
        which = read_text(ctx.params, "which")
        if which not in ("confirmed", "listed"):
            raise ValueError(f"expected 'confirmed' or 'listed', not '{which}'")
        issues = read_listed(
            ctx.dataset, find_field(ctx), store.read_spans(ctx.dataset)
        )
        issues, _ = listing.rank_issues(issues)
        if which == "confirmed":
            chosen = listing.choose_issues(issues, listing.Filters(decision=CONFIRMED))
        else:
            filters = ctx.params.get("filters") or {}
            if not isinstance(filters, dict):
                raise ValueError(f"expected an object as 'filters', not {filters!r}")
            shown = in_view(ctx, issues, filters)
            chosen = listing.choose_issues(shown, read_filters(filters))
        chosen = listing.choose_to_send(chosen)
        if chosen.empty:
            raise ValueError("there are no such issues, so there is nothing to send")
        return {"issues": listing.sort_issues(chosen)["id"].tolist()}
