# SPDX-License-Identifier: Apache-2.0
"""Read a label category configuration, and merge it into that of an adjustment.

An adjustment's configuration must hold all labels of the original job. AWS's guide and
its samples spell two keys differently (``documentVersion`` and ``document-version``,
``categoryAttributes`` and ``attributes``), so both spellings are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...importers.files import expand_home, read_json
from ...importers.s3_objects import is_s3
from ...importers.tracks import InputError
from ..plain import Json

_LABEL_ATTRIBUTES = ("categoryAttributes", "attributes")
_FRAME = ("frameAttributes", "frame-attributes")
_SHARED = ("categoryGlobalAttributes", "category-global-attributes")


@dataclass(frozen=True)
class LabelCategories:
    """What workers can choose in a labeling job.

    Attributes:
        labels: the attributes of each label
        shared: the attributes of all labels
        frame: the attributes of frames
    """

    labels: Mapping[str, Sequence[Json]]
    shared: Sequence[Json] = ()
    frame: Sequence[Json] = ()


def read_label_categories(path: str) -> LabelCategories:
    """Read a label category configuration file.

    Args:
        path: a path or an S3 URI

    Returns:
        the :class:`LabelCategories`

    Raises:
        InputError: if it cannot be read, or is no such file
    """
    content = read_json(path if is_s3(path) else expand_home(path))
    expected = "a label category configuration with labels"
    entries = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise InputError(path, f"no labels; expected {expected}")
    labels: dict[str, Sequence[Json]] = {}
    for entry in entries:
        label = entry.get("label") if isinstance(entry, dict) else None
        if not isinstance(label, str) or label in labels:
            message = f"an entry of labels is {entry!r:.80}"
            raise InputError(path, f"{message}; expected each label once")
        labels[label] = _attributes(path, entry, _LABEL_ATTRIBUTES)
    return LabelCategories(
        labels,
        shared=_attributes(path, content, _SHARED),
        frame=_attributes(path, content, _FRAME),
    )


def _attributes(path: str, entry: Json, spellings: Sequence[str]) -> list[Json]:
    found: object = next((entry[key] for key in spellings if entry.get(key)), [])
    listed = found if isinstance(found, list) else [None]
    named = [
        dict(each)
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    ]
    if len(named) < len(listed):
        message = f"{spellings[0]} is {found!r:.80}; expected attributes with names"
        raise InputError(path, message)
    return named


def merge_label_categories(configuration: Json, given: LabelCategories) -> Json:
    """Add the labels and attributes of a configuration to those of an adjustment.

    Args:
        configuration: the content of the adjustment's file
        given: what the original job offered, which comes first

    Returns:
        the content of the file, with all labels and values of either
    """
    own = {
        entry["label"]: entry["categoryAttributes"] for entry in configuration["labels"]
    }
    names = [each["name"] for each in given.shared]
    values = [each for attributes in own.values() for each in attributes]
    entries = []
    for label in [*given.labels, *(each for each in own if each not in given.labels)]:
        kept = [each for each in own.get(label, ()) if each["name"] not in names]
        attributes = _merge(given.labels.get(label, ()), kept)
        entries.append({"label": label, "categoryAttributes": attributes})
    return {
        **configuration,
        "labels": entries,
        "frameAttributes": _merge(given.frame, configuration["frameAttributes"]),
        "categoryGlobalAttributes": _merge(
            given.shared, [each for each in values if each["name"] in names]
        ),
    }


def _merge(given: Sequence[Json], own: Sequence[Json]) -> list[Json]:
    """Merge attributes by their names."""
    merged = {each["name"]: dict(each) for each in given}
    for each in own:
        name = each["name"]
        merged[name] = _widen(merged[name], each) if name in merged else dict(each)
    return list(merged.values())


def _widen(given: Json, own: Json) -> Json:
    """Return an attribute that can have the values of both."""
    wide = dict(given)
    if given.get("enum"):
        found = [value for value in own.get("enum", ()) if value not in given["enum"]]
        wide["enum"] = [*given["enum"], *found]
    for name, choose in (("minimum", min), ("maximum", max)):
        if name in given and name in own:
            wide[name] = choose(given[name], own[name])
    return wide
