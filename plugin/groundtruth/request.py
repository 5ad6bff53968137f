# SPDX-License-Identifier: Apache-2.0
"""Hold the settings of an adjustment job, and make its CreateLabelingJob request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from ..plain import Json

#: The account that owns the worker's page, and by region the account that owns the
#: pre-annotation and consolidation functions of video object tracking.
TASK_UI_ACCOUNT = "394669845002"
FUNCTION_ACCOUNTS: Mapping[str, str] = {
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
    "ca-central-1": "918755190332",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "eu-central-1": "203001061592",
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
}

#: The values in a request for settings that are not known yet. They match the
#: service's patterns, so that the rest of the request can be checked.
PLACEHOLDERS: Mapping[str, str] = {
    "bucket": "fill-in-bucket",
    "region": "fill-in-region",
    "role_arn": "fill-in-role",
    "workteam_arn": "fill-in-workteam",
}

#: The account in placeholders of ARNs.
_NOBODY = "0" * 12

#: The tag that distinguishes a package's own labeling job from others of its name.
PACKAGE_TAG = "track-audit"


def package_tag(job: Mapping[str, Any]) -> str | None:
    """Return the tag that a package shares with its labeling job.

    Args:
        job: a CreateLabelingJob request, or a response of DescribeLabelingJob

    Returns:
        the tag's value, None if there is none
    """
    tags = {tag["Key"]: tag["Value"] for tag in job.get("Tags", [])}
    return tags.get(PACKAGE_TAG)


def _are_texts(values: object) -> bool:
    if not isinstance(values, list | tuple):
        return False
    return all(isinstance(value, str) for value in values)


#: What a setting of each type must be, as text and as a test.
_KINDS: Mapping[object, tuple[str, Callable[[Any], bool]]] = {
    str: ("text", lambda value: isinstance(value, str)),
    str | None: ("text", lambda value: value is None or isinstance(value, str)),
    int: ("a whole number", lambda value: type(value) is int),
    int | None: (
        "a whole number",
        lambda value: value is None or type(value) is int,
    ),
    tuple[str, ...]: ("a list of strings", _are_texts),
    Mapping[str, str]: (
        "a mapping of strings to strings",
        lambda value: (
            isinstance(value, Mapping) and _are_texts([*value, *value.values()])
        ),
    ),
}


@dataclass(frozen=True)
class AdjustmentJob:
    """The settings of a labeling job that adjusts video object tracks.

    Attributes:
        name: the labeling job's name, 1 to 63 letters, digits and hyphens, unique
            (case-insensitively) in its account and region
        bucket (None): the S3 bucket to upload to, in the job's region; without it,
            the package stays on this machine. ``"default"`` is SageMaker's default
            bucket, and so is None if there is a work team
        prefix (None): the folder in the bucket, by default
            ``track-audit/<name>``
        audited_attribute ("tracks-ref"): the label attribute that is adjusted
        label_attribute ("tracks-audit-ref"): the label attribute of the result
        region (None): the AWS region, by default the work team's
        role_arn (None): the IAM role that Ground Truth assumes; needed to start the
            job. ``"default"`` is the execution role of this machine, and so is None if
            there is a work team
        workteam_arn (None): the private or vendor work team; needed to start the job
        title ("Correct object tracks"): the task's title for the worker
        description (None): the task's description for the worker, at most 255
            characters, by default a list of the flagged frames
        keywords (...): 1 to 5 words that help workers find the task
        labels (()): labels that workers can choose, in addition to those that occur
        task_time_limit (259200): the seconds that a worker has for one sequence
        task_availability_lifetime (864000): the seconds that a task stays available
        max_concurrent_tasks (1000): the number of sequences available at a time
        kms_key_id (None): the KMS key that encrypts what is uploaded and the job's
            output
        tags ({}): the tags of the labeling job
        label_categories (None): the label category configuration file of the original
            job, a path or an S3 URI, whose labels and attributes workers can choose in
            addition to those of the dataset
        content_classifiers (()): what the frames are free of, such as
            ``FreeOfAdultContent``
        max_labeled_objects (None): the number of sequences after which the job stops
        max_labeled_percentage (None): the share of the sequences, in percent, after
            which the job stops

    Example:
        >>> job = fta.AdjustmentJob("street-1", bucket="my-bucket", region="eu-west-1")
        >>> job.root
        's3://my-bucket/track-audit/street-1/'
    """

    name: str
    bucket: str | None = None
    prefix: str | None = None
    audited_attribute: str = "tracks-ref"
    label_attribute: str = "tracks-audit-ref"
    region: str | None = None
    role_arn: str | None = None
    workteam_arn: str | None = None
    title: str = "Correct object tracks"
    description: str | None = None
    keywords: tuple[str, ...] = ("video", "object tracking", "adjustment")
    labels: tuple[str, ...] = ()
    task_time_limit: int = 259_200
    task_availability_lifetime: int = 864_000
    max_concurrent_tasks: int = 1_000
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    label_categories: str | None = None
    content_classifiers: tuple[str, ...] = ()
    max_labeled_objects: int | None = None
    max_labeled_percentage: int | None = None

    def __post_init__(self) -> None:
        """Check that each setting has the right type.

        Raises:
            ValueError: if one has not
        """
        for setting, kind in get_type_hints(type(self)).items():
            value = getattr(self, setting)
            expected, fits = _KINDS[kind]
            if not fits(value):
                raise ValueError(f"{setting} is {value!r}; expected {expected}")

    @property
    def folder(self) -> str:
        """The package's folder in the bucket, without a slash at its ends."""
        return (self.prefix or f"track-audit/{self.name}").strip("/")

    @property
    def root(self) -> str:
        """The S3 URI of the package's folder, with a slash at its end."""
        return f"s3://{self.bucket or PLACEHOLDERS['bucket']}/{self.folder}/"

    @property
    def job_region(self) -> str | None:
        """The region that was set, or else the one in the work team's ARN."""
        parts = (self.workteam_arn or "").split(":")
        return self.region or (parts[3] if len(parts) > 3 else None) or None

    @property
    def fill_in(self) -> tuple[str, ...]:
        """The settings without which the job cannot be started."""
        known = {
            "bucket": self.bucket,
            "region": self.job_region,
            "role_arn": self.role_arn,
            "workteam_arn": self.workteam_arn,
        }
        return tuple(name for name, value in known.items() if not value)


def job_in(folder: object, job: AdjustmentJob) -> AdjustmentJob:
    """Return a job with the bucket and the prefix of its package's folder.

    Args:
        folder: the folder, None for the default one; only an S3 URI changes the job
        job: the job's settings

    Raises:
        InputError: if the settings name another bucket or prefix
    """
    # These load pandas and boto3, which the help of commands does without
    from ...importers.s3_objects import is_s3, split_s3
    from ...importers.tracks import InputError

    if not is_s3(str(folder)):
        return job
    bucket, key = split_s3(str(folder))
    prefix = key.strip("/") or job.prefix
    if job.bucket not in {None, bucket} or job.prefix not in {None, prefix}:
        message = f"the settings of the job name {job.root}; expected this folder"
        raise InputError(str(folder), message)
    return replace(job, bucket=bucket, prefix=prefix)


def labeling_job_request(job: AdjustmentJob, description: str, token: str) -> Json:
    """Make the arguments of ``create_labeling_job``.

    Args:
        job: the settings; :data:`PLACEHOLDERS` are used for those that are missing
        description: the task's description, if the settings have none
        token: a value that only this package has, which identifies its job
    """
    role = f"arn:aws:iam::{_NOBODY}:role/{PLACEHOLDERS['role_arn']}"
    output = {"S3OutputPath": f"{job.root}output/"}
    if job.kms_key_id:
        output["KmsKeyId"] = job.kms_key_id
    manifest = {"ManifestS3Uri": f"{job.root}manifest.jsonl"}
    source: Json = {"DataSource": {"S3DataSource": manifest}}
    if job.content_classifiers:
        classifiers = {"ContentClassifiers": list(job.content_classifiers)}
        source["DataAttributes"] = classifiers
    limits = {
        "MaxHumanLabeledObjectCount": job.max_labeled_objects,
        "MaxPercentageOfInputDatasetLabeled": job.max_labeled_percentage,
    }
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    tags = {**job.tags, PACKAGE_TAG: token}
    return {
        "LabelingJobName": job.name,
        "LabelAttributeName": job.label_attribute,
        "InputConfig": source,
        "OutputConfig": output,
        "RoleArn": job.role_arn or role,
        "LabelCategoryConfigS3Uri": f"{job.root}label-categories.json",
        **({"StoppingConditions": limits} if limits else {}),
        "HumanTaskConfig": _human_task(job, description),
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _human_task(job: AdjustmentJob, description: str) -> Json:
    region = job.job_region or PLACEHOLDERS["region"]
    team = f"workteam/private-crowd/{PLACEHOLDERS['workteam_arn']}"
    account = FUNCTION_ACCOUNTS.get(region, _NOBODY)
    function = f"arn:aws:lambda:{region}:{account}:function:"
    task = "AdjustmentVideoObjectTracking"
    page = f"{TASK_UI_ACCOUNT}:human-task-ui/VideoObjectTracking"
    keywords = {"TaskKeywords": list(job.keywords)} if job.keywords else {}
    return {
        "WorkteamArn": job.workteam_arn
        or f"arn:aws:sagemaker:{region}:{_NOBODY}:{team}",
        "UiConfig": {"HumanTaskUiArn": f"arn:aws:sagemaker:{region}:{page}"},
        "PreHumanTaskLambdaArn": f"{function}PRE-{task}",
        "TaskTitle": job.title,
        "TaskDescription": job.description or description,
        # Ground Truth accepts one worker per video object tracking task
        "NumberOfHumanWorkersPerDataObject": 1,
        "TaskTimeLimitInSeconds": job.task_time_limit,
        "TaskAvailabilityLifetimeInSeconds": job.task_availability_lifetime,
        "MaxConcurrentTaskCount": job.max_concurrent_tasks,
        "AnnotationConsolidationConfig": {
            "AnnotationConsolidationLambdaArn": f"{function}ACS-{task}"
        },
        **keywords,
    }
