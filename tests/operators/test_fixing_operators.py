# SPDX-License-Identifier: Apache-2.0
"""Fix issues and undo that from the App."""

import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext
from small_datasets import copy_of, table

pytestmark = pytest.mark.usefixtures("database")

PLUGIN = "@track-audit/video"


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


def run(operator, dataset, **params):
    ctx = {"params": params, "dataset": dataset, "view": dataset.view()}
    return foo.execute_operator(f"{PLUGIN}/{operator}", ctx).result


def form(operator, dataset, **params):
    request = {"dataset_name": dataset.name, "params": params}
    ctx = ExecutionContext(request_params=request)
    shown = foo.get_operator(f"{PLUGIN}/{operator}").resolve_input(ctx).to_json()
    return shown["type"]["properties"]


def texts(form):
    labels = [entry["view"].get("label") or "" for entry in form.values()]
    errors = [entry["error_message"] or "" for entry in form.values()]
    return " ".join(labels + errors).replace("\\", "")


def test_the_shown_issues_are_fixed_and_restored(dataset):
    before = table(dataset, "ground_truth", "id")
    told = texts(form("fix_issues", dataset))
    assert "2 issues fixed, boxes: 2 moved" in told
    result = run("fix_issues", dataset, which="selected")
    assert result["message"] == "2 issues fixed, boxes: 2 moved"
    assert (result["issues"], result["boxes"]["moved"]) == (2, 2)
    assert dataset.has_saved_view("fixed")
    assert not table(dataset, "ground_truth", "id").equals(before)
    assert "2 issues by" in str(form("undo_fixes", dataset)["name"])
    undone = run("undo_fixes", dataset, name=result["name"])
    assert undone["message"] == "restored boxes: 2 moved"
    assert table(dataset, "ground_truth", "id").equals(before)
    assert not dataset.has_saved_view("fixed")
    assert "no issues of" in texts(form("undo_fixes", dataset))


def test_issues_are_fixed_by_kind_and_score(dataset):
    inputs = form("fix_issues", dataset, which="all", kinds=["shift"], min_score=0.5)
    assert {"kinds", "min_score"} <= set(inputs)
    assert "1 issue fixed, boxes: 1 moved" in texts(inputs)
    nothing = form("fix_issues", dataset, which="all", kinds=["gap"], min_score=0.5)
    assert "None of these issues has a fix" in texts(nothing)
    asked = {"which": "all", "kinds": ["shift"], "min_score": 0.5}
    assert run("fix_issues", dataset, **asked)["issues"] == 1
    operator = foo.get_operator(f"{PLUGIN}/fix_issues")
    assert operator(dataset, ["size_change"], 0.5)["issues"] == 1
    undo = foo.get_operator(f"{PLUGIN}/undo_fixes")
    assert undo(dataset)["issues"] == 1
