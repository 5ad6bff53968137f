# SPDX-License-Identifier: Apache-2.0
"""Records that are kept as runs of a dataset."""

import fiftyone as fo
import pytest
from fiftyone_track_audit.importers.store import runs

pytestmark = pytest.mark.usefixtures("database")

METHOD = "track_audit/test"


@pytest.fixture
def dataset(database):
    made = fo.Dataset()
    yield made
    made.delete()


def test_a_record_is_read_back_and_replaced_in_place(dataset):
    key = runs.run_key("adjustment", "fix 1.a")
    assert key == "adjustment_fix_1_a"
    runs.save_record(dataset, key, METHOD, {"name": "fix", "started": False})
    (first,) = runs.read_records(dataset, METHOD)
    assert first.content["name"] == "fix"
    runs.save_results(dataset, key, boxes=[1, 2])
    runs.save_record(dataset, key, METHOD, {"name": "fix", "started": True})
    (second,) = runs.read_records(dataset, METHOD, started=True)
    assert (second.key, second.time) == (first.key, first.time)
    assert runs.read_results(dataset, key, "boxes") == [1, 2]
    assert runs.read_results(dataset, key, "nothing") is None


def test_records_of_another_method_or_value_are_not_read(dataset):
    runs.save_record(dataset, "a", METHOD, {"kept": True})
    assert runs.read_records(dataset, "track_audit/other") == []
    assert runs.read_records(dataset, METHOD, kept=False) == []


def test_deleting_a_record_that_is_gone_is_no_error(dataset):
    runs.save_record(dataset, "a", METHOD, {})
    runs.delete_record(dataset, "a")
    runs.delete_record(dataset, "a")
    assert runs.read_records(dataset, METHOD) == []
