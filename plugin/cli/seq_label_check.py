# SPDX-License-Identifier: Apache-2.0
"""The command that checks a SeqLabel.json, as AWS's notebook does."""

from __future__ import annotations

import json
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from .audit import Crops, Limits, WithEmbeddings, say
from .commands import FIELDS, FILES, STDOUT, AsJson, KmsKey, app, print_json

_Path: TypeAlias = Annotated[str, Parameter(metavar="PATH")]
_LIMITS, _CROPS = Limits(), Crops()


@app.command(group=FILES)
def run_quality_check(
    *,
    lab_path: Annotated[_Path, Parameter(alias="--lab_path")],
    save_path: Annotated[_Path, Parameter(alias="--save_path")],
    bucket: Annotated[str | None, Parameter(metavar="BUCKET")] = None,
    imgs: Annotated[str | None, Parameter(metavar="DIR")] = None,
    embed: WithEmbeddings = False,
    crops: Annotated[Crops, FIELDS] = _CROPS,
    limits: Annotated[Limits, FIELDS] = _LIMITS,
    kms_key_id: KmsKey = None,
    as_json: AsJson = False,
) -> None:
    r"""Check a SeqLabel.json of Ground Truth and write a report as JSON.

    The report has, for each object by its name:

      size_diff            change of area since the previous frame, in pixels
      norm_size_diff       the same, relative to the previous area
      size_problem_frames  frames whose box has a wrong size
      iou                  IoU with the box in the previous frame
      iou_problem_frames   frames whose box is in a wrong place

    and "problem_frames", the union of all objects' frames. --embed adds
    embedding_distance, between a crop and that of the previous frame, and
    embedding_problem_frames, where it exceeds the object's mean plus two standard
    deviations. Frames are counted from 0, like Ground Truth's frame-no. The lists of
    values have one entry per frame, null if there is no box or no previous one.

    For example:

      track-audit run-quality-check --lab-path SeqLabel.json --save-path q.json
      track-audit run-quality-check --bucket labels --save-path quality/0.json \
        --lab-path job/annotations/consolidated-annotation/output/0/SeqLabel.json

    Args:
        lab_path: the SeqLabel.json to check: its key in the bucket, or a local path
        save_path: the report to write: its key in the bucket, or a local path
        bucket: the S3 bucket of both paths; without it, they are local
        imgs: the folder of frames, so that boxes at the image border do not count
    """
    from ...importers.groundtruth import read_seq_label
    from ...importers.tracks import InputError
    from ..audit.quality_check import PROBLEM_FRAMES, check_quality
    from .output import check_output, save

    thresholds, chosen = limits.thresholds(), crops.chosen(embed, "--embed")
    labels, output = (_in_bucket(bucket, path) for path in (lab_path, save_path))
    check_output(output, ".json", labels)
    if embed and not imgs:
        raise InputError("--embed", "expected the folder of frames, --imgs")
    tracks = read_seq_label(labels, imgs, strict=True)
    vectors = chosen.embed(tracks, thresholds) if chosen else None
    quality = check_quality(labels, tracks, thresholds, vectors)
    save(output, json.dumps(quality, allow_nan=False).encode(), kms_key_id)
    found = ", ".join(map(str, quality[PROBLEM_FRAMES])) or "none"
    message = f"problem frames: {found}"
    if as_json:
        print_json(quality, message, tracks.notes)
    else:
        say(f"{message}\nsaved to {output}", output)


def _in_bucket(bucket: str | None, path: str) -> str:
    return path if path == STDOUT or not bucket else f"s3://{bucket}/{path}"
