# SPDX-License-Identifier: Apache-2.0
"""The table of kinds of mistakes: each row is complete, and says plain sentences."""

import inspect
import re
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
from fiftyone_track_audit.importers.audit_fields import DETECTION_FIELDS
from fiftyone_track_audit.importers.tracks import BOX, Tracks, make_table
from fiftyone_track_audit.plugin.audit import ALL_KINDS, KINDS, Thresholds, audit_tracks
from fiftyone_track_audit.plugin.audit.kinds import (
    BY_NAME,
    INVALID,
    IOU_KINDS,
    OVERLOOKED,
    RULE_VIOLATION,
    SIZE_KINDS,
    TABLE,
    kind_color,
    kind_name,
)
from fiftyone_track_audit.plugin.audit.score import read_model
from fiftyone_track_audit.plugin.audit.sentences import Issue, misplaced, wrong_size

NAN = float("nan")


def issue(**known):
    values = {field.name: NAN for field in fields(Issue)}
    names = {name: f"{name[:-5]}.jpg" for name in values if name.endswith("_name")}
    told = {"track": 3, "other_track": 5, "label": "truck", "usual_label": "car"}
    told |= {"chance": 0.81, "rival_track": -1}
    return Issue(**{**values, **names, **told, "count": 2, "amount": 2.0, **known})


def tracks():
    boxes = {"left": 10.0, "top": 0.0, "width": 8.0, "height": 8.0}
    rows = {"sequence": "a", "frame": [1, 2, 3], "frame_name": "a.png", "track": 1}
    return Tracks(make_table({**rows, "label": "car", **boxes}), {})


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.name)
def test_rows_are_complete(kind):
    sources = (kind.from_boxes, kind.from_crops, kind.from_predictions)
    detectors = [find for find in sources if find]
    assert bool(detectors) == (kind.name not in (INVALID, OVERLOOKED, RULE_VIOLATION))
    for find in detectors:
        assert list(inspect.signature(find).parameters) == ["scene"]
        assert find.__module__.rpartition(".")[0].endswith("audit.detectors")
    assert re.fullmatch("[a-z]+(_[a-z]+)*", kind.name)
    assert re.fullmatch("#[0-9a-f]{6}", kind.color)
    model = read_model()
    weighed = kind.name in {**model.priors, **model.given}
    assert weighed == (kind.name not in {INVALID, RULE_VIOLATION})
    box = dict.fromkeys(BOX, 20.0) if kind.needs_predictions else {}
    told = issue(occlusion=0.0, **box)
    reason, suggestion = kind.reason(told), kind.suggestion(told)
    assert not reason[0].isupper()
    assert suggestion[0].isupper()
    for sentence in (reason, suggestion):
        assert "nan" not in sentence
        assert not sentence.endswith(".")


def test_kinds_differ_and_agree_with_the_model():
    assert len(BY_NAME) == len({kind.color for kind in TABLE}) == len(TABLE)
    model = read_model()
    assert not set(model.priors) & set(model.given)
    without = {INVALID, RULE_VIOLATION}
    assert set(model.priors) | set(model.given) == set(BY_NAME) - without
    assert set(model.lifts) <= set(BY_NAME)
    assert set(BY_NAME) == set(ALL_KINDS)
    predicted = {kind.name for kind in TABLE if kind.needs_predictions}
    assert predicted == {"overlooked", "unsupported", "badly_located", "wrong_class"}
    assert set(ALL_KINDS) - set(KINDS) == {"appearance"} | predicted


def test_thresholds_have_the_names_of_groups():
    groups = {kind.group for kind in TABLE}
    assert set(asdict(Thresholds())) == groups - {"boxes", "crops"}
    assert SIZE_KINDS == ("size_change",)
    assert IOU_KINDS == ("shift", "low_iou")


@pytest.mark.parametrize("group", sorted({kind.group for kind in TABLE}))
def test_groups_have_the_fields_of_the_table_of_fields(group):
    kinds = tuple(kind.name for kind in TABLE if kind.group == group)
    vectors = np.ones((3, 4), np.float32) if group == "crops" else None
    found = audit_tracks(tracks(), kinds=kinds, vectors=vectors).detections
    expected = {row.name for row in DETECTION_FIELDS if row.group in (group, "audit")}
    assert set(found) == expected


def test_readme_names_every_kind():
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert [name for name in ALL_KINDS if f"`{name}`" not in text] == []


def test_the_order_of_kinds_stays():
    assert ALL_KINDS[:3] == ("size_change", "shift", "low_iou")
    assert (kind_name("low_iou"), kind_color("low_iou")) == ("low IoU", "#d99a00")
    assert kind_color("of somebody else") not in {kind.color for kind in TABLE}


@pytest.mark.parametrize(
    ("kind", "known", "sentence"),
    [
        ("label_change", {"amount": 3}, "3 boxes labeled 'truck' in a track that is"),
        ("gap", {"amount": 1}, "1 box is missing"),
        ("gap", {"amount": 2}, "2 boxes are missing"),
        ("fragmentation", {"amount": 4}, r"goes on as 5 \(0.81\), 4 frames later"),
        (
            "fragmentation",
            {"amount": 1, "rival_track": 7, "rival_chance": 0.12},
            r"track 3 ends and goes on as 5 \(0.81\) or 7 \(0.12\)$",
        ),
        ("truncated", {"amount": -1, "occlusion": 0.0}, "starts here, .* in full view"),
        ("truncated", {"amount": 1, "occlusion": 0.3}, "ends here, .* 30% occluded"),
        ("drift", {"amount": 0.3}, "drifts up to 30% of its size off"),
        ("duplicate", {"amount": 0.83}, r"overlaps track 5 .* \(mean IoU 0.83\)"),
    ],
)
def test_sentences_tell_the_numbers(kind, known, sentence):
    assert re.search(sentence, BY_NAME[kind].reason(issue(**known)))


def test_sizes_and_places_are_told_by_what_is_known():
    assert "100% larger than" in wrong_size(issue(amount=2.0))
    assert "20% smaller than" in wrong_size(issue(amount=0.8, size_change=0.0))
    lasting = wrong_size(issue(amount=1.0, size_change=-0.2))
    assert lasting == "the box shrinks by 20% here and stays smaller"
    jump = misplaced(issue(amount=0.9, iou_prev=0.4, iou_next=0.6))
    assert jump.startswith("the IoU with the previous frame is 0.40")
    assert jump.endswith("stays there")
    assert "next" not in misplaced(issue(amount=0.5))


def test_boxes_are_redrawn_only_if_that_helps():
    redraw = BY_NAME["shift"].suggestion
    box = {"left": 10.4, "top": 20, "width": 30, "height": 40}
    assert "left 10, top 20, width 30" in redraw(issue(**box, fit=0.5))
    assert "already lies between" in redraw(issue(**box, fit=0.95))
    assert redraw(issue(count=1)) == "Redraw 1 box"
