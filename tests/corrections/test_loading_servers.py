# SPDX-License-Identifier: Apache-2.0
"""There and back over a second S3, whose server shares no code with the first."""

import pytest
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.corrections.loading import load_adjustment
from fiftyone_track_audit.plugin.groundtruth.aws import GroundTruthError
from fiftyone_track_audit.plugin.groundtruth.request import AdjustmentJob
from fiftyone_track_audit.plugin.sending.groundtruth import export_adjustment
from fiftyone_track_audit.plugin.sending.groundtruth_plan import plan_adjustment
from labeling_jobs import BUCKET, READY, labeling_service
from s3_servers import READER, WRITER, seaweedfs
from small_datasets import SHORT, enlarge, table, walkers

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def service(tmp_path, monkeypatch):
    """Labeling jobs on one server, S3 on another."""
    (tmp_path / "weed").mkdir()
    with seaweedfs(tmp_path / "weed", BUCKET) as weed, labeling_service(weed) as jobs:
        monkeypatch.setenv("AWS_ENDPOINT_URL", jobs.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", weed.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        log_in(monkeypatch, WRITER)
        yield jobs


def log_in(monkeypatch, user):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", user)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", user)


@pytest.fixture
def dataset(database, tmp_path):
    tracks = walkers("a", tmp_path / "a")
    dataset = create_dataset(tracks, "walkers", video_dir=tmp_path / "videos")
    yield dataset
    dataset.delete()


def test_there_and_back(dataset, service, tmp_path, monkeypatch):
    adjustment = plan_adjustment(dataset, AdjustmentJob("fix", **READY))
    export_adjustment(dataset, adjustment, tmp_path / "job")
    with pytest.raises(GroundTruthError, match="fix has no output yet"):
        load_adjustment(dataset, "fix")
    service.complete("fix", enlarge)
    # Other credentials are looked for anew
    log_in(monkeypatch, "nobody-key")
    with pytest.raises(GroundTruthError, match=r"403|rejected|denied"):
        load_adjustment(dataset, "fix")
    log_in(monkeypatch, READER)
    review = load_adjustment(dataset, "fix")
    assert (review.changes, review.notes) == ({"resized": 1}, [])
    adjusted = table(dataset, "ground_truth_adjusted", "changes")
    assert adjusted.loc[("a", SHORT, 1), "changes"] == ["resized"]
    assert len(adjusted) == 60

    key = "fix/annotations/consolidated-annotation/output/0/SeqLabel.json"
    s3 = service.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=f"track-audit/fix/output/{key}")
    with pytest.raises(InputError, match=r"SeqLabel\.json: S3 answers NoSuchKey"):
        load_adjustment(dataset, "fix")
