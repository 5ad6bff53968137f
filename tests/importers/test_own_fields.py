# SPDX-License-Identifier: Apache-2.0
"""Fields of the audit beside attributes of the same names that labels bring along."""

import fiftyone as fo
import pandas as pd
import pytest
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.audit_fields import STORED_FIELDS
from fiftyone_track_audit.importers.store import runs
from fiftyone_track_audit.importers.store.attributes import attribute_fields

pytestmark = pytest.mark.usefixtures("database")
FIELD = "ground_truth"
BOXES = ["motion_residual", "jitter", "occlusion", "perspective"]


def box(**attributes):
    return fo.Detection(
        label="car", bounding_box=[0.1, 0.1, 0.2, 0.2], index=1, **attributes
    )


@pytest.fixture
def make():
    """Makes a dataset of one video, with a box of the given attributes per frame."""
    made = []

    def make(*boxes, dynamic=True):
        dataset = fo.Dataset()
        made.append(dataset)
        metadata = fo.VideoMetadata(
            frame_width=64, frame_height=48, frame_rate=5, total_frame_count=len(boxes)
        )
        sample = fo.Sample(filepath="/videos/a.mp4", metadata=metadata)
        for number, attributes in enumerate(boxes, start=1):
            labels = fo.Detections(detections=[box(**attributes)])
            sample.frames[number] = fo.Frame(**{FIELD: labels})
        dataset.add_sample(sample, dynamic=dynamic)
        return dataset

    yield make
    for dataset in made:
        dataset.delete()


def write(dataset, **columns):
    stored = store.read_tracks(dataset, FIELD)
    table = pd.DataFrame(columns, index=stored.tracks.table.index)
    return store.write_own(dataset, FIELD, stored, table)


def values(dataset, name):
    return dataset.values(f"frames.{FIELD}.detections.{name}", unwind=True)


def own(dataset):
    return store.own_attributes(dataset, FIELD)


def test_fields_have_their_names_types_and_meanings(make):
    dataset = make({}, {})
    assert own(dataset) == {}
    assert write(dataset, occlusion=[0.5, None], outlier_reasons=[["gap"], []]) == 0
    names = ["occlusion", "outlier_reasons"]
    assert own(dataset) == dict(zip(names, names, strict=True))
    assert values(dataset, "occlusion") == [0.5, None]
    assert values(dataset, "outlier_reasons") == ["gap"]
    field = dataset.get_field(f"frames.{FIELD}.detections.occlusion")
    assert field.description == STORED_FIELDS["occlusion"].meaning
    reasons = dataset.get_field(f"frames.{FIELD}.detections.outlier_reasons")
    assert isinstance(reasons.field, fo.StringField)


def test_field_without_any_value_has_its_type(make):
    dataset = make({}, {})
    write(dataset, embedding_distance=pd.Series([None, None], dtype=object))
    field = dataset.get_field(f"frames.{FIELD}.detections.embedding_distance")
    assert isinstance(field, fo.FloatField)


@pytest.mark.parametrize("dynamic", [True, False], ids=["declared", "undeclared"])
@pytest.mark.parametrize("value", ["partial", 2.0])
def test_attribute_of_the_labels_is_never_overwritten(make, value, dynamic):
    dataset = make({}, {"occlusion": value}, dynamic=dynamic)
    for score in (0.5, 0.75):
        write(dataset, occlusion=[score, None], jitter=[0.1, 0.2])
        dataset.reload()
        assert own(dataset) == {"occlusion": "audit_occlusion", "jitter": "jitter"}
        assert values(dataset, "audit_occlusion") == [score, None]
        labels = [
            frame[FIELD].detections[0] for frame in dataset.first().frames.values()
        ]
        assert labels[1]["occlusion"] == value
        assert not labels[0].has_field("occlusion") or labels[0]["occlusion"] is None


def test_all_of_a_group_in_the_way(make):
    dataset = make(dict.fromkeys(["audit_jitter", *BOXES], "high"))
    write(dataset, **dict.fromkeys(BOXES, 0.5))
    assert own(dataset) == {
        **{name: f"audit_{name}" for name in BOXES},
        "jitter": "audit_audit_jitter",
    }
    assert values(dataset, "jitter") == ["high"]


def record_audit(dataset):
    about = {"label_field": f"frames.{FIELD}"}
    runs.save_record(dataset, "audit_tracks", "track_audit/audit/audit_tracks", about)


def test_fields_of_an_earlier_version_are_written_again(make):
    dataset = make(dict.fromkeys(BOXES, 0.25))
    record_audit(dataset)
    assert own(dataset) == {name: name for name in BOXES}
    write(dataset, **dict.fromkeys(BOXES, 0.5))
    dataset.reload()
    assert own(dataset) == {name: name for name in BOXES}
    assert values(dataset, "occlusion") == [0.5]


def test_fields_that_no_audit_wrote_are_the_labels_own(make):
    dataset = make(dict.fromkeys(BOXES, 0.25))
    assert own(dataset) == {}
    write(dataset, **dict.fromkeys(BOXES, 0.5))
    assert own(dataset) == {name: f"audit_{name}" for name in BOXES}
    assert values(dataset, "occlusion") == [0.25]


def test_undeclared_attribute_with_the_other_name_is_left_alone(make):
    labels = {"occlusion": 0.25, "audit_occlusion": 0.75}
    dataset = make(labels, dynamic=False)
    write(dataset, occlusion=[0.5])
    assert own(dataset) == {"occlusion": "audit_audit_occlusion"}
    assert values(dataset, "audit_audit_occlusion") == [0.5]
    box = dataset.first().frames[1][FIELD].detections[0]
    assert {name: box[name] for name in labels} == labels


def test_some_fields_of_a_group_are_not_an_audits(make):
    dataset = make(dict.fromkeys(BOXES[1:], 0.25))
    assert own(dataset) == {}
    write(dataset, **dict.fromkeys(BOXES, 0.5))
    assert own(dataset) == {
        "motion_residual": "motion_residual",
        **{name: f"audit_{name}" for name in BOXES[1:]},
    }
    assert values(dataset, "occlusion") == [0.25]


def test_renamed_field_is_found(make):
    dataset = make({})
    write(dataset, occlusion=[0.5])
    path = f"{FIELD}.detections"
    dataset.rename_frame_field(f"{path}.occlusion", f"{path}.hidden")
    assert own(dataset) == {"occlusion": "hidden"}
    write(dataset, occlusion=[0.75])
    assert values(dataset, "hidden") == [0.75]


def test_what_an_audit_overwrote_is_no_attribute_of_annotators(make):
    dataset = make(dict.fromkeys([*BOXES, "color"], 0.25))
    record_audit(dataset)
    attributes = {"occlusion": "occlusion", "color": "color"}
    dataset.info["track_audit"] = {"label_attributes": attributes}
    dataset.save()
    assert attribute_fields(dataset)[0] == attributes
    assert attribute_fields(dataset, [FIELD])[0] == {"color": "color"}


def test_column_that_is_in_no_table_is_refused(make):
    with pytest.raises(KeyError, match="brightness"):
        write(make({}), brightness=[1.0])
