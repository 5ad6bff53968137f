# SPDX-License-Identifier: Apache-2.0
"""Tell which worker made the labels of a Ground Truth job.

The results do not say that, but a job keeps each worker's answer beside them, in
``annotations/worker-response/iteration-1/<line>/<time>.json``. The format is that of
the SageMaker developer guide, "Worker Metadata". Each video has one worker.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import files
from .s3_objects import is_s3, s3_client, s3_errors, split_s3

#: A job's labels of one line of its manifest.
_RESULT = re.compile(
    r"(?P<job>.*annotations/)consolidated-annotation/output/(?P<line>\d+)/[^/]+"
)


def read_worker(labels: str) -> str | None:
    """Read the ID of the worker who submitted the labels of a video last.

    Args:
        labels: the local path or S3 URI of the video's ``SeqLabel.json``

    Returns:
        the ``workerId``; None if the file is not in the folder of a job, or the job's
        answers are not there or name nobody

    Raises:
        InputError: if an answer is there that cannot be read
    """
    found = _RESULT.fullmatch(labels if is_s3(labels) else Path(labels).as_posix())
    if not found:
        return None
    folder = f"{found['job']}worker-response/iteration-1/{found['line']}/"
    answers = _list_in_s3(folder) if is_s3(folder) else _list_here(folder)
    if not answers:
        return None
    # Their names are the times when they were submitted
    content = files.read_json(max(answers))
    match content:
        case {"answers": [*_, {"workerId": str(worker)}]} if worker:
            return worker
    return None


def _list_here(folder: str) -> list[str]:
    return [str(path) for path in Path(folder).glob("*.json") if path.is_file()]


def _list_in_s3(folder: str) -> list[str]:
    """List the answers in a folder, but not the frames' files in folders below it."""
    bucket, prefix = split_s3(folder)
    with s3_errors(folder, "expected to list it"):
        client = s3_client()
        listed = client.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/")
    names = (each["Key"].removeprefix(prefix) for each in listed.get("Contents", []))
    return [f"{folder}{name}" for name in names if name.endswith(".json")]
