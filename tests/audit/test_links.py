# SPDX-License-Identifier: Apache-2.0
"""Which track goes on as which other one, and how likely."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.audit.detectors.identity import find_swaps
from fiftyone_track_audit.plugin.audit.links import find_links
from fiftyone_track_audit.plugin.audit.scene import make_scene

FRAMES = 200


def walk(track, first, last, start=(100.0, 300.0), velocity=(3.0, 0.0), height=120.0):
    frame = np.arange(first, last + 1)
    return pd.DataFrame(
        {
            "track": track,
            "frame": frame,
            "left": start[0] + velocity[0] * frame,
            "top": start[1] + velocity[1] * frame,
            "width": height / 2,
            "height": height,
        }
    )


def to_tracks(*parts, frame_rate=10.0):
    rows = pd.concat(parts)
    names = tuple(f"{frame:06d}.jpg" for frame in range(1, FRAMES + 1))
    record = Sequence("street", 1920, 1080, frame_rate, names)
    columns = rows.assign(
        sequence="street",
        label="person",
        frame_name=[names[frame - 1] for frame in rows["frame"]],
    )
    return Tracks(make_table(columns), {"street": record})


def linked(tracks):
    links = find_links(make_scene(tracks))
    ids = tracks.table["track"].to_numpy()
    pairs = zip(ids[links.end], ids[links.begin], links.chance, strict=True)
    return {(one, two): chance for one, two, chance in pairs}


def test_walkers_go_on_where_their_motion_leads():
    chances = linked(
        to_tracks(
            walk(1, 1, 60),
            walk(2, 90, 150),
            walk(3, 90, 150, start=(100, 500)),
            walk(4, 1, FRAMES, start=(50, 800)),
        )
    )
    assert chances[1, 2] > 0.9
    assert chances[1, 3] < 0.05
    assert set(chances) == {(1, 2), (1, 3)}


def test_links_end_after_five_seconds_at_any_frame_rate():
    parts = (walk(1, 1, 60), walk(2, 120, 150))
    assert linked(to_tracks(*parts)) == {}
    assert linked(to_tracks(*parts, frame_rate=30.0))[1, 2] > 0.5


def test_candidates_compete():
    twins = [walk(2, 80, 150), walk(3, 80, 150, start=(102, 303))]
    chances = linked(to_tracks(walk(1, 1, 60), *twins))
    assert chances[1, 2] + chances[1, 3] <= 1
    assert min(chances[1, 2], chances[1, 3]) > 0.3


def test_another_size_is_less_likely_the_same_object():
    same, other = walk(2, 70, 150), walk(2, 70, 150, height=60.0)
    doubts = [1 - linked(to_tracks(walk(1, 1, 60), one))[1, 2] for one in (same, other)]
    assert doubts[1] > 10 * doubts[0]


@pytest.mark.parametrize(("looks", "likely"), [(0, True), (1, False)])
def test_looks_decide(looks, likely):
    tracks = to_tracks(walk(1, 1, 60), walk(2, 100, 150, start=(150, 320)))
    vectors = np.zeros((len(tracks.table), 2), np.float32)
    second = tracks.table["track"].to_numpy() == 2
    vectors[np.arange(len(vectors)), np.where(second, looks, 0)] = 1
    links = find_links(make_scene(tracks, vectors=vectors))
    assert (links.chance[0] > 0.3) is np.bool_(likely)


def test_an_issue_spans_the_gap_and_names_alternatives():
    tracks = to_tracks(
        walk(12, 1, 60),
        walk(47, 80, 150),
        walk(52, 80, 150, start=(110, 330)),
        walk(4, 1, FRAMES, start=(50, 800)),
    )
    issues = audit_tracks(tracks, kinds=("fragmentation",)).issues
    (issue,) = issues.itertuples()
    assert (issue.track, issue.other_track) == (12, 47)
    assert (issue.first_frame, issue.last_frame) == (60, 80)
    assert "track 12 ends and goes on as 47 (0." in issue.reason
    assert " or 52 (0." in issue.reason
    assert issue.suggestion == "Merge track 47 into track 12"


def test_single_boxes_on_one_object_are_one_issue():
    whole = walk(1, 1, 12)
    singles = [
        whole[whole["frame"] == frame].assign(track=frame) for frame in range(1, 13)
    ]
    tracks = to_tracks(*singles, walk(40, 1, FRAMES, start=(50, 800)))
    issues = audit_tracks(tracks, kinds=("fragmentation", "short_track")).issues
    (issue,) = issues.itertuples()
    assert (issue.kind, issue.first_frame, issue.last_frame) == ("fragmentation", 1, 12)
    assert issue.reason.endswith("12 tracks follow each other on the same object")
    assert issue.suggestion.startswith("Merge the 12 tracks")


def lanes(count):
    return [
        walk(lane, 1, FRAMES, start=(50, 110 * lane), height=100.0)
        for lane in range(1, count + 1)
    ]


def test_many_tracks_that_switch_at_one_frame_are_one_issue():
    rows = pd.concat(lanes(8), ignore_index=True)
    turned = rows["track"].replace({1: 4, 4: 2, 2: 1, 3: 5, 5: 3})
    rows["track"] = rows["track"].where(rows["frame"] <= 100, turned)
    issues = audit_tracks(to_tracks(rows)).issues
    (issue,) = issues.itertuples()
    assert (issue.kind, issue.first_frame, issue.last_frame) == (
        "identity_switch",
        100,
        101,
    )
    assert "5 tracks show each other's objects from here on" in issue.reason
    assert issue.suggestion == "Correct the IDs of the 5 tracks from 000101.jpg on"


def test_a_track_that_takes_over_the_object_of_an_ended_one():
    first, second, third = lanes(3)
    tail = first[first["frame"] > 105].assign(track=2)
    rows = [first[first["frame"] <= 100], second[second["frame"] <= 102], tail, third]
    issues = audit_tracks(to_tracks(*rows), kinds=("identity_switch",)).issues
    (issue,) = issues.itertuples()
    assert (issue.track, issue.other_track) == (2, 1)
    assert (issue.first_frame, issue.last_frame) == (100, 106)
    assert "track 2 shows the object of track 1 from here on (0." in issue.reason


def test_a_track_that_jumps_to_an_object_of_its_own():
    first, second, third = lanes(3)
    jumped = first.assign(top=first["top"] + 400 * (first["frame"] > 100))
    rows = [jumped, second, third]
    issues = audit_tracks(to_tracks(*rows)).issues
    (issue,) = issues.itertuples()
    assert (issue.kind, issue.track) == ("identity_switch", 1)
    assert pd.isna(issue.other_track)
    assert issue.suggestion == "Give the track a new ID from 000101.jpg on"


def test_a_doubtful_link_is_likelier_where_many_tracks_break():
    doubtful = [walk(1, 1, 60), walk(2, 100, 150, start=(250, 380))]

    def chance(apart):
        others = [
            walk(10 * lane + part, first, last, (900 + apart * part, lane * 150))
            for lane in (3, 4, 5, 6)
            for part, first, last in ((0, 1, 40), (1, 45, 90), (2, 95, 140))
        ]
        return linked(to_tracks(*doubtful, *others))[1, 2]

    assert chance(apart=0) > chance(apart=-500)


def test_a_swap_is_doubtful_where_boxes_always_depart_from_their_paths():
    one, other = lanes(2)
    other["top"] = one["top"] + 40
    rows = pd.concat([one, other], ignore_index=True)
    rows["track"] = rows["track"].where(rows["frame"] <= 100, 3 - rows["track"])
    (steady,) = find_swaps(make_scene(to_tracks(rows)))["strength"].unique()
    rows["left"] += np.where(rows["frame"] % 4 < 2, 15, 0) * (
        abs(rows["frame"] - 100) > 8
    )
    (unsteady,) = find_swaps(make_scene(to_tracks(rows)))["strength"].unique()
    assert steady > 2 * unsteady
