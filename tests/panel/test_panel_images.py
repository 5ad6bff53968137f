# SPDX-License-Identifier: Apache-2.0
"""The panel on datasets of every shape that FiftyOne's users have."""

from contextlib import ExitStack

import pytest
from fiftyone_track_audit.plugin.corrections.applying import apply_adjustment
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.linked_tracks import link_detections
from fiftyone_track_audit.plugin.sending.mot import export_mot
from own_datasets import (
    SHIFTED,
    by_index,
    call,
    detection,
    grouped_dataset,
    image_dataset,
    put_back,
    spell_instances,
    video_dataset,
)
from panel_page import begin, choose

pytestmark = pytest.mark.usefixtures("chromium")

#: A frame in which the box of the other object is misplaced, too.
ALSO = 32


def misplace(spell):
    """Detections of which a second one is misplaced."""

    def spelled(name, frame, box):
        wrong = name == "second" and frame == ALSO
        return spell(name, frame, [box[0], box[1] - 0.3 * wrong, *box[2:]])

    return spelled


def per_class(name, frame, box):
    return detection(box, {"first": "person", "second": "bag"}[name], index=1)


def by_attribute(name, frame, box):
    return detection(box, tid=name)


def without_identity(name, frame, box):
    return detection(box)


def one_slice(folder, spell, name):
    return grouped_dataset(folder, ["left", "right"], spell, name)


def audit(dataset):
    return audit_dataset(dataset)


#: Each shape: what makes it, how its boxes tell their object, and its audit.
SHAPES = {
    "videos": (video_dataset, by_index, audit),
    "instances": (video_dataset, spell_instances(), audit),
    "per-class": (video_dataset, per_class, audit),
    "attribute": (
        video_dataset,
        by_attribute,
        lambda d: audit_dataset(d, track_field="tid"),
    ),
    "images": (image_dataset, by_index, audit),
    "grouped": (one_slice, by_index, audit),
    "linked": (
        video_dataset,
        without_identity,
        lambda d: (link_detections(d, least_iou=0.01), audit(d)),
    ),
}


@pytest.fixture(scope="module")
def dataset(database, tmp_path_factory):
    """The audited datasets by their shape; the App opens any of them."""
    made = {}
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for shape, (make, spell, audit) in SHAPES.items():
            folder = tmp_path_factory.mktemp(shape) / "street"
            folder.mkdir()
            found = make(folder, misplace(spell), name=f"own-{shape}")
            made[shape] = stack.enter_context(found)
            made[shape].persistent = True
            audit(made[shape])
        yield made


def image_of(dataset, frame):
    """The ID of the sample that shows a frame."""
    images = zip(*dataset.values(["filepath", "id"]), strict=True)
    return next(sample for path, sample in images if path.endswith(f"/{frame}.png"))


def issue_at(dataset, frame):
    issues = call(dataset, "list_issues")["issues"]
    return next(
        each["id"]
        for each in issues
        if each["first_frame"] <= frame <= each["last_frame"]
    )


def follow_to_the_next(page, panel, dataset):
    """Opens an image, and sees that the next issue's takes its place."""
    panel.get_by_test_id("strip").locator(f"[data-frame='{SHIFTED}']").first.click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    page.wait_for_url(f"**{image_of(dataset, SHIFTED)}**")
    choose(modal.get_by_test_id("track-audit"), issue_at(dataset, ALSO))
    page.wait_for_url(f"**{image_of(dataset, ALSO)}**")


@pytest.mark.parametrize("shape", SHAPES)
def test_from_the_audit_to_the_correction(app, page, dataset, shape, tmp_path):
    dataset = dataset[shape]
    panel = begin(page, f"{app}/datasets/{dataset.name}")
    choose(panel, issue_at(dataset, SHIFTED))
    panel.get_by_test_id("strip").locator(f"[data-frame='{SHIFTED}']").first.wait_for()
    if shape == "images":
        follow_to_the_next(page, panel, dataset)
    export_mot(dataset, tmp_path / "fix")
    put_back(tmp_path / "fix", SHIFTED)
    assert load_adjustment(dataset, "fix").changes == {"moved": 1}
    assert apply_adjustment(dataset, "fix").changed == 1
