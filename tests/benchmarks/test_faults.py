# SPDX-License-Identifier: Apache-2.0
"""The fault benchmark: what it plants, and what its measures say of known cases."""

import numpy as np
import pandas as pd
import pytest
from corrections import find_corrections, measure_corrections, read_corrections
from fault_tables import compare_kinds, tabulate_corrections, tabulate_faults
from fiftyone_track_audit.importers.tracks import (
    BOX,
    COLUMNS,
    InputError,
    concatenate,
)
from injector import APART, KINDS, inject
from made_tracks import make_tracks, walk
from measures import (
    average_precision,
    best_frames,
    best_ranked,
    localize,
    match_issues,
    matched_events,
    merge_into_issues,
    number_stretches,
    seen_events,
)
from numpy.testing import assert_allclose, assert_array_equal
from planted import measure_faults
from plots import plot_kinds, plot_precision
from report import fill_page
from rivals import OURS, RIVALS, chance, kalman_residual, two_rules


@pytest.fixture(scope="module")
def right():
    return concatenate([walk("a", 40, 250), walk("b", 40, 250, seed=1)])


@pytest.fixture(scope="module", params=range(3))
def planted(request, right):
    return inject(right, request.param)


def same(first, second):
    return (
        first.tracks.table.equals(second.tracks.table)
        and first.events.equals(second.events)
        and np.array_equal(first.event, second.event)
    )


def test_the_seed_says_what_is_planted(right):
    assert same(inject(right, 7), inject(right, 7))
    assert not same(inject(right, 7), inject(right, 8))


def test_all_kinds_are_planted_until_enough_boxes_are_wrong(planted):
    counts = pd.crosstab(planted.events["sequence"], planted.events["kind"])
    assert set(counts) == set(KINDS)
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    sequence = planted.tracks.table["sequence"]
    wrong = pd.Series(planted.event >= 0).groupby(sequence, observed=True).mean()
    # Two in a hundred of the boxes before, and up to one mistake more
    assert wrong.between(0.019, 0.04).all()


def test_only_the_kinds_asked_for_are_planted(right):
    assert set(inject(right, 0, kinds=("size", "ghost")).events["kind"]) == {
        "size",
        "ghost",
    }


def test_what_is_planted_is_a_tracks_table(planted):
    table = planted.tracks.table
    assert {name: str(table[name].dtype) for name in COLUMNS} == dict(COLUMNS)
    assert not table.duplicated(["sequence", "frame", "track"]).any()
    assert (table[["width", "height"]] >= 2).all(axis=None)
    assert_array_equal(table[BOX], table[BOX].round())
    for name, rows in table.groupby("sequence", observed=True):
        names = np.array(planted.tracks.sequences[name].frame_names)
        assert_array_equal(rows["frame_name"], names[rows["frame"] - 1])


def test_mistakes_of_a_track_are_apart(planted):
    events = planted.events
    spans = pd.concat(
        [
            events,
            events.assign(track=events["other_track"]).query("track >= 0"),
        ]
    ).sort_values(["sequence", "track", "first_frame"])
    track = spans.groupby(["sequence", "track"])
    gap = spans["first_frame"] - track["last_frame"].shift()
    assert gap.notna().any()
    assert gap.dropna().min() > APART


def test_events_are_where_their_boxes_are(planted):
    shown = planted.tracks.table.assign(event=planted.event).query("event >= 0")
    found = shown.groupby("event")
    assert_array_equal(list(found.groups), planted.events.index)
    assert_array_equal(found["frame"].min(), planted.events["first_frame"])
    assert_array_equal(found["frame"].max(), planted.events["last_frame"])
    for event, ids in found["track"].agg(set).items():
        row = planted.events.loc[event]
        assert ids == {row["track"], row["other_track"]} - {-1}
        assert set(shown["sequence"][shown["event"] == event]) == {row["sequence"]}


def test_right_boxes_stay_as_they_were(right, planted):
    key = ["sequence", "frame", "label", *BOX]
    renamed = planted.events[planted.events["kind"].isin(KINDS_OF_ID)]
    others = renamed.assign(track=renamed["other_track"])
    ids = pd.concat([renamed, others])
    clean = planted.tracks.table[planted.event < 0].astype({"sequence": str})
    known = right.table.astype({"sequence": str})
    assert clean.merge(known.drop_duplicates(key), on=key).shape[0] == len(clean)
    pair = ["sequence", "track"]
    kept = clean.merge(ids[pair].drop_duplicates(), "left", pair, indicator=True)
    kept = kept[kept["_merge"] == "left_only"]
    assert len(kept) > 0.5 * len(clean)
    assert len(kept.merge(known, on=[*key, "track"])) == len(kept)


KINDS_OF_ID = ["identity_swap", "fragmentation"]

RANKING = np.array([0.1, 0.9, np.nan, 0.5, 0.5, 0.2])


@pytest.mark.parametrize(
    ("share", "rows"),
    [(0, []), (0.17, [1]), (0.34, [1, 3]), (0.5, [1, 3, 4]), (0.84, [0, 1, 3, 4, 5])],
)
def test_best_ranked_breaks_ties_by_order_and_leaves_null_to_the_end(share, rows):
    assert_array_equal(np.flatnonzero(best_ranked(RANKING, share)), rows)


@pytest.mark.parametrize(
    ("share", "seen"),
    [
        (0.17, [False, True, False]),
        (0.5, [True, True, False]),
        (1, [True, True, True]),
    ],
)
def test_a_mistake_is_seen_by_one_of_its_boxes(share, seen):
    event = np.array([0, 1, 2, 0, -1, -1])
    assert_array_equal(seen_events(RANKING, event, 3, share), seen)


@pytest.mark.parametrize(
    ("score", "wrong", "expected"),
    [
        ([4, 3, 2, 1], [1, 1, 0, 0], 1),
        ([4, 3, 2, 1], [0, 0, 1, 1], (1 / 3 + 2 / 4) / 2),
        ([1, 4, np.nan, 2], [1, 0, 1, 0], (1 / 3 + 2 / 4) / 2),
        ([1, 1, 1, 1], [0, 1, 0, 0], 1 / 2),
    ],
)
def test_average_precision(score, wrong, expected):
    found = average_precision(np.array(score, float), np.array(wrong, bool))
    assert found == pytest.approx(expected)


def issues(*rows):
    names = ["sequence", "track", "other_track", "first_frame", "last_frame"]
    table = pd.DataFrame(rows, columns=names)
    return table.astype({"other_track": "Int32"})


EVENTS = issues(("a", 1, -1, 10, 14), ("a", 2, 3, 20, 21), ("b", 1, -1, 10, 14))


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        (("a", 1, None, 10, 14), (0, 0, 0)),
        (("a", 1, None, 12, 20), (0, 6, 2)),
        (("a", 1, None, 16, 17), (0, 2, 5)),
        (("a", 1, None, 17, 18), None),
        (("a", 1, None, 7, 8), (0, 2, 5)),
        (("a", 1, None, 6, 7), None),
        (("a", 9, 1, 14, 14), (0, 0, 4)),
        (("a", 3, None, 21, 22), (1, 1, 1)),
        (("a", 3, 2, 20, 21), (1, 0, 0)),
        (("a", 4, None, 10, 14), None),
        (("b", 1, None, 11, 11), (2, 0, 4)),
        (("c", 1, None, 10, 14), None),
    ],
)
def test_an_issue_points_at_a_mistake_of_its_track_nearby(issue, expected):
    pairs = match_issues(issues(issue), EVENTS)
    found = [tuple(row) for row in pairs[["event", "outside", "missed"]].to_numpy()]
    assert found == ([expected] if expected else [])


def test_first_issues_count_by_their_mistakes():
    found = issues(
        ("c", 1, None, 1, 1),
        ("a", 2, None, 20, 20),
        ("a", 3, None, 20, 20),
        ("b", 1, None, 10, 14),
    )
    pairs = match_issues(found, EVENTS)
    counts = [int(matched_events(pairs, 3, first).sum()) for first in range(5)]
    assert counts == [0, 0, 1, 1, 2]


def test_an_issue_is_localized_by_the_mistake_it_covers_best():
    events = issues(("a", 1, -1, 1, 4), ("a", 1, -1, 6, 12))
    best = localize(match_issues(issues(("a", 1, None, 4, 12)), events))
    assert best[["event", "outside", "missed"]].to_numpy().tolist() == [[1, 2, 0]]


def test_a_ranking_becomes_issues_along_its_tracks():
    frames = [1, 2, 4, 7, 8]
    boxes = [(frame, track, 0, 0, 9, 9) for track in (1, 2) for frame in frames]
    tracks = make_tracks(boxes)
    score = np.array([5.0, 0, 0, 6, 1, 0, 8, 7, 2, 3])
    found = merge_into_issues(tracks.table, score, 0.7)
    spans = found[["track", "first_frame", "last_frame", "score"]]
    assert spans.to_numpy().tolist() == [
        [2, 2, 4, 8],
        [1, 7, 8, 6],
        [1, 1, 1, 5],
        [2, 7, 8, 3],
    ]
    assert found["other_track"].isna().all()


def test_stretches_follow_their_tracks():
    boxes = [(frame, track, 0, 0, 9, 9) for track in (1, 2) for frame in range(1, 7)]
    one, other = make_tracks(boxes), make_tracks(boxes[:6], "b")
    table = concatenate([one, other]).table
    chosen = np.array([1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], bool)
    stretch = number_stretches(table, chosen)
    assert_array_equal(stretch[chosen], [0, 0, 1, 2, 2, 3, 4])
    assert_array_equal(stretch[~chosen], -1)


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.2, []), (0.3, [4, 5, 6]), (0.4, [4, 5, 6]), (0.5, [4, 5, 6, 9, 10])],
)
def test_frames_cost_what_comes_along(share, shown):
    frame, score = np.array([5, 5, 10, 1]), np.array([0.9, 0.1, 0.8, 0.2])
    found = best_frames(frame, score, 10, share)
    assert_array_equal(np.flatnonzero(found), shown)


def glitch():
    """Twenty people who walk evenly; the third's box is too small in frame 30."""
    rng = np.random.default_rng(0)
    frame, track = (grid.ravel() for grid in np.mgrid[1:61, 1:21])
    left = 80 * track + 1.5 * frame + rng.normal(0, 0.2, len(frame))
    still = np.broadcast_to([300.0, 60, 150], (len(frame), 3))
    boxes = np.column_stack([frame, track, left, still])
    boxes[(frame == 30) & (track == 3), 4:] *= 0.5
    return make_tracks(boxes)


@pytest.mark.parametrize("name", [name for name in RIVALS if name != "chance"])
def test_rivals_rank_a_glitch_high(name):
    tracks = glitch()
    score = RIVALS[name](tracks)
    assert score.shape == (len(tracks.table),)
    best = tracks.table[best_ranked(score, 0.01)]
    assert ((best["track"] == 3) & best["frame"].between(29, 31)).any()


def test_chance_is_seeded():
    tracks = glitch()
    assert_array_equal(chance(tracks, 3), chance(tracks, 3))
    assert (chance(tracks, 3) != chance(tracks, 4)).all()


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ((0, 0, 10, 10), 0),
        ((0, 0, 10, 12.5), 1),
        ((5, 0, 10, 10), (1 - 1 / 3) / 0.5),
        ((99, 0, 10, 10), 2),
    ],
)
def test_two_rules_blame_the_earlier_frame(second, expected):
    score = two_rules(make_tracks([(1, 1, 0, 0, 10, 10), (2, 1, *second)]))
    assert score[0] == pytest.approx(expected)
    assert np.isnan(score[1])


def test_kalman_residual_is_the_textbook_filter():
    """All tracks at once, against one axis at a time with matrices."""
    tracks = walk("a", 3, 40)
    table = tracks.table[tracks.table["frame"] % 7 != 0]
    table = table.assign(left=table["left"] + (table["frame"] == 20) * 9)
    tracks = make_tracks(table[["frame", "track", *BOX]])
    expected = [
        value
        for _, rows in tracks.table.groupby("track")
        for value in _filter(rows["frame"].to_numpy(), rows[BOX].to_numpy())
    ]
    assert_allclose(kalman_residual(tracks), expected)


def _filter(frame, boxes):
    observed = boxes + np.stack([boxes[:, 2] / 2, boxes[:, 3] / 2, *[0 * frame] * 2], 1)
    total = np.zeros(len(frame))
    total[0] = np.nan
    for axis in range(4):
        sd = boxes[:, 2 + axis % 2] / 20
        state = np.array([observed[0, axis], 0])
        covariance = np.diag([2 * sd[0], 10 * sd[0] / 8]) ** 2
        for now in range(1, len(frame)):
            move = np.array([[1, frame[now] - frame[now - 1]], [0, 1]])
            noise = np.diag([sd[now - 1], sd[now - 1] / 8]) ** 2
            state = move @ state
            covariance = move @ covariance @ move.T + noise
            variance = covariance[0, 0] + sd[now] ** 2
            innovation = observed[now, axis] - state[0]
            total[now] += innovation**2 / variance
            gain = covariance[:, 0] / variance
            state = state + gain * innovation
            covariance = covariance - np.outer(gain, covariance[0])
    return total


def changed_tracks():
    """Three boxes in each of twenty frames, and what became of them."""
    boxes = [
        (frame, track, 50 * track, 0, 20, 40)
        for frame in range(1, 21)
        for track in (1, 2, 3)
    ]
    after = [box for box in boxes if box[:2] != (4, 1)]
    after[0] = (1, 1, 60, 0, 20, 40)
    after[1] = (1, 2, 100.5, 0, 20, 40)
    after.append((9, 4, 500, 0, 20, 40))
    return make_tracks(boxes), make_tracks(after)


def test_corrections_are_moved_removed_and_added_boxes():
    before, after = changed_tracks()
    found = find_corrections(before, after)
    changed = before.table[found.corrected][["frame", "track"]]
    assert changed.to_numpy().tolist() == [[1, 1], [4, 1]]
    # Moved so far that it is somebody else's box
    assert_array_equal(np.sort(found.missing), [1, 9])


@pytest.mark.parametrize(("sign", "seen", "share"), [(1, 1, 0.5), (-1, 0, 0)])
def test_corrections_are_measured_against_a_ranking(sign, seen, share):
    found = {"a": find_corrections(*changed_tracks())}
    corrected = found["a"].corrected
    methods = {"known": lambda _: sign * corrected.astype(float)}
    (row,) = measure_corrections(found, methods).to_dict("records")
    assert (row["method"], row["sequence"]) == ("known", "a")
    assert row["boxes"] == row["stretches"] == seen
    # Two frames of twenty: the first, and the second, which comes along
    assert row["frames"] == row["missing"] == share
    assert (row["precision"] > 1) == seen


def test_real_corrections_are_those_that_are_known(real_data):
    found = read_corrections(real_data)
    assert {name: int(each.corrected.sum()) for name, each in found.items()} == {
        "MOT16-02": 231,
        "MOT16-05": 177,
        "MOT16-09": 78,
    }
    assert sum(len(each.missing) for each in found.values()) == 1061
    assert sum(len(each.tracks.table) for each in found.values()) == 29_908


@pytest.fixture(scope="module")
def results():
    return measure_faults(walk("a", 40, 250), tuple(KINDS), seeds=[0])


def percent(column):
    return column.str.removesuffix("%").astype(float)


def test_tables_say_what_was_measured(results):
    tables = tabulate_faults(results)
    methods = tables["methods"].set_index("method")
    assert list(methods.index) == [OURS, *RIVALS]
    kinds = tables["kinds"].set_index("kind")
    assert len(kinds) == len(KINDS) + 1
    for budget in ("seen 1%", "seen 2%", "seen 5%"):
        assert methods.loc[OURS, budget] == kinds.loc["mean", budget]
        per_kind = percent(kinds[budget].drop("mean"))
        assert percent(kinds[budget])["mean"] == pytest.approx(per_kind.mean(), abs=0.1)
    side_by_side = tables["kinds-and-rivals"].set_index("kind")
    assert_array_equal(side_by_side[OURS], kinds["seen 2%"])
    assert kinds["planted"].drop("mean").sum() == kinds["planted"]["mean"]


def test_more_is_seen_the_more_is_looked_at(results):
    budgets = results.events.drop(columns=["kind", "seed"]).groupby("method").mean()
    for what in ("seen", "matched"):
        steps = np.diff(budgets.filter(like=what), axis=1)
        assert steps.shape[1] == 2
        assert (steps >= 0).all()
    assert_array_equal(budgets.loc["chance"] < budgets.loc["two rules"], True)


def test_tables_of_corrections():
    found = {"a": find_corrections(*changed_tracks())}
    scores = {name: lambda tracks: chance(tracks, 1) for name in [OURS, *RIVALS]}
    measured = measure_corrections(found, scores)
    tables = tabulate_corrections(found, measured)
    assert tables["corrections"].to_numpy().tolist() == [["a", 60, 2, 2, 1, 2]]
    precision = tables["corrections-precision"].set_index("method")["a"]
    assert set(precision) == {f"{measured['precision'][0]:.2f}"}
    assert list(tables["corrections-boxes"]["method"]) == [OURS, *RIVALS]


def test_plots_are_images(results, tmp_path):
    plot_precision(results.ranking, tmp_path / "precision.png")
    plot_kinds(compare_kinds(results), tmp_path / "kinds.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 2


PAGE = """# Page
<!-- begin table one -->
old
<!-- end -->
between
<!-- begin table two -->
<!-- end -->
"""


def test_page_keeps_what_is_around_the_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    tables = {
        "one": pd.DataFrame({"a": ["x"], "b": [r"\1"]}),
        "two": pd.DataFrame({"c": ["y"]}),
    }
    fill_page(page, tables)
    text = page.read_text()
    assert "old" not in text
    assert "\nbetween\n" in text
    assert [line.split("|")[1:-1] for line in text.splitlines() if "x" in line] == [
        [" x   ", r" \1  "]
    ]
    fill_page(page, tables)
    assert page.read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- begin table one -->\n<!-- end -->", "begin table two"),
        ("<!-- begin table one -->\n", "begin table one"),
    ],
)
def test_page_without_places_stays_as_it_is(tmp_path, text, message):
    page = tmp_path / "page.md"
    page.write_text(text)
    table = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match=message):
        fill_page(page, {"one": table, "two": table})
    assert page.read_text() == text
