# SPDX-License-Identifier: Apache-2.0
"""Fixes that follow the predictions of a detector, and chains of fragments."""

import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers.tracks import BOX
from fiftyone_track_audit.plugin.audit.grouping import EXPECTED
from fiftyone_track_audit.plugin.fixing.choosing import add_chains, explain_none
from fiftyone_track_audit.plugin.fixing.planning import (
    apply_plan,
    list_fixes,
    plan_fixes,
)
from fix_cases import LENGTH, boxes_of, fix, issue, issues, make_tracks, same, walk


def seen(*parts, label="Car"):
    """What a detector sees of objects, and one thing that is none."""
    rows = pd.concat([*parts, walk(0, range(1, LENGTH + 1, 7), 400, 300)])
    return rows.assign(track=-1, confidence=0.9, label=label)


def expecting(record, boxes):
    return {**record, **dict(zip(EXPECTED, boxes[BOX].iloc[0], strict=True))}


def test_an_overlooked_object_becomes_a_track():
    whole = walk(5, range(4, 25), top=300.0)
    predicted = seen(walk(1), whole[~whole["frame"].isin([9, 10])])
    record = expecting(issue("overlooked", -1, 4, 24, peak=4), whole)
    plan, fixed = fix(make_tracks(walk(1), walk(3)), record, predictions=predicted)
    assert plan.fixes["fix"].tolist() == ["add_track"]
    assert plan.counts.added == 21
    same(boxes_of(fixed, 4), boxes_of(whole, 5))
    assert set(fixed.loc[fixed["track"] == 4, "label"]) == {"car"}
    assert set(fixed.loc[fixed["track"] == 4, "mark"]) == {"predicted"}


def test_without_predictions_nothing_is_added():
    record = expecting(issue("overlooked", -1, 4, 24, peak=4), walk(5))
    plan, _ = fix(make_tracks(walk(1)), record)
    assert plan.fixes["fix"].isna().all()


def test_boxes_move_to_their_predictions_and_the_others_between_them():
    off = walk(1)
    bad = off["frame"].between(10, 19)
    off.loc[bad, "top"] += 15
    predicted = seen(walk(1)[lambda rows: ~rows["frame"].isin([12, 13])])
    tracks = make_tracks(off)
    for kind, chosen in (("badly_located", {}), ("shift", {0: "use_predictions"})):
        plan, fixed = fix(
            tracks, issue(kind, 1, 10, 19), predictions=predicted, chosen=chosen
        )
        assert plan.fixes["fix"].tolist() == ["use_predictions"]
        same(boxes_of(fixed, 1), boxes_of(walk(1), 1))


def test_unsupported_boxes_are_deleted_or_their_track():
    tracks = make_tracks(walk(1), walk(2, top=300.0))
    record = issue("unsupported", 2, 1, 10)
    _, fixed = fix(tracks, record)
    assert boxes_of(fixed, 2).index.min() == 11
    _, fixed = fix(tracks, record, chosen={0: "delete_track"})
    assert set(fixed["track"]) == {1}


def test_a_wrong_class_becomes_that_of_the_predictions_as_labels_spell_it():
    tracks = make_tracks(walk(1), walk(2, top=300.0).assign(label="truck"))
    predicted = seen(walk(1, top=100), walk(2, top=300.0))
    record = issue("wrong_class", 2, 1, LENGTH)
    plan, fixed = fix(tracks, record, predictions=predicted)
    assert plan.counts.labels == LENGTH
    assert set(fixed["label"].astype(str)) == {"car"}


@pytest.mark.parametrize(("frames", "peak"), [((1, 20), 20), ((21, 40), 21)])
def test_a_track_is_extended_by_predictions(frames, peak):
    part = walk(1, range(frames[0], frames[1] + 1))
    record = issue("truncated", 1, peak, peak, peak=peak)
    chosen = {0: "extend_by_predictions"}
    options = {"predictions": seen(walk(1)), "chosen": chosen}
    plan, fixed = fix(make_tracks(part, walk(2, top=300.0)), record, **options)
    assert plan.counts.added == 10
    whole = boxes_of(walk(1), 1)
    same(boxes_of(fixed, 1), whole.loc[boxes_of(fixed, 1).index])


def test_fixes_are_listed_with_and_without_predictions():
    tracks = make_tracks(walk(1), walk(2, top=300.0).assign(left=lambda t: t.left + 9))
    record = issues(issue("badly_located", 2, 5, 15)).iloc[0]
    assert list_fixes(tracks, record) == []
    near = seen(walk(2, top=300.0))
    ((remedy, edits),) = list_fixes(tracks, record, near)
    assert (remedy.name, len(edits)) == ("use_predictions", 11)


# Chains of fragments


def test_a_whole_chain_of_fragments_is_joined():
    parts = [walk(n, range(10 * n - 9, 10 * n - 1)) for n in (1, 2, 3, 4)]
    tracks = make_tracks(*parts)
    found = issues(
        *(issue("fragmentation", n, 10 * n - 2, 10 * n + 1, n + 1) for n in (1, 2, 3)),
        issue("fragmentation", 7, 8, 9, 8),
    )
    chosen = add_chains(found, {1: "join_chain"})
    assert chosen == {0: "join_chain", 1: "join_chain", 2: "join_chain"}
    plan = plan_fixes(tracks, found.loc[[0, 1, 2]], chosen)
    fixed = apply_plan(tracks, plan).table
    assert fixed["track"].unique().tolist() == [1]
    whole = walk(1, range(1, 39))
    same(boxes_of(fixed, 1), boxes_of(whole, 1))
    assert add_chains(found, {1: "join"}) == {1: "join"}


# Why nothing is fixed


def test_it_is_said_why_nothing_is_chosen():
    found = issues(
        issue("gap", 1, 2, 3, score=0.62), issue("drift", 1, 2, 3, score=0.99)
    )
    said = explain_none(found, (), 0.8)
    assert said == (
        "the only issue of these kinds scores 0.62, below 0.8; a lower minimum score "
        "fixes more"
    )
    assert explain_none(found, "gap", 0.5) is None
    assert explain_none(found, ["shift"], 0.5) is None
    alone = explain_none(found[found["kind"] == "drift"], (), 0.5)
    assert alone == "the only issue is of no kind that is fixed alone"
    assert np.isfinite(found["score"]).all()
