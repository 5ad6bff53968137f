# SPDX-License-Identifier: Apache-2.0
"""The commands that send frames to annotators and follow their jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Group, Parameter, Token

from ..groundtruth.request import AdjustmentJob, job_in
from .commands import (
    FIELDS,
    JOBS,
    AsJson,
    DatasetName,
    app,
    print_done,
)
from .last_settings import NoLastSettings

if TYPE_CHECKING:
    import fiftyone as fo

    from ...importers.problems import Finding
    from ..plain import Json
    from ..sending.chosen_frames import FramesToSend
    from ..sending.records import Counts

Collection: TypeAlias = "fo.core.collections.SampleCollection"

_SETTINGS = Group("Settings of the job", sort_key=2)


@dataclass(frozen=True)
class FrameOptions:
    """The options that say which frames of a dataset to send.

    Attributes:
        view_name: send only the frames of this saved view (default: all frames)
        label_field: the frame field of the tracks; needed if there are several
        context: labeled frames to include before and after each frame
        include_dismissed: also send frames that have only dismissed issues
        only_tracks: send only the tracks that issues and flagged boxes are about
    """

    view_name: Annotated[str | None, Parameter(metavar="VIEW")] = None
    label_field: Annotated[str | None, Parameter(metavar="FIELD")] = None
    context: Annotated[int, Parameter(metavar="FRAMES")] = 2
    include_dismissed: bool = False
    only_tracks: bool = False

    def choose(self, dataset: fo.Dataset) -> FramesToSend:
        """Return the frames of a dataset that the options choose."""
        from ..sending.chosen_frames import FramesToSend

        return FramesToSend(
            choose_view(dataset, self.view_name),
            self.label_field,
            self.context,
            include_dismissed=self.include_dismissed,
            only_tracks=self.only_tracks,
        )


def _read_tags(_: object, tokens: Sequence[Token]) -> dict[str, str]:
    pairs = [token.value.partition("=") for token in tokens]
    return {key: value for key, _, value in pairs}


@dataclass(frozen=True)
class JobSettings(AdjustmentJob):
    """The settings of a job on the command line.

    Attributes:
        name: the name of the job (default: the name of the dataset and the time)
    """

    name: Annotated[str, Parameter(alias="--job-name")] = ""
    tags: Annotated[
        Mapping[str, str],
        Parameter(converter=_read_tags, n_tokens=-1, metavar="KEY=VALUE..."),
    ] = field(default_factory=dict)

    def job(self, dataset: fo.Dataset) -> AdjustmentJob:
        """Return the job, which gets a name if it has none."""
        from ..sending.groundtruth_plan import default_job_name

        settings = {one.name: getattr(self, one.name) for one in fields(self)}
        name = self.name or default_job_name(dataset)
        return AdjustmentJob(**{**settings, "name": name})


_FRAMES, _JOB = FrameOptions(), JobSettings()
_ExportName: TypeAlias = Annotated[
    str | None,
    Parameter(
        "--name",
        alias="--job-name",
        metavar="NAME",
        help="what 'track-audit load' calls the export (default: the folder's name)",
    ),
]


@app.command(group=JOBS)
def export(
    dataset: DatasetName,
    /,
    *,
    frames: Annotated[FrameOptions, FIELDS] = _FRAMES,
    folder: Annotated[str | None, Parameter(metavar="DIR")] = None,
    copy_frames: bool = False,
    add_cors: bool = False,
    check: bool = False,
    no_last_settings: NoLastSettings = False,
    as_json: AsJson = False,
    settings: Annotated[JobSettings, Parameter("*", group=_SETTINGS)] = _JOB,
) -> None:
    r"""Export frames as an adjustment job of SageMaker Ground Truth.

    With --bucket, the package is uploaded. With --role-arn and --workteam-arn too,
    the job is started, WHICH COSTS MONEY. With --workteam-arn alone, SageMaker's
    default bucket and the execution role of this machine are used if they exist.
    For a bucket or work team, what is not given is as in the dataset's last job in
    that bucket and region, but never the work team.
    Everything that would make the job fail is checked first; if there is any,
    nothing is written. 'track-audit launch' resumes an export that was interrupted.

    For example:

      track-audit export walkers --view-name outliers --name fix-1 --folder package
      track-audit export walkers --view-name outliers --check \
        --bucket my-bucket --region eu-west-1
      track-audit export walkers --view-name outliers --name fix-1 --json \
        --bucket my-bucket --role-arn ARN --workteam-arn ARN

    Args:
        folder: a new folder for the package, or that of an earlier export of the
            same job (default: below FiftyOne's default dataset folder); with
            s3://bucket/prefix, the package is in S3 alone, without --bucket
        copy_frames: copy the frames into the package
        add_cors: add the CORS rule that the worker's page needs to the bucket
        check: only report what would make the job fail; change nothing
    """
    with open_dataset(dataset) as opened:
        from ..sending.groundtruth import export_adjustment
        from ..sending.groundtruth_checks import check_adjustment
        from ..sending.groundtruth_plan import plan_jobs

        job = job_in(folder, settings.job(opened))
        adjustment = plan_jobs(frames.choose(opened), job)
        if check:
            found = check_adjustment(adjustment, folder, copy_frames=copy_frames)
            _report_findings(dataset, adjustment.counts, found, as_json)
            return
        result = export_adjustment(
            opened, adjustment, folder, copy_frames=copy_frames, add_cors=add_cors
        )
    print_result(result.to_dict(), as_json)


@app.command(group=JOBS)
def export_mot(
    dataset: DatasetName,
    /,
    *,
    folder: Annotated[str, Parameter(metavar="DIR")],
    name: _ExportName = None,
    frames: Annotated[FrameOptions, FIELDS] = _FRAMES,
    as_json: AsJson = False,
) -> None:
    """Export frames as MOT Challenge sequences, to correct them with any tool.

    'track-audit load' loads the corrected files, by the name of the export.

    For example:

      track-audit export-mot walkers --view-name outliers --folder fix-1
      track-audit load walkers --job-name fix-1 --output corrected

    Args:
        folder: a new folder
    """
    with open_dataset(dataset) as opened:
        from ..sending.mot import send_as_mot

        sent = send_as_mot(frames.choose(opened), folder, name)
    print_result(sent.to_dict(), as_json)


@app.command(group=JOBS)
def export_cvat(
    dataset: DatasetName,
    /,
    *,
    folder: Annotated[str, Parameter(metavar="DIR")],
    name: _ExportName = None,
    frames: Annotated[FrameOptions, FIELDS] = _FRAMES,
    as_json: AsJson = False,
) -> None:
    """Export frames as CVAT for video 1.1, to correct them in CVAT.

    Each sequence gets a folder with its frames in images/ and their tracks in
    annotations.xml. 'track-audit load' loads the corrected files, by the name of
    the export.

    For example:

      track-audit export-cvat walkers --view-name outliers --folder fix-1
      track-audit load walkers --job-name fix-1 --output corrected

    Args:
        folder: a new folder
    """
    with open_dataset(dataset) as opened:
        from ..sending.cvat import send_as_cvat

        sent = send_as_cvat(frames.choose(opened), folder, name)
    print_result(sent.to_dict(), as_json)


@app.command(group=JOBS)
def export_groundtruth(
    dataset: DatasetName,
    /,
    *,
    folder: Annotated[str, Parameter(metavar="DIR")],
    view_name: Annotated[str | None, Parameter(metavar="VIEW")] = None,
    label_field: Annotated[str | None, Parameter(metavar="FIELD")] = None,
    label_attribute: Annotated[str, Parameter(metavar="NAME")] = "tracks-audit-ref",
    manifest: Annotated[str | None, Parameter(metavar="PATH")] = None,
    root: Annotated[str | None, Parameter(metavar="URI")] = None,
    frames_root: Annotated[str | None, Parameter(metavar="URI")] = None,
    as_json: AsJson = False,
) -> None:
    r"""Export labels in Ground Truth's own format, as training jobs read it.

    Each sequence gets a folder with its SeqLabel.json, and a line in output.manifest.

    For example:

      track-audit export-groundtruth walkers --folder labels
      track-audit export-groundtruth walkers --folder labels \
        --manifest s3://bucket/job/manifests/output/output.manifest \
        --root s3://bucket/audited/

    Args:
        folder: a new folder
        view_name: only the frames of this saved view (default: all frames)
        label_field: the frame field of the tracks; needed if there are several
        label_attribute: the label attribute of the labels
        manifest: the manifest of the original job, onto whose lines the labels are
            chained
        root: the S3 URI that the folder is going to be copied to
        frames_root: the S3 URI of the frames, in a folder per sequence (default: the
            local folder, or the one in --manifest)
    """
    with open_dataset(dataset) as opened:
        from ...importers.files import resolve_path
        from ...importers.groundtruth_exporter import MANIFEST, GroundTruthExporter

        exporter = GroundTruthExporter(
            folder, label_field, label_attribute, manifest, root, frames_root
        )
        exporter.export_samples(choose_view(opened, view_name))
    message = f"exported to {folder}/{MANIFEST}"
    done = {"folder": str(resolve_path(folder)), "notes": [], "message": message}
    print_done(done, as_json)


def load_fiftyone() -> None:
    """Import FiftyOne, which logs to the standard output that it finds."""
    # The standard output is for results
    with redirect_stdout(sys.stderr):
        import fiftyone as fo

        fo.config.show_progress_bars = sys.stderr.isatty()


@contextmanager
def open_dataset(name: str) -> Iterator[fo.Dataset]:
    """Load a dataset, and treat what it does not have as bad input.

    Raises:
        InputError: if there is no such dataset, or it lacks what is asked for
    """
    load_fiftyone()
    import fiftyone as fo

    from ...importers.tracks import InputError

    if not fo.dataset_exists(name):
        message = "no such dataset; 'fiftyone datasets list' shows those that exist"
        raise InputError(name, message)
    try:
        yield fo.load_dataset(name)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(name, str(error)) from error


def choose_view(dataset: fo.Dataset, name: str | None) -> Collection:
    """Return a saved view of a dataset, or the dataset if none is named.

    Args:
        dataset: the dataset
        name: the name of the view, or None

    Raises:
        ValueError: if there is no such view
    """
    if not name:
        return dataset
    if not dataset.has_saved_view(name):
        known = ", ".join(dataset.list_saved_views()) or "none"
        message = f"no saved view '{name}'; it has {known}"
        raise ValueError(f"{message}. 'track-audit views' saves those of an audit")
    return dataset.load_saved_view(name)


def _report_findings(
    dataset: str, counts: Counts, found: tuple[Finding, ...], as_json: bool
) -> None:
    from ...importers.tracks import InputError
    from ..plain import count

    message = f"{count(len(found), 'finding')}; nothing was changed"
    listed = [asdict(finding) for finding in found]
    if not as_json:
        for finding in found:
            print(f"{finding.severity}: {finding}")
    print_done({**asdict(counts), "findings": listed, "message": message}, as_json)
    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        raise InputError(dataset, f"the job would fail; errors: {errors}")


def print_result(result: Json, as_json: bool) -> None:
    """Print what was sent."""
    print_done({**result, "notes": result.get("notes", "").splitlines()}, as_json)
    if as_json:
        return
    if "folder" in result:
        print(f"package: {result['folder']}")
    print(result["next"])
