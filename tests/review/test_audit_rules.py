# SPDX-License-Identifier: Apache-2.0
"""Rules of a labeling project on a dataset: obeyed, remembered, and in the form."""

from dataclasses import replace

import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.plugin.audit import RULE_VIOLATION, Rules
from fiftyone_track_audit.plugin.review.audit_records import last_rules
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from small_datasets import walkers

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"
RULES = Rules(classes=("walker",), attributes={"color": ("blue",)})


@pytest.fixture
def dataset(database, tmp_path):
    made = create_dataset(walkers("a", tmp_path / "a"), "audit-rules")
    yield made
    made.delete()


def violations(dataset):
    issues = read_dataset_issues(dataset, FIELD)
    return issues.loc[issues["kind"] == RULE_VIOLATION, "reason"].tolist()


def form_of(dataset, **params):
    operator = foo.get_operator("@track-audit/video/audit_tracks")
    request = {"dataset_name": dataset.name, "params": params}
    form = operator.resolve_input(ExecutionContext(request))
    return form.type.properties


def test_rules_are_obeyed_and_remembered(dataset):
    audit_dataset(dataset)
    assert violations(dataset) == []
    summary = audit_dataset(dataset, rules=RULES)
    assert summary.issues[RULE_VIOLATION] == len(violations(dataset)) == 2
    assert all("color is 'red'; expected blue" in each for each in violations(dataset))
    assert last_rules(dataset, FIELD) == RULES
    boxes = f"frames.{FIELD}.detections"
    reasons = dataset.values(f"{boxes}.outlier_reasons", unwind=True)
    assert reasons.count(RULE_VIOLATION) == dataset.count(boxes)
    # The rules hold until others are given
    assert audit_dataset(dataset).issues[RULE_VIOLATION] == 2
    assert RULE_VIOLATION not in audit_dataset(dataset, rules=Rules()).issues
    assert last_rules(dataset, FIELD) == Rules()


def test_the_form_has_the_rules_of_the_last_audit(dataset):
    dataset.default_classes = ["walker", "rider"]
    form = form_of(dataset)
    assert form["classes"].default == "walker, rider"
    assert form["hidden_drawn"].default is True
    audit_dataset(dataset, rules=Rules(hidden_drawn=False, border="cut"))
    form = form_of(dataset)
    assert form["hidden_drawn"].default is False
    assert (form["border"].default, form["classes"].default) == ("cut", "")


def test_the_form_changes_the_rules_it_shows(dataset):
    audit_dataset(dataset, rules=RULES)
    answers = {"hidden_drawn": False, "border": "any", "classes": "rider, cyclist"}
    answers |= {"visible_part": True, "constant": "color", "keyframe_step": 5}
    answers |= {"attributes": "color: red, blue; side: left"}
    request = {"dataset": dataset, "params": answers}
    foo.execute_operator("@track-audit/video/audit_tracks", request)
    expected = replace(
        RULES,
        hidden_drawn=False,
        classes=("rider", "cyclist"),
        visible_part=True,
        constant=("color",),
        attributes={"color": ("red", "blue"), "side": ("left",)},
        keyframe_step=5,
    )
    assert last_rules(dataset, FIELD) == expected
    assert any(
        "the class 'walker' is not allowed" in each for each in violations(dataset)
    )
