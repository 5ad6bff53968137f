# SPDX-License-Identifier: Apache-2.0
"""Compare two label fields of a dataset, and keep where they disagree as issues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import fiftyone as fo
import fiftyone.core.utils as fou
import pandas as pd

from ...importers import store
from ...importers.dataset import Progress
from ...importers.store import runs
from ...importers.store.locks import exclusive
from ...importers.tracks import Tracks
from ..audit import kind_name
from ..comparing.compare import compare_parts
from ..plain import Json, count, to_records
from .issues import declare_issues, read_decisions, replace_issues

#: The method of the runs that record comparisons.
_METHOD = "track_audit/comparison"


@dataclass(frozen=True)
class ComparedLabels:
    """What a comparison of two label fields found.

    Attributes:
        label_field: the field of the labels that were judged
        other_field: the field that they were compared with
        sequences: number of sequences
        measures: a record per sequence and class, then per sequence, per class, and of
            everything, see :attr:`Comparison.measures`
        issues: number of issues, by kind
    """

    label_field: str
    other_field: str
    sequences: int
    measures: list[Json]
    issues: dict[str, int]


def compare_labels(
    samples: fo.core.collections.SampleCollection,
    label_field: str,
    other_field: str,
    progress: Progress = None,
) -> ComparedLabels:
    """Compare the tracks of two label fields, frame by frame.

    They can be those of two annotators, those before and after a correction, or those
    of a model. The disagreements become issues of ``label_field``, which the panel
    lists beside those of audits, worst first; those of an earlier comparison of the two
    fields are replaced. Labels are not changed.

    Args:
        samples: a dataset or view; sequences that it shows a part of are compared whole
        label_field: the frame field of the tracks that are judged
        other_field: the frame field of those that they are compared with, which is
            taken as the truth where it matters, such as for MOTA
        progress (None): True or False for a progress bar, a function that gets it, or
            None for FiftyOne's default

    Returns:
        the :class:`ComparedLabels`

    Raises:
        ValueError: if a field has no tracks, the two are the same, or TrackEval is not
            installed, which computes the measures

    Example:
        >>> dataset.clone_frame_field("ground_truth", "second")
        >>> compared = fta.compare_labels(dataset, "ground_truth", "second")
        >>> compared.issues, compared.measures[-1]["HOTA"]
        ({}, 1.0)
    """
    dataset = store.dataset_of(samples)
    field = store.find_label_field(dataset, label_field)
    other = store.find_label_field(dataset, other_field)
    with exclusive(dataset, "comparing labels of"):
        ids = store.sample_ids(samples)
        chosen = dataset.select(ids)
        _check(chosen, field, other)
        store.add_metadata(chosen, progress)
        spans: dict[str, list[store.SampleSpan]] = {}
        with fou.ProgressBar(
            total=store.count_frames(chosen), progress=progress
        ) as bar:
            parts = _read(chosen, field, other, spans, bar.update)
            found = compare_parts(parts, f"the labels in '{other}'")
        summary = ComparedLabels(
            field,
            other,
            len(spans),
            to_records(found.measures),
            {str(kind): n for kind, n in found.issues["kind"].value_counts().items()},
        )
        _write(dataset, summary, found.issues, spans)
    dataset.reload()
    return summary


def _check(
    samples: fo.core.collections.SampleCollection, field: str, other: str
) -> None:
    """Check that there are two sets of tracks to compare."""
    if field == other:
        raise ValueError(
            f"'{field}' cannot be compared with itself; expected two label fields"
        )
    if not len(samples):
        raise ValueError("the view is empty; there are no tracks to compare")
    for name in (field, other):
        untracked = store.untracked_sequences(samples, name)
        if untracked:
            raise ValueError(
                f"the boxes in '{name}' of sequence '{untracked[0]}' have no track "
                "ids; expected tracks. Link them first, with link_detections()"
            )


def _read(
    samples: fo.core.collections.SampleCollection,
    field: str,
    other: str,
    spans: dict[str, list[store.SampleSpan]],
    step: store.Step,
) -> Iterator[tuple[Tracks, Tracks]]:
    """Yield both labels of each sequence, and note its samples in ``spans``."""
    ids = set(samples.values("id"))
    both = (store.read_sequences(samples, name) for name in (field, other))
    for labels, others in zip(*both, strict=True):
        (name,) = labels.tracks.sequences
        spans[name] = [span for span in labels.spans if span.sample_id in ids]
        yield labels.tracks, others.tracks
        step(sum(span.length for span in spans[name]))


def _write(
    dataset: fo.Dataset,
    summary: ComparedLabels,
    issues: pd.DataFrame,
    spans: dict[str, list[store.SampleSpan]],
) -> None:
    """Replace the issues of all sequences, and record the comparison."""
    declare_issues(dataset)
    _record(dataset, summary, finished=False)
    ids = [span.sample_id for own in spans.values() for span in own]
    decisions = read_decisions(dataset, ids)
    field, other = summary.label_field, summary.other_field
    for name, own in spans.items():
        of_sequence = issues[issues["sequence"] == name]
        replace_issues(dataset, field, own, of_sequence, decisions, other)
    _record(dataset, summary, finished=True)


def _record(dataset: fo.Dataset, summary: ComparedLabels, finished: bool) -> None:
    key = runs.run_key("comparison", f"{summary.label_field}_{summary.other_field}")
    about = {**asdict(summary), "label_field": f"frames.{summary.label_field}"}
    runs.save_record(dataset, key, _METHOD, {**about, "finished": finished})


def list_comparisons(dataset: fo.Dataset, field: str) -> list[Json]:
    """List the comparisons of a label field.

    Args:
        dataset: the dataset
        field: the frame field of the tracks that were judged

    Returns:
        a record per field that it was compared with: ``other_field``, ``sequences``,
        ``measures`` and ``issues``, see :class:`ComparedLabels`, and whether it
        ``finished``
    """
    found = runs.read_records(dataset, _METHOD, label_field=f"frames.{field}")
    return [each.content for each in found]


def describe_comparison(summary: ComparedLabels) -> str:
    """Describe what a comparison found.

    Args:
        summary: what it found

    Returns:
        a text for users
    """
    total = summary.measures[-1] if summary.measures else {}
    shown = [
        f"{name} {total[name]:.3f}"
        for name in ("HOTA", "IDF1", "MOTA")
        if total.get(name) is not None
    ]
    kinds = [f"{n:,} {kind_name(kind)}" for kind, n in summary.issues.items()]
    disagreements = count(sum(summary.issues.values()), "disagreement")
    text = f"{', '.join(shown) or 'no boxes'}; {disagreements}"
    return f"{text}: {', '.join(kinds)}" if kinds else text


def describe_unfinished_comparison(dataset: fo.Dataset, field: str) -> str:
    """Tell whether a comparison of a label field began but did not finish.

    Args:
        dataset: the dataset
        field: the frame field of the tracks that were judged

    Returns:
        a sentence for users, empty if all finished
    """
    for made in list_comparisons(dataset, field):
        if not made["finished"]:
            return (
                f"The comparison of '{field}' with '{made['other_field']}' has not "
                "finished; if it is no longer running, compare them again."
            )
    return ""
