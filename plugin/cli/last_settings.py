# SPDX-License-Identifier: Apache-2.0
"""Settings that were last used for a dataset, which the App's forms offer, too.

They count after options, environment variables and the file of settings. The work team
is not among them: it starts a job, which costs money, so it has to be given each time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter, Token

if TYPE_CHECKING:
    import fiftyone as fo
    from cyclopts import App, ArgumentCollection

_OPTION = "--no-last-settings"
NoLastSettings: TypeAlias = Annotated[
    bool,
    Parameter(_OPTION, help="do not use the settings that this dataset had last time"),
]


def use_last_settings(
    app: App, commands: tuple[str, ...], arguments: ArgumentCollection
) -> None:
    """Set the options that were not set anywhere as they were last time, and say so."""
    read = _READERS.get(commands)
    if read is None:
        return
    options = {argument.name: argument for argument in arguments}
    given = {name: one.tokens[0].value for name, one in options.items() if one.tokens}
    declined = options[_OPTION]
    if "DATASET" not in given or (declined.has_tokens and declined.convert()):
        return
    last = _read(read, given)
    taken = {
        name: value
        for name, value in last.items()
        if name not in given and value != str(options[name].field_info.default)
    }
    for name, value in taken.items():
        options[name].append(Token(keyword=name, value=value, source="last time"))
    if taken:
        from .commands import print_notes

        listed = " ".join(f"{name} {value}" for name, value in taken.items())
        note = f"using the last settings of this dataset: {listed}"
        print_notes([f"{note} ({_OPTION} ignores them)"])


def _read(read: _Reader, given: Mapping[str, str]) -> dict[str, str]:
    from .sending import load_fiftyone

    load_fiftyone()
    import fiftyone as fo

    if not fo.dataset_exists(given["DATASET"]):
        return {}  # which the command reports
    return read(fo.load_dataset(given["DATASET"]), given)


def _of_audit(dataset: fo.Dataset, given: Mapping[str, str]) -> dict[str, str]:
    """Return the thresholds of the last audit; its rules are used anyway."""
    from ...importers import store
    from ..review.audit_records import last_thresholds

    try:
        field = store.find_label_field(dataset, given.get("--label-field"))
    except ValueError:
        return {}  # which the command reports
    last = last_thresholds(dataset, field)
    return {"--size-thresh": str(last.size), "--iou-thresh": str(last.iou)}


def _of_export(dataset: fo.Dataset, given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the last job, if this one goes to the same place."""
    from ...importers.s3_objects import is_s3, split_s3
    from ..groundtruth.request import AdjustmentJob
    from ..sending.groundtruth_plan import last_settings

    folder = given.get("--folder", "")
    bucket = split_s3(folder)[0] if is_s3(folder) else given.get("--bucket")
    workteam = given.get("--workteam-arn")
    if not (bucket or workteam):
        return {}
    asked = AdjustmentJob(
        "", bucket=bucket, region=given.get("--region"), workteam_arn=workteam
    )
    last = last_settings(dataset)
    last.pop("workteam_arn", None)
    place = {"bucket": bucket, "region": asked.job_region}
    if any(value and value != last.get(name) for name, value in place.items()):
        for name in ("bucket", "region", "role_arn"):
            last.pop(name, None)
    if bucket:
        last.pop("bucket", None)
    return {f"--{name.replace('_', '-')}": value for name, value in last.items()}


_Reader: TypeAlias = "Callable[[fo.Dataset, Mapping[str, str]], dict[str, str]]"
_READERS: Mapping[tuple[str, ...], _Reader] = {
    ("audit",): _of_audit,
    ("export",): _of_export,
}
