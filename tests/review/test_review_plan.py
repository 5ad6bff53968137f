# SPDX-License-Identifier: Apache-2.0
"""The plan of what to review first, and whose view it is."""

import fiftyone.operators as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone.operators.executor import ExecutionContext
from fiftyone_track_audit.importers.store import locks
from fiftyone_track_audit.plugin.corrections.changed_view import (
    CHANGED,
    is_view_free,
    save_changed_view,
)
from fiftyone_track_audit.plugin.review import review_plan
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.review_plan import REVIEW_PLAN, plan_review
from small_datasets import copy_of

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


def test_a_plan_replaces_the_one_before(dataset):
    assert plan_review(dataset, budget=3).frames == 3
    assert plan_review(dataset, budget=6).frames == 6
    assert dataset.list_saved_views() == [REVIEW_PLAN]


def test_a_view_of_the_users_own_is_not_replaced(dataset):
    dataset.save_view(REVIEW_PLAN, dataset.limit(0), description="Mine")
    with pytest.raises(ValueError, match="'review plan' yourself; rename it first"):
        plan_review(dataset, budget=3)
    assert len(dataset.load_saved_view(REVIEW_PLAN)) == 0
    request = {"dataset_name": dataset.name, "params": {}}
    form = foo.get_operator("@track-audit/video/plan_review").resolve_input(
        ExecutionContext(request_params=request)
    )
    assert "rename it first" in str(form.to_json())


def test_a_users_view_of_changes_is_not_replaced(dataset):
    dataset.clone_frame_field(FIELD, "adjusted")
    for field in (FIELD, "adjusted"):
        dataset.add_frame_field(f"{field}.detections.changes", *string_lists())
    dataset.save_view(CHANGED, dataset.limit(0))
    assert not is_view_free(dataset)
    save_changed_view(dataset, FIELD, "adjusted")
    assert dataset.get_saved_view_info(CHANGED)["description"] is None
    dataset.delete_saved_view(CHANGED)
    for _ in range(2):
        save_changed_view(dataset, FIELD, "adjusted")
        assert "before and after" in dataset.get_saved_view_info(CHANGED)["description"]


def string_lists():
    import fiftyone as fo

    return fo.ListField, None, fo.StringField


def test_planning_says_that_another_process_is_writing(dataset, monkeypatch):
    monkeypatch.setattr(locks, "_WAIT", 0.1)
    with (
        locks.exclusive(dataset, "auditing"),
        pytest.raises(locks.LockedError, match="writing to 'walkers'"),
    ):
        plan_review(dataset, budget=3)
    assert not dataset.has_saved_view(REVIEW_PLAN)


def test_issues_in_the_frames_of_a_plan_are_counted(dataset, monkeypatch):
    rng = np.random.default_rng(0)
    (sample,) = dataset.values("id")
    first = rng.integers(1, 31, 2000)
    issues = pd.DataFrame(
        {
            "sample_id": sample,
            "decision": None,
            "score": rng.random(2000),
            "first_frame": first,
            "last_frame": np.minimum(first + rng.integers(0, 4, 2000), 30),
        }
    )
    monkeypatch.setattr(review_plan, "read_issues", lambda *_: issues)
    plan = plan_review(dataset, budget=5, context=0)
    shown = set()
    for begin, end in dataset.load_saved_view(REVIEW_PLAN).values("support"):
        shown.update(range(begin, end + 1))
    seen = sum(
        not shown.isdisjoint(range(begin, end + 1))
        for begin, end in zip(issues["first_frame"], issues["last_frame"], strict=True)
    )
    assert (plan.frames, plan.issues, plan.issues_in_total) == (5, seen, 2000)


def test_planning_starts_from_the_issues_of_the_dataset(dataset):
    assert plan_review(dataset, minutes=1).issues_in_total == len(
        read_dataset_issues(dataset, FIELD)
    )
