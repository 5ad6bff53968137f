# SPDX-License-Identifier: Apache-2.0
"""The panel on a dataset of MOT20's size: seconds and database queries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

from pymongo import monitoring
from report import Line

ROOT = Path(__file__).resolve().parents[1]
PANEL = "@track-audit/video/track_audit"
REPEATS = 5
#: What users do, the methods of the panel that this calls, and the most seconds.
ACTIONS: dict[str, tuple[list[tuple[str, dict[str, Any]]], float]] = {
    "open the panel": ([("load", {}), ("list_issues", {"limit": 100})], 2),
    "choose an issue": ([("show_issue", {"id": "$issue"})], 0.5),
    "filter the list": ([("list_issues", {"kinds": ["$kind"], "limit": 100})], 0.5),
    "look at a timeline": ([("show_timeline", {"sequence": "$sequence"})], 0.5),
    "look at the thresholds": ([("show_thresholds", {})], 0.5),
    "decide an issue": (
        [
            ("decide", {"ids": ["$issue"], "decision": "confirmed"}),
            ("list_issues", {"limit": 100}),
        ],
        0.5,
    ),
}


def run(folder: Path) -> list[Line]:
    """Measure how long users wait in the panel.

    Moving a threshold asks nothing: the panel counts in what it has of them.

    Args:
        folder: the folder of the sequences' folders

    Returns:
        the lines of the table
    """
    with tempfile.TemporaryDirectory() as plugins:
        Path(plugins, "track-audit").symlink_to(ROOT)
        output = subprocess.run(
            [sys.executable, __file__, str(folder)],
            check=True,
            stdout=subprocess.PIPE,
            env=os.environ | {"FIFTYONE_PLUGINS_DIR": plugins},
        ).stdout
    found = json.loads(output.splitlines()[-1])
    lines = [
        Line(
            f"{action} ({measured['queries']})",
            f"{measured['seconds']:.2f} s, {measured['size'] / 1e3:,.0f} kB",
            target=f"under {ACTIONS[action][1]} s",
            met=measured["seconds"] < ACTIONS[action][1],
        )
        for action, measured in found["actions"].items()
    ]
    return [Line("issues", f"{found['issues']:,}"), *lines]


class _Queries(monitoring.CommandListener):
    """Counter of database queries."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate", "count", "distinct", "update"):
            self.counts[event.command_name] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


def _measure(folder: Path) -> dict[str, Any]:
    queries = _Queries()
    monitoring.register(queries)
    # FiftyOne connects when it is imported
    from fiftyone_track_audit.importers import store
    from fiftyone_track_audit.importers.mot import read_mot
    from fiftyone_track_audit.plugin.review.audits import audit_dataset
    from store import new_dataset, split_sequences

    tracks = read_mot(folder, include_ignored=True)
    with new_dataset(tracks, split_sequences(tracks)) as (dataset, segments):
        store.insert_tracks(dataset, tracks, segments)
        audit_dataset(dataset, progress=False)
        listed = _call(dataset, "list_issues", {"limit": 1})
        worst = listed["issues"][0]
        largest = str(tracks.table["sequence"].value_counts().index[0])
        names = {"issue": worst["id"], "kind": worst["kind"], "sequence": largest}
        return {
            "issues": listed["total"],
            "actions": {
                action: _time(dataset, calls, names, queries)
                for action, (calls, _) in ACTIONS.items()
            },
        }


def _time(
    dataset: Any,  # noqa: ANN401 - FiftyOne is not imported yet
    calls: list[tuple[str, dict[str, Any]]],
    names: dict[str, str],
    queries: _Queries,
) -> dict[str, Any]:
    """Return the median seconds of calls, their queries and their answers' size."""
    filled = json.dumps(calls)
    for name, value in names.items():
        filled = filled.replace(f"${name}", value)
    took = []
    for _ in range(REPEATS):
        queries.counts.clear()
        begin = perf_counter()
        answers = [_call(dataset, *call) for call in json.loads(filled)]
        took.append(perf_counter() - begin)
    counts = ", ".join(f"{count} {name}" for name, count in queries.counts.items())
    size = len(json.dumps(answers))
    return {"seconds": sorted(took)[REPEATS // 2], "queries": counts, "size": size}


def _call(dataset: Any, method: str, params: dict[str, Any]) -> Any:  # noqa: ANN401
    import fiftyone.operators as foo

    params = params | {"__method__": method, "panel_id": "panel", "panel_state": {}}
    answer = foo.execute_operator(PANEL, {"dataset": dataset, "params": params}).result
    if "problem" in answer and len(answer) == 1:
        raise RuntimeError(answer["problem"])
    return answer


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]))))
