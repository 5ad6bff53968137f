# SPDX-License-Identifier: Apache-2.0
"""The table of the audit's fields against what the audit makes and README says."""

from pathlib import Path

import numpy as np
from fiftyone_track_audit.importers.audit_fields import (
    DETECTION_FIELDS,
    STORED_FIELDS,
    fields_table,
)
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.audit import ALL_KINDS, audit_tracks

README = Path(__file__).resolve().parents[2] / "README.md"
TYPES = {"float64": "float", "boolean": "bool", "category": "list of str"}


def test_table_has_each_column_of_the_audit():
    table = make_table(
        {
            "sequence": "a",
            "frame": np.arange(1, 21),
            "frame_name": "a.png",
            "track": 1,
            "label": "car",
            "left": np.arange(20.0),
            "top": 0.0,
            "width": 8.0,
            "height": 8.0,
        }
    )
    tracks = Tracks(table, {"a": Sequence("a", 100, 100, 10.0, ("a.png",) * 20)})
    vectors = np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32)
    found = audit_tracks(tracks, kinds=ALL_KINDS, vectors=vectors).detections
    assert {name: TYPES[str(found[name].dtype)] for name in found} == {
        field.name: field.type
        for field in DETECTION_FIELDS
        if field.group != "corrections"
    }


def test_readme_has_the_table():
    text = README.read_text()
    _, _, rest = text.partition("<!-- begin fields -->\n")
    # Copy what fields_table() returns to README where this fails
    assert rest.partition("\n<!-- end fields -->")[0] == fields_table()


def test_each_field_is_there_once():
    names = [field.name for field in DETECTION_FIELDS]
    assert len(set(names)) == len(names)
    assert {"outlier_score", "changes"} < set(STORED_FIELDS)
    assert "size_limit" not in STORED_FIELDS
