# SPDX-License-Identifier: Apache-2.0
"""The benchmark of domains that were left out, and simulated reviews."""

import numpy as np
import pandas as pd
import pytest
from fault_tables import tabulate_left_out
from fiftyone_track_audit.importers.tracks import BOX
from injector import KINDS, draw_mixture, inject
from left_out import MIXTURE, measure_left_out, tabulate_domains
from made_tracks import walk
from plots import plot_reviews
from reviews import count_looks, draw_curves, review, simulate_reviews
from shapes import SHAPES
from train import collect, collect_sequence, fit, to_json


@pytest.fixture(scope="module")
def domains():
    return {"crowd": [walk("a", 40, 250)], "street": [walk("b", 40, 250, seed=1)]}


@pytest.fixture(scope="module")
def examples(domains):
    return {name: collect_sequence(tracks) for name, (tracks,) in domains.items()}


def test_mixtures_differ_and_lack_kinds():
    drawn = [draw_mixture(seed) for seed in range(20)]
    shares = [share for share, _ in drawn]
    assert 0.002 <= min(shares) < 0.01 < max(shares) <= 0.04
    absent = np.mean([value == 0 for _, odds in drawn for value in odds.values()])
    assert 0.1 < absent < 0.4
    assert draw_mixture(3) == draw_mixture(3)


@pytest.mark.parametrize("kind", SHAPES)
def test_mistakes_of_other_shapes_come_and_go(domains, kind):
    odds = dict.fromkeys(KINDS, 0.0) | {kind: 1.0}
    (tracks,) = domains["crowd"]
    planted = inject(tracks, 0, 0.03, odds=odds, shapes=SHAPES)
    usual = inject(tracks, 0, 0.03, odds=odds)
    moved = (planted.tracks.table[BOX] - tracks.table[BOX]).abs().max(axis=1)
    assert (moved[planted.event >= 0] > 0).mean() > 0.7
    assert moved[planted.event < 0].max() == 0
    assert not planted.tracks.table.equals(usual.tracks.table)


def test_a_mixture_plants_the_kinds_that_it_has(domains):
    odds = dict.fromkeys(KINDS, 0.0) | {"size": 1.0, "ghost": 3.0}
    planted = inject(domains["crowd"][0], 0, 0.03, odds=odds).events["kind"]
    assert set(planted) == {"size", "ghost"}
    assert planted.eq("ghost").sum() > planted.eq("size").sum()


def test_findings_about_planted_mistakes_are_right(domains):
    examples = collect(inject(domains["crowd"][0], 0, 0.03))
    assert 0.01 < examples.right.mean() < 0.9
    assert examples.evidence.shape[0] == len(examples.kinds)
    assert not np.isnan(examples.evidence).any()


def test_the_fit_can_be_written_and_its_trees_are_sane(examples):
    model = fit(examples.values())
    assert '"trees"' not in to_json(model)
    trees = model.trees
    assert len(trees.left) == len(trees.right) == len(trees.value)
    assert (trees.left < len(trees.left)).all()
    rows = np.concatenate(
        [each.evidence for part in examples.values() for each in part]
    )
    rows = np.column_stack([rows, np.zeros(len(rows))])
    weak, strong = rows.copy(), rows.copy()
    strong[:, 0] += 1
    assert (trees.add_up(strong) >= trees.add_up(weak) - 1e-9).all()


def test_domains_are_measured_by_fits_without_them(domains, examples):
    told = []
    found = measure_left_out(domains, examples, [0], progress=told.append)
    assert told == ["crowd", "street"]
    table = tabulate_domains(found, MIXTURE).set_index("left out")
    assert list(table.index) == ["crowd", "street", "mean"]
    assert table["seen 5%"]["mean"] > 0.5
    shares = table.drop(columns="matched 1N")
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    reviews = simulate_reviews(found.issues)
    tables = tabulate_left_out(found, reviews)
    assert set(tables) == {
        "left-out",
        "left-out-domains",
        "left-out-domains-equal",
        "left-out-kinds",
        "reviews",
    }
    assert tables["reviews"]["left out"].iloc[-1] == "mean"
    curves = draw_curves(reviews)
    assert (curves.iloc[0] == 0).all()
    assert (curves.diff().dropna() >= 0).all(axis=None)
    assert (curves.iloc[-1] <= 1).all()


def test_a_plot_of_reviews_is_written(tmp_path):
    curves = pd.DataFrame({"in order": [0, 0.5], "learning": [0, 0.8]}, index=[0, 1])
    plot_reviews(curves, tmp_path / "reviews.png")
    assert (tmp_path / "reviews.png").read_bytes().startswith(b"\x89PNG")


def test_a_reviewer_who_teaches_needs_fewer_looks():
    gaps = pd.DataFrame({"kind": "gap", "score": 0.9, "event": -1}, index=range(30))
    drifts = pd.DataFrame({"kind": "drift", "score": 0.8, "event": range(10)})
    issues = pd.concat([gaps, drifts], ignore_index=True)
    assert count_looks(review(issues, learning=False)) == 38
    assert count_looks(review(issues, learning=True)) < 20
