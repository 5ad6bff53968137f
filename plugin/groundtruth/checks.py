# SPDX-License-Identifier: Apache-2.0
"""Check the settings of a job before anything is written or sent.

Botocore checks types, unknown keys and minimums. Its service model also has maximums,
patterns and enums, so :func:`model_errors` walks the model. :func:`job_findings` adds
the rules that are only in Ground Truth's guide.
"""

from __future__ import annotations

import re
from functools import cache

import botocore.session
import regex  # type: ignore[import-untyped]  # the patterns hold \p{L}
from botocore.model import ListShape, Shape, StructureShape

from ...importers.problems import Finding, error, warning
from ..plain import Json
from .request import FUNCTION_ACCOUNTS, AdjustmentJob

PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "float": (int, float),
    "double": (int, float),
}

LONGEST_TIME = 2_592_000  # seconds, of the service model's text
LONGEST_TIME_OF_GUIDE = 604_800


@cache
def operation_shape(operation: str) -> StructureShape:
    """Load the input shape of an operation of SageMaker.

    Args:
        operation: the operation's name, such as ``CreateLabelingJob``

    Raises:
        ValueError: if the operation takes no input
    """
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model(operation).input_shape
    if shape is None:
        raise ValueError(f"{operation} takes no input")
    return shape


def model_errors(operation: str, request: Json) -> list[Finding]:
    """Check a request against botocore's service model.

    Args:
        operation: the operation's name, such as ``CreateLabelingJob``
        request: the operation's arguments
    """
    return _value_errors(operation_shape(operation), request, "")


def _value_errors(shape: Shape, value: object, path: str) -> list[Finding]:
    kind = PYTHON_TYPES[shape.type_name]
    misplaced_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if not isinstance(value, kind) or misplaced_bool:
        given = type(value).__name__
        return [
            error(f"{path or shape.name} is a {given}", f"give a {shape.type_name}")
        ]
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return _structure_errors(shape, value, path)
    errors = _limit_errors(shape, value, path)
    if isinstance(shape, ListShape) and isinstance(value, list):
        for number, item in enumerate(value):
            errors += _value_errors(shape.member, item, f"{path}[{number}]")
    return errors


def _structure_errors(shape: StructureShape, value: Json, path: str) -> list[Finding]:
    prefix = f"{path}." if path else ""
    missing = [name for name in shape.required_members if name not in value]
    errors = [error(f"{prefix}{name} is missing", "set it") for name in missing]
    for name, item in value.items():
        if name not in shape.members:
            what = f"{prefix}{name} is unknown to the service"
            errors.append(error(what, "leave it out"))
        else:
            errors += _value_errors(shape.members[name], item, f"{prefix}{name}")
    return errors


def _limit_errors(shape: Shape, value: object, path: str) -> list[Finding]:
    limits = shape.metadata
    size, unit = value, ""
    if isinstance(value, str):
        size, unit = len(value), " characters"
    elif isinstance(value, list):
        size, unit = len(value), " entries"
    errors = []
    if isinstance(size, int | float):
        if size > limits.get("max", size):
            most = limits["max"]
            errors.append(error(f"{path} has {size}{unit}", f"give at most {most}"))
        if size < limits.get("min", size):
            least = limits["min"]
            errors.append(error(f"{path} has {size}{unit}", f"give at least {least}"))
    if "enum" in limits and value not in limits["enum"]:
        errors.append(error(f"{path} is {value!r}", f"choose one of {limits['enum']}"))
    if "pattern" in limits and not _matches(limits["pattern"], str(value)):
        expected = limits["pattern"]
        todo = f"it must match the pattern {expected}"
        errors.append(error(f"{path} is {value!r}", todo))
    return errors


def _matches(pattern: str, value: str) -> bool:
    """Match the whole string like the service, with the digits and the dot of Java."""
    pattern = pattern.replace(r"\d", "[0-9]")
    return regex.fullmatch(pattern, value, regex.WORD) is not None


def job_findings(job: AdjustmentJob, request: Json) -> list[Finding]:
    """Check the settings of an adjustment job.

    Returns:
        the errors for which the job would be rejected, and the warnings
    """
    return [
        *model_errors("CreateLabelingJob", request),
        *_attribute_errors(job),
        *_place_errors(job),
        *_workteam_errors(job),
        *_time_findings(job),
        *_policy_warnings(job),
    ]


def _attribute_errors(job: AdjustmentJob) -> list[Finding]:
    names = {
        "label_attribute": job.label_attribute,
        "audited_attribute": job.audited_attribute,
    }
    errors = [
        error(
            f"{setting} is {name!r}",
            "choose a name that ends in -ref but is not source-ref",
        )
        for setting, name in names.items()
        if not name.endswith("-ref") or name == "source-ref"
    ]
    shape = operation_shape("CreateLabelingJob").members["LabelAttributeName"]
    errors += _value_errors(shape, job.audited_attribute, "audited_attribute")
    if job.label_attribute == job.audited_attribute:
        errors.append(
            error(
                f"label_attribute and audited_attribute are both "
                f"{job.label_attribute!r}",
                "give the result a different name",
            )
        )
    return errors


def _place_errors(job: AdjustmentJob) -> list[Finding]:
    errors = []
    region = job.job_region
    if region and region not in FUNCTION_ACCOUNTS:
        errors.append(
            error(
                f"Ground Truth does not support video object tracking in {region!r}",
                f"choose one of {', '.join(FUNCTION_ACCOUNTS)}",
            )
        )
    if job.bucket and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", job.bucket):
        errors.append(
            error(
                f"bucket is {job.bucket!r}",
                "use 3 to 63 lower-case letters, digits, dots and hyphens",
            )
        )
    prefix = job.root.split("/", 3)[3].rstrip("/")
    if {"", ".", ".."} & set(prefix.split("/")) or not prefix.isprintable():
        errors.append(
            error(f"prefix is {prefix!r}", "separate folder names by single slashes")
        )
    return errors


def _workteam_errors(job: AdjustmentJob) -> list[Finding]:
    if not job.workteam_arn:
        return []
    errors = []
    region = job.workteam_arn.split(":")[3:4]
    if region and region != [job.job_region]:
        errors.append(
            error(
                f"The work team is in region {region[0]!r}, but the job is in "
                f"{job.job_region!r}",
                "choose a work team in the job's region",
            )
        )
    if not re.search(r":workteam/(private|vendor)-crowd/.", job.workteam_arn):
        errors.append(
            error(
                f"workteam_arn is {job.workteam_arn!r}, but video needs a private or "
                "vendor work team",
                "use an ARN with workteam/private-crowd/<name>",
            )
        )
    return errors


def _time_findings(job: AdjustmentJob) -> list[Finding]:
    seconds = {
        "task_time_limit": job.task_time_limit,
        "task_availability_lifetime": job.task_availability_lifetime,
    }
    found = [
        error(f"{setting} is {value} seconds", f"give at most {LONGEST_TIME}")
        for setting, value in seconds.items()
        if value > LONGEST_TIME
    ]
    if LONGEST_TIME_OF_GUIDE < job.task_time_limit <= LONGEST_TIME:
        what = f"task_time_limit is {job.task_time_limit} seconds"
        todo = f"Ground Truth's guide allows at most {LONGEST_TIME_OF_GUIDE}"
        found.append(warning(what, todo))
    return found


def _policy_warnings(job: AdjustmentJob) -> list[Finding]:
    if not job.bucket or re.search("groundtruth|sagemaker", job.bucket):
        return []
    return [
        warning(
            "The policy AmazonSageMakerGroundTruthExecution does not cover bucket "
            f"{job.bucket!r}",
            "make sure that the role may read and write it",
        )
    ]
