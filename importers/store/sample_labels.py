# SPDX-License-Identifier: Apache-2.0
"""Update the temporal detections of samples in the database, each sample at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import fiftyone as fo
from bson import ObjectId

from .bulk import Document
from .documents import update_samples


def replace_labels(
    dataset: fo.Dataset,
    field: str,
    labels: Mapping[str, Sequence[Document]],
    of: Mapping[str, str | None],
    kept: Mapping[str, str] | None = None,
) -> None:
    """Replace the temporal detections whose attributes have values, and keep others.

    Args:
        dataset: the dataset, which has the field
        field: the sample field of the temporal detections
        labels: the new documents of each sample, by its ID
        of: the values of the attributes of the labels that are replaced, such as
            ``label_field``; None for those that have none
        kept (None): labels with any of these values of attributes are kept, too
    """
    is_other = [
        *(
            {"$ne": [{"$ifNull": [f"$$this.{name}", None]}, each]}
            for name, each in of.items()
        ),
        *({"$eq": [f"$$this.{name}", each]} for name, each in (kept or {}).items()),
    ]
    _replace(dataset, field, labels, {"$or": is_other})


def exchange_labels(
    dataset: fo.Dataset,
    field: str,
    ids: Collection[str],
    labels: Mapping[str, Sequence[Document]],
) -> None:
    """Exchange temporal detections for others.

    Args:
        dataset: the dataset, which has the field
        field: the sample field of the temporal detections
        ids: the IDs of those to remove
        labels: the new documents of each sample, by its ID; of each sample that has
            any to remove, too
    """
    removed = {"$literal": [ObjectId(each) for each in ids]}
    _replace(dataset, field, labels, {"$not": [{"$in": ["$$this._id", removed]}]})


def _replace(
    dataset: fo.Dataset,
    field: str,
    labels: Mapping[str, Sequence[Document]],
    is_other: Document,
) -> None:
    """Replace all temporal detections of samples but those that a condition names."""
    known = {"$ifNull": [f"${field}.detections", []]}
    others = {"$filter": {"input": known, "cond": is_other}}
    updates = {
        sample: {
            field: {
                "_cls": "TemporalDetections",
                "detections": {"$concatArrays": [others, {"$literal": list(own)}]},
            }
        }
        for sample, own in labels.items()
    }
    update_samples(dataset, updates)


def decide_labels(
    dataset: fo.Dataset,
    fields: tuple[str, str],
    ids: Mapping[str, Sequence[str]],
    values: Mapping[str, object],
    identity: Sequence[str],
    carried: Sequence[str] = (),
) -> None:
    """Set values on temporal detections, and keep a record of them in another field.

    Args:
        dataset: the dataset, which has the fields
        fields: the sample field of the temporal detections, and that of the record, a
            list of dicts
        ids: the IDs of the labels of each sample, by its ID
        values: the values to set, by attribute
        identity: the attributes that, with the label, tell what a record is about; a
            later record replaces an earlier one about the same
        carried (()): further attributes that the record has of the label
    """
    made = {"$literal": dict(values)}
    updates = {
        sample: _decide(fields, list(own), made, identity, carried)
        for sample, own in ids.items()
    }
    update_samples(dataset, updates)


def _decide(
    fields: tuple[str, str],
    ids: Sequence[str],
    made: Document,
    identity: Sequence[str],
    carried: Sequence[str],
) -> Document:
    """Return the expressions that update one sample."""
    field, record_field = fields
    labels = f"${field}.detections"
    chosen_ids = {"$literal": [ObjectId(each) for each in ids]}
    is_chosen = {"$in": ["$$this._id", chosen_ids]}
    chosen = {"$filter": {"input": labels, "cond": is_chosen}}
    issue, about = {"$toString": "$$this._id"}, {n: f"$$this.{n}" for n in identity}
    mistake = {"kind": "$$this.label", **about}
    # A later decision about a mistake replaces the earlier one, including that about
    # its issue in an earlier audit; otherwise, the record would grow with each audit
    is_about_others = {
        "$not": {
            "$or": [
                {"$in": ["$$this.issue", "$$issues"]},
                {"$in": [{"kind": "$$this.kind", **about}, "$$mistakes"]},
            ]
        }
    }
    known = {"$ifNull": [f"${record_field}", []]}
    earlier = {"$filter": {"input": known, "cond": is_about_others}}
    more = {name: f"$$this.{name}" for name in carried}
    record = {"$mergeObjects": [{"issue": issue}, mistake, more, made]}
    new = {"$map": {"input": "$$chosen", "in": record}}
    # Variables are evaluated once, not for each decision of the record
    names = {
        "issues": {"$map": {"input": "$$chosen", "in": issue}},
        "mistakes": {"$map": {"input": "$$chosen", "in": mistake}},
    }
    kept = {"$let": {"vars": names, "in": earlier}}
    together = {"$concatArrays": [kept, new]}
    decided = {"$mergeObjects": ["$$this", made]}
    changed = {"$cond": [is_chosen, decided, "$$this"]}
    return {
        record_field: {"$let": {"vars": {"chosen": chosen}, "in": together}},
        f"{field}.detections": {"$map": {"input": labels, "in": changed}},
    }
