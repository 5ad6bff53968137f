# SPDX-License-Identifier: Apache-2.0
"""The audit of bare tables: which boxes are wrong, and what is said of them."""

import math
from dataclasses import replace
from itertools import pairwise
from statistics import median_low

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.groundtruth import read_seq_label
from fiftyone_track_audit.importers.tracks import (
    InputError,
    Sequence,
    Tracks,
    make_table,
)
from fiftyone_track_audit.plugin.audit import (
    IOU_KINDS,
    KINDS,
    SIZE_KINDS,
    Thresholds,
    audit_tracks,
    iou_signals,
    size_signals,
)
from fiftyone_track_audit.plugin.audit.boxes import iou
from fiftyone_track_audit.plugin.audit.detectors.glitches import (
    LOW_IOU,
    SHIFT,
    SIZE_CHANGE,
)
from fiftyone_track_audit.plugin.audit.neighbors import find_neighbors
from fiftyone_track_audit.plugin.audit.scene import MOST_BOXES
from hypothesis import given, settings
from hypothesis import strategies as st

WIDTH, HEIGHT = 1920, 1080


def walk(
    count=40,
    step=1,
    velocity=(4.0, 1.0),
    start=(300.0, 300.0),
    size=(60.0, 150.0),
    growth=1.0,
    track=1,
    sequence="a",
):
    """A track without a mistake: even motion, even growth."""
    frame = np.arange(count) * step + 1
    time = frame - 1
    return pd.DataFrame(
        {
            "sequence": sequence,
            "frame": frame,
            "frame_name": [f"{number:06d}.jpg" for number in frame],
            "track": track,
            "label": "pedestrian",
            "left": start[0] + velocity[0] * time,
            "top": start[1] + velocity[1] * time,
            "width": size[0] * growth**time,
            "height": size[1] * growth**time,
        }
    )


def to_tracks(rows, width=WIDTH, height=HEIGHT):
    table = make_table(rows)
    names = tuple(f"{i + 1:06d}.jpg" for i in range(table["frame"].max()))
    sequences = {
        name: Sequence(name, width, height, 25.0, names)
        for name in table["sequence"].cat.categories
    }
    return Tracks(table, sequences)


def flagged(tracks, audit=None):
    """The (track, frame) of each outlier."""
    audit = audit or audit_tracks(tracks)
    wrong = audit.detections["outlier_score"] > 0.5
    rows = tracks.table[wrong.to_numpy()]
    return list(zip(rows["track"], rows["frame"], strict=True))


def resize(rows, places, factor, side):
    """Makes boxes wrong in area by a factor, at one side or around the center."""
    rows = rows.copy()
    x, y = {"center": (0.5, 0.5), "top": (0, 1), "right": (1, 0)}[side]
    width, height = rows.loc[places, "width"], rows.loc[places, "height"]
    if side in ("center", "right"):
        rows.loc[places, "width"] *= factor ** (1 - y)
    if side in ("center", "top"):
        rows.loc[places, "height"] *= factor ** (1 - x)
    if side == "center":
        rows.loc[places, "left"] -= (rows.loc[places, "width"] - width) / 2
    if side != "right":
        grown = rows.loc[places, "height"] - height
        rows.loc[places, "top"] -= grown * max(y, 0.5)
    return rows


def cut(rows):
    """Keeps boxes inside the image, as annotation tools do."""
    right = (rows["left"] + rows["width"]).clip(0, WIDTH)
    bottom = (rows["top"] + rows["height"]).clip(0, HEIGHT)
    left, top = rows["left"].clip(0, WIDTH), rows["top"].clip(0, HEIGHT)
    inside = rows.assign(left=left, top=top, width=right - left, height=bottom - top)
    return inside[(inside["width"] > 2) & (inside["height"] > 2)]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("factor", [0.5, 1 / 1.4, 1.8])
@pytest.mark.parametrize("side", ["center", "top", "right"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_size_glitch(count, factor, side, place):
    first = {"first": 0, "middle": 17, "last": 40 - count}[place]
    places = list(range(first, first + count))
    tracks = to_tracks(resize(walk(), places, factor, side))
    audit = audit_tracks(tracks)
    assert flagged(tracks, audit) == [(1, place + 1) for place in places]
    assert (audit.detections["size_outlier"].sum()) == count
    (issue,) = audit.issues.itertuples()
    assert issue.kind == SIZE_CHANGE
    assert (issue.first_frame, issue.last_frame) == (places[0] + 1, places[-1] + 1)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("end", ["second", "last but one"])
def test_size_glitch_beside_a_single_good_box(count, end):
    first = 1 if end == "second" else 39 - count
    places = list(range(first, first + count))
    tracks = to_tracks(resize(walk(), places, 0.7, "top"))
    assert flagged(tracks) == [(1, place + 1) for place in places]


@pytest.mark.parametrize("shift", [(50, 0), (-50, 0), (0, 100), (35, 50), (400, 0)])
@pytest.mark.parametrize("place", [0, 1, 20, 38, 39])
def test_shift_of_one_frame(shift, place):
    rows = walk()
    rows.loc[place, ["left", "top"]] += list(shift)
    tracks = to_tracks(rows)
    audit = audit_tracks(tracks)
    assert flagged(tracks, audit) == [(1, place + 1)]
    (issue,) = audit.issues.itertuples()
    assert issue.kind == SHIFT
    assert (issue.first_frame, issue.last_frame) == (place + 1, place + 1)


@pytest.mark.parametrize(
    ("velocity", "growth"),
    [((0, 0), 1), ((4, 1), 1), ((50, 0), 1), ((90, 0), 1), ((4, 1), 1.04)],
)
def test_even_motion_is_right_at_any_speed(velocity, growth):
    tracks = to_tracks(walk(18, velocity=velocity, growth=growth, start=(100, 200)))
    assert flagged(tracks) == []
    assert audit_tracks(tracks).issues.empty


def test_fast_motion_has_low_iou_without_outliers():
    tracks = to_tracks(walk(18, velocity=(50, 0), start=(100, 200)))
    signals = audit_tracks(tracks).detections
    assert (signals["iou_prev"].iloc[1:] < 0.2).all()
    assert not signals["iou_outlier"].any()


def test_shift_in_fast_motion_stands_out():
    rows = walk(18, velocity=(50, 0), start=(100, 200))
    rows.loc[9, "top"] += 120
    assert flagged(to_tracks(rows)) == [(1, 10)]


@pytest.mark.parametrize("period", [8, 12, 25])
def test_gait_is_no_mistake(period):
    rows = walk(200, velocity=(2, 0))
    rows["width"] *= 1 + 0.25 * np.sin(2 * np.pi * np.arange(200) / period)
    assert flagged(to_tracks(rows)) == []


@pytest.mark.parametrize("seed", range(3))
def test_unsteady_track_is_no_flood(seed):
    random = np.random.default_rng(seed)
    rows = walk(400, velocity=(1, 0.2))
    rows[["width", "height"]] *= np.exp(random.normal(0, 0.06, (400, 2)))
    rows[["left", "top"]] += random.normal(0, 3, (400, 2))
    changes = audit_tracks(to_tracks(rows)).detections["size_change"]
    assert (changes.abs() > 0.1).mean() > 0.3
    assert len(flagged(to_tracks(rows))) < 0.03 * 400


@pytest.mark.parametrize(
    ("columns", "change", "kind"),
    [
        (["left"], lambda values: values + 70, LOW_IOU),
        (["width", "height"], lambda values: values * 1.3, SIZE_CHANGE),
    ],
)
def test_lasting_jump_is_the_first_box_after_it(columns, change, kind):
    rows = walk()
    rows.loc[20:, columns] = change(rows.loc[20:, columns])
    assert flagged(to_tracks(rows)) == [(1, 21)]
    assert audit_tracks(to_tracks(rows)).issues["kind"].tolist() == [kind]


@pytest.mark.parametrize("step", [1, 2, 5])
@pytest.mark.parametrize("missing", [range(20, 21), range(20, 25), range(15, 35)])
def test_gap_is_null_and_an_issue_of_both_sides(step, missing):
    rows = walk(60, step, velocity=(2, 0.5)).drop(missing)
    signals = audit_tracks(to_tracks(rows)).detections
    place = missing.start
    sides = [(1, step * (place - 1) + 1), (1, step * missing.stop + 1)]
    assert flagged(to_tracks(rows)) == sides
    (issue,) = audit_tracks(to_tracks(rows)).issues.itertuples()
    assert issue.kind == "gap"
    assert f"{len(missing)} box" in issue.reason
    assert np.flatnonzero(signals["size_change"].isna()).tolist() == [0, place]
    assert np.flatnonzero(signals["iou_prev"].isna()).tolist() == [0, place]
    last = len(rows) - 1
    assert np.flatnonzero(signals["iou_next"].isna()).tolist() == [place - 1, last]


@pytest.mark.parametrize("step", [2, 5])
def test_frames_labeled_now_and_then(step):
    rows = resize(walk(40, step), [20], 0.7, "top")
    audit = audit_tracks(to_tracks(rows))
    assert flagged(to_tracks(rows)) == [(1, 20 * step + 1)]
    assert audit.detections["size_change"].notna().sum() == 39
    assert audit.detections["size_change"].iloc[20] == pytest.approx(-0.3)


@pytest.mark.parametrize(
    "rows",
    [
        pd.concat([walk(1, track=i, start=(200 * i, 100)) for i in range(1, 6)]),
        walk(10, track=-1),
        pd.concat([walk(5, track=-1, start=(100 * i, 100)) for i in range(1, 4)]),
        # Where the border cuts it on both axes
        walk(1, start=(1900, 1000)),
    ],
    ids=["single boxes", "no identity", "several without identity", "corner"],
)
def test_boxes_without_neighbors_are_null(rows):
    audit = audit_tracks(to_tracks(rows))
    alone = audit.detections.drop(columns=["outlier_reasons", "occlusion"])
    assert alone.isna().all(axis=None)
    assert (audit.detections["outlier_reasons"] == "").all()
    assert audit.issues.empty


@pytest.mark.parametrize("velocity", [3, 15, 30])
@pytest.mark.parametrize("beginning", [1700, 1830])
@pytest.mark.parametrize("axis", ["right", "left", "bottom"])
def test_leaving_and_entering_the_image(velocity, beginning, axis):
    rows = walk(200, velocity=(velocity, 0), start=(beginning, 300))
    if axis == "bottom":
        start = (300, beginning - 960)
        rows = walk(200, velocity=(0, velocity), start=start)
    rows = cut(rows)
    if axis == "left":
        rows["left"] = WIDTH - rows["left"] - rows["width"]
    assert flagged(to_tracks(rows)) == []
    backwards = rows.assign(frame=rows["frame"].max() + 1 - rows["frame"])
    assert flagged(to_tracks(backwards)) == []


def test_height_counts_where_the_side_border_cuts():
    rows = cut(walk(40, velocity=(0, 1), start=(-20, 300)))
    rows = resize(rows, [20], 0.6, "top")
    assert flagged(to_tracks(rows)) == [(1, 21)]


def test_sequences_never_mix():
    wrong = walk(sequence="b", start=(900, 500))
    wrong.loc[20, "left"] += 60
    rows = pd.concat([walk(sequence="a"), wrong])
    tracks = to_tracks(rows)
    audit = audit_tracks(tracks)
    alone = [
        audit_tracks(to_tracks(rows[rows["sequence"] == name])).detections
        for name in ("a", "b")
    ]
    pd.testing.assert_frame_equal(
        audit.detections.astype({"outlier_reasons": str}),
        pd.concat(alone, ignore_index=True).astype({"outlier_reasons": str}),
    )
    assert audit.issues["sequence"].tolist() == ["b"]
    assert audit.detections["size_change"].isna().sum() == 2


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_boxes(count):
    audit = audit_tracks(to_tracks(walk(count)))
    assert len(audit.detections) == count
    assert audit.issues.empty


def test_broken_track_is_told_from_its_earlier_piece():
    whole = walk(200, velocity=(2, 0))
    others = [walk(200, track=20 + i, start=(100, 40 * i)) for i in range(20)]
    pieces = [whole[:100].assign(track=7), whole[100:].assign(track=2)]
    rows = pd.concat([*pieces, *others])
    (issue,) = audit_tracks(
        to_tracks(rows), kinds=("fragmentation",)
    ).issues.itertuples()
    assert (issue.kind, issue.track, issue.other_track) == ("fragmentation", 7, 2)
    assert issue.suggestion == "Merge track 2 into track 7"


def test_empty_table():
    tracks = to_tracks(walk(3))
    empty = replace(tracks, table=tracks.table.iloc[:0])
    audit = audit_tracks(empty)
    full = audit_tracks(tracks)
    assert len(audit.detections) == len(audit.issues) == 0
    assert list(audit.detections) == list(full.detections)
    assert list(audit.issues) == list(full.issues)


@pytest.mark.parametrize(
    ("kinds", "found", "missing"),
    [(SIZE_KINDS, {SIZE_CHANGE}, "iou"), (IOU_KINDS, {SHIFT, LOW_IOU}, "size")],
)
def test_some_kinds_alone(kinds, found, missing):
    rows = walk()
    rows.loc[10, "height"] *= 0.6
    rows.loc[30, "left"] += 60
    audit = audit_tracks(to_tracks(rows), kinds=kinds)
    assert len(audit.issues) > 0
    assert set(audit.issues["kind"]) <= found
    assert not audit.detections.filter(like=missing).shape[1]


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_alone_runs(kind):
    audit = audit_tracks(to_tracks(walk()), kinds=(kind,))
    assert audit.issues.empty
    assert not (audit.detections["outlier_score"] > 0.5).any()


def test_score_in_range_and_above_half_for_outliers_alone():
    random = np.random.default_rng(1)
    rows = pd.concat(
        [walk(50, track=i, start=(100, 100 + 40 * i)) for i in range(10)]
    ).reset_index(drop=True)
    places = random.choice(len(rows), 5, replace=False)
    rows.loc[places, "width"] *= random.uniform(0.4, 2.5, 5)
    rows.loc[places[:3], "left"] += random.normal(0, 60, 3)
    tracks = to_tracks(rows)
    detections = audit_tracks(tracks).detections
    score = detections["outlier_score"]
    assert score.between(0, 1).all()
    reasons = detections["outlier_reasons"].astype(str)
    assert ((score > 0.5) == (reasons != "")).all()
    for name, kinds in (("size_outlier", SIZE_KINDS), ("iou_outlier", IOU_KINDS)):
        told = reasons.str.split(";").map(lambda told, kinds=kinds: {*told} & {*kinds})
        assert told[detections[name].astype(bool)].all()


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"size": 0}, "the size threshold must be above 0, not 0"),
        ({"size": "a"}, "the size threshold must be above 0, not 'a'"),
        ({"iou": None}, "the IoU threshold must be between 0 and 1, not None"),
        ({"size": -1}, "above 0"),
        ({"size": math.inf}, "above 0"),
        ({"size": math.nan}, "above 0"),
        ({"iou": 0}, "the IoU threshold must be between 0 and 1, not 0"),
        ({"iou": 1}, "between 0 and 1"),
        ({"iou": -0.5}, "between 0 and 1"),
        ({"iou": math.nan}, "between 0 and 1"),
    ],
)
def test_thresholds_out_of_range(wrong, text):
    with pytest.raises(ValueError, match=text):
        Thresholds(**wrong)


@pytest.mark.parametrize(
    ("factor", "size", "found"),
    [(1.2, 0.25, False), (1.2, 0.15, True), (1.4, 0.25, True), (1.4, 0.5, False)],
)
def test_size_threshold(factor, size, found):
    tracks = to_tracks(resize(walk(), [20], factor, "top"))
    audit = audit_tracks(tracks, Thresholds(size=size))
    assert audit.detections["size_outlier"].any() == found
    assert bool(flagged(tracks, audit)) >= found


@pytest.mark.parametrize(
    ("shift", "threshold", "found"),
    [(15, 0.5, False), (15, 0.75, True), (40, 0.5, True), (40, 0.1, False)],
)
def test_iou_threshold(shift, threshold, found):
    rows = walk()
    rows.loc[20, "left"] += shift
    tracks = to_tracks(rows)
    audit = audit_tracks(tracks, Thresholds(iou=threshold))
    assert audit.detections["iou_outlier"].any() == found
    assert bool(flagged(tracks, audit)) >= found


@pytest.mark.parametrize("threshold", [0.1, 0.25, 0.5])
def test_size_limit_counts_what_a_threshold_flags(threshold):
    tracks = to_tracks(faulty(1))
    limit = audit_tracks(tracks).detections["size_limit"]
    again = audit_tracks(tracks, Thresholds(size=threshold)).detections
    assert ((limit > threshold) == again["size_outlier"].fillna(False)).mean() > 0.99
    assert again["size_outlier"].sum() > 0


@pytest.mark.parametrize("threshold", [0.4, 0.5, 0.6])
def test_iou_limit_counts_what_a_threshold_flags(threshold):
    tracks = to_tracks(faulty(1))
    limit = audit_tracks(tracks).detections["iou_limit"]
    again = audit_tracks(tracks, Thresholds(iou=threshold)).detections
    assert ((limit < threshold) == again["iou_outlier"].fillna(False)).mean() > 0.99
    assert again["iou_outlier"].sum() > 0


def test_issues_tell_which_thresholds_they_would_pass():
    tracks = to_tracks(faulty(1))
    audit = audit_tracks(tracks)
    sizes = audit.issues[audit.issues["kind"] == "size_change"]
    assert (sizes["size_limit"] > Thresholds().size).any()
    limits = audit.detections.set_index([tracks.table["track"], tracks.table["frame"]])
    for issue in sizes.itertuples():
        boxes = limits.loc[issue.track].loc[issue.first_frame : issue.last_frame]
        assert issue.size_limit == boxes["size_limit"].max()


def faulty(seed):
    """Several tracks with some boxes wrong at random."""
    random = np.random.default_rng(seed)
    rows = pd.concat(
        [
            walk(
                random.integers(2, 60),
                track=i,
                start=random.uniform(200, 800, 2),
                velocity=random.normal(0, 4, 2),
                sequence="ab"[i % 2],
            )
            for i in range(12)
        ],
        ignore_index=True,
    )
    rows = rows[random.random(len(rows)) > 0.05].reset_index(drop=True)
    box = ["left", "top", "width", "height"]
    rows[box] *= random.normal(1, 0.01, (len(rows), 4))
    wrong = random.random(len(rows)) < 0.05
    rows.loc[wrong, box] *= random.uniform(0.7, 1.5, (wrong.sum(), 4))
    return rows


@pytest.mark.parametrize("seed", range(3))
def test_order_of_rows_does_not_matter(seed):
    rows = faulty(seed)
    shuffled = rows.sample(frac=1, random_state=seed)
    audit, again = (audit_tracks(to_tracks(part)) for part in (rows, shuffled))
    pd.testing.assert_frame_equal(audit.detections, again.detections)
    pd.testing.assert_frame_equal(audit.issues, again.issues)
    assert len(audit.issues) > 3


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("scale", "shift"), [(2, (0, 0)), (0.7, (0, 0)), (1, (711, -313)), (3, (50, 9))]
)
def test_flags_do_not_depend_on_place_and_scale(seed, scale, shift):
    rows = faulty(seed)
    moved = rows.copy()
    moved[["left", "top", "width", "height"]] *= scale
    moved[["left", "top"]] += list(shift)
    before, after = (
        audit_tracks(to_tracks(part, None, None)).detections for part in (rows, moved)
    )
    for name in ("size_outlier", "iou_outlier", "outlier_reasons"):
        pd.testing.assert_series_equal(before[name], after[name])
    # What rounding to whole pixels explains depends on the size in pixels, and the
    # lowest scores are ranks
    wrong = before["outlier_score"] > 0.5
    np.testing.assert_allclose(
        before["outlier_score"][wrong], after["outlier_score"][wrong], atol=0.02
    )


def test_progress_tells_how_many_boxes_are_judged():
    told = []
    audit_tracks(
        to_tracks(pd.concat([walk(5), walk(7, sequence="b")])),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(5, 12), (12, 12)]


def plain_iou(first, second):
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


pixel = st.floats(-1e4, 1e4)
length = st.floats(0.1, 1e4)
box = st.tuples(pixel, pixel, length, length)


@given(st.lists(st.tuples(box, box), min_size=1, max_size=20))
def test_iou_against_reference(pairs):
    first, second = np.array(pairs).transpose(1, 0, 2)
    values = iou(first, second)
    np.testing.assert_allclose(
        values, [plain_iou(*pair) for pair in pairs], rtol=1e-9, atol=1e-12
    )
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_array_equal(values, iou(second, first))
    np.testing.assert_allclose(iou(first, first), 1, rtol=1e-9)


@st.composite
def random_rows(draw):
    keys = st.tuples(st.sampled_from("ab"), st.integers(-1, 3), st.integers(1, 30))
    rows = draw(st.dictionaries(keys, box, min_size=1, max_size=40))
    return [(*key, *value) for key, value in rows.items()]


@settings(max_examples=50, deadline=None)
@given(random_rows())
def test_signals_against_reference(rows):
    columns = ["sequence", "track", "frame", "left", "top", "width", "height"]
    given_rows = pd.DataFrame(rows, columns=columns)
    table = make_table(given_rows.assign(frame_name="1.jpg", label="x"))
    neighbors = find_neighbors(table)
    signals = {**size_signals(table, neighbors), **iou_signals(table, neighbors)}
    np.testing.assert_allclose(
        np.stack([signals[name] for name in ("size_change", "iou_prev", "iou_next")]),
        plain_signals(sorted(rows)),
        rtol=1e-9,
        atol=1e-9,
    )


def plain_signals(rows):
    """Size change, IoU with the box before and after; rows are sorted."""
    gaps = {}
    for (s0, t0, f0, *_), (s1, t1, f1, *_) in pairwise(rows):
        if (s0, t0) == (s1, t1) and t0 >= 0:
            gaps.setdefault(s0, []).append(f1 - f0)
    step = {sequence: median_low(gaps[sequence]) for sequence in gaps}
    place = {row[:3]: row[3:] for row in rows if row[1] >= 0}
    size_change, iou_prev, iou_next = [], [], []
    for sequence, track, frame, *own in rows:
        # The next labeled frame may come sooner where labeling is uneven
        within = range(1, step.get(sequence, 1) + 1)
        sides = [
            next(
                (
                    place[key]
                    for gap in within
                    if (key := (sequence, track, frame + side * gap)) in place
                ),
                None,
            )
            if track >= 0
            else None
            for side in (-1, 1)
        ]
        before, after = sides
        area = own[2] * own[3]
        size_change.append(
            (area - before[2] * before[3]) / (before[2] * before[3])
            if before
            else math.nan
        )
        iou_prev.append(plain_iou(before, own) if before else math.nan)
        iou_next.append(plain_iou(own, after) if after else math.nan)
    return [size_change, iou_prev, iou_next]


def test_real_mistakes_are_found_and_nothing_else(real_data):
    tracks = read_seq_label(str(real_data / "groundtruth" / "MOT20-01-SeqLabel.json"))
    audit = audit_tracks(tracks)
    # Frames count from 1; Pedestrian:2 is too short at the positions 24 and 25,
    # Pedestrian:1 is shifted at 27
    assert flagged(tracks, audit) == [(1, 28), (2, 25), (2, 26)]
    shifted, short = audit.issues.sort_values("track").itertuples()
    assert (short.kind, short.track) == (SIZE_CHANGE, 2)
    assert (short.first_frame, short.last_frame) == (25, 26)
    assert short.reason == (
        "Pedestrian 2 from 000049.jpg to 000051.jpg: the box is 23% smaller than "
        "the neighboring frames suggest"
    )
    assert (shifted.kind, shifted.track) == (SHIFT, 1)
    assert (shifted.first_frame, shifted.last_frame) == (28, 28)
    assert shifted.reason == (
        "Pedestrian 1 at 000055.jpg: the IoU with the next frame is 0.44, and the IoU "
        "with the box that the neighboring frames suggest is 0.54"
    )
    assert audit.issues["score"].between(0.5, 1).all()


def test_real_signals(real_data):
    tracks = read_seq_label(str(real_data / "groundtruth" / "MOT20-01-SeqLabel.json"))
    signals = tracks.table.join(audit_tracks(tracks).detections)
    signals = signals.set_index(["track", "frame"])
    assert signals.loc[(2, 25), "size_change"] == pytest.approx(-0.226, abs=5e-4)
    assert signals.loc[(1, 28), "iou_prev"] == pytest.approx(0.75, abs=5e-3)
    assert signals.loc[(1, 28), "iou_next"] == pytest.approx(0.44, abs=5e-3)
    assert signals.loc[(1, 29), "iou_prev"] == signals.loc[(1, 28), "iou_next"]
    for first in [(1, 1), (2, 1), (3, 14), (4, 31)]:
        assert signals.loc[first, ["size_change", "iou_prev"]].isna().all()


def test_a_frame_with_too_many_boxes_is_refused():
    count = MOST_BOXES + 1
    rows = {"sequence": "a", "frame": 7, "frame_name": "7.jpg", "label": "car"}
    rows |= {"track": np.arange(count), "left": 0.0, "top": 0.0, "width": 9.0}
    table = make_table(pd.DataFrame({**rows, "height": 9.0}))
    with pytest.raises(InputError, match="a: frame 7 has 10,001 boxes; expected at"):
        audit_tracks(Tracks(table, {}))
