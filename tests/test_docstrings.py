# SPDX-License-Identifier: Apache-2.0
"""The examples in the docstrings of the public names."""

import doctest
import json

import fiftyone_track_audit as fta
import pytest
from labeling_jobs import READY

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
#: The names whose examples read files or need none at all.
PURE = ["AdjustmentJob", "Audit", "Rules", "Thresholds", "audit_tracks"]
PURE += ["Comparison", "compare_tracks", "link_tracks", "propose_rules"]
PURE += ["read_labels", "read_manifest", "read_mot", "read_predictions"]
PURE += ["read_seq_label", "plot_overlaps", "plot_track"]
#: The names whose examples ask AWS.
JOBS = ["adjustment_status", "launch_adjustment", "stop_adjustment"]
OTHERS = sorted(set(fta._PUBLIC) - {*PURE, *JOBS})


def check(name, **known):
    """Run the examples of a public name; print and refuse those that are wrong."""
    finder = doctest.DocTestFinder(recurse=False)
    (examples,) = finder.find(getattr(fta, name), name, globs={"fta": fta, **known})
    assert examples.examples, f"{name} has no example"
    assert doctest.DocTestRunner(optionflags=FLAGS).run(examples).failed == 0


@pytest.fixture(autouse=True)
def folder(write_mot, tmp_path, monkeypatch):
    """The folder in which the examples run: a MOT sequence and a job's output."""
    write_mot("street", folder=tmp_path)
    box = {"left": 10, "top": 20, "width": 30, "height": 60, "class-id": "0"}
    box |= {"object-id": "a1", "object-name": "Car:1"}
    frame = {"frame-no": "0", "frame": "000001.jpg", "annotations": [box]}
    sequence = {
        "prefix": "s3://bucket/street/",
        "frames": [{"frame-no": 0, "frame": "000001.jpg"}],
    }
    line = {
        "source-ref": "seq.json",
        "car-ref": "SeqLabel.json",
        "car-ref-metadata": {
            "class-map": {"0": "Car"},
            "type": "groundtruth/video-object-tracking",
            "creation-date": "2026-11-14T03:04:13.533000",
        },
    }
    for path, content in {
        "SeqLabel.json": {"tracking-annotations": [frame]},
        "seq.json": sequence,
        "output.manifest": line,
    }.items():
        (tmp_path / path).write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", PURE)
def test_examples_of_tracks(name):
    check(name, tracks=fta.read_mot("street"))


@pytest.fixture
def walk(one_walk):
    """An audited dataset with saved views."""
    from small_datasets import copy_of

    with copy_of(one_walk) as dataset:
        fta.save_outlier_views(dataset)
        yield dataset


@pytest.fixture
def cvat(monkeypatch):
    """A server of CVAT that FiftyOne finds."""
    import fiftyone as fo
    from cvat_server import cvat_server

    with cvat_server() as server:
        known = {"url": server.url, "username": "me", "password": "secret"}
        for setting, value in known.items():
            monkeypatch.setitem(fo.annotation_config.backends["cvat"], setting, value)
        server.state = "completed"  # by annotators who changed nothing
        yield server


@pytest.mark.parametrize("name", OTHERS)
def test_examples_of_datasets(name, walk, folder, cvat):
    import fiftyone as fo

    # What annotators sent back: the box that is too short is corrected
    view = walk.load_saved_view("outliers")
    fta.export_mot(view, "fix")
    labels = folder / "fix" / "a" / "gt" / "gt.txt"
    labels.write_text(labels.read_text().replace(",20,22,", ",20,36,"))
    before = set(fo.list_datasets())
    try:
        check(name, fo=fo, dataset=walk, view=view)
    finally:
        for made in set(fo.list_datasets()) - before:
            fo.delete_dataset(made)


@pytest.mark.parametrize("name", JOBS)
def test_examples_of_jobs(name, walk, aws):
    job = fta.AdjustmentJob("fix", **READY)
    plan = fta.plan_adjustment(walk.load_saved_view("outliers"), job)
    fta.export_adjustment(walk, plan, "package")
    aws.move_on(aws.find("fix"))
    check(name, dataset=walk)
