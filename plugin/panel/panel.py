# SPDX-License-Identifier: Apache-2.0
"""The panel `Track audit`: the methods that its JavaScript component calls."""

from __future__ import annotations

from dataclasses import asdict

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..plain import Json
from ..review.audit_records import (
    describe_unfinished,
    last_thresholds,
    list_audits,
    read_overview,
)
from ..review.compared_labels import describe_unfinished_comparison, list_comparisons
from ..review.rejudging import count_changed, describe_changed
from ..review.saved_views import view_of_issues
from . import listing, timeline, track
from .annotating import AnnotatingMethods
from .answering import find_field, told
from .fixing import FixingMethods
from .listed import in_view, read_listed
from .measuring import MeasuringMethods
from .opened import OpeningMethods, list_samples
from .params import (
    check_id,
    read_filters,
    read_ids,
    read_number,
    read_text,
    read_whole,
    read_window,
)
from .reviewing import ReviewingMethods
from .sending import SendingMethods

_AUDIT = "@track-audit/video/audit_tracks"
_IMPORT = "@track-audit/video/import_sequences"
_HELP = (
    "Review the issues that the audit found: confirm or dismiss each one, with crops "
    "and plots of its tracks"
)
#: The most issues whose pictures are asked for at once.
_CARDS = 60
#: Number of issues and tracks that are listed by default.
_PAGE = 100


class TrackAuditPanel(
    ReviewingMethods,
    FixingMethods,
    AnnotatingMethods,
    OpeningMethods,
    SendingMethods,
    MeasuringMethods,
    foo.Panel,  # type: ignore[misc]
):
    """Review the issues of a dataset.

    The panel's component calls every method. A method reads its parameters from
    ``ctx.params`` and returns JSON values.
    """

    @property
    def config(self) -> foo.PanelConfig:
        """The panel's configuration."""
        return foo.PanelConfig(
            name="track_audit",
            label="Track audit",
            # The App draws icon files for operators, but not for panels
            icon="fact_check",
            help_markdown=_HELP,
            surfaces="grid modal",
            category=foo.Categories.CURATE,
        )

    def render(self, ctx: ExecutionContext) -> types.Property:
        """Show the component, and tell it which methods to call."""
        methods = (
            self.load,
            self.list_issues,
            self.show_issue,
            self.show_crop,
            self.show_track,
            self.show_timeline,
            self.show_thresholds,
            self.show_annotators,
            self.suggest_thresholds,
            self.show_others,
            self.show_cards,
            self.show_quality,
            self.show_samples,
            self.decide,
            self.note,
            self.report,
            self.watch,
            self.fix,
            self.undo_fix,
            self.preview_fix,
            self.annotate,
            self.judge_edits,
            self.save_views,
            self.find_to_send,
            self.open_sample,
        )
        view = types.View(
            component="TrackAuditView",
            composite_view=True,
            **{method.__name__: method for method in methods},
        )
        return types.Property(types.Object(), view=view)

    @told
    def load(self, ctx: ExecutionContext) -> Json:
        """Return what there is to review, or what has to be done first."""
        dataset = ctx.dataset
        if dataset is None or not dataset.media_type:
            return _not_yet("Import sequences and their tracks", _IMPORT)
        fields = store.label_fields(dataset)
        if not fields:
            message = f"'{dataset.name}' has no tracks; import sequences"
            return _not_yet(message, _IMPORT)
        field = find_field(ctx)
        changed = count_changed(dataset, field)
        unfinished = (
            describe_unfinished(dataset, field)
            or describe_unfinished_comparison(dataset, field)
            or describe_changed(changed)
        )
        if not (list_audits(dataset, field) or list_comparisons(dataset, field)):
            message = unfinished or "The tracks have not been audited yet"
            return _not_yet(message, _AUDIT, field, tuple(fields))
        sequences = store.read_spans(dataset)
        samples = list_samples(dataset, sequences)
        issues = read_listed(dataset, field, sequences)
        counts = issues["sequence"].value_counts()
        return {
            "status": "ready",
            "message": unfinished,
            "changed": changed,
            "operator": None,
            "label_field": field,
            "label_fields": fields,
            "by_index": store.read_identity(dataset, field).plain,
            "sequences": [
                {
                    "name": name,
                    "frames": spans[-1].offset + spans[-1].length,
                    "issues": int(counts.get(name, 0)),
                    "samples": samples[name],
                }
                for name, spans in sequences.items()
            ],
            "thresholds": asdict(last_thresholds(dataset, field)),
        }

    @told
    def list_issues(self, ctx: ExecutionContext) -> Json:
        """List the worst or the earliest issues, and count all of them.

        Issues that are asked for by ID are described as well, whatever page they are
        on; those that no longer match the filters are listed as ``gone``.
        """
        filters, most = (
            read_filters(ctx.params),
            read_whole(ctx.params, "limit", _PAGE, 1),
        )
        order = ctx.params.get("order") or listing.WORST
        field = find_field(ctx)
        issues = read_listed(ctx.dataset, field, store.read_spans(ctx.dataset))
        issues, learned = listing.rank_issues(issues)
        shown, ids = in_view(ctx, issues, ctx.params), read_ids(ctx.params)
        fitting = listing.choose_issues(shown, filters)
        asked = fitting[fitting["id"].isin(ids)]
        return {
            **listing.list_issues(shown, filters, most, order),
            "asked": listing.describe_issues(asked),
            "gone": sorted(set(ids).difference(asked["id"])),
            "to_send": len(listing.choose_to_send(fitting)),
            "kinds": listing.describe_kinds(issues),
            "progress": listing.count_decisions(issues),
            "learned": learned,
            "message": describe_unfinished(ctx.dataset, field)
            or describe_changed(count_changed(ctx.dataset, field)),
        }

    @told
    def show_issue(self, ctx: ExecutionContext) -> Json:
        """Return one issue with its crops and plots."""
        field = find_field(ctx)
        sequences = store.read_spans(ctx.dataset)
        wanted = check_id(read_text(ctx.params, "id"))
        found = read_listed(ctx.dataset, field, sequences, wanted)
        if found.empty:
            raise ValueError("this issue no longer exists; reload the list")
        issue = found.iloc[0]
        limits = last_thresholds(ctx.dataset, field)
        (described,) = listing.describe_issues(found)
        try:
            context = read_number(ctx.params, "context", 1.0)
            window = read_window(ctx.params)
            shown = track.show_issue(ctx.dataset, field, issue, limits, context, window)
        except ValueError as error:
            shown = {"strip": [], "problem": str(error), "panels": [], "plot": None}
        return {"issue": described, **shown}

    @told
    def show_others(self, ctx: ExecutionContext) -> Json:
        """Return the boxes around an issue that are not of its tracks."""
        field, wanted = find_field(ctx), check_id(read_text(ctx.params, "id"))
        sequences = store.read_spans(ctx.dataset)
        found = read_listed(ctx.dataset, field, sequences, wanted)
        if found.empty:
            raise ValueError("this issue no longer exists; reload the list")
        return {"id": wanted, **track.show_others(ctx.dataset, field, found.iloc[0])}

    @told
    def show_cards(self, ctx: ExecutionContext) -> Json:
        """Return the one crop of each issue that shows it best."""
        field, ids = find_field(ctx), read_ids(ctx.params)
        issues = read_listed(ctx.dataset, field, store.read_spans(ctx.dataset))
        chosen = issues[issues["id"].isin(ids[:_CARDS])]
        return {
            "cards": {
                issue["id"]: track.show_card(ctx.dataset, field, issue)
                for _, issue in chosen.iterrows()
            }
        }

    @told
    def show_samples(self, ctx: ExecutionContext) -> Json:
        """Show the listed issues in the App's grid, one clip each, or all samples."""
        field = find_field(ctx)
        if ctx.params.get("all"):
            ctx.ops.clear_view()
            return {"issues": None}
        issues = read_listed(ctx.dataset, field, store.read_spans(ctx.dataset))
        chosen = listing.choose_issues(issues, read_filters(ctx.params))
        if chosen.empty:
            raise ValueError("there are no such issues")
        ctx.ops.set_view(view_of_issues(ctx.dataset, field, chosen))
        return {"issues": len(chosen)}

    @told
    def show_crop(self, ctx: ExecutionContext) -> Json:
        """Return the crop of one track in one frame."""
        crop = track.show_crop(
            ctx.dataset,
            find_field(ctx),
            read_text(ctx.params, "sequence"),
            read_whole(ctx.params, "track"),
            read_whole(ctx.params, "frame", least=1),
        )
        return {"crop": crop}

    @told
    def show_track(self, ctx: ExecutionContext) -> Json:
        """Return the plots of any track of a sequence."""
        field, name = find_field(ctx), read_text(ctx.params, "sequence")
        number = read_whole(ctx.params, "track")
        spans = store.read_spans(ctx.dataset).get(name)
        if spans is None:
            raise ValueError(f"there is no sequence '{name}'")
        frames = spans[-1].offset + spans[-1].length
        limits = last_thresholds(ctx.dataset, field)
        window, place = read_window(ctx.params), (name, number)
        shown = track.show_track(ctx.dataset, field, place, frames, limits, window)
        return {"sequence": name, "track": number, **shown}

    @told
    def show_timeline(self, ctx: ExecutionContext) -> Json:
        """Return the labeled frames of a sequence's tracks, and their issues."""
        field, name = find_field(ctx), read_text(ctx.params, "sequence")
        overview = read_overview(ctx.dataset, field).get(name)
        if overview is None:
            raise ValueError(f"'{name}' has not been audited yet; audit the tracks")
        sequences = store.read_spans(ctx.dataset)
        issues = read_listed(ctx.dataset, field, sequences)
        spans = sequences[name]
        shown = timeline.show_timeline(
            overview["runs"],
            issues[issues["sequence"] == name],
            ctx.params.get("order") or timeline.WORST,
            read_whole(ctx.params, "limit", _PAGE, 1),
        )
        frames = spans[-1].offset + spans[-1].length
        return {"sequence": name, "frames": frames, **shown}


def _not_yet(
    message: str,
    operator: str,
    field: str | None = None,
    fields: tuple[str, ...] = (),
) -> Json:
    """Return what has to be done before there is anything to review."""
    status = "not_audited" if operator == _AUDIT else "no_tracks"
    return {
        "status": status,
        "message": message,
        "changed": 0,
        "operator": operator,
        "label_field": field,
        "label_fields": list(fields),
    }
