# SPDX-License-Identifier: Apache-2.0
"""The commands that load corrections, apply them and undo that."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from .commands import (
    CORRECTIONS,
    AsJson,
    DatasetName,
    JobName,
    KmsKey,
    app,
    beside,
    print_done,
)
from .sending import choose_view, open_dataset


@app.command(group=CORRECTIONS)
def load(
    dataset: DatasetName,
    /,
    *,
    job_name: JobName,
    output: Annotated[str | None, Parameter(metavar="PATH")] = None,
    adjusted_field: Annotated[str | None, Parameter(metavar="FIELD")] = None,
    as_json: AsJson = False,
) -> None:
    """Load corrections from an adjustment job or from corrected MOT files.

    The corrected labels go into a second label field, on exactly the frames that
    were returned. A summary shows what reviewers changed and how often they
    confirmed the audit. Nothing is changed if a file is damaged or belongs to
    another job. The exit code is 3 if the job is not finished and nothing came back
    yet.

    For example:

      track-audit load walkers --job-name fix-1
      track-audit load walkers --job-name fix-1 --output copy-of-output --json

    Args:
        output: the output.manifest, a local copy of the job's output folder, or
            the folder of corrected MOT or CVAT files (default: the job's output in S3)
        adjusted_field: the frame field for the corrected labels
            (default: <label field>_adjusted)
    """
    with open_dataset(dataset) as opened:
        from ..corrections.loading import load_adjustment

        review = load_adjustment(opened, job_name, output, adjusted_field)
    from ..corrections.reviews import describe_review

    print_done({**asdict(review), "message": describe_review(review)}, as_json)
    if as_json:
        return
    import pandas as pd

    if review.precision:
        print(pd.DataFrame(review.precision).to_string(index=False))


@app.command(group=CORRECTIONS)
def apply(
    dataset: DatasetName,
    /,
    *,
    job_name: JobName,
    view_name: Annotated[str | None, Parameter(metavar="VIEW")] = None,
    kinds: Annotated[tuple[str, ...], Parameter(metavar="KIND...")] = (),
    as_json: AsJson = False,
) -> None:
    """Replace the labels that were sent by the loaded corrections.

    All corrections are applied, or those of a view or of certain kinds. The
    previous labels are kept for 'track-audit undo'.

    For example:

      track-audit apply walkers --job-name fix-1
      track-audit apply walkers --job-name fix-1 --kinds moved resized

    Args:
        view_name: apply only the corrected labels that this saved view shows
        kinds: apply corrections of these kinds: moved, resized, label, identity,
            added, deleted, attributes, nudged (default: all but nudged)
    """
    with open_dataset(dataset) as opened:
        from ..corrections.applying import APPLIED, apply_adjustment, describe_applied

        view = choose_view(opened, view_name) if view_name else None
        applied = apply_adjustment(opened, job_name, kinds or APPLIED, view)
    print_done({**asdict(applied), "message": describe_applied(applied)}, as_json)


@app.command(group=CORRECTIONS)
def undo(
    dataset: DatasetName,
    /,
    *,
    job_name: JobName,
    drop: bool = False,
    as_json: AsJson = False,
) -> None:
    """Restore the labels from before corrections were applied.

    For example:

      track-audit undo walkers --job-name fix-1
      track-audit undo walkers --job-name fix-1 --drop

    Args:
        drop: delete the previous labels instead, which keeps the corrections
    """
    with open_dataset(dataset) as opened:
        from ..corrections.applying import (
            describe_applied,
            drop_old_labels,
            undo_adjustment,
        )

        if drop:
            drop_old_labels(opened, job_name)
            print_done({"message": "the previous labels were deleted"}, as_json)
            return
        undone = undo_adjustment(opened, job_name)
    message = f"restored: {describe_applied(undone)}"
    print_done({**asdict(undone), "message": message}, as_json)


@app.command(group=CORRECTIONS)
def quality(
    dataset: DatasetName,
    /,
    *,
    label_field: Annotated[str | None, Parameter(metavar="FIELD")] = None,
    annotator_field: Annotated[str | None, Parameter(metavar="ATTRIBUTE")] = None,
    output: Annotated[str | None, Parameter(metavar="HTML")] = None,
    kms_key_id: KmsKey = None,
    as_json: AsJson = False,
) -> None:
    """Measure how much better the labels of a dataset got.

    Issues per 1,000 boxes before and after fixes and corrections, what was decided,
    how many mistakes are likely left, and how far the labels of before agree with
    those of now (HOTA, IDF1 and MOTA, if TrackEval is installed).

    For example:

      track-audit quality walkers
      track-audit quality walkers --annotator-field worker --output quality.html

    Args:
        label_field: the frame field of the tracks (default: the only one)
        annotator_field: the attribute of detections that tells who drew them
        output: the page with plots to write
    """
    from .output import check_output, save

    if output is not None:
        check_output(output, ".html")
    with open_dataset(dataset) as opened:
        from ..corrections.quality import measure_quality

        found = measure_quality(opened, label_field, annotator_field)
    if output is not None:
        from ..report.quality_page import make_quality_page

        save(
            output, make_quality_page(dataset, found.to_dict(), str(found)), kms_key_id
        )
    with beside(output):
        print_done({**found.to_dict(), "message": str(found)}, as_json)
        if as_json:
            return
        print(found.rates.round(1).to_string(index=False))
