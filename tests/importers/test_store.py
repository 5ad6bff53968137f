# SPDX-License-Identifier: Apache-2.0
"""The store against FiftyOne: what is written, read, and left alone."""

from contextlib import contextmanager

import fiftyone as fo
import numpy as np
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone_track_audit.importers import store
from fiftyone_track_audit.importers.tracks import (
    COLUMNS,
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

pytestmark = pytest.mark.usefixtures("database")

WIDTH, HEIGHT = 64, 48


@contextmanager
def new_dataset(tracks, segments):
    """A dataset with a sample for each (sequence, first, last), without frames."""
    dataset = fo.Dataset()
    try:
        dataset.media_type = "video"
        yield dataset, add_samples(dataset, tracks, segments)
    finally:
        dataset.delete()


def add_samples(dataset, tracks, segments):
    samples = [make_sample(tracks, *segment) for segment in segments]
    ids = dataset.add_samples(samples, progress=False)
    pairs = zip(segments, ids, strict=True)
    return [store.Segment(*segment, id) for segment, id in pairs]


def make_sample(tracks, name, first, last):
    record = tracks.sequences[name]
    return fo.Sample(
        filepath=f"/videos/{name}-{first}.mp4",
        metadata=fo.VideoMetadata(
            frame_width=WIDTH,
            frame_height=HEIGHT,
            frame_rate=record.frame_rate,
            total_frame_count=last - first + 1,
        ),
        sequence=name,
        frame_offset=first - 1,
        image_width=record.width,
        image_height=record.height,
    )


def whole(tracks):
    """One segment per sequence."""
    return [(s.name, 1, len(s.frame_names)) for s in tracks.sequences.values()]


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """Two sequences with attributes of every type, some of them absent."""
    folder = tmp_path_factory.mktemp("frames")
    names = tuple(f"{number}.png" for number in range(1, 7))
    for name in names:
        Image.new("L", (WIDTH, HEIGHT)).save(folder / name)
    frames = [1, 2, 4, 6, 2, 3, 1, 2]
    table = make_table(
        {
            "sequence": ["a"] * 6 + ["b"] * 2,
            "frame": frames,
            "frame_name": [f"{frame}.png" for frame in frames],
            "track": [1, 1, 1, 1, 7, 7, 3, -1],
            "label": ["car", "car", "car", "car", "bus", "bus", "Fußgänger", "bus"],
            "left": np.arange(8) * 3.5,
            "top": np.arange(8) * 1.25,
            "width": 10.0,
            "height": 12.0,
            "confidence": np.arange(8) / 8,
            "speed": [1.5, None, 2.5, None, 3.5, 4.5, None, 5.5],
            "doors": pd.array([2, 4, None, 2, 6, 6, None, 4], "Int64"),
            "parked": pd.Series([True, None, False, True, False, True, None, True]),
            "color": pd.Series(["red", None, "grün", "", "x", "y", None, "z"]),
        }
    )
    said = pd.DataFrame({"weather": ["rain", "sun"]}, index=[2, 5])
    sequences = {
        "a": Sequence("a", WIDTH, HEIGHT, 5.0, names, folder, said),
        "b": Sequence("b", 2 * WIDTH, 2 * HEIGHT, 5.0, names[:3], folder),
    }
    return Tracks(table, sequences)


@pytest.fixture(scope="module")
def three_samples(database, tracks):
    """A dataset of three samples, as the first sequence is split."""
    segments = [("a", 1, 3), ("a", 4, 6), ("b", 1, 3)]
    with new_dataset(tracks, segments) as made:
        yield made


@pytest.fixture
def stored(three_samples, tracks):
    """The dataset with the tracks as they were just stored."""
    dataset, places = three_samples
    dataset.clear_frames()
    store.insert_tracks(dataset, tracks, places)
    return dataset


def add_objects(dataset, tracks, segments):
    """Stores tracks by FiftyOne's own objects."""
    for segment in segments:
        record = tracks.sequences[segment.sequence]
        said = record.frame_attributes
        sample = dataset[segment.sample_id]
        for frame in range(segment.first, segment.last + 1):
            name = record.frame_names[frame - 1]
            table = tracks.table
            rows = table[
                (table["sequence"] == segment.sequence) & (table["frame"] == frame)
            ]
            weather = None if said is None else said["weather"].get(frame)
            sample.frames[frame - segment.first + 1] = fo.Frame(
                filepath=str(record.frames_dir / name),
                frame_name=name,
                weather=weather,
                ground_truth=fo.Detections(
                    detections=[make_detection(row, record) for row in rows.iloc]
                ),
            )
        sample.save()


def make_detection(row, record):
    extra = {
        name: None if pd.isna(row[name]) else row[name]
        for name in row.index
        if name not in COLUMNS
    }
    if extra.get("doors") is not None:
        extra["doors"] = int(extra["doors"])
    return fo.Detection(
        label=row["label"],
        bounding_box=[
            row["left"] / record.width,
            row["top"] / record.height,
            row["width"] / record.width,
            row["height"] / record.height,
        ],
        index=None if row["track"] < 0 else int(row["track"]),
        **extra,
    )


@pytest.fixture(scope="module")
def twins(database, tracks):
    """The same tracks as the store and as FiftyOne's objects store them."""
    segments = whole(tracks)
    with (
        new_dataset(tracks, segments) as (ours, our_places),
        new_dataset(tracks, segments) as (theirs, their_places),
    ):
        store.insert_tracks(ours, tracks, our_places)
        for name in ("frame_name", "weather"):
            theirs.add_frame_field(name, fo.StringField)
        theirs.add_frame_field(
            "ground_truth", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
        )
        kinds = {
            "speed": fo.FloatField,
            "doors": fo.IntField,
            "parked": fo.BooleanField,
            "color": fo.StringField,
        }
        for name, kind in kinds.items():
            theirs.add_frame_field(f"ground_truth.detections.{name}", kind)
        add_objects(theirs, tracks, their_places)
        yield ours, theirs


OWN = {"_id", "_sample_id", "_dataset_id", "created_at", "last_modified_at"}


def raw(value, left_out=frozenset(OWN)):
    """A stored document without IDs and times; None stands for what is absent."""
    if isinstance(value, dict):
        return {
            key: raw(item, left_out)
            for key, item in value.items()
            if key not in left_out and item is not None
        }
    return [raw(item, left_out) for item in value] if isinstance(value, list) else value


def raw_frames(dataset, left_out=frozenset(OWN)):
    found = dataset._frame_collection.find().sort(
        [("_sample_id", 1), ("frame_number", 1)]
    )
    return [raw(document, left_out) for document in found]


def test_stores_the_documents_that_fiftyone_stores(twins):
    ours, theirs = map(raw_frames, twins)
    assert ours == theirs
    assert len(ours) == 9


def test_stores_ids_and_times_of_the_same_types(twins):
    ours, theirs = (data._frame_collection.find_one() for data in twins)
    for name in OWN:
        assert type(ours[name]) is type(theirs[name])
    first, second = (
        document["ground_truth"]["detections"][0] for document in (ours, theirs)
    )
    assert type(first["_id"]) is type(second["_id"])
    for dataset in twins:
        for document in dataset._frame_collection.find():
            assert document["_dataset_id"] == dataset._doc.id
    ids = twins[0].values("frames.ground_truth.detections.id", unwind=True)
    assert len(set(ids)) == len(ids) == 8


def test_declares_the_schema_that_fiftyone_declares(twins):
    ours, theirs = (
        {
            name: (type(field), getattr(field, "document_type", None))
            for name, field in data.get_frame_field_schema(flat=True).items()
        }
        for data in twins
    )
    assert ours == theirs


READS = {
    "boxes": lambda data: data.values("frames.ground_truth.detections.bounding_box"),
    "colors": lambda data: data.values("frames.ground_truth.detections.color"),
    "weather": lambda data: data.values("frames.weather"),
    "labels": lambda data: data.count_values("frames.ground_truth.detections.label"),
    "filter": lambda data: data.filter_labels(
        "frames.ground_truth", F("doors") > 2
    ).values("frames.ground_truth.detections.index"),
    "match": lambda data: data.match_frames(
        F("ground_truth.detections").length() > 0
    ).values("frames.frame_number"),
    "frames": lambda data: data.to_frames().values(
        ["filepath", "ground_truth.detections.label"]
    ),
    "patches": lambda data: (
        data.to_frames()
        .to_patches("ground_truth")
        .values(["filepath", "ground_truth.bounding_box", "ground_truth.parked"])
    ),
    "clips": lambda data: data.to_clips(
        F("ground_truth.detections").length() > 0, min_len=2
    ).values("support"),
    "objects": lambda data: [
        [
            (number, [d.label for d in frame.ground_truth.detections])
            for number, frame in sample.frames.items()
        ]
        for sample in data
    ],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_fiftyone_reads_both_alike(twins, read):
    ours, theirs = map(read, twins)
    assert ours == theirs
    assert ours


def read_back(dataset, tracks):
    attributes = [name for name in tracks.table if name not in COLUMNS]
    return store.read_tracks(dataset, "ground_truth", attributes, ["weather"])


def assert_same_table(table, expected):
    box = ["left", "top", "width", "height"]
    np.testing.assert_allclose(table[box], expected[box], rtol=1e-12, atol=1e-9)
    for name in expected.columns.difference(box):
        values, wanted = store.to_objects(table[name]), store.to_objects(expected[name])
        assert values == wanted, name
    assert {name: str(table[name].dtype) for name in COLUMNS} == dict(COLUMNS)


def test_reads_what_was_stored(stored, tracks):
    found = read_back(stored, tracks)
    assert_same_table(found.tracks.table, tracks.table)
    assert set(found.tracks.sequences) == {"a", "b"}
    for name, sequence in found.tracks.sequences.items():
        expected = tracks.sequences[name]
        assert sequence.frame_names == expected.frame_names
        assert sequence.frames_dir == expected.frames_dir
        assert (sequence.width, sequence.height) == (expected.width, expected.height)
        assert sequence.frame_rate == 5
    said = found.tracks.sequences["a"].frame_attributes
    assert said["weather"].to_dict() == {2: "rain", 5: "sun"}
    assert found.documents["count"].sum() == len(found.rows) == 8


def test_reads_what_objects_stored(twins, tracks):
    ours, theirs = (read_back(data, tracks) for data in twins)
    pd.testing.assert_frame_equal(ours.tracks.table, theirs.tracks.table)


@pytest.fixture(scope="module")
def empty_dataset(database):
    dataset = fo.Dataset()
    dataset.media_type = "video"
    yield dataset
    dataset.delete()


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
attribute_values = {
    "words": st.none() | text,
    "level": st.none() | st.floats(-1e6, 1e6),
    "number": st.none() | st.integers(-(2**31), 2**31),
    "flag": st.none() | st.booleans(),
}


@st.composite
def random_tracks(draw):
    sequences, parts, segments = {}, [], []
    chosen = draw(st.sets(st.sampled_from(sorted(attribute_values))))
    for name in draw(st.sampled_from([["a"], ["b", "a"]])):
        length = draw(st.integers(1, 8))
        names = tuple(f"{name}{number}.jpg" for number in range(length))
        sequences[name] = Sequence(name, 640, 480, 10.0, names)
        split = draw(st.integers(1, length))
        runs = [(name, 1, split), (name, split + 1, length)]
        segments += [run for run in runs if run[1] <= run[2]]
        keys = st.tuples(st.integers(-1, 5), st.integers(1, length))
        for track, frame in draw(st.sets(keys, max_size=8)):
            row = {
                "sequence": name,
                "frame": frame,
                "frame_name": names[frame - 1],
                "track": track,
                "label": draw(text.filter(bool)),
                "left": draw(st.floats(-100, 630)),
                "top": draw(st.floats(-100, 470)),
                # Some of it is in the image
                "width": draw(st.floats(101, 500)),
                "height": draw(st.floats(101, 500)),
            }
            row |= {key: draw(attribute_values[key]) for key in chosen}
            parts.append(row)
    columns = [*COLUMNS, *sorted(chosen)]
    table = make_table(
        {key: pd.Series([row[key] for row in parts], dtype=object) for key in columns}
    )
    return Tracks(table, sequences), draw(st.permutations(segments))


@settings(max_examples=12, deadline=None)
@given(case=random_tracks())
def test_reads_any_tracks_that_were_stored(empty_dataset, case):
    tracks, segments = case
    dataset = empty_dataset
    dataset.clear()
    places = add_samples(dataset, tracks, segments)
    store.insert_tracks(dataset, tracks, places)
    attributes = [name for name in tracks.table if name not in COLUMNS]
    found = store.read_tracks(dataset, "ground_truth", attributes).tracks
    columns = {str(name): tracks.table[name] for name in tracks.table}
    # The order of the sequences is that of their samples
    columns["sequence"] = pd.Categorical(columns["sequence"], list(found.sequences))
    assert_same_table(found.table, make_table(columns))
    names = {name: s.frame_names for name, s in found.sequences.items()}
    assert names == {n: s.frame_names for n, s in tracks.sequences.items()}


def test_attributes_that_some_detections_lack():
    dataset = fo.Dataset()
    try:
        sample = make_sample(
            Tracks(None, {"a": Sequence("a", WIDTH, HEIGHT, 5.0, ("1.jpg",))}),
            "a",
            1,
            3,
        )
        boxes = [
            fo.Detection(
                label="car", bounding_box=[0, 0, 0.5, 0.5], speed=3.0, index=4
            ),
            fo.Detection(label="bus", bounding_box=[0.5, 0.5, 0.5, 0.5]),
        ]
        sample.frames[1] = fo.Frame(ground_truth=fo.Detections(detections=boxes))
        sample.frames[3] = fo.Frame(ground_truth=fo.Detections(detections=boxes[1:]))
        sample.frames[2] = fo.Frame()
        dataset.add_sample(sample, dynamic=True)
        for attribute in ("speed", "index"):
            dataset._frame_collection.update_many(
                {}, {"$unset": {f"ground_truth.detections.1.{attribute}": ""}}
            )
        table = store.read_tracks(dataset, "ground_truth", ["speed"]).tracks.table
        assert table["frame"].tolist() == [1, 3, 1]
        assert table["track"].tolist() == [-1, -1, 4]
        assert store.to_objects(table["speed"]) == [None, None, 3.0]
        assert table["label"].tolist() == ["bus", "bus", "car"]
    finally:
        dataset.delete()


def test_further_detections_leave_the_first_alone(tracks):
    segments = whole(tracks)
    with new_dataset(tracks, segments) as (dataset, places):
        store.insert_tracks(dataset, tracks, places)
        before = raw_frames(dataset)
        store.add_detections(dataset, tracks, places, "detections")
        for document, other in zip(raw_frames(dataset), before, strict=True):
            assert document.pop("detections") == document["ground_truth"]
            assert document == other
        assert dataset.count("frames.detections.detections") == 8


VIEWS = {
    "dataset": lambda data: data,
    "sample": lambda data: data.limit(1),
    "frames": lambda data: data.to_frames().match(F("frame_number") == 2).limit(1),
    "patches": lambda data: data.to_frames().to_patches("ground_truth").limit(1),
    "clips": lambda data: data.limit(1).to_clips([[(1, 2)]]),
    "filtered": lambda data: data.limit(1).filter_labels(
        "frames.ground_truth", F("index") == 7
    ),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_sequences_are_read_whole_from_any_view(stored, tracks, view):
    found = store.read_tracks(view(stored), "ground_truth")
    expected = tracks.table
    if view(stored) is not stored:
        expected = expected[expected["sequence"] == "a"]
    assert len(found.tracks.table) == len(expected)
    assert found.tracks.table["track"].tolist() == expected["track"].tolist()


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_one_sequence_at_a_time(stored, view):
    names = ["parked"]
    whole = store.read_tracks(view(stored), "ground_truth", names, ["weather"])
    parts = list(store.read_sequences(view(stored), "ground_truth", names, ["weather"]))
    assert [list(part.tracks.sequences) for part in parts] == [
        [name] for name in whole.tracks.sequences
    ]
    joined = concatenate(part.tracks for part in parts)
    assert_same_table(joined.table, whole.tracks.table)
    for part in parts:
        assert set(part.documents["sequence"]) == set(part.tracks.sequences)
        assert len(part.rows) == len(part.tracks.table)
    spans = [span for part in parts for span in part.spans]
    assert sorted(spans) == sorted(whole.spans)


def test_records_of_sequences_without_their_labels(stored):
    whole = store.read_tracks(stored, "ground_truth").tracks
    records = {
        record.name: record
        for record in store.read_labeled_sequences(stored, "ground_truth")
    }
    assert set(records) == set(whole.table["sequence"])
    for name, record in records.items():
        assert record == whole.sequences[name]
    dataset = stored.clone()
    try:
        dataset.set_values(
            "frames.ground_truth", [[None] * len(s.frames) for s in dataset]
        )
        assert list(store.read_labeled_sequences(dataset, "ground_truth")) == []
    finally:
        dataset.delete()


def test_samples_are_read_once_for_all_sequences(stored, monkeypatch):
    read = []
    values = fo.Dataset.values  # noqa: PD011
    monkeypatch.setattr(
        fo.Dataset,
        "values",
        lambda self, *args, **kwargs: (
            read.append(args) or values(self, *args, **kwargs)
        ),
    )
    assert len(list(store.read_sequences(stored, "ground_truth"))) == 2
    both, read[:] = read[:], []
    assert len(list(store.read_sequences(stored.limit(1), "ground_truth"))) == 1
    # The view is asked which samples it shows, and not the dataset
    assert len(both) == len(read) + 1 == 2


def write(dataset, change=None, **columns):
    """Reads, lets somebody change the dataset, and sets columns."""
    found = store.read_tracks(dataset, "ground_truth")
    if change:
        change(dataset)
    values = pd.DataFrame(columns, index=found.tracks.table.index)
    return store.write_columns(dataset, "ground_truth", found, values)


def attribute(dataset, name):
    """The values of an attribute in the order of the tracks table."""
    table = store.read_tracks(dataset, "ground_truth", [name]).tracks.table
    return store.to_objects(table[name])


COLUMN_CASES = [
    ("score", [0.5, None, 1, 0, 0.25, None, 3, 4], fo.FloatField),
    (
        "outlier",
        pd.array([True, None, False, True, None, False, False, True], "boolean"),
        fo.BooleanField,
    ),
    ("rank", pd.array([1, 2, 3, None, 5, 6, 7, 8], "Int64"), fo.IntField),
    ("reason", ["a", None, "ü", "", "b", "c", "d", "e"], fo.StringField),
    ("reasons", [["a"], [], ["b", "c"], [], [], ["d"], [], []], fo.ListField),
]


@pytest.mark.parametrize(("name", "values", "kind"), COLUMN_CASES)
def test_columns_are_set_and_nothing_else(stored, name, values, kind):
    before = raw_frames(stored)
    assert write(stored, **{name: values}) == 0
    assert attribute(stored, name) == store.to_objects(pd.Series(values))
    path = f"frames.ground_truth.detections.{name}"
    assert type(stored.get_field(path)) is kind
    assert raw_frames(stored, OWN | {name}) == before
    null = sum(value is None for value in store.to_objects(pd.Series(values)))
    missing = f"ground_truth.detections.{name}"
    raw_values = [
        detection[name]
        for document in stored._frame_collection.find({missing: {"$exists": True}})
        for detection in document["ground_truth"]["detections"]
    ]
    assert (len(raw_values), raw_values.count(None)) == (8, null)


def test_writing_again_replaces_the_values(stored):
    write(stored, score=np.arange(8.0))
    write(stored, score=np.arange(8.0) + 10)
    assert attribute(stored, "score") == (np.arange(8.0) + 10).tolist()


def test_some_rows_alone(stored):
    found = store.read_tracks(stored, "ground_truth")
    some = pd.DataFrame({"score": [1.0, 2.0]}, index=[5, 0])
    assert store.write_columns(stored, "ground_truth", found, some) == 0
    expected = [2.0, None, None, None, None, 1.0, None, None]
    assert attribute(stored, "score") == expected


def test_written_frames_are_marked_as_modified(stored):
    before = stored.values("frames.last_modified_at", unwind=True)
    write(stored, score=np.arange(8.0))
    after = stored.values("frames.last_modified_at", unwind=True)
    changed = [old != new for old, new in zip(before, after, strict=True)]
    counts = stored.values(F("frames.ground_truth.detections").length(), unwind=True)
    assert changed == [count > 0 for count in counts]


def test_samples_in_memory_see_the_values(stored):
    sample = stored.first()
    assert sample.frames[1].ground_truth.detections[0].label == "car"
    write(stored, score=np.arange(8.0))
    assert sample.frames[1].ground_truth.detections[0].score == 0


def relabel(dataset):
    sample = dataset.first()
    sample.frames[2].ground_truth.detections[0].label = "lorry"
    sample.save()


def reverse(dataset):
    sample = dataset.first()
    sample.frames[2].ground_truth.detections.reverse()
    sample.save()


def add_box(dataset):
    sample = dataset.first()
    box = fo.Detection(label="new", bounding_box=[0, 0, 1, 1])
    sample.frames[2].ground_truth.detections.insert(0, box)
    sample.save()


def set_values(dataset):
    view = dataset.limit(1).match_frames(F("frame_number") == 2)
    labels = view.values("frames.ground_truth.detections.label")
    path = "frames.ground_truth.detections.label"
    view.set_values(path, [[["new"] * len(frame) for frame in labels[0]]])


def delete_frame(dataset):
    sample = dataset.first()
    del sample.frames[2]
    sample.save()


@pytest.mark.parametrize(
    "change", [relabel, reverse, add_box, set_values, delete_frame]
)
def test_frame_that_changed_meanwhile_is_left_alone(stored, change):
    assert write(stored, change, score=np.arange(8.0)) == 1
    first = stored._frame_collection.find({"frame_number": 2}).sort("_sample_id", 1)
    for document in list(first)[: 0 if change is delete_frame else 1]:
        for detection in document["ground_truth"]["detections"]:
            assert detection.get("score") is None
    written = stored.values("frames.ground_truth.detections.score", unwind=3)
    assert sum(value is not None for value in written) == 6


def test_frames_that_fiftyone_never_dated(stored):
    stored._frame_collection.update_many({}, {"$unset": {"last_modified_at": ""}})
    assert write(stored, score=np.arange(8.0)) == 0
    assert attribute(stored, "score") == np.arange(8.0).tolist()


@pytest.fixture
def foreign():
    """A video dataset that was made elsewhere, without metadata."""
    dataset = fo.Dataset()
    sample = fo.Sample(filepath="/videos/crossing.mp4")
    box = fo.Detection(label="car", bounding_box=[0.1, 0.2, 0.3, 0.4], index=3)
    for number in (2, 3):
        frame = fo.Frame(tracks=fo.Detections(detections=[box.copy()]))
        sample.frames[number] = frame
    dataset.add_sample(sample)
    yield dataset
    dataset.delete()


def test_unknown_video_size_is_an_error(foreign):
    with pytest.raises(
        ValueError, match=r"crossing\.mp4 is not known; audit the tracks"
    ):
        store.read_tracks(foreign, "tracks")


def test_dataset_made_elsewhere(foreign):
    sample = foreign.first()
    sample.metadata = fo.VideoMetadata(
        frame_width=200, frame_height=100, frame_rate=30, total_frame_count=4
    )
    sample.save()
    tracks = store.read_tracks(foreign, store.find_label_field(foreign)).tracks
    assert list(tracks.sequences) == ["crossing"]
    record = tracks.sequences["crossing"]
    assert (record.width, record.height, record.frame_rate) == (200, 100, 30)
    assert record.frame_names == ("000001.jpg", "000002.jpg", "000003.jpg")
    assert tracks.table["frame"].tolist() == [2, 3]
    box = tracks.table[["left", "top", "width", "height"]].to_numpy()
    np.testing.assert_allclose(box, [[20, 20, 60, 40]] * 2)


def test_videos_of_the_same_name_are_sequences_of_their_own(foreign):
    foreign.add_sample(fo.Sample(filepath="/other/crossing.mp4"))
    for sample in foreign:
        sample.metadata = fo.VideoMetadata(frame_width=200, frame_height=100)
        sample.save()
    names = list(store.read_tracks(foreign, "tracks").tracks.sequences)
    assert names == [f"crossing-{id}" for id in foreign.values("id")]


@pytest.mark.parametrize(
    ("asked", "found"),
    [(None, "tracks"), ("tracks", "tracks"), ("frames.tracks", "tracks")],
)
def test_label_field_is_found(foreign, asked, found):
    assert store.find_label_field(foreign, asked) == found


def test_ground_truth_is_preferred(foreign):
    for name in ("other", "ground_truth"):
        foreign.add_frame_field(
            name, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
        )
    assert store.label_fields(foreign) == ["tracks", "other", "ground_truth"]
    assert store.find_label_field(foreign) == "ground_truth"


def test_label_field_errors(foreign):
    with pytest.raises(
        ValueError, match=r"no frame field 'boxes' .*\(it has: tracks\)"
    ):
        store.find_label_field(foreign, "boxes")
    foreign.add_frame_field(
        "other", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
    )
    with pytest.raises(ValueError, match="several: tracks, other; choose one"):
        store.find_label_field(foreign)
    for name in ("tracks", "other"):
        foreign.delete_frame_field(name)
    foreign.add_frame_field(
        "lanes", fo.EmbeddedDocumentField, embedded_doc_type=fo.Polylines
    )
    told = r"found none \(Polylines in 'lanes' cannot be audited; .*box_polylines"
    with pytest.raises(ValueError, match=told):
        store.find_label_field(foreign)


@pytest.mark.parametrize(
    ("media_type", "told"),
    [
        ("point-cloud", "holds point-cloud samples"),
        (None, "holds no samples"),
        ("image", "found none"),
    ],
)
def test_tracks_live_in_videos_and_images(media_type, told):
    dataset = fo.Dataset()
    try:
        if media_type:
            dataset.media_type = media_type
        with pytest.raises(ValueError, match=told):
            store.find_label_field(dataset)
    finally:
        dataset.delete()


def test_views_of_all_kinds_name_their_samples(stored):
    ids = stored.values("id")
    frames = stored.to_frames()
    assert store.sample_ids(stored) == ids
    assert store.sample_ids(frames) == ids
    assert store.sample_ids(frames.to_patches("ground_truth")) == ids
    assert (
        store.sample_ids(stored.to_clips([[(1, 2)], [(1, 1), (2, 3)], []])) == ids[:2]
    )
    assert store.samples_by_sequence(stored.skip(1).limit(1)) == {"a": ids[:2]}


def test_sequence_without_detections(tracks):
    empty = Tracks(tracks.table.iloc[:0], tracks.sequences)
    with new_dataset(empty, whole(empty)) as (dataset, places):
        store.insert_tracks(dataset, empty, places)
        assert dataset.count("frames") == 9
        assert write(dataset, score=[]) == 0
        found = store.read_tracks(dataset, "ground_truth", ["score"]).tracks
        assert found.table.empty
        assert found.sequences["b"].frame_names == ("1.png", "2.png", "3.png")
