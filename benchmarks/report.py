# SPDX-License-Identifier: Apache-2.0
"""Measure calls, and print how long they and their rivals took."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from fiftyone_track_audit.importers.files import write_bytes
from fiftyone_track_audit.importers.tracks import InputError

PACKAGES = ("fiftyone", "pymongo", "numpy", "pandas", "pyarrow")
HEADINGS = ["what", "figure", "rival", "rival's figure", "ratio", "target", "met"]


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        what: what was measured
        figure: what it took
        rival: what it is measured against
        rivals_figure: what that took
        ratio: how the two compare
        target: what is aimed at
        met: whether the target is met, None where there is none
    """

    what: str
    figure: str
    rival: str = ""
    rivals_figure: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


def at_most(
    what: str, seconds: float, rival: str, rivals_seconds: float, times: float
) -> Line:
    """Return a line whose target is a time relative to the rival.

    Args:
        what: what was measured
        seconds: how long it took
        rival: what it is measured against
        rivals_seconds: how long that took
        times: the target

    Returns:
        the :class:`Line`
    """
    ratio = seconds / rivals_seconds
    return Line(
        what,
        f"{seconds * 1000:,.0f} ms",
        rival,
        f"{rivals_seconds * 1000:,.0f} ms",
        f"{ratio:.2f}",
        f"at most {times:g}",
        ratio <= times,
    )


def at_least(
    what: str,
    rate: float,
    target: float,
    rival: str,
    rivals_rate: float,
    times: float = 0,
) -> Line:
    """Return a line whose targets are a rate, and a speed relative to the rival.

    Args:
        what: what was measured
        rate: detections per second
        target: the least rate
        rival: what it is measured against
        rivals_rate: detections per second of that
        times (0): the least ratio of the two

    Returns:
        the :class:`Line`
    """
    ratio = rate / rivals_rate
    return Line(
        what,
        f"{rate:,.0f}/s",
        rival,
        f"{rivals_rate:,.0f}/s",
        f"{ratio:.1f}",
        f"{target:,.0f}/s" + (f", {times:g} times" if times else ""),
        rate >= target and ratio >= times,
    )


def seconds(call: Callable[[], object]) -> float:
    """Return how many seconds a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def best_of(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Measure calls in turn, so that a busy moment affects all of them.

    Args:
        repeats: how many times to make each call
        *calls: the calls

    Returns:
        the seconds of each one's fastest time
    """
    rounds = [[seconds(call) for call in calls] for _ in range(repeats)]
    return [min(times) for times in zip(*rounds, strict=True)]


def print_machine() -> None:
    """Print the machine and the versions that the figures depend on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    load = os.getloadavg()[0]
    print(f"{_cpu()}, {os.cpu_count()} cores, {load:.1f} of them busy")
    print(f"Python {platform.python_version()}, {packages}")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":")[1].strip() for line in lines if "model name" in line)
    return next(names, platform.processor())


def print_table(title: str, lines: list[Line]) -> None:
    """Print the lines of a subject.

    Args:
        title: the subject
        lines: the lines
    """
    table = pd.DataFrame([astuple(line) for line in lines], columns=HEADINGS)
    table["met"] = table["met"].map({True: "yes", False: "no", None: ""})
    print_frame(title, table)


def print_frame(title: str, table: pd.DataFrame) -> None:
    """Print a table.

    Args:
        title: the subject
        table: the table, without its index
    """
    print(f"\n{title}\n{table.to_string(index=False)}", flush=True)


def real_data() -> Path:
    """Return the folder of real labels, or end if it is not set."""
    folder = os.environ.get("TRACK_AUDIT_DATA")
    if not folder:
        sys.exit("TRACK_AUDIT_DATA is not set: expected the folder of real labels")
    return Path(folder)


def report_tables(
    tables: Mapping[str, pd.DataFrame], docs: Path | None, page: str = "scoring.md"
) -> None:
    """Print tables, and fill them into a page if its folder is given."""
    for name, table in tables.items():
        print_frame(name, table)
    if docs:
        fill_page(docs / page, tables)


def fill_page(page: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write tables into a page, between ``<!-- begin table NAME -->`` and an end.

    Args:
        page: the Markdown page
        tables: the tables by their names

    Raises:
        InputError: if the page has no place for a table
    """
    text = page.read_text()
    for name, table in tables.items():
        begin, end = f"<!-- begin table {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            message = f"expected a line {begin.strip()} and, below it, {end}"
            raise InputError(page, message)
        text = f"{before}{begin}\n{table.to_markdown(index=False)}\n\n{end}{after}"
    write_bytes(page, text.encode())
