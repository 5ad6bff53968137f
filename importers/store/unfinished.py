# SPDX-License-Identifier: Apache-2.0
"""Keep imports that fail or are killed from passing for complete ones."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import fiftyone as fo
from bson import ObjectId
from fiftyone import ViewField as F

from .fields import INFO, SEQUENCE
from .frame_documents import frame_documents
from .leases import confirm_held

#: The key of the sequences that are being imported, in the dataset's info.
_IMPORTING = "importing"


@contextmanager
def hidden(dataset: fo.Dataset) -> Iterator[None]:
    """Take the name of a new dataset away until the work on it is complete.

    If the process is killed, the name is free and the dataset is one of those that
    FiftyOne deletes itself, since they are not persistent.

    Args:
        dataset: the dataset; its name and persistence are restored at the end

    Raises:
        ValueError: if another dataset got the name meanwhile
    """
    name, persistent = dataset.name, dataset.persistent
    _rename(dataset, fo.core.dataset.get_default_dataset_name(), False)
    yield
    _rename(dataset, name, persistent)


def _rename(dataset: fo.Dataset, name: str, persistent: bool) -> None:
    # The setter of the name saves both at once
    dataset._doc.persistent = persistent
    dataset.name = name


def is_untouched(name: str) -> bool:
    """Return whether a dataset was created, but never used.

    FiftyOne creates a dataset before it calls an importer. If the process is killed in
    between, such a dataset stays.

    Returns:
        whether it has no samples, media type, info, views, runs, tags or own fields
    """
    dataset = fo.load_dataset(name)
    own = set(dataset.get_field_schema()) - set(fo.Sample("a").field_names)
    used = [
        dataset.media_type,
        dataset.info,
        dataset.tags,
        dataset.description,
        dataset.list_saved_views(),
        dataset.list_runs(),
        own,
    ]
    return not len(dataset) and not any(used)


@contextmanager
def whole_import(dataset: fo.Dataset, sequences: Collection[str]) -> Iterator[None]:
    """Remove the samples of new sequences if their import fails.

    The sequences are noted in the dataset's info meanwhile, so that
    :func:`drop_unfinished` knows them after a kill.

    Args:
        dataset: a video dataset, or an empty one
        sequences: the names of the sequences, which the dataset does not have yet
    """
    info, media_type = dict(dataset.info), dataset.media_type
    _note(dataset, list(sequences))
    try:
        yield
        _note(dataset, [])
    except BaseException:
        drop_unfinished(dataset)
        if not len(dataset):
            dataset.media_type = media_type
        dataset.info = info
        raise


def drop_unfinished(dataset: fo.Dataset) -> None:
    """Delete the samples of sequences whose import was not finished."""
    sequences = dataset.info.get(INFO, {}).get(_IMPORTING)
    if not sequences:
        return
    if dataset.has_field(SEQUENCE):
        dataset.delete_samples(dataset.match(F(SEQUENCE).is_in(sequences)))
    _note(dataset, [])


def drop_frames(dataset: fo.Dataset, samples: Collection[str]) -> None:
    """Delete the frames of samples, as an import that was killed may have left them.

    Args:
        dataset: a video dataset
        samples: the IDs of the samples
    """
    confirm_held()
    chosen = {"$in": [ObjectId(sample) for sample in samples]}
    frame_documents(dataset).delete_many({"_sample_id": chosen})


def _note(dataset: fo.Dataset, sequences: list[str]) -> None:
    """Note the sequences that are being imported."""
    confirm_held()
    notes = {**dataset.info.get(INFO, {}), _IMPORTING: sequences}
    if not sequences:
        del notes[_IMPORTING]
    dataset.info[INFO] = notes
    dataset.save()
