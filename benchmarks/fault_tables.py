# SPDX-License-Identifier: Apache-2.0
"""The tables of the fault benchmark, by their names in the page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from corrections import Corrections
from fiftyone_track_audit.importers.tracks import Tracks
from injector import KINDS
from left_out import (
    EQUAL,
    MIXTURE,
    LeftOut,
    tabulate_domains,
    tabulate_left_out_kinds,
    tabulate_means,
)
from measures import average_precision
from planted import Results
from reviews import tabulate_reviews
from rivals import OURS, RIVALS

#: The budget at which kinds are compared, about as many detections as are wrong.
SHARE = "seen 2%"


def tabulate_sequences(tracks: Tracks) -> pd.DataFrame:
    """Tabulate the sequences that mistakes are planted into.

    Args:
        tracks: the tracks, which are assumed to be correct

    Returns:
        one row per sequence
    """
    sequences = tracks.table.groupby("sequence", observed=True)
    table = sequences.agg(tracks=("track", "nunique"), boxes=("frame", "size"))
    return table.reset_index()


def tabulate_left_out(found: LeftOut, reviews: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Make the tables of domains that were left out.

    Args:
        found: what was found there
        reviews: simulated reviews of the issues there

    Returns:
        the tables by their names
    """
    tables = {
        "left-out": tabulate_means(found),
        "left-out-domains": tabulate_domains(found, MIXTURE),
        "left-out-domains-equal": tabulate_domains(found, EQUAL),
        "left-out-kinds": tabulate_left_out_kinds(found, MIXTURE),
    }
    percent = {name: in_percent(table) for name, table in tables.items()}
    return {**percent, "reviews": tabulate_reviews(reviews)}


def tabulate_faults(results: Results) -> dict[str, pd.DataFrame]:
    """Make the tables of planted mistakes.

    Args:
        results: the results

    Returns:
        the tables by their names
    """
    return {
        "methods": _tabulate_methods(results),
        "kinds": _tabulate_kinds(results),
        "kinds-and-rivals": _percent(_with_mean(compare_kinds(results)), "kind"),
        "localisation": _tabulate_localisation(results),
        "threshold": _tabulate_flags(results),
    }


def compare_kinds(results: Results) -> pd.DataFrame:
    """Compare the share of mistakes of each kind that is seen with each method.

    Args:
        results: the results

    Returns:
        shares in [0, 1], one row per kind and one column per method
    """
    shares = results.events.pivot_table(SHARE, "kind", "method")
    return _name_kinds(shares[[OURS, *RIVALS]])


def tabulate_corrections(
    found: Mapping[str, Corrections], measured: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Make the tables of real mistakes.

    Args:
        found: the corrections of each sequence, by its name
        measured: results of :func:`measure_corrections`, which are averaged

    Returns:
        the tables by their names
    """
    counts = {
        name: {
            "boxes": len(each.corrected),
            "corrected": int(each.corrected.sum()),
            "in stretches": each.stretches()[1],
            "in tracks": each.tracks.table["track"][each.corrected].nunique(),
            "missing": len(each.missing),
        }
        for name, each in found.items()
    }
    means = measured.groupby(["method", "sequence"]).mean()
    tables = {
        str(name): means.pivot_table(name, "method", "sequence").loc[[OURS, *RIVALS]]
        for name in means
    }
    precision = tables.pop("precision").map(lambda times: f"{times:.2f}")
    return {
        "corrections": pd.DataFrame(counts).T.rename_axis("sequence").reset_index(),
        **{
            f"corrections-{name}": _percent(table, "method")
            for name, table in tables.items()
        },
        "corrections-precision": precision.rename_axis("method").reset_index(),
    }


def _tabulate_methods(results: Results) -> pd.DataFrame:
    budgets = results.events.drop(columns="kind")
    shares = budgets.groupby("method").mean().drop(columns="seed")
    # The mean over kinds for seen mistakes, over all mistakes for matched ones
    kinds = budgets.groupby(["method", results.events["kind"]]).mean()
    seen = kinds.groupby("method").mean().filter(like="seen")
    shares[seen.columns] = seen
    per_run = {
        run: average_precision(-rows["place"].to_numpy(), rows["wrong"].to_numpy())
        for run, rows in results.ranking.groupby(["method", "seed"])
    }
    precision = pd.Series(per_run).groupby(level=0)
    shares["average precision"] = precision.mean()
    return _percent(shares.loc[[OURS, *RIVALS]], "method")


def _tabulate_kinds(results: Results) -> pd.DataFrame:
    ours = results.events[results.events["method"] == OURS]
    by_kind = ours.drop(columns=["method", "seed"]).groupby("kind")
    planted = _name_kinds(by_kind.size().to_frame())[0]
    shares = _percent(_with_mean(_name_kinds(by_kind.mean())), "kind")
    shares.insert(1, "planted", [*planted, planted.sum()])
    return shares


def _tabulate_localisation(results: Results) -> pd.DataFrame:
    ours = results.issues[results.issues["method"] == OURS]
    frames = ours[["kind", "outside", "missed"]].groupby("kind")
    means = _name_kinds(frames.mean().assign(issues=frames.size()))
    means.loc["all"] = ours[["outside", "missed"]].mean()
    means.loc["all", "issues"] = len(ours)
    table = means[["outside", "missed"]].map(lambda mean: f"{mean:.1f}")
    table.insert(0, "issues", means["issues"].astype(int))
    return table.rename_axis("kind").reset_index()


def _tabulate_flags(results: Results) -> pd.DataFrame:
    mean = results.flags.mean()
    lines = {
        "clean boxes that are flagged": f"{mean['clean']:.2%}",
        "mistakes with a flagged box": f"{mean['flagged']:.1%}",
        "mistakes that an issue points at": f"{mean['matched']:.1%}",
        "issues per mistake": f"{mean['per_mistake']:.2f}",
        "issues that point at a planted mistake": f"{mean['right']:.1%}",
    }
    return pd.DataFrame(lines.items(), columns=["at the default threshold", "mean"])


def _name_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """Sort the kinds of the index, and name them as people do."""
    order = [kind for kind in KINDS if kind in table.index]
    return table.loc[order].rename(index=lambda kind: kind.replace("_", " "))


def _with_mean(shares: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([shares, shares.mean().to_frame("mean").T])


def in_percent(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose shares are percentages, empty where unknown.

    Args:
        table: a table whose columns of floats are shares
    """
    shares = table.select_dtypes("float")
    texts = shares.map(lambda share: f"{share:.1%}" if share == share else "")
    return table.assign(**{str(name): column for name, column in texts.items()})


def _percent(shares: pd.DataFrame, index: str) -> pd.DataFrame:
    """Return shares as percentages, with the index as the first column."""
    return shares.map(lambda share: f"{share:.1%}").rename_axis(index).reset_index()
