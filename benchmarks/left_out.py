# SPDX-License-Identifier: Apache-2.0
"""Measure the score on domains that were left out when it was fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from domains import Domains
from fiftyone_track_audit.importers.tracks import Tracks
from fiftyone_track_audit.plugin.audit.audit import Audit, audit_scene
from fiftyone_track_audit.plugin.audit.scene import Scene, make_scene
from injector import Injected, Shapes, draw_mixture, inject
from measures import average_precision, match_issues, matched_events, seen_events
from rivals import OURS, our_score, rarest_in_scene, two_rules
from train import Examples, fit

#: Plants mistakes into the tracks of one sequence, by a seed.
Plant = Callable[[Tracks, int], Injected]
SHARES = (0.01, 0.02, 0.05)
#: The names of the ways to plant.
MIXTURE, EQUAL = "mixtures", "equal shares"


@dataclass(frozen=True)
class LeftOut:
    """What the score found in domains that it was not fitted on.

    Attributes:
        events: one row per mistake: ``domain``, ``planted`` (the name of the way to
            plant), ``kind``, ``method``, whether it is ``seen <share>`` and ``matched
            2N``
        runs: one row per planted sequence and method: ``domain``, ``planted``,
            ``precision``, and the share of ``clean`` boxes that are flagged (ours
            only)
        issues: by domain, planted sequences' issues, worst first, with the number of
            the mistake that each points at, -1 for none, for simulated reviews
    """

    events: pd.DataFrame
    runs: pd.DataFrame
    issues: list[pd.DataFrame]


def plant_equal(tracks: Tracks, seed: int, shapes: Shapes | None = None) -> Injected:
    """Plant mistakes of all kinds in equal shares into 3 % of the boxes."""
    return inject(tracks, seed, 0.03, shapes=shapes)


def plant_mixture(tracks: Tracks, seed: int, shapes: Shapes | None = None) -> Injected:
    """Plant a drawn mixture of mistakes, into 0.2 to 4 % of the boxes."""
    share, odds = draw_mixture(seed + len(tracks.table))
    return inject(tracks, seed, share, odds=odds, shapes=shapes)


#: The ways to plant mistakes, by name.
PLANTS: dict[str, Plant] = {MIXTURE: plant_mixture, EQUAL: plant_equal}


def measure_left_out(
    domains: Domains,
    examples: dict[str, list[Examples]],
    seeds: Iterable[int],
    plants: Mapping[str, Plant] = PLANTS,
    progress: Callable[[str], None] = print,
) -> LeftOut:
    """Fit the model without each domain, and measure it there.

    Args:
        domains: the sequences of each domain
        examples: the examples of each domain, see ``collect_domains()``
        seeds: the seeds, a planted sequence each; none that examples were made with
        plants (PLANTS): the ways to plant mistakes, by name
        progress (print): called with the name of each domain

    Returns:
        what was found
    """
    events: list[pd.DataFrame] = []
    runs: list[dict[str, object]] = []
    issues: list[pd.DataFrame] = []
    seeds = tuple(seeds)
    for domain, sequences in domains.items():
        model = fit(part for name, part in examples.items() if name != domain)
        for way, injected in _plant(sequences, plants, seeds):
            if injected.events.empty:
                continue
            scene = make_scene(injected.tracks)
            audit = audit_scene(scene, model=model)
            for part, run in _measure(injected, scene, audit):
                events.append(part.assign(domain=domain, planted=way))
                runs.append({"domain": domain, "planted": way, **run})
            issues.append(_match(injected, audit).assign(domain=domain, planted=way))
        progress(domain)
    return LeftOut(pd.concat(events, ignore_index=True), pd.DataFrame(runs), issues)


def tabulate_domains(found: LeftOut, planted: str) -> pd.DataFrame:
    """Tabulate what was found in each domain.

    Args:
        found: the results
        planted: the way to plant

    Returns:
        one row per domain, and their mean: shares of the mistakes, as the mean over
        kinds where they are ``seen``; average precision; clean boxes flagged
    """
    table = _score_domains(found, planted, OURS)
    table.loc["mean"] = table.mean()
    return table.rename_axis("left out").reset_index()


def tabulate_means(found: LeftOut) -> pd.DataFrame:
    """Compare the methods by their means over the domains.

    Args:
        found: the results

    Returns:
        one row per way to plant and method
    """
    rows = {
        (planted, method): _score_domains(found, str(planted), str(method)).mean()
        for planted in found.events["planted"].unique()
        for method in found.events["method"].unique()
    }
    table = pd.DataFrame(rows).T.rename_axis(["planted", "method"])
    return table.reset_index()


def tabulate_left_out_kinds(found: LeftOut, planted: str) -> pd.DataFrame:
    """Tabulate what was found of each kind, as the mean over the domains.

    Args:
        found: the results
        planted: the way to plant

    Returns:
        one row per kind
    """
    events = found.events.query("planted == @planted and method == @OURS")
    columns = [name for name in events if str(name).startswith(("seen", "matched"))]
    by_domain = events.groupby(["kind", "domain"])[columns].mean().astype(float)
    return by_domain.groupby("kind").mean().reset_index()


def _score_domains(found: LeftOut, planted: str, method: str) -> pd.DataFrame:
    chosen = "planted == @planted and method == @method"
    events, runs = found.events.query(chosen), found.runs.query(chosen)
    seen = [name for name in events if str(name).startswith("seen")]
    matched = [name for name in events if str(name).startswith("matched")]
    kinds = events.groupby(["domain", "kind"])[seen].mean().groupby("domain").mean()
    table = kinds.join(events.groupby("domain")[matched].mean())
    means = runs.groupby("domain")[["precision", "clean"]].mean()
    names = {"precision": "average precision", "clean": "clean boxes flagged"}
    # Rivals have no issues and no flags, so there are unknown shares among truths
    return table.join(means.rename(columns=names)).astype(float)


def _plant(
    sequences: Iterable[Tracks], plants: Mapping[str, Plant], seeds: tuple[int, ...]
) -> Iterator[tuple[str, Injected]]:
    for tracks in sequences:
        for way, plant in plants.items():
            for seed in seeds:
                yield way, plant(tracks, seed)


def _measure(
    injected: Injected, scene: Scene, audit: Audit
) -> Iterator[tuple[pd.DataFrame, dict[str, object]]]:
    """Yield each method's mistakes, seen or not, and its figures of the run."""
    wrong, count = injected.event >= 0, len(injected.events)
    ours = our_score(audit)
    pairs = match_issues(audit.issues, injected.events)
    matched = {
        f"matched {times}N": matched_events(pairs, count, times * count)
        for times in (1, 2)
    }
    for method, score in (
        (OURS, ours),
        ("rarest finding", rarest_in_scene(scene)),
        ("two rules", two_rules(injected.tracks)),
    ):
        seen = {
            f"seen {share:.0%}": seen_events(score, injected.event, count, share)
            for share in SHARES
        }
        own = method == OURS
        events = injected.events[["kind"]].assign(
            method=method,
            **seen,
            **(matched if own else dict.fromkeys(matched, np.nan)),
        )
        clean = float((score[~wrong] > 0.5).mean()) if own else np.nan
        precision = average_precision(np.nan_to_num(score), wrong)
        yield events, {"method": method, "precision": precision, "clean": clean}


def _match(injected: Injected, audit: Audit) -> pd.DataFrame:
    """Return the issues of a sequence with the mistake that each points at."""
    issues = audit.issues
    pairs = match_issues(issues, injected.events).drop_duplicates("issue")
    event = pd.Series(-1, issues.index)
    event.loc[pairs["issue"]] = pairs["event"].to_numpy()
    return issues.assign(event=event)
