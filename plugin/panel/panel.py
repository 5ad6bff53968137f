# SPDX-License-Identifier: Apache-2.0
"""The panel `Track audit`: the methods that its JavaScript component calls."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
import pandas as pd
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..operators.forms import author
from ..plain import Json, to_records
from ..review.annotator_statistics import annotator_statistics, find_attribute
from ..review.audit_records import (
    describe_unfinished,
    last_thresholds,
    list_audits,
    read_overview,
)
from ..review.compared_labels import describe_unfinished_comparison, list_comparisons
from ..review.deciding import decide_issues
from ..review.decisions import CONFIRMED, suggest_thresholds
from ..review.issue_frames import issues_of_view
from ..review.issues import ISSUES, read_dataset_issues, read_issues
from ..review.rejudging import count_changed, describe_changed
from ..review.saved_views import save_issue_views
from . import listing, thresholds, timeline, track
from .annotating import AnnotatingMethods, with_version
from .answering import asked_dataset, find_field, told
from .fixing import FixingMethods
from .opened import OpeningMethods, list_samples
from .params import check_id, read_filters, read_ids, read_text, read_whole

_AUDIT = "@track-audit/video/audit_tracks"
_IMPORT = "@track-audit/video/import_sequences"
_HELP = (
    "Review the issues that the audit found: confirm or dismiss each one, with crops "
    "and plots of its tracks"
)
#: Number of issues and tracks that are listed by default.
_PAGE = 100


class TrackAuditPanel(
    FixingMethods,
    AnnotatingMethods,
    OpeningMethods,
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
            self.decide,
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
        unfinished = (
            describe_unfinished(dataset, field)
            or describe_unfinished_comparison(dataset, field)
            or describe_changed(dataset, field)
        )
        if not (list_audits(dataset, field) or list_comparisons(dataset, field)):
            message = unfinished or "The tracks have not been audited yet"
            return _not_yet(message, _AUDIT, field, tuple(fields))
        sequences = store.read_spans(dataset)
        samples = list_samples(dataset, sequences)
        issues = _read_issues(dataset, field, sequences)
        counts = issues["sequence"].value_counts()
        return {
            "status": "ready",
            "message": unfinished,
            "changed": count_changed(dataset, field),
            "operator": None,
            "label_field": field,
            "label_fields": fields,
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
        issues = _read_issues(ctx.dataset, field, store.read_spans(ctx.dataset))
        issues, learned = listing.rank_issues(issues)
        shown, ids = _in_view(ctx, issues, ctx.params), read_ids(ctx.params)
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
            or describe_changed(ctx.dataset, field),
        }

    @told
    def show_issue(self, ctx: ExecutionContext) -> Json:
        """Return one issue with its crops and plots."""
        field = find_field(ctx)
        sequences = store.read_spans(ctx.dataset)
        wanted = check_id(read_text(ctx.params, "id"))
        found = _read_issues(ctx.dataset, field, sequences, wanted)
        if found.empty:
            raise ValueError("this issue no longer exists; reload the list")
        issue = found.iloc[0]
        limits = last_thresholds(ctx.dataset, field)
        (described,) = listing.describe_issues(found)
        try:
            shown = track.show_issue(ctx.dataset, field, issue, limits)
        except ValueError as error:
            shown = {"strip": [], "problem": str(error), "panels": [], "plot": None}
        return {"issue": described, **shown}

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
        shown = track.show_track(ctx.dataset, field, (name, number), frames, limits)
        return {"sequence": name, "track": number, **shown}

    @told
    def show_timeline(self, ctx: ExecutionContext) -> Json:
        """Return the labeled frames of a sequence's tracks, and their issues."""
        field, name = find_field(ctx), read_text(ctx.params, "sequence")
        overview = read_overview(ctx.dataset, field).get(name)
        if overview is None:
            raise ValueError(f"'{name}' has not been audited yet; audit the tracks")
        sequences = store.read_spans(ctx.dataset)
        issues = _read_issues(ctx.dataset, field, sequences)
        spans = sequences[name]
        shown = timeline.show_timeline(
            overview["runs"],
            issues[issues["sequence"] == name],
            ctx.params.get("order") or timeline.WORST,
            read_whole(ctx.params, "limit", _PAGE, 1),
        )
        frames = spans[-1].offset + spans[-1].length
        return {"sequence": name, "frames": frames, **shown}

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
    def suggest_thresholds(self, ctx: ExecutionContext) -> Json:
        """Suggest thresholds that agree with the decisions."""
        field = find_field(ctx)
        present = last_thresholds(ctx.dataset, field)
        return asdict(
            suggest_thresholds(read_dataset_issues(ctx.dataset, field), present)
        )

    @told
    def decide(self, ctx: ExecutionContext) -> Json:
        """Confirm, dismiss or reopen issues.

        A decision applies to the dataset in which it was made, even if the App shows
        another one by now. A decision that is restored keeps its author and time.
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
    def find_to_send(self, ctx: ExecutionContext) -> Json:
        """Return the issues to send: all confirmed ones, or the listed ones.

        Dismissed issues are not sent.
        """
        which = read_text(ctx.params, "which")
        if which not in ("confirmed", "listed"):
            raise ValueError(f"expected 'confirmed' or 'listed', not '{which}'")
        issues = _read_issues(
            ctx.dataset, find_field(ctx), store.read_spans(ctx.dataset)
        )
        if which == "confirmed":
            chosen = listing.choose_issues(issues, listing.Filters(decision=CONFIRMED))
        else:
            filters = ctx.params.get("filters") or {}
            if not isinstance(filters, dict):
                raise ValueError(f"expected an object as 'filters', not {filters!r}")
            shown = _in_view(ctx, issues, filters)
            chosen = listing.choose_issues(shown, read_filters(filters))
        chosen = listing.choose_to_send(chosen)
        if chosen.empty:
            raise ValueError("there are no such issues, so there is nothing to send")
        return {"issues": chosen["id"].tolist()}


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


def _in_view(
    ctx: ExecutionContext, issues: pd.DataFrame, filters: Json
) -> pd.DataFrame:
    """Return the issues, only those in the App's view if the filters say so."""
    if not filters.get("in_view"):
        return issues
    return issues[issues["id"].isin(issues_of_view(ctx.view, find_field(ctx)))]


def _read_issues(
    dataset: fo.Dataset,
    field: str,
    sequences: dict[str, list[store.SampleSpan]],
    wanted: str | None = None,
) -> pd.DataFrame:
    """Read the issues, or the one that is wanted, with the names of their sequences."""
    spans = {
        span.sample_id: (name, span)
        for name, parts in sequences.items()
        for span in parts
    }
    samples = list(spans)
    if wanted is not None:
        samples = dataset.match_labels(ids=[wanted], fields=ISSUES).values("id")
    issues = read_issues(dataset, field, [spans[sample][1] for sample in samples])
    if wanted is not None:
        issues = issues[issues["id"] == wanted]
    names = issues["sample_id"].map(lambda sample: spans[sample][0])
    return issues.assign(sequence=names)
