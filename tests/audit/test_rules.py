# SPDX-License-Identifier: Apache-2.0
import tomllib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.audit import (
    RULE_VIOLATION,
    SIZE_KINDS,
    Rules,
    audit_tracks,
    propose_rules,
)
from fiftyone_track_audit.plugin.audit.rules import (
    rules_from_dict,
    rules_to_dict,
    rules_to_toml,
)

WIDTH, HEIGHT, LENGTH = 640, 480, 40


def row(track, left, frames=range(1, LENGTH + 1), **known):
    """The boxes of a track that stands still, or moves if ``left`` is an array."""
    frames = np.array(frames)
    box = {"left": left, "top": 100.0, "width": 40.0, "height": 100.0, "label": "car"}
    return pd.DataFrame({"track": track, "frame": frames, **box, **known})


def make_tracks(*rows):
    table = pd.concat(rows, ignore_index=True).assign(sequence="a")
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, LENGTH + 1))
    table["frame_name"] = [names[frame - 1] for frame in table["frame"]]
    record = Sequence("a", WIDTH, HEIGHT, 10.0, names)
    return Tracks(make_table(table), {"a": record})


def passing(gaps):
    """Objects that leave out the frames in which another one stands before them."""
    front = [row(100 + i, 300.0, top=140.0 + i * 10, height=120.0) for i in range(1)]
    walks = []
    for track in range(1, gaps + 1):
        frames = np.array([f for f in range(1, LENGTH + 1) if not 18 <= f <= 22])
        walks.append(row(track, 300 + (frames - 20) * 8.0, frames, top=130.0 + track))
    return make_tracks(*walks, *front)


def issues_of(tracks, **rules):
    issues = audit_tracks(tracks, rules=Rules(**rules)).issues
    return issues[issues["kind"] == RULE_VIOLATION]


def test_the_default_permits_what_an_audit_without_rules_does():
    tracks = passing(6)
    plain, ruled = audit_tracks(tracks), audit_tracks(tracks, rules=Rules())
    pd.testing.assert_frame_equal(plain.issues, ruled.issues)
    pd.testing.assert_frame_equal(plain.detections, ruled.detections)


def test_gaps_at_occlusions_are_permitted_where_hidden_objects_are_not_drawn():
    behind = passing(6)
    open_view = row(50, 500.0, [*range(1, 15), *range(18, LENGTH + 1)])
    tracks = make_tracks(behind.table.drop(columns=["sequence"]), open_view)
    plain = audit_tracks(tracks)
    ruled = audit_tracks(tracks, rules=Rules(hidden_drawn=False))
    gaps = [each.issues[each.issues["kind"] == "gap"] for each in (plain, ruled)]
    assert set(gaps[0]["track"]) >= {1, 2, 3, 4, 5, 6, 50}
    assert gaps[1]["track"].tolist() == [50]
    reasons = ruled.detections["outlier_reasons"].astype(str)
    of_gap = reasons[reasons.str.contains("gap")]
    assert set(tracks.table.loc[of_gap.index, "track"]) == {50}


def test_ends_at_occlusions_are_permitted_where_hidden_objects_are_not_drawn():
    frames = np.arange(1, 20)
    walk = row(1, 300 + (frames - 20) * 8.0, frames, top=130.0)
    tracks = make_tracks(walk, row(9, 310.0, top=140.0, height=120.0))
    plain = audit_tracks(tracks).issues
    ruled = audit_tracks(tracks, rules=Rules(hidden_drawn=False)).issues
    assert "truncated" in plain.loc[plain["track"] == 1, "kind"].tolist()
    assert "truncated" not in ruled["kind"].tolist()


def test_classes_may_change_where_the_rules_say_so():
    label = ["car"] * 36 + ["van"] * 4
    tracks = make_tracks(row(1, 100.0, label=label))
    assert "label_change" in audit_tracks(tracks).issues["kind"].tolist()
    changed = audit_tracks(tracks, rules=Rules(class_changes=True))
    assert "label_change" not in changed.issues["kind"].tolist()


def test_classes_that_are_not_allowed_are_issues():
    label = ["car"] * 30 + ["{cra}"] * 3 + ["car"] * 7
    tracks = make_tracks(row(1, 100.0, label=label), row(2, 400.0))
    found = issues_of(tracks, classes=("car", "van"))
    assert found["reason"].tolist() == [
        "{cra} 1 from 000031.jpg to 000033.jpg: the class '{cra}' is not allowed; "
        "expected one of car, van"
    ]
    assert found[["first_frame", "last_frame", "score"]].to_numpy().tolist() == [
        [31, 33, 1.0]
    ]
    audit = audit_tracks(tracks, rules=Rules(classes=("car",)))
    wrong = audit.detections["outlier_reasons"].str.contains(RULE_VIOLATION)
    assert tracks.table.loc[wrong, "frame"].tolist() == [31, 32, 33]
    assert (audit.detections.loc[wrong, "outlier_score"] == 1).all()
    some = audit_tracks(tracks, kinds=SIZE_KINDS, rules=Rules(classes=("car",)))
    assert some.issues.empty


def test_values_of_attributes_that_are_not_allowed_are_issues():
    color = ["red"] * 20 + ["gren"] + [None] * 19
    tracks = make_tracks(row(1, 100.0, color=color, parked=[True] * 39 + [False]))
    found = issues_of(tracks, attributes={"color": ("red",), "wheels": ("4",)})
    assert found["reason"].tolist() == [
        "car 1 at 000021.jpg: color is 'gren'; expected red"
    ]
    assert len(issues_of(tracks, attributes={"parked": ("true", "false")})) == 0
    assert issues_of(tracks, attributes={"parked": ("true",)})[
        "first_frame"
    ].tolist() == [40]


def test_attributes_that_change_within_a_track_are_issues():
    color = ["red"] * 30 + ["blue"] * 5 + [None] * 5
    tracks = make_tracks(row(1, 100.0, color=color), row(2, 400.0, color="blue"))
    found = issues_of(tracks, constant=("color",))
    assert found["reason"].str.contains("'blue' in a track where it is").all()
    assert found[["track", "first_frame", "last_frame"]].to_numpy().tolist() == [
        [1, 31, 35]
    ]


def test_boxes_keep_to_the_image_border():
    left = np.r_[np.full(30, 0.0), np.linspace(-3, -12, 10)]
    tracks = make_tracks(row(1, left), row(2, 300.0))
    cut = issues_of(tracks, border="cut")
    assert cut[["first_frame", "last_frame", "peak_frame"]].to_numpy().tolist() == [
        [31, 40, 40]
    ]
    assert cut["reason"].item().endswith("reaches 12 pixels beyond the image border")
    assert cut["suggestion"].item() == "Cut 10 boxes at the image border"
    beyond = issues_of(tracks, border="beyond")
    assert beyond[["first_frame", "last_frame"]].to_numpy().tolist() == [[1, 30]]
    unknown = Tracks(tracks.table, {})
    assert len(issues_of(unknown, border="cut")) == 0


def test_stretches_without_keyframes_are_issues():
    frames = np.arange(1, LENGTH + 1)
    keyframe = (frames % 10 == 1) & (frames != 21)
    tracks = make_tracks(row(1, 100.0, keyframe=keyframe))
    found = issues_of(tracks, keyframe_step=10)
    assert found[["first_frame", "last_frame"]].to_numpy().tolist() == [[12, 30]]
    assert (
        "19 frames without a keyframe; expected one every 10" in found["reason"].item()
    )
    assert len(issues_of(make_tracks(row(1, 100.0)), keyframe_step=10)) == 0


def test_gaps_at_occlusions_say_that_hidden_objects_are_not_drawn():
    proposed = propose_rules(passing(6))
    assert not proposed.hidden_drawn
    assert proposed.reasons["hidden_drawn"] == (
        "6 of 6 gaps within tracks are at an occlusion: hidden objects are not drawn"
    )
    apart = [
        row(track, 80.0 * track, [f for f in range(1, LENGTH + 1) if f != 20])
        for track in range(1, 7)
    ]
    assert propose_rules(make_tracks(*apart)).hidden_drawn


def test_proposals_leave_out_what_few_labels_do():
    label = np.array(["car"] * 39 + ["Car"], object)
    rows = [
        row(
            track,
            0.0,
            top=5.0 + 45 * track,
            height=40.0,
            label=label if track == 1 else "car",
            color=("red", "blue", "green")[track % 3],
            parked=np.arange(LENGTH) < 5 * track,
            keyframe=np.arange(LENGTH) % 10 == 0,
        )
        for track in range(1, 9)
    ]
    proposed = propose_rules(make_tracks(*rows))
    assert proposed.classes == ("car",)
    assert "without Car" in proposed.reasons["classes"]
    assert proposed.border == "cut"
    assert proposed.keyframe_step == 10
    assert not proposed.class_changes
    assert proposed.constant == ("color",)
    assert proposed.attributes == {
        "color": ("blue", "green", "red"),
        "parked": ("false", "true"),
    }


def test_proposals_of_no_labels_are_the_default():
    tracks = make_tracks(row(1, 100.0))
    empty = Tracks(tracks.table.iloc[:0], tracks.sequences)
    assert propose_rules(empty) == Rules()
    assert len(propose_rules(empty).reasons) == 8


def test_toml_and_json_keep_every_setting():
    rules = Rules(
        hidden_drawn=False,
        border="cut",
        keyframe_step=5,
        class_changes=True,
        classes=("car", 'a "van"\n'),
        attributes={"color": ("red",), "state of it": ("1", "true")},
        constant=("color",),
        reasons={"classes": "seen\nso"},
    )
    text = rules_to_toml(rules)
    assert '# seen so\nclasses = ["car", ' in text
    assert rules_from_dict(tomllib.loads(text)) == rules
    assert rules_from_dict(rules_to_dict(rules)) == rules
    assert rules_from_dict(tomllib.loads(rules_to_toml(Rules()))) == Rules()
    values = {"attributes": {"gear": [1, 2.0, True]}}
    assert rules_from_dict(values).attributes == {"gear": ("1", "2", "true")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"clases": []}, "unknown setting 'clases'; expected some of hidden_drawn"),
        ({"border": "clip"}, "expected border to be one of any, cut, beyond"),
        ({"keyframe_step": True}, "expected keyframe_step to be a number"),
        ({"keyframe_step": 0}, "expected keyframe_step to be 1 or more"),
        ({"classes": "car"}, "expected classes to be a list"),
        ({"attributes": {"color": "red"}}, "a list of values for each attribute"),
        ({"hidden_drawn": 1}, "expected hidden_drawn to be true or false"),
    ],
)
def test_wrong_settings_are_refused(content, expected):
    with pytest.raises(ValueError, match=expected):
        rules_from_dict(content)
    if content == {"border": "clip"}:
        with pytest.raises(ValueError, match=expected):
            Rules(**content)


def behind_a_post(count=6):
    """Objects of which only the left half is drawn while they pass behind another."""
    post = row(100, 300.0, top=60.0, height=200.0)
    walks = []
    for track in range(1, count + 1):
        left = 292 + (np.arange(1, LENGTH + 1) - 20) * 2.0
        width = np.where(np.abs(np.arange(1, LENGTH + 1) - 20) <= 2, 12.0, 40.0)
        walks.append(row(track, left, top=80.0 + track, width=width))
    return make_tracks(*walks, post)


def test_boxes_that_show_the_visible_part_are_no_mistakes():
    tracks = behind_a_post()
    sizes = {*SIZE_KINDS, "shift", "low_iou"}
    found = audit_tracks(tracks).issues
    assert found["kind"].isin(sizes).sum() >= 6
    ruled = audit_tracks(tracks, rules=Rules(visible_part=True)).issues
    assert not ruled["kind"].isin(sizes).any()
    proposed = propose_rules(tracks)
    assert proposed.visible_part
    assert "are at an occlusion: boxes show the vis" in proposed.reasons["visible_part"]
    # In open view, nothing hides the other half
    alone = replace(tracks, table=tracks.table[tracks.table["track"] == 1])
    kinds = audit_tracks(alone, rules=Rules(visible_part=True)).issues["kind"]
    assert kinds.isin(sizes).any()
    assert not propose_rules(alone).visible_part
