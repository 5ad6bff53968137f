# SPDX-License-Identifier: Apache-2.0
"""A stand-in for AWS, moto's server with labeling jobs, and small videos for it.

The request is checked against the whole of botocore's service model, and the
files in S3 against Ground Truth's guide. The checks share no code with the
package that they judge. Failures come to order: see :meth:`LabelingService.fail`.
"""

import io
import json
import re
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Thread

import boto3
import botocore.session
import numpy as np
import pandas as pd
import regex
from fiftyone_track_audit.importers.tracks import Sequence, Tracks, make_table
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError
from jsonschema.validators import extend
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.responses import IamResponse
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sagemaker import exceptions
from moto.sagemaker.responses import SageMakerResponse
from PIL import Image
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

#: AWS's accounts by region, as Ground Truth's guide lists them: of the functions of an
#: adjustment job, and of the workers' page.
ACCOUNTS = pd.read_csv(
    Path(__file__).parents[1] / "groundtruth" / "accounts.csv",
    index_col="region",
    dtype=str,
)

BUCKET = "sagemaker-tracks"

#: The work teams of the account, and its roles with who may assume them.
TEAMS = {"auditors"}
ROLES = {"GroundTruth": "sagemaker.amazonaws.com", "Other": "ec2.amazonaws.com"}

#: Settings with which a job can be started.
READY = {
    "bucket": BUCKET,
    "region": "eu-west-1",
    "role_arn": "arn:aws:iam::123456789012:role/GroundTruth",
    "workteam_arn": "arn:aws:sagemaker:eu-west-1:123456789012:"
    "workteam/private-crowd/auditors",
}

TEXT = {"type": "string", "minLength": 1}
NATURAL = {"type": "integer", "minimum": 0}


def record(required, **optional):
    """Makes the schema of an object that has no further keys."""
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
        "additionalProperties": False,
    }


def array(items, most=None, least=0):
    schema = {"type": "array", "items": items, "minItems": least}
    return schema if most is None else schema | {"maxItems": most}


def attribute(**required):
    return record(
        {"name": TEXT | {"maxLength": 16}, "type": {"enum": ["string", "number"]}}
        | required,
        description={"type": "string", "maxLength": 128},
        enum=array(TEXT | {"maxLength": 16}, most=10, least=1),
        minimum={"type": "integer"},
        maximum={"type": "integer"},
    )


SEQUENCE_FILE = record(
    {
        "version": {"const": "2020-07-01"},
        "seq-no": {"type": "integer", "minimum": 1},
        "prefix": {"type": "string", "pattern": "s3://[^/]+/.+/"},
        "number-of-frames": {"type": "integer", "minimum": 1, "maximum": 2000},
        "frames": array(
            record(
                {
                    "frame-no": NATURAL,
                    "frame": {"type": "string", "pattern": r"(?i)[^/\\]+\.(jpe?g|png)"},
                },
                **{"unix-timestamp": {"type": "number"}},
            ),
            most=2000,
            least=1,
        ),
    }
)

SEQ_LABEL = record(
    {
        "tracking-annotations": array(
            record(
                {
                    "frame-no": {"type": "string", "pattern": r"\d+"},
                    "frame": TEXT,
                    "annotations": array(
                        record(
                            {
                                "height": {"type": "integer", "minimum": 1},
                                "width": {"type": "integer", "minimum": 1},
                                "top": {"type": "integer"},
                                "left": {"type": "integer"},
                                "class-id": {"type": "string", "pattern": r"\d+"},
                                "object-id": TEXT,
                                "object-name": TEXT,
                                "label-category-attributes": {"type": "object"},
                            }
                        )
                    ),
                },
                **{"frame-attributes": {"type": "object"}},
            )
        )
    }
)

LABEL_CATEGORIES = record(
    {
        "document-version": TEXT,
        "auditLabelAttributeName": {"type": "string", "pattern": ".+-ref"},
        "annotationType": {"const": "BoundingBox"},
        "labels": array(
            record(
                {"label": TEXT | {"maxLength": 256}},
                categoryAttributes=array(attribute(), most=10),
            ),
            most=30,
            least=1,
        ),
    },
    frameAttributes=array(attribute(description=TEXT), most=10),
    categoryGlobalAttributes=array(attribute(), most=10),
    instructions=record(
        {
            "shortInstruction": {"type": "string", "maxLength": 254},
            "fullInstruction": {"type": "string", "maxLength": 2047},
        }
    ),
)

METADATA = record(
    {
        "class-map": {"type": "object", "additionalProperties": TEXT},
        "job-name": {"type": "string", "pattern": "labeling-job/.+"},
        "human-annotated": {"enum": ["yes", "no"]},
        "creation-date": {
            "type": "string",
            "pattern": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+|\+0000)",
        },
        "type": {"const": "groundtruth/video-object-tracking"},
    }
)


def whole_match(validator, pattern, value, schema):
    """Matches the whole value with ASCII digits, as AWS does."""
    if not regex.compile(pattern.replace(r"\d", "[0-9]")).fullmatch(value):
        yield SchemaError(f"{value!r} does not match {pattern!r}")


Validator = extend(Draft202012Validator, {"pattern": whole_match})


def schema_of(shape):
    """Converts a shape of botocore's service model into a JSON schema."""
    limits = shape.metadata
    if shape.type_name == "structure":
        members = {name: schema_of(member) for name, member in shape.members.items()}
        return record({}, **members) | {"required": shape.required_members}
    if shape.type_name == "list":
        limits = {"items": schema_of(shape.member), **limits}
    names = {
        "string": {"min": "minLength", "max": "maxLength"},
        "list": {"min": "minItems", "max": "maxItems"},
        "integer": {"min": "minimum", "max": "maximum"},
    }[shape.type_name]
    kind = {"list": "array"}.get(shape.type_name, shape.type_name)
    return {"type": kind} | {names.get(key, key): limits[key] for key in limits}


@cache
def request_schema(operation):
    service = botocore.session.get_session().get_service_model("sagemaker")
    return schema_of(service.operation_model(operation).input_shape)


def refuse(condition, message):
    if condition:
        raise exceptions.ValidationError(message)


def check_schema(value, schema, what):
    for error in Validator(schema).iter_errors(value):
        refuse(True, f"{what}: {error.json_path}: {error.message[:300]}")


class Bucket:
    """Reads what is in S3."""

    def __init__(self, client):
        self.client = client

    def read(self, uri):
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        try:
            found = self.client.get_object(Bucket=bucket, Key=key)
        except self.client.exceptions.NoSuchKey:
            refuse(True, f"{uri} was not found")
        return found["Body"].read().decode()

    def read_json(self, uri, schema):
        try:
            value = json.loads(self.read(uri))
        except json.JSONDecodeError as error:
            refuse(True, f"{uri} is not JSON: {error}")
        check_schema(value, schema, uri)
        return value

    def names(self, prefix):
        bucket, key = prefix.removeprefix("s3://").split("/", 1)
        pages = self.client.get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket, Prefix=key).search("Contents[].Key")
        return {name.removeprefix(key) for name in found if name}


def check_request(request, region):
    """Checks what Ground Truth's guide asks of an adjustment job's request."""
    check_schema(request, request_schema("CreateLabelingJob"), "request")
    task = request["HumanTaskConfig"]
    refuse(region not in ACCOUNTS.index, f"no video object tracking in {region}")
    accounts = ACCOUNTS.loc[region]
    function = f"arn:aws:lambda:{region}:{accounts.functions}:function:"
    name = "AdjustmentVideoObjectTracking"
    refuse(task["PreHumanTaskLambdaArn"] != f"{function}PRE-{name}", "wrong PRE lambda")
    consolidation = task["AnnotationConsolidationConfig"]
    arn = consolidation["AnnotationConsolidationLambdaArn"]
    refuse(arn != f"{function}ACS-{name}", "wrong ACS lambda")
    page = f"arn:aws:sagemaker:{region}:{accounts.task_ui}:human-task-ui/"
    page += "VideoObjectTracking"
    refuse(task["UiConfig"] != {"HumanTaskUiArn": page}, "wrong human task UI")
    refuse(task["NumberOfHumanWorkersPerDataObject"] != 1, "one worker per object")
    refuse("PublicWorkforceTaskPrice" in task, "no public work force for video")
    team = rf"arn:aws:sagemaker:{region}:\d{{12}}:workteam/(private|vendor)-crowd/.+"
    refuse(not re.fullmatch(team, task["WorkteamArn"]), "wrong work team")
    refuse(task["TaskTimeLimitInSeconds"] > 2_592_000, "time limit too long")
    refuse(task["TaskAvailabilityLifetimeInSeconds"] > 2_592_000, "lifetime too long")
    attribute_name = request["LabelAttributeName"]
    refuse(not attribute_name.endswith("-ref"), "LabelAttributeName must end in -ref")


def check_files(request, s3):
    """Checks the files in S3 that a request names."""
    categories = s3.read_json(request["LabelCategoryConfigS3Uri"], LABEL_CATEGORIES)
    audited = categories["auditLabelAttributeName"]
    refuse(audited == request["LabelAttributeName"], "the attributes are the same")
    labels = [entry["label"] for entry in categories["labels"]]
    refuse(len(set(labels)) < len(labels), "the labels are not unique")
    source = request["InputConfig"]["DataSource"]["S3DataSource"]
    lines = s3.read(source["ManifestS3Uri"]).splitlines()
    refuse(not 1 <= len(lines) <= 10, "a manifest has 1 to 10 sequences")
    prefixes = [check_line(line, audited, labels, s3) for line in lines]
    refuse(len(set(prefixes)) < len(prefixes), "two sequences share a prefix")


def check_line(text, audited, labels, s3):
    refuse(len(text) > 100_000, "a manifest line is too long")
    line = json.loads(text)
    long = [key for key, value in line.items() if len(json.dumps(value)) > 20_000]
    refuse(long, f"too long in the manifest: {long}")
    refuse(any(key.startswith("$") for key in line), "a key starts with $")
    missing = {"source-ref", audited, f"{audited}-metadata"} - set(line)
    refuse(missing, f"the manifest line has no {missing}")
    metadata = line[f"{audited}-metadata"]
    check_schema(metadata, METADATA, "metadata")
    refuse(set(metadata["class-map"].values()) - set(labels), "a class has no label")
    sequence = s3.read_json(line["source-ref"], SEQUENCE_FILE)
    annotated = s3.read_json(line[audited], SEQ_LABEL)["tracking-annotations"]
    frames = sequence["frames"]
    names = [frame["frame"] for frame in frames]
    refuse(sequence["number-of-frames"] != len(frames), "number-of-frames is wrong")
    refuse(len(set(names)) < len(names), "two frames have the same name")
    missing = set(names) - s3.names(sequence["prefix"])
    refuse(missing, f"frames are missing: {sorted(missing)[:3]}")
    numbers = list(range(len(frames)))
    refuse([frame["frame-no"] for frame in frames] != numbers, "frame-no of sequence")
    listed = [int(entry["frame-no"]) for entry in annotated]
    refuse(listed != numbers, "frame-no of SeqLabel")
    refuse([entry["frame"] for entry in annotated] != names, "frames of SeqLabel")
    for entry in annotated:
        boxes = entry["annotations"]
        objects = {box["object-id"] for box in boxes}
        refuse(len(objects) < len(boxes), "an object has two boxes in a frame")
        unknown = {box["class-id"] for box in boxes} - set(metadata["class-map"])
        refuse(unknown, f"unknown class ids {unknown}")
    return sequence["prefix"]


#: What AWS answers when it fails, as status and code: in S3, and elsewhere.
FAULTS = {
    "throttling": ((503, "SlowDown"), (400, "ThrottlingException")),
    "server error": ((500, "InternalError"), (500, "InternalFailure")),
    "access denied": ((403, "AccessDenied"), (400, "AccessDeniedException")),
    "expired": ((400, "ExpiredToken"), (400, "ExpiredTokenException")),
    "cut": None,  # the connection ends before the request is read
    "lost": None,  # it is carried out, and the connection ends before the answer
    "half": None,  # the connection ends in the middle of the answer
    "slow": None,  # the answer comes in small pieces
    "silent": None,  # no answer, until the client gives up waiting
}


class Faults:
    """Stands before the server, and fails as it was told to.

    Attributes:
        orders: by operation, the faults of its next requests, None for none
        calls: the operations that were asked for, failed or not
        ranges: the ranges of objects that were asked for, None for a whole one
        only_kms: whether S3 only takes what KMS encrypts
        paid: the bucket whose requesters pay, None for none
    """

    def __init__(self, app):
        self.app = app
        self.orders = defaultdict(list)
        self.calls = []
        self.ranges = []
        self.only_kms = False
        self.paid = None

    def __call__(self, environ, start_response):
        request = Request(environ)
        operation, service = operation_of(request)
        self.calls.append(operation)
        if operation == "GetObject":
            self.ranges.append(request.headers.get("Range"))
        orders = self.orders[operation]
        fault = orders.pop(0) if orders else None
        encrypted = request.headers.get("X-Amz-Server-Side-Encryption") == "aws:kms"
        if self.only_kms and operation == "PutObject" and not encrypted:
            fault = "access denied"
        pays = "X-Amz-Request-Payer" in request.headers
        if request.path.split("/")[1] == self.paid and not pays:
            fault = "access denied"
        if fault is None:
            return self.app(environ, start_response)
        if fault == "half":
            return self.answer_half(environ, start_response)
        if fault == "slow":
            return self.answer_slowly(environ, start_response)
        if fault == "silent":
            environ["werkzeug.socket"].recv(1)
            return []
        if fault in {"cut", "lost"}:
            if fault == "lost":
                b"".join(self.app(environ, lambda *_: lambda _: None))
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        status, code = FAULTS[fault][service != "s3"]
        # As AWS's own messages may, it quotes what was signed.
        said = f"not authorized to perform: {service}:{operation} of "
        said += f"{request.headers.get('Authorization')}"
        body = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>"
        if service in {"sts", "iam"}:
            body = f"<ErrorResponse>{body}</ErrorResponse>"
        if service == "sagemaker":
            body = json.dumps({"__type": code, "message": said})
        return Response(body, status)(environ, start_response)

    def answer_half(self, environ, start_response):
        """Carries a request out, and ends the connection amid the answer's body."""
        body = b"".join(self.app(environ, start_response))
        yield body[: len(body) // 2]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)

    def answer_slowly(self, environ, start_response):
        """Carries a request out, and answers in small pieces, with breaks."""
        body = b"".join(self.app(environ, start_response))
        for start in range(0, len(body), 100):
            time.sleep(0.001)
            yield body[start : start + 100]


class QuietHandler(MotoRequestHandler):
    def log(self, type, message, *args):
        """Logs nothing."""


def operation_of(request):
    """Names the operation that a request asks for, and its service."""
    scope = re.search(r"/([a-z0-9]+)/aws4_request", str(request.headers))
    service = scope[1] if scope else "s3"
    if service == "sagemaker":
        return request.headers["X-Amz-Target"].split(".")[1], service
    if service != "s3":
        body = request.get_data(parse_form_data=False)
        request.environ["wsgi.input"] = io.BytesIO(body)
        return re.search(rb"Action=(\w+)", body)[1].decode(), service
    thing = "Object" if request.path.strip("/").count("/") else "Bucket"
    if "cors" in request.args:
        thing = "BucketCors"
    return f"{request.method.title()}{thing}", service


class LabelingService:
    """The stand-in: where it listens, its clients, and the jobs it holds.

    Attributes:
        url: the endpoint, for ``AWS_ENDPOINT_URL``
        may_read: whether the policies of roles let them read S3, None if nobody may ask
        faults: what is asked for, and what fails
        s3: another server of S3, None for moto's
        client: makes a client of a service, ``client("s3")``, once per region
        jobs: what DescribeLabelingJob answers, by region and lower-case name
        absent: what it answers where there is no such job; real ones give either
    """

    def __init__(self, url, faults, s3=None):
        self.url = url
        self.faults = faults
        self.s3 = s3
        self.jobs = {}
        self.absent = exceptions.ResourceNotFound
        self.may_read = True
        self.client = cache(self.make_client)

    def make_client(self, service, region="eu-west-1"):
        if self.s3 and service == "s3":
            return self.s3.client()
        return boto3.session.Session(
            aws_access_key_id="testing", aws_secret_access_key="testing"
        ).client(service, region_name=region, endpoint_url=self.url)

    def clear(self):
        """Forgets jobs, orders and calls, and empties :data:`BUCKET`."""
        self.jobs.clear()
        self.absent = exceptions.ResourceNotFound
        self.may_read = True
        self.faults.orders.clear()
        client = self.client("s3")
        for key in Bucket(client).names(f"s3://{BUCKET}/"):
            client.delete_object(Bucket=BUCKET, Key=key)
        self.faults.calls.clear()
        self.faults.ranges.clear()
        self.faults.only_kms = False
        self.faults.paid = None

    def fail(self, operation, fault, times=1, after=0):
        """Orders a failure.

        Args:
            operation: such as ``PutObject`` or ``CreateLabelingJob``
            fault: one of :data:`FAULTS`
            times: the number of requests that fail
            after: the number of requests that pass before them
        """
        assert fault in FAULTS, fault
        self.faults.orders[operation] = [None] * after + [fault] * times

    def find(self, name, region="eu-west-1"):
        job = self.jobs.get((region, name.lower()))
        if job is None:
            raise self.absent("Requested resource not found.")
        return job

    def create(self, request, region):
        check_request(request, region)
        key = (region, request["LabelingJobName"].lower())
        if key in self.jobs:
            raise exceptions.ResourceInUseException("This name is in use already")
        check_files(request, Bucket(self.client("s3", region)))
        now = datetime.now(UTC)
        arn = f"arn:aws:sagemaker:{region}:123456789012:labeling-job/{key[1]}"
        known = {key: value for key, value in request.items() if key != "Tags"}
        self.jobs[key] = known | {
            "LabelingJobArn": arn,
            "LabelingJobStatus": "Initializing",
            "LabelCounters": {"TotalLabeled": 0, "Unlabeled": 0},
            "CreationTime": now,
            "LastModifiedTime": now,
            "JobReferenceCode": "0123456789",
            "Tags": request.get("Tags", []),
        }
        return arn

    def stop(self, name, region):
        job = self.find(name, region)
        ended = job["LabelingJobStatus"] in {"Completed", "Failed", "Stopped"}
        refuse(ended, f"{name} is {job['LabelingJobStatus']} and cannot be stopped")
        job["LabelingJobStatus"] = "Stopping"

    def move_on(self, job):
        """Moves a job on that needs nobody for it: once it was looked at."""
        if job["LabelingJobStatus"] == "Initializing":
            source = job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
            lines = Bucket(self.client("s3")).read(source).splitlines()
            counters = {"TotalLabeled": 0, "Unlabeled": len(lines)}
            job.update(LabelingJobStatus="InProgress", LabelCounters=counters)
        elif job["LabelingJobStatus"] == "Stopping":
            job["LabelingJobStatus"] = "Stopped"

    def advance(self, name, status, **answer):
        """Moves a job on, with more of what DescribeLabelingJob answers."""
        self.find(name).update(LabelingJobStatus=status, **answer)

    def complete(self, name, correct: Callable = lambda labels: labels):
        """Does the workers' part: writes the corrected labels and ends the job.

        Args:
            name: the job's name
            correct: gets each SeqLabel object and gives it back corrected
        """
        job = self.find(name)
        client = self.client("s3")
        s3 = Bucket(client)
        audited = json.loads(s3.read(job["LabelCategoryConfigS3Uri"]))
        audited = audited["auditLabelAttributeName"]
        output = f"{job['OutputConfig']['S3OutputPath']}{job['LabelingJobName']}/"
        bucket, folder = output.removeprefix("s3://").split("/", 1)
        manifest = job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
        lines = [json.loads(line) for line in s3.read(manifest).splitlines()]
        annotations = f"{folder}annotations/consolidated-annotation/output"
        for number, line in enumerate(lines):
            corrected = correct(json.loads(s3.read(line[audited])))
            key = f"{annotations}/{number}/SeqLabel.json"
            client.put_object(Bucket=bucket, Key=key, Body=json.dumps(corrected))
            attribute_name = job["LabelAttributeName"]
            line[attribute_name] = f"s3://{bucket}/{key}"
            line[f"{attribute_name}-metadata"] = line[f"{audited}-metadata"] | {
                "job-name": f"labeling-job/{job['LabelingJobName']}",
                "adjustment-status": "adjusted",
            }
        key = f"{folder}manifests/output/output.manifest"
        body = "\n".join(map(json.dumps, lines))
        client.put_object(Bucket=bucket, Key=key, Body=body)
        self.advance(
            name,
            "Completed",
            LabelCounters={"TotalLabeled": len(lines), "Unlabeled": 0},
            LabelingJobOutput={"OutputDatasetS3Uri": f"s3://{bucket}/{key}"},
        )


def operations(service):
    """Makes the methods that moto's SageMaker responses lack."""

    def create_labeling_job(self):
        arn = service.create(json.loads(self.body), self.region)
        return ActionResult({"LabelingJobArn": arn})

    def describe_labeling_job(self):
        job = service.find(self._get_param("LabelingJobName"), self.region)
        answer = ActionResult(dict(job))
        service.move_on(job)
        return answer

    def describe_workteam(self):
        name = self._get_param("WorkteamName")
        refuse(name not in TEAMS, f"Could not find Workteam {name}")
        arn = f"arn:aws:sagemaker:{self.region}:123456789012:workteam/private-crowd/"
        team = {"WorkteamName": name, "WorkteamArn": arn + name, "Description": name}
        return ActionResult({"Workteam": team | {"MemberDefinitions": []}})

    def list_labeling_jobs(self):
        jobs = [job for key, job in service.jobs.items() if key[0] == self.region]
        fields = [
            "LabelingJobName",
            "LabelingJobArn",
            "CreationTime",
            "LastModifiedTime",
            "LabelingJobStatus",
            "LabelCounters",
        ]
        summaries = [{field: job[field] for field in fields} for job in jobs]
        for job, summary in zip(jobs, summaries, strict=True):
            team = job["HumanTaskConfig"]["WorkteamArn"]
            lambda_arn = job["HumanTaskConfig"]["PreHumanTaskLambdaArn"]
            summary.update(WorkteamArn=team, PreHumanTaskLambdaArn=lambda_arn)
        return ActionResult({"LabelingJobSummaryList": summaries})

    def stop_labeling_job(self):
        service.stop(self._get_param("LabelingJobName"), self.region)
        return EmptyResult()

    return {
        operation.__name__: operation
        for operation in (
            create_labeling_job,
            describe_labeling_job,
            describe_workteam,
            list_labeling_jobs,
            stop_labeling_job,
        )
    }


def simulate_principal_policy(service):
    """Makes the method that moto's IAM responses lack."""

    def simulate(self):
        if service.may_read is None:
            raise exceptions.ValidationError("not authorized")
        decision = "allowed" if service.may_read else "implicitDeny"
        found = {"EvalActionName": "s3:GetObject", "EvalDecision": decision}
        return ActionResult({"EvaluationResults": [found]})

    return simulate


@contextmanager
def labeling_service(s3=None):
    """Runs the stand-in on a free port, with :data:`BUCKET` in it.

    It begins empty: moto's servers of one process share what they hold.

    Args:
        s3: another server of S3 that holds the bucket, by default moto's
    """
    faults = Faults(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1", 0, faults, threaded=True, request_handler=QuietHandler
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    moto_api_backend.reset()
    service = LabelingService(f"http://127.0.0.1:{server.server_port}", faults, s3)
    if s3 is None:
        location = {"LocationConstraint": "eu-west-1"}
        client = service.client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    for role, principal in ROLES.items():
        allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        policy = {"Statement": [allow | {"Principal": {"Service": principal}}]}
        service.client("iam").create_role(
            RoleName=role, AssumeRolePolicyDocument=json.dumps(policy)
        )
    added = operations(service)
    for name, operation in added.items():
        setattr(SageMakerResponse, name, operation)
    simulate = simulate_principal_policy(service)
    IamResponse.simulate_principal_policy = simulate
    try:
        yield service
    finally:
        for name in added:
            delattr(SageMakerResponse, name)
        del IamResponse.simulate_principal_policy
        server.shutdown()
        server.server_close()
        thread.join()


def small_video(name, folder=None, frames=6, image_size=(64, 48), **record):
    """Makes a sequence of two tracks, a car in all frames and a bus in some.

    Args:
        name: the sequence's name
        folder: where to write the frames, None for labels only
        frames: the number of frames
        image_size: width and height of the frames that are written
        record: what to replace in the sequence's record
    """
    frame_names = tuple(f"{2 * number + 1:06d}.png" for number in range(frames))
    if folder is not None:
        folder.mkdir(parents=True)
        for shade, frame_name in enumerate(frame_names):
            Image.new("L", image_size, shade % 256).save(folder / frame_name)
    number = np.arange(1, frames + 1)
    track = np.repeat([1, 2], [frames, len(number[2::2])])
    frame = np.concatenate([number, number[2::2]])
    table = make_table(
        {
            "sequence": name,
            "frame": frame,
            "frame_name": np.array(frame_names)[frame - 1],
            "track": track,
            "label": np.where(track == 1, "Car", "Bus"),
            "left": 2.0 * (frame % 8),
            "top": 4.0,
            "width": 10.0 * track,
            "height": 8.0,
        }
    )
    record = {"width": 64, "height": 48, "frame_rate": 5.0} | record
    sequence = Sequence(name, frame_names=frame_names, frames_dir=folder, **record)
    return Tracks(table, {name: sequence})


def choose(*frames):
    """Makes the table of chosen frames from (sequence, frame, reason)."""
    return pd.DataFrame(frames, columns=["sequence", "frame", "reason"])
