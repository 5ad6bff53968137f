# SPDX-License-Identifier: Apache-2.0
"""How much better labels got, and what is likely left."""

import json

import fiftyone_track_audit as fta
import pandas as pd
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.tracks import BOX
from fiftyone_track_audit.plugin.audit.estimates import estimate_left
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.corrections.before import (
    labels_before,
    read_all_edits,
)
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from small_datasets import copy_of

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"


def issues(kind, score, *right):
    return pd.DataFrame({"kind": kind, "score": score, "right": [*right]})


def test_without_decisions_the_scores_tell():
    found = estimate_left(issues("gap", 0.75, *[None] * 40))
    assert found.mean == pytest.approx(20)
    assert found.low < 10
    assert found.high > 30


def test_decisions_about_a_kind_narrow_the_interval():
    dismissed = issues("gap", 0.75, *[False] * 30, *[None] * 40)
    found = estimate_left(dismissed)
    assert found.mean < 4
    assert found.high < 10
    both = pd.concat([dismissed, issues("drift", 0.9, *[True] * 20, *[None] * 10)])
    again = estimate_left(both)
    assert again.mean == pytest.approx(found.mean + 10 * (20 + 3.2) / 24)
    assert estimate_left(issues("gap", 0.9, True, False)).high == 0


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk, "quality") as copy:
        yield copy


def test_labels_of_before_are_those_before_all_fixes(dataset):
    (stored,) = store.read_sequences(dataset, FIELD, ["id"])
    original = stored.tracks.table
    fta.fix_issues(dataset, "shift", min_score=0)
    ids = read_dataset_issues(dataset, FIELD).query("kind == 'size_change'")["id"]
    dataset.set_label_values(
        "issues.detections.label", dict.fromkeys(ids, "short_track")
    )
    fta.fix_issues(dataset, ids=ids.tolist())
    (stored,) = store.read_sequences(dataset, FIELD, ["id"])
    assert stored.tracks.table["track"].unique().tolist() == [2]
    edits = read_all_edits(dataset, FIELD)
    before = labels_before(dataset, FIELD, stored, edits).table
    columns = ["track", "frame", *BOX]
    pd.testing.assert_frame_equal(before[columns], original[columns])
    assert read_all_edits(dataset, "other") == {}


def test_quality_before_and_after_a_fix(dataset, capsys):
    quality = fta.measure_quality(dataset)
    assert (quality.boxes_before, quality.boxes, quality.changed) == (60, 60, 0)
    assert quality.decided["open"] == 2
    fta.fix_issues(dataset, "shift", min_score=0)
    quality = fta.measure_quality(dataset, annotator_field="color")
    assert quality.changed == 1
    assert (quality.decided["open"], quality.decided["fixed"]) == (1, 1)
    rates = quality.rates.set_index(["group", "name"])
    assert rates.loc[("all", "all"), ["issues_before", "issues_after"]].tolist() == [
        2,
        1,
    ]
    assert rates.loc[("kind", "shift"), "issues_after"] == 0
    assert rates.loc[("annotator", "red"), "before"] == pytest.approx(1000 / 30)
    assert rates.loc[("sequence", "a"), "after"] == pytest.approx(1000 / 60)


def test_the_command_prints_json_and_writes_a_page(dataset, tmp_path, capsys):
    page = tmp_path / "quality.html"
    assert main(["quality", "quality", "--json", "--output", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["issues"]["open"] == 2
    assert told["rates"][0]["group"] == "all"
    assert "Quality of quality" in page.read_text()
    assert main(["quality", "quality"]) == 0
    assert "issues per 1,000 boxes before" in capsys.readouterr().out
