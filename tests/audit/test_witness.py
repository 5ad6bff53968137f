# SPDX-License-Identifier: Apache-2.0
"""A detector as a witness: what it sees and nobody labeled, and the other way round."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import BOX, Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.detectors.witnessed import (
    find_badly_located,
    find_unsupported,
    find_wrong_classes,
    fineness,
    prediction_departure,
)
from fiftyone_track_audit.plugin.audit.doubt import doubt
from fiftyone_track_audit.plugin.audit.scene import make_scene

FRAMES = 60


def walkers(count=8, label="person"):
    frame = np.tile(np.arange(1, FRAMES + 1), count)
    track = np.repeat(np.arange(1, count + 1), FRAMES)
    return pd.DataFrame(
        {
            "track": track,
            "frame": frame,
            "label": label,
            "left": 100.0 + 3 * frame + 17 * track,
            "top": 110.0 * track,
            "width": 40.0,
            "height": 90.0,
        }
    )


def to_tracks(rows):
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, FRAMES + 1))
    names_of_rows = [names[frame - 1] for frame in rows["frame"]]
    columns = rows.assign(sequence="street", frame_name=names_of_rows)
    record = Sequence("street", 1920, 1080, 25.0, names)
    return Tracks(make_table(columns), {"street": record})


def seen(rows, noise=1.0, confidence=0.9):
    """What a good detector sees of objects."""
    moved = rows.assign(track=-1, confidence=confidence)
    moved[BOX] += np.random.default_rng(0).normal(0, noise, (len(rows), 4))
    return moved


def scene_of(rows, predictions):
    return make_scene(to_tracks(rows), predictions=to_tracks(predictions).table)


def issues_of(rows, predictions):
    return audit_tracks(to_tracks(rows), predictions=to_tracks(predictions)).issues


def test_an_object_that_nobody_labeled_is_overlooked():
    rows = walkers()
    labeled = rows[(rows["track"] != 3) | (rows["frame"] > 40)]
    issues = issues_of(labeled, seen(rows)).query("kind == 'overlooked'")
    (issue,) = issues.itertuples()
    assert (issue.track, issue.first_frame, issue.last_frame) == (-1, 1, 40)
    assert abs(issue.expected_left - 154) < 5
    assert abs(issue.expected_height - 90) < 5
    assert issue.reason.startswith("person from 000001.jpg to 000040.jpg: a model sees")
    assert issue.suggestion.startswith("Add a track from 000001.jpg to 000040.jpg")


def test_predictions_of_any_confidence_are_judged_by_what_agrees():
    rows = walkers()
    rng = np.random.default_rng(1)
    noise = rows.assign(track=-1, left=1400.0, top=rng.uniform(0, 900, len(rows)))
    poor = pd.concat([seen(rows, confidence=-0.2), noise.assign(confidence=-1.5)])
    scene = scene_of(rows, poor)
    assert len(scene.witness.table) == len(rows)
    assert scene.witness.agreement.min() > 0.9
    issues = issues_of(rows[rows["track"] != 3], poor)
    assert (issues["kind"] == "overlooked").sum() == 1


def test_a_detector_that_agrees_with_nothing_is_no_witness():
    rows = walkers()
    elsewhere = seen(rows.assign(left=rows["left"] + 900))
    assert scene_of(rows, elsewhere).witness is None
    without = audit_tracks(to_tracks(rows))
    judged = audit_tracks(to_tracks(rows), predictions=to_tracks(elsewhere))
    pd.testing.assert_frame_equal(judged.issues, without.issues)
    pd.testing.assert_frame_equal(judged.detections, without.detections)


def test_labels_that_the_detector_does_not_see_are_unsupported():
    rows = walkers()
    unseen = (rows["track"] == 5) & rows["frame"].between(21, 40)
    findings = find_unsupported(scene_of(rows, seen(rows[~unseen])))
    (found,) = findings.itertuples()
    assert (found.first, found.last) == (4 * FRAMES + 20, 4 * FRAMES + 39)
    assert found.strength > 5
    assert found.amount > 0.9


def test_small_objects_that_the_detector_never_sees_prove_nothing():
    small = walkers().assign(height=lambda rows: np.where(rows["track"] == 5, 12, 90.0))
    assert find_unsupported(scene_of(small, seen(small[small["track"] != 5]))).empty


def test_a_stretch_that_departs_from_its_predictions_is_badly_located():
    rows = walkers()
    truth = rows.copy()
    wrong = (rows["track"] == 2) & rows["frame"].between(15, 45)
    rows.loc[wrong, "left"] += 12
    scene = scene_of(rows, seen(truth))
    (found,) = find_badly_located(scene).itertuples()
    assert FRAMES + 14 <= found.first <= found.peak <= found.last <= FRAMES + 44
    assert fineness(scene) == 1
    departed, share = prediction_departure(scene)
    assert departed[FRAMES + 30] > 0.3
    assert share[FRAMES + 30] == 1
    ranks = doubt(scene)
    assert ranks[wrong.to_numpy()].mean() > 0.9


def test_a_coarse_detector_says_nothing_about_places():
    rows = walkers()
    coarse = seen(rows.assign(left=rows["left"] + 8, height=80.0))
    scene = scene_of(rows, coarse)
    assert scene.witness is not None
    assert fineness(scene) == 0
    np.testing.assert_allclose(doubt(scene), doubt(make_scene(to_tracks(rows))))


@pytest.mark.parametrize("common", [True, False])
def test_tracks_of_another_class(common):
    rows = walkers().assign(
        label=lambda rows: np.where(rows["track"] > 4, "car", "person")
    )
    predicted = seen(rows)
    predicted.loc[rows["track"] == 6, "label"] = "Person"
    if not common:
        predicted["label"] = "object " + predicted["label"]
    findings = find_wrong_classes(scene_of(rows, predicted))
    assert findings["peak"].tolist() == ([5 * FRAMES] if common else [])
