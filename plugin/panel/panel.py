# SPDX-License-Identifier: Apache-2.0
"""The panel `Track audit`: what its component in JavaScript calls."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from typing import Any, TypeAlias

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types
import pandas as pd
from bson import ObjectId
from fiftyone.operators.executor import ExecutionContext

from ...importers import store
from ..operators.forms import author
from ..plain import Json
from ..review.audits import last_thresholds, list_audits, read_overview
from ..review.decisions import CONFIRMED, suggest_thresholds
from ..review.issues import (
    ISSUES,
    decide_issues,
    issues_of_view,
    read_dataset_issues,
    read_issues,
)
from ..review.saved_views import save_issue_views
from . import listing, thresholds, timeline, track

_AUDIT = "@track-audit/video/audit_tracks"
_IMPORT = "@track-audit/video/import_sequences"
_HELP = (
    "Goes through what the audit of tracks found: each issue with its crops and "
    "plots, to be confirmed or dismissed"
)
#: Issues and tracks that are listed where nobody says how many.
_PAGE = 100
#: The largest number that the database takes for a frame's.
_MOST = 2**31 - 1

Method: TypeAlias = Callable[["TrackAuditPanel", ExecutionContext], Json]


def _told(method: Method) -> Method:
    """Makes a ValueError an answer, so that the panel can say what is wrong."""

    @wraps(method)
    def answer(self: TrackAuditPanel, ctx: ExecutionContext) -> Json:
        try:
            return method(self, ctx)
        except ValueError as error:
            return {"problem": str(error)}

    return answer


class TrackAuditPanel(foo.Panel):  # type: ignore[misc]
    """Goes through the issues of a dataset.

    Every method is called by the panel's component with the parameters that it
    reads from ``ctx.params``, and returns plain values.
    """

    @property
    def config(self) -> foo.PanelConfig:
        """The panel's configuration."""
        return foo.PanelConfig(
            name="track_audit",
            label="Track audit",
            # The App draws icons of files for operators, but not for panels
            icon="fact_check",
            help_markdown=_HELP,
            surfaces="grid modal",
            category=foo.Categories.CURATE,
        )

    def render(self, ctx: ExecutionContext) -> types.Property:
        """Shows the component, and tells it what it can call."""
        methods = (
            self.load,
            self.list_issues,
            self.show_issue,
            self.show_crop,
            self.show_timeline,
            self.show_thresholds,
            self.suggest_thresholds,
            self.decide,
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

    @_told
    def load(self, ctx: ExecutionContext) -> Json:
        """Says what there is to review, or what to do first."""
        dataset = ctx.dataset
        if dataset is None or not dataset.media_type:
            return _not_yet("Import sequences and their tracks", _IMPORT)
        fields = store.label_fields(dataset)
        if not fields:
            message = f"'{dataset.name}' has no tracks: import sequences"
            return _not_yet(message, _IMPORT)
        field = _field(ctx)
        if not list_audits(dataset, field):
            message = "The tracks have not been audited yet"
            return _not_yet(message, _AUDIT, field, tuple(fields))
        sequences = store.read_spans(dataset)
        issues = _read_issues(dataset, field, sequences)
        counts = issues["sequence"].value_counts()
        return {
            "status": "ready",
            "message": "",
            "operator": None,
            "label_field": field,
            "label_fields": fields,
            "sequences": [
                {
                    "name": name,
                    "frames": spans[-1].offset + spans[-1].length,
                    "issues": int(counts.get(name, 0)),
                    "samples": [
                        {
                            "id": span.sample_id,
                            "offset": span.offset,
                            "length": span.length,
                        }
                        for span in spans
                    ],
                }
                for name, spans in sequences.items()
            ],
            "thresholds": asdict(last_thresholds(dataset, field)),
        }

    @_told
    def list_issues(self, ctx: ExecutionContext) -> Json:
        """Lists the worst of the issues, and counts all.

        Those that are asked for by ID are described too, whatever page they are on,
        or else they are named as ``gone``: they fit no more.
        """
        filters, most = _filters(ctx.params), _whole(ctx.params, "limit", _PAGE, 1)
        issues = _read_issues(ctx.dataset, _field(ctx), store.read_spans(ctx.dataset))
        shown, ids = _in_view(ctx, issues, ctx.params), _ids(ctx.params)
        fitting = listing.choose_issues(shown, filters)
        asked = fitting[fitting["id"].isin(ids)]
        return {
            **listing.list_issues(shown, filters, most),
            "asked": listing.describe_issues(asked),
            "gone": sorted(set(ids).difference(asked["id"])),
            "to_send": len(listing.choose_to_send(fitting)),
            "kinds": listing.describe_kinds(issues),
            "progress": listing.count_decisions(issues),
        }

    @_told
    def show_issue(self, ctx: ExecutionContext) -> Json:
        """Shows one issue with its crops and plots."""
        field = _field(ctx)
        sequences = store.read_spans(ctx.dataset)
        wanted = _check_id(_text(ctx.params, "id"))
        found = _read_issues(ctx.dataset, field, sequences, wanted)
        if found.empty:
            raise ValueError("there is no such issue any more; load the list again")
        issue = found.iloc[0]
        limits = last_thresholds(ctx.dataset, field)
        (described,) = listing.describe_issues(found)
        try:
            shown = track.show_issue(ctx.dataset, field, issue, limits)
        except ValueError as error:
            shown = {"strip": [], "problem": str(error), "panels": [], "plot": None}
        return {"issue": described, **shown}

    @_told
    def show_crop(self, ctx: ExecutionContext) -> Json:
        """Cuts one track out of one frame."""
        crop = track.show_crop(
            ctx.dataset,
            _field(ctx),
            _text(ctx.params, "sequence"),
            _whole(ctx.params, "track"),
            _whole(ctx.params, "frame", least=1),
        )
        return {"crop": crop}

    @_told
    def show_timeline(self, ctx: ExecutionContext) -> Json:
        """Shows when the tracks of a sequence are labelled, and their issues."""
        field, name = _field(ctx), _text(ctx.params, "sequence")
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
            _whole(ctx.params, "limit", _PAGE, 1),
        )
        frames = spans[-1].offset + spans[-1].length
        return {"sequence": name, "frames": frames, **shown}

    @_told
    def show_thresholds(self, ctx: ExecutionContext) -> Json:
        """Shows what other thresholds would flag."""
        field = _field(ctx)
        overview = read_overview(ctx.dataset, field)
        return thresholds.show_thresholds(overview, last_thresholds(ctx.dataset, field))

    @_told
    def suggest_thresholds(self, ctx: ExecutionContext) -> Json:
        """Suggests thresholds that the decisions speak for."""
        field = _field(ctx)
        present = last_thresholds(ctx.dataset, field)
        return asdict(
            suggest_thresholds(read_dataset_issues(ctx.dataset, field), present)
        )

    @_told
    def decide(self, ctx: ExecutionContext) -> Json:
        """Confirms or dismisses issues, or takes that back.

        A decision is about the dataset that it was made in, though the App may show
        another by now. What is decided as it was before keeps its author and time.
        """
        params = ctx.params
        if "decision" not in params:
            raise ValueError("expected a 'decision'")
        name, by, at = map(params.get, ("dataset", "decided_by", "decided_at"))
        dataset = ctx.dataset if name in (None, ctx.dataset.name) else _load(name)
        decided = decide_issues(
            dataset,
            _ids(params),
            params["decision"],
            _text(params, "decided_by") if by else author(ctx),
            datetime.fromisoformat(_text(params, "decided_at")) if at else None,
        )
        return {"decided": decided}

    @_told
    def save_views(self, ctx: ExecutionContext) -> Json:
        """Saves the views of issues anew, as they are decided now.

        The App does not see by itself that there are others than before.
        """
        before = ctx.dataset.list_saved_views()
        counts = save_issue_views(ctx.dataset, _field(ctx))
        others = set(before) != set(ctx.dataset.list_saved_views())
        return {"views": counts, "others": others}

    @_told
    def find_to_send(self, ctx: ExecutionContext) -> Json:
        """Finds the issues to send: all that are confirmed, or those listed.

        What was dismissed is not sent.
        """
        which = _text(ctx.params, "which")
        if which not in ("confirmed", "listed"):
            raise ValueError(f"expected 'confirmed' or 'listed', not '{which}'")
        issues = _read_issues(ctx.dataset, _field(ctx), store.read_spans(ctx.dataset))
        if which == "confirmed":
            chosen = listing.choose_issues(issues, listing.Filters(decision=CONFIRMED))
        else:
            filters = ctx.params.get("filters") or {}
            if not isinstance(filters, dict):
                raise ValueError(f"expected an object as 'filters', not {filters!r}")
            shown = _in_view(ctx, issues, filters)
            chosen = listing.choose_issues(shown, _filters(filters))
        chosen = listing.choose_to_send(chosen)
        if chosen.empty:
            raise ValueError("there are no such issues; nothing would be sent")
        return {"issues": chosen["id"].tolist()}

    @_told
    def open_sample(self, ctx: ExecutionContext) -> Json:
        """Opens a video at a frame, or makes way for it where the view lacks it.

        The App finds no sample that it has not loaded yet: the component asks again
        when the whole dataset is shown. It stays in the view where that is asked for.
        """
        sample = _check_id(_text(ctx.params, "sample_id"))
        frame = _whole(ctx.params, "frame", least=1)
        if not len(ctx.dataset.select(sample)):
            raise ValueError("there is no such video any more; load the list again")
        wanted = _find_shown(ctx.view, sample, frame, ctx.params.get("issue"))
        if wanted is not None:
            ctx.ops.open_sample(id=wanted)
        elif not ctx.params.get("stay"):
            ctx.ops.close_sample()
            ctx.ops.clear_view()
            # It is the one above the grid that asks again
            ctx.ops.open_panel("track_audit", layout="horizontal")
        return {"opened": wanted is not None}


def _find_shown(
    view: fo.DatasetView, sample_id: str, frame: int, issue: str | None
) -> str | None:
    """Finds what of a view shows a frame of a video: the video, or a clip of it.

    Of clips of issues, that of the issue.
    """
    if store.kind_of(view) in ("frames", "patches"):
        return None
    if store.kind_of(view) != "clips":
        return sample_id if len(view.select(sample_id)) else None
    clips = zip(*view.values(["id", "sample_id", "support"]), strict=True)
    fits = [
        clip
        for clip, sample, (first, last) in clips
        if sample == sample_id and first <= frame <= last
    ]
    return issue if issue in fits else next(iter(fits), None)


def _not_yet(
    message: str,
    operator: str,
    field: str | None = None,
    fields: tuple[str, ...] = (),
) -> Json:
    """Says what to do before there is anything to review."""
    status = "not_audited" if operator == _AUDIT else "no_tracks"
    return {
        "status": status,
        "message": message,
        "operator": operator,
        "label_field": field,
        "label_fields": list(fields),
    }


def _load(name: str) -> fo.Dataset:
    if not fo.dataset_exists(name):
        raise ValueError(f"there is no dataset '{name}' any more")
    return fo.load_dataset(name)


def _field(ctx: ExecutionContext) -> str:
    """Finds the field to review: the one asked for, or one that was audited."""
    wanted, fields = ctx.params.get("label_field"), store.label_fields(ctx.dataset)
    if wanted in fields or not fields:
        return store.find_label_field(ctx.dataset, wanted)
    audited = [field for field in fields if list_audits(ctx.dataset, field)]
    known = audited or fields
    return "ground_truth" if "ground_truth" in known else known[0]


def _text(params: Json, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise ValueError(f"expected a text as '{name}', not {value!r}")
    return value


def _texts(params: Json, name: str) -> list[str]:
    values = params.get(name) or []
    if not (isinstance(values, list) and all(isinstance(each, str) for each in values)):
        raise ValueError(f"expected a list of texts as '{name}', not {values!r}")
    return values


def _ids(params: Json) -> list[str]:
    return [_check_id(each) for each in _texts(params, "ids")]


def _check_id(value: str) -> str:
    if not ObjectId.is_valid(value):
        raise ValueError(f"{value!r} is no ID")
    return value


def _whole(params: Json, name: str, default: int | None = None, least: int = 0) -> int:
    value: Any = params.get(name, default)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if is_whole and least <= value <= _MOST:
        return int(value)
    expected = f"expected a whole number from {least} to {_MOST} as '{name}'"
    raise ValueError(f"{expected}, not {value!r}")


def _filters(params: Json) -> listing.Filters:
    score = params.get("least_score") or 0.0
    if not isinstance(score, (int, float)) or not -math.inf < score < math.inf:
        raise ValueError(f"expected a number as 'least_score', not {score!r}")
    return listing.Filters(
        kinds=_texts(params, "kinds"),
        sequence=_text(params, "sequence") if params.get("sequence") else None,
        track=None if params.get("track") is None else _whole(params, "track"),
        least_score=score,
        decision=_text(params, "decision") if params.get("decision") else None,
    )


def _in_view(
    ctx: ExecutionContext, issues: pd.DataFrame, filters: Json
) -> pd.DataFrame:
    """Returns the issues, or those in the App's view where only these are wanted."""
    if not filters.get("in_view"):
        return issues
    return issues[issues["id"].isin(issues_of_view(ctx.view, _field(ctx)))]


def _read_issues(
    dataset: fo.Dataset,
    field: str,
    sequences: dict[str, list[store.SampleSpan]],
    wanted: str | None = None,
) -> pd.DataFrame:
    """Reads the issues with their sequences, and their frames in their samples."""
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
