# SPDX-License-Identifier: Apache-2.0
"""Fixtures that several test modules share.

FiftyOne gets a database, folders and plugins of its own, which end with the
tests. It reads where they are when it is imported, so that is settled here; the
database itself starts with the first test that needs it.
"""

import gc
import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest
from browser import CHROMIUM, open_page, serve_app
from mongod import Mongod
from PIL import Image

_home = tempfile.TemporaryDirectory(prefix="track-audit-tests-")
HOME = Path(_home.name)
(HOME / "plugins").mkdir()
(HOME / "plugins" / "track-audit").symlink_to(Path(__file__).resolve().parents[1])
with socket.socket() as _free:
    _free.bind(("127.0.0.1", 0))
    PORT = _free.getsockname()[1]
os.environ.update(
    FIFTYONE_CONFIG_PATH=str(HOME / "config.json"),
    FIFTYONE_DATABASE_URI=f"mongodb://127.0.0.1:{PORT}",
    FIFTYONE_DATABASE_VALIDATION="false",
    FIFTYONE_DEFAULT_DATASET_DIR=str(HOME / "datasets"),
    FIFTYONE_DO_NOT_TRACK="true",
    FIFTYONE_PLUGINS_DIR=str(HOME / "plugins"),
    FIFTYONE_SHOW_PROGRESS_BARS="false",
    # For so little data, more threads of torch and NumPy only wait for each other
    OMP_NUM_THREADS="1",
)

#: The space in bytes below which databases are on the disk; there are four at most.
DATABASE_SIZE = 8 * 2**30

#: The fixtures that tell what a test needs, by the marker for it.
NEEDS = {
    "database": {"database"},
    "browser": {"chromium"},
    "aws": {"service", "aws", "s3", "weed"},
}


def pytest_ignore_collect(collection_path, config):
    """Leave out whole files, unread, if ``-m`` leaves out all of their tests.

    They import FiftyOne, which takes longer than the tests that are left.
    """
    if collection_path.suffix != ".py":
        return None
    pattern = r'^pytestmark = pytest\.mark\.usefixtures\("(\w+)"\)'
    used = set(re.findall(pattern, collection_path.read_text(), re.MULTILINE))
    needed = (marker for marker, fixtures in NEEDS.items() if fixtures & used)
    if any(f"not {marker}" in config.option.markexpr for marker in needed):
        return True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests with what they need; files that need a browser come first.

    They take the longest, and in parallel runs the last file runs alone.
    """
    for item in items:
        for marker, fixtures in NEEDS.items():
            if fixtures & set(item.fixturenames):
                item.add_marker(marker)
    slow = {item.path for item in items if item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish(session):
    """Refuse files that import FiftyOne, and do not say that they need a database.

    What is imported by now stays, so the garbage collector need not look at all of it
    again and again.
    """
    gc.collect()
    gc.freeze()
    expression = session.config.option.markexpr
    if "not database" in expression and "fiftyone" in sys.modules:
        raise pytest.UsageError("a test file imports FiftyOne without its pytestmark")


def pytest_unconfigure():
    """Remove what the tests' FiftyOne kept."""
    _home.cleanup()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real MOT Challenge and Ground Truth files, if there is one."""
    folder = os.environ.get("TRACK_AUDIT_DATA")
    if not folder:
        pytest.skip("TRACK_AUDIT_DATA is not set: no real data here")
    if not Path(folder, "MOT20").is_dir():
        pytest.skip(f"TRACK_AUDIT_DATA={folder} holds no MOT20 folder")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def database():
    """FiftyOne's database, empty, as long as the tests run."""
    folder = tempfile.TemporaryDirectory(prefix="track-audit-tests-", dir=_memory())
    server = Mongod(folder.name, PORT)
    try:
        yield server
        import fiftyone.core.odm.database as odm

        # Otherwise FiftyOne asks the database that is gone when Python ends
        odm._disconnect()
    finally:
        server.stop()
        folder.cleanup()


def _memory():
    """Return the folder that the system keeps in memory if it is large enough.

    MongoDB waits for the disk whenever a dataset is created, which is most of what a
    small one costs.
    """
    folder = Path("/dev/shm")
    enough = folder.is_dir() and shutil.disk_usage(folder).free > DATABASE_SIZE
    return folder if enough else None


@pytest.fixture(scope="module")
def service():
    """The stand-in for AWS."""
    from labeling_jobs import labeling_service

    with labeling_service() as running:
        yield running


@pytest.fixture
def aws(service, monkeypatch):
    """The stand-in, empty, as what boto3 finds."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    service.clear()
    return service


@pytest.fixture
def s3(aws):
    """Its S3, with an empty bucket."""
    return aws.client("s3")


@pytest.fixture(scope="module")
def cars_source(database, tmp_path_factory):
    """A video of cars, with a saved view of its frame 3."""
    from fiftyone import ViewField as F
    from fiftyone_track_audit.importers.dataset import create_dataset
    from labeling_jobs import small_video

    folder = tmp_path_factory.mktemp("cars")
    tracks = small_video("a", folder / "a", frames=8)
    dataset = create_dataset(tracks, "cars source", video_dir=folder / "videos")
    dataset.save_view("first", dataset.match_frames(F("frame_number") == 3))
    yield dataset
    dataset.delete()


@pytest.fixture
def cars(cars_source):
    """A copy of it, that a test may change."""
    copy = cars_source.clone("cars")
    yield copy
    copy.delete()


@pytest.fixture(scope="session")
def chromium():
    """Skip the tests that need a browser if there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    pytest.importorskip("playwright")


@pytest.fixture(scope="module")
def one_walk(database, tmp_path_factory):
    """An audited sequence of walkers with two mistakes, of which tests take copies."""
    from small_datasets import audited_walkers, walkers

    folder = tmp_path_factory.mktemp("walkers")
    with audited_walkers("one walk", folder, walkers("a", folder / "a")) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def two_walks(database, tmp_path_factory):
    """Two of them; the images of "b" are half as large as its labels say."""
    from small_datasets import audited_walkers, walkers

    folder = tmp_path_factory.mktemp("walkers")
    a = walkers("a", folder / "a")
    b = walkers("b", folder / "b", label="rider", image_size=(100, 50))
    with audited_walkers("two walks", folder, a, b) as dataset:
        yield dataset


@pytest.fixture(scope="module")
def app(chromium, dataset):
    """The App on the module's dataset; its URL."""
    with serve_app() as url:
        yield url


@pytest.fixture(scope="module")
def tab(chromium, app):
    """A page in headless Chromium, for the App, which the tests of a file share."""
    with open_page() as tab:
        yield tab


@pytest.fixture
def page(tab):
    """The page as the test before found it: of the same size, and with all answers."""
    size = tab.viewport_size
    yield tab
    tab.unroute_all(behavior="ignoreErrors")
    tab.set_viewport_size(size)


@pytest.fixture
def write_mot(tmp_path):
    """Writes MOT sequences of a walker and a car, with their frames."""

    def write(name="SEQ-01", frames=6, size=(64, 48), folder=tmp_path / "mot", **info):
        sequence = folder / name
        for part in ("gt", "det", "img1"):
            (sequence / part).mkdir(parents=True)
        info = {
            "name": name,
            "imDir": "img1",
            "frameRate": 10,
            "seqLength": frames,
            "imWidth": size[0],
            "imHeight": size[1],
            "imExt": ".jpg",
            **info,
        }
        lines = [f"{key}={value}" for key, value in info.items()]
        (sequence / "seqinfo.ini").write_text("\n".join(["[Sequence]", *lines]))
        numbers = range(1, frames + 1)
        walker = [f"{n},1,{n + 5},11,10,20,1,1,0.5" for n in numbers]
        car = [f"{n},2,{40 - n},6,20,10,0,3,1" for n in numbers]
        (sequence / "gt" / "gt.txt").write_text("\n".join([*walker, *car]))
        found = [f"{n},-1,{n + 5},11,10,20,{n / 10}" for n in numbers]
        (sequence / "det" / "det.txt").write_text("\n".join(found))
        for n in numbers:
            shade = sum(name.encode()) % 100 + n
            Image.new("L", size, shade).save(sequence / "img1" / f"{n:06d}.jpg")
        return sequence

    return write
