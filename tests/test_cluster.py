# SPDX-License-Identifier: Apache-2.0
"""The works on sequences on a Ray cluster of several machines, all on loopback.

A process or a machine is lost in the middle, and what the dataset holds then is what it
holds if this process does all.
"""

import os
import signal
from contextlib import contextmanager
from threading import Event, Thread

import fiftyone.core.odm as foo
import numpy as np
import pandas as pd
import pytest
from fiftyone_track_audit.importers import engine as engines
from fiftyone_track_audit.importers import kitti, store
from fiftyone_track_audit.importers.audit_fields import STORED_FIELDS
from fiftyone_track_audit.importers.dataset import create_dataset
from fiftyone_track_audit.importers.engine import Engine, run_by_sequence
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.tracks import InputError, concatenate
from fiftyone_track_audit.plugin.audit import audit_tracks
from fiftyone_track_audit.plugin.embedding.embed import embed_tracks
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from small_datasets import small_model, walkers

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.usefixtures("database")
NAMES = "abcd"


@pytest.fixture(scope="module")
def cluster(database):
    """A cluster of two machines, beside the one that gives the work out."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    memory = 80 * 2**20
    # Processes that start ahead would lack the settings, and never be used
    system = {"enable_worker_prestart": False, "prestart_worker_first_driver": False}
    # A machine that is gone is noticed within seconds
    system |= {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500}
    head = {"num_cpus": 0, "object_store_memory": memory, "include_dashboard": False}
    cluster = Cluster(True, head_node_args=head | {"_system_config": system})
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=memory)
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def engine(cluster):
    return Engine("ray", cluster.address)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walkers")
    return concatenate(walkers(name, folder / name) for name in NAMES)


@contextmanager
def first_unit(lose):
    """Call a function with the number of the process that does the first unit."""
    lost, ended, known = [], Event(), leases()

    def watch():
        while not lost and not ended.wait(0.002):
            for unit in leases() - known:
                if "/" in unit[0] and not lost:
                    lost.append(unit)
                    lose(unit[1])

    thread = Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert lost


def kill(process):
    os.kill(process, signal.SIGKILL)


def contents(dataset):
    """All that an import and an audit store, without what differs by chance."""
    names = [
        name
        for name in STORED_FIELDS
        if name in store.own_attributes(dataset, "ground_truth")
    ]
    found = store.read_tracks(dataset, "ground_truth", names).tracks
    rows = found.table.astype(object).where(found.table.notna(), None)
    issues = read_dataset_issues(dataset, "ground_truth")
    issues = issues.drop(columns=["id", "sample_id"]).astype(str)
    return rows.to_dict("records"), sorted(issues.to_numpy().tolist())


def leases():
    """What is leased, and the processes; others that were killed left theirs."""
    found = foo.get_db_conn()["track_audit.leases"].find()
    return {(lease["_id"], lease["process"]) for lease in found}


def test_work_that_always_loses_its_process_ends(engine, monkeypatch):
    monkeypatch.setattr(engines, "_RETRIES", 1)
    with pytest.raises(InputError, match=r"^engine: a unit of work was lost 2 times"):
        list(run_by_sequence(os._exit, [1], engine))


def test_an_import_and_an_audit_lose_a_process_and_a_machine(
    cluster, engine, tracks, tmp_path
):
    known = leases()
    here = create_dataset(tracks, "here", video_dir=tmp_path / "here")
    with first_unit(kill):
        there = create_dataset(
            tracks, "there", video_dir=tmp_path / "there", engine=engine
        )
    try:
        assert contents(there) == contents(here)
        asked = audit_dataset(here)
        machines = cluster.worker_nodes

        def lose_machine(process):
            cluster.remove_node(machines.copy().pop(), allow_graceful=False)
            kill(process)

        with first_unit(lose_machine):
            assert audit_dataset(there, engine=engine) == asked
        assert contents(there) == contents(here)
        assert leases() <= known
        # Nothing changed since, whoever asks
        assert audit_dataset(there) == asked
    finally:
        here.delete()
        there.delete()


def test_label_files_are_judged_and_embedded_by_sequence(engine, tracks, tmp_path):
    model = small_model(tmp_path)
    here, there = (
        embed_tracks(tracks, model=model, cache_dir=tmp_path / name, engine=each)
        for name, each in [("here", None), ("there", engine)]
    )
    np.testing.assert_array_equal(here, there)
    asked, found = (
        audit_tracks(tracks, vectors=here, engine=each) for each in (None, engine)
    )
    pd.testing.assert_frame_equal(found.detections, asked.detections)
    pd.testing.assert_frame_equal(found.issues, asked.issues)


def test_label_files_are_read_by_sequence(engine, tmp_path, monkeypatch):
    row = "0 {} Car 0 0 -1 {}.0 20.0 90.0 120.0 1.5 1.6 3.9 1.0 1.0 20.0 -1.5\n"
    for name in NAMES:
        place = tmp_path / name / "label_02" / "0000.txt"
        place.parent.mkdir(parents=True)
        place.write_text("".join(row.format(n, 30 + n) for n in range(3)))
    asked = read_labels(tmp_path)
    assert len(asked.sequences) == len(NAMES)
    # This process could not read them
    monkeypatch.delattr(kitti, "make_tracks")
    found = read_labels(tmp_path, engine=engine)
    pd.testing.assert_frame_equal(found.table, asked.table)
    assert (found.sequences, found.notes) == (asked.sequences, asked.notes)
    place.write_text(place.read_text() + "1 5 Car 0 0\n")
    with pytest.raises(InputError, match=f"^{place}, line 4: "):
        read_labels(tmp_path, strict=True, engine=engine)


def test_what_the_work_raises_is_raised_here(engine):
    with pytest.raises(InputError, match=r"^engine: 'abacus'; expected"):
        list(run_by_sequence(Engine, ["local", "abacus"], engine))


def test_a_database_of_this_machine_only_is_refused(engine, tracks, monkeypatch):
    monkeypatch.setattr("fiftyone.config.database_uri", None)
    with pytest.raises(InputError, match=r"^FIFTYONE_DATABASE_URI: is not set"):
        create_dataset(tracks, engine=engine)
