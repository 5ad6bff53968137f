# SPDX-License-Identifier: Apache-2.0
"""The plots of the fault benchmark."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from fiftyone_track_audit.importers.files import write_bytes
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.metrics import precision_recall_curve

#: The first method, which the others are compared with, stands out.
_COLORS = ["#d4471f", "#2c6fbb", "#3a9d7c", "#8a63b8", "#c9962b", "#7a8590", "#b9bfc6"]
_STYLES: list[dict[str, Any]] = [
    {"color": color, "linewidth": 1.3, "markersize": 5} for color in _COLORS
]
_STYLES[0] |= {"linewidth": 2.2, "markersize": 8, "zorder": 3}
_LOOK: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": "#9aa2ab",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "grid.color": "#e6e9ec",
    "legend.frameon": False,
}


def plot_precision(ranking: pd.DataFrame, path: Path) -> None:
    """Plot precision over recall of detections.

    Args:
        ranking: one row per method and detection: ``method``, its ``place`` in the
            ranking, 0 for the most suspicious, and whether it is ``wrong``
        path: the PNG file to write
    """
    methods = ranking.groupby("method", sort=False)
    with _figure(path, (6.4, 4)) as axes:
        for style, (method, rows) in zip(_STYLES, methods, strict=False):
            precision, recall, _ = precision_recall_curve(rows["wrong"], -rows["place"])
            axes.plot(recall, precision, label=method, **style)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set(xlabel="recall of wrong boxes", ylabel="precision")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="upper left", bbox_to_anchor=(0.4, 0.88))


def plot_kinds(seen: pd.DataFrame, path: Path) -> None:
    """Plot the share of mistakes that are seen, per kind.

    Args:
        seen: shares in [0, 1], one row per kind and one column per method
        path: the PNG file to write
    """
    with _figure(path, (6.4, 0.38 * len(seen) + 1.2)) as axes:
        place = np.arange(len(seen))[::-1]
        # Next to each other, because equal shares would hide each other
        aside = np.linspace(0.27, -0.27, len(seen.columns))
        for style, dy, method in zip(_STYLES, aside, seen, strict=False):
            dots = {**style, "linestyle": "", "clip_on": False}
            axes.plot(seen[method], place + dy, "o", label=str(method), **dots)
        axes.set_yticks(place, [str(kind) for kind in seen.index])
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.5, len(seen) - 0.5))
        axes.set_yticks(place[:-1] - 0.5, minor=True)
        axes.grid(False, axis="y")
        axes.grid(True, axis="y", which="minor")
        axes.set_xlabel("mistakes seen")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(axis="y", which="both", length=0)
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.44, 1), ncols=4, handletextpad=0.2
        )


def plot_effort(curves: pd.DataFrame, path: Path) -> None:
    """Plot how far labels agree with the truth after so many looks.

    Args:
        curves: ``group``, ``name``, ``method``, ``looks``, ``IDF1`` and the ``best``
            that fixes can bring; sequences to which no fix brings anything are left out
        path: the PNG file to write
    """
    keys = ["group", "name"]
    begun = curves[curves["looks"] == 0].drop_duplicates(keys)
    begun = begun[[*keys, "IDF1"]].rename(columns={"IDF1": "start"})
    own = curves.merge(begun, on=keys)
    own = own[own["best"] - own["start"] > 0.001]
    own = own.assign(share=(own["IDF1"] - own["start"]) / (own["best"] - own["start"]))
    with _figure(path, (6.4, 3.6)) as axes:
        methods = own.groupby("method", sort=False)
        for style, (method, rows) in zip(_STYLES, methods, strict=False):
            means = rows.groupby("looks")["share"].mean()
            axes.plot(means.index, means, "o-", label=str(method), **style)
        axes.set(xlim=(0, own["looks"].max()), ylim=(-0.02, 1.02))
        axes.set(xlabel="looks per sequence", ylabel="of what fixes can bring to IDF1")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="lower right")


def plot_reviews(curves: pd.DataFrame, path: Path) -> None:
    """Plot the share of the mistakes that a reviewer has found after so many looks.

    Args:
        curves: shares in [0, 1], indexed by the number of looks in multiples of the
            mistakes that issues point at, and one column per way to review
        path: the PNG file to write
    """
    with _figure(path, (6.4, 3.6)) as axes:
        perfect = np.minimum(curves.index.to_numpy(float), 1)
        for style, name in zip(_STYLES, curves.columns[::-1], strict=False):
            axes.plot(curves.index, curves[name], label=str(name), **style)
        gray: dict[str, Any] = {"color": _COLORS[-1], "linestyle": ":"}
        axes.plot(curves.index, perfect, label="only right issues", **gray)
        axes.set(xlim=(0, curves.index.max()), ylim=(0, 1.02))
        axes.set(xlabel="looks, in multiples of the mistakes", ylabel="mistakes found")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="lower right")


def plot_tracks(
    table: pd.DataFrame,
    what: str,
    marks: pd.DataFrame,
    issues: pd.DataFrame,
    path: Path,
) -> None:
    """Plot tracks as lines over time, with what is wrong and the issues about them.

    Args:
        table: a tracks table of one sequence
        what: what the marks are called
        marks: ``track`` and ``frame`` of what is wrong
        issues: the issues of the sequence, worst first
        path: the PNG file to write
    """
    place = pd.Series({track: row for row, track in enumerate(table["track"].unique())})
    drawn: dict[str, Any] = {"linestyle": "", "clip_on": False}
    line: dict[str, Any] = {"color": _COLORS[1], "linewidth": 0.8}
    with _figure(path, (6.4, 0.12 * len(place) + 1.3)) as axes:
        pieces = table["frame"].diff().ne(1) | table["track"].diff().ne(0)
        spans = table.groupby(pieces.cumsum().to_numpy()).agg(
            track=("track", "first"), first=("frame", "min"), last=("frame", "max")
        )
        axes.hlines(
            place[spans["track"]], spans["first"], spans["last"], _COLORS[-1], lw=1.2
        )
        wrong: dict[str, Any] = {
            "markersize": 5,
            "color": _COLORS[0],
            "markeredgewidth": 1.2,
        }
        axes.plot(
            marks["frame"], place[marks["track"]], "|", label=what, **drawn, **wrong
        )
        found: dict[str, Any] = {
            "markersize": 4,
            "color": _COLORS[1],
            "markerfacecolor": "none",
        }
        axes.plot(
            issues["peak_frame"],
            place[issues["track"]],
            "o",
            label="issue",
            **drawn,
            **found,
        )
        links = _link(table, issues)
        ends = place[links["track"]].to_numpy(), place[links["other_track"]].to_numpy()
        axes.plot(links[["peak_frame", "frame"]].to_numpy().T, ends, **line)
        axes.set(xlabel="frame", ylabel="track", yticks=[])
        axes.grid(False, axis="y")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def _link(table: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    """Return the issues about two tracks, with the nearest ``frame`` of the other."""
    pairs = issues.dropna(subset=["other_track"]).reset_index(names="issue")
    boxes = table[["track", "frame"]].rename(columns={"track": "other_track"})
    pairs = pairs.astype({"other_track": "int64"}).merge(boxes, on="other_track")
    away = (pairs["frame"] - pairs["peak_frame"]).abs()
    return pairs.loc[away.groupby(pairs["issue"]).idxmin()]


def plot_lines(values: pd.DataFrame, what: str, path: Path) -> None:
    """Plot values over frames.

    Args:
        values: one row per frame, and one column per line, the most important one first
        what: what the values are
        path: the PNG file to write
    """
    with _figure(path, (6.4, 2.8)) as axes:
        for style, name in zip(_STYLES, values, strict=False):
            axes.plot(values.index, values[name], label=str(name), **style)
        axes.set(xlabel="frame", ylabel=what)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(values.T))


def plot_recall(curves: pd.DataFrame, path: Path) -> None:
    """Plot the share of the wrong boxes among the best-ranked ones.

    Args:
        curves: shares in [0, 1], indexed by the share of the boxes that is looked at,
            and one column per ranking, that of the labels alone first
        path: the PNG file to write
    """
    with _figure(path, (6.4, 3.6)) as axes:
        for style, name in zip(_STYLES, curves, strict=False):
            axes.plot(curves.index, curves[name], label=str(name), **style)
        gray: dict[str, Any] = {"color": _COLORS[-1], "linestyle": ":"}
        axes.plot(curves.index, curves.index, label="chance", **gray)
        axes.set(xlim=(0, curves.index.max()), ylim=(0, 1.02))
        axes.set(xlabel="boxes looked at", ylabel="corrected boxes found")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="upper left")


@contextmanager
def _figure(path: Path, size: tuple[float, float]) -> Iterator[Axes]:
    """Yield the axes of a figure of a size in inches, then write it."""
    with mpl.rc_context(_LOOK):
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        yield figure.add_subplot()
        image = io.BytesIO()
        figure.savefig(image, dpi=160, format="png", metadata={"Software": None})
    write_bytes(path, image.getvalue())
