# SPDX-License-Identifier: Apache-2.0
"""Decide issues: confirm them, dismiss them, or reopen them.

A decision is stored twice: on the issue, for filters and views, and in the record of
its sample, which outlives the issue.
"""

from __future__ import annotations

import getpass
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import fiftyone as fo
import pandas as pd
from bson import ObjectId

from ...importers import store
from ...importers.store.locks import exclusive
from .decisions import CONFIRMED, DISMISSED
from .issues import DECIDED, DECISIONS, ISSUES, MISTAKE, check_known, declare_issues


def decide_issues(
    dataset: fo.Dataset,
    ids: Collection[str],
    decision: str | None,
    author: str | None = None,
    time: datetime | None = None,
) -> int:
    """Confirm, dismiss or reopen issues.

    Args:
        dataset: the dataset
        ids: the IDs of the issues
        decision: ``confirmed``, ``dismissed``, or None to reopen the issues
        author (None): who made the decision; by default the user of this machine
        time (None): when it was made; by default now

    Returns:
        the number of issues

    Raises:
        ValueError: if the decision is unknown, an issue does not exist, or another
            process does not finish writing to the dataset

    Example:
        >>> ids = dataset.values("issues.detections.id", unwind=True)
        >>> fta.decide_issues(dataset, ids[:1], "confirmed")
        1
    """
    if decision not in (CONFIRMED, DISMISSED, None):
        expected = f"expected '{CONFIRMED}', '{DISMISSED}' or None"
        raise ValueError(f"{expected}, not '{decision}'")
    if len(ids) == 0:
        return 0
    made: dict[str, Any] = dict.fromkeys(DECIDED)
    if decision:
        time = time or datetime.now(UTC)
        made = dict(zip(DECIDED, (decision, author or _user(), time), strict=True))
    # An audit replaces the issues
    with exclusive(dataset, "deciding issues of"):
        declare_issues(dataset)
        places = _read_places(dataset)
        check_known(dataset, ids, places["id"])
        places = places[places["id"].isin(ids)]
        updates = {
            str(sample): _decide(own.tolist(), {"$literal": made})
            for sample, own in places.groupby("sample_id")["id"]
        }
        store.update_samples(dataset, updates)
    return len(places)


def _user() -> str:
    """Return the user of this machine, who has no name in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _decide(ids: list[str], made: dict[str, Any]) -> dict[str, Any]:
    """Return the updates of one sample that decide issues and record the decision."""
    labels = f"${ISSUES}.detections"
    chosen_ids = {"$literal": [ObjectId(each) for each in ids]}
    is_chosen = {"$in": ["$$this._id", chosen_ids]}
    chosen = {"$filter": {"input": labels, "cond": is_chosen}}
    issue, frames = {"$toString": "$$this._id"}, {n: f"$$this.{n}" for n in MISTAKE}
    mistake = {"kind": "$$this.label", **frames}
    # A later decision about a mistake replaces the earlier one, including that about
    # its issue in an earlier audit; otherwise, the record would grow with each audit
    is_about_others = {
        "$not": {
            "$or": [
                {"$in": ["$$this.issue", "$$issues"]},
                {"$in": [{"kind": "$$this.kind", **frames}, "$$mistakes"]},
            ]
        }
    }
    known = {"$ifNull": [f"${DECISIONS}", []]}
    earlier = {"$filter": {"input": known, "cond": is_about_others}}
    record = {"$mergeObjects": [{"issue": issue}, mistake, made]}
    new = {"$map": {"input": "$$chosen", "in": record}}
    # Variables are evaluated once, not for each decision of the record
    names = {
        "issues": {"$map": {"input": "$$chosen", "in": issue}},
        "mistakes": {"$map": {"input": "$$chosen", "in": mistake}},
    }
    kept = {"$let": {"vars": names, "in": earlier}}
    together = {"$concatArrays": [kept, new]}
    decided = {"$mergeObjects": ["$$this", made]}
    return {
        DECISIONS: {"$let": {"vars": {"chosen": chosen}, "in": together}},
        f"{ISSUES}.detections": {
            "$map": {
                "input": labels,
                "in": {"$cond": [is_chosen, decided, "$$this"]},
            }
        },
    }


def _read_places(dataset: fo.Dataset) -> pd.DataFrame:
    """Read ``id`` and ``sample_id`` of all issues."""
    samples, ids = dataset.values(["id", f"{ISSUES}.detections.id"])
    places = pd.DataFrame({"sample_id": samples, "id": ids}).explode("id")
    return places.dropna()
