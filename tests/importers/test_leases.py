# SPDX-License-Identifier: Apache-2.0
"""The lock between processes: a lease in the database."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from fiftyone_track_audit.importers import processes
from fiftyone_track_audit.importers.store import leases, locks, runs
from fiftyone_track_audit.importers.store.bulk import Writer
from fiftyone_track_audit.importers.store.locks import LockedError, exclusive
from fiftyone_track_audit.importers.store.views import id_of
from fiftyone_track_audit.importers.tracks import InputError

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def dataset():
    dataset = fo.Dataset()
    yield dataset
    dataset.delete()


@pytest.fixture
def lease(dataset):
    """The stored lease; yields a function that changes it, or reads it."""

    def change(**values):
        found = {"_id": id_of(dataset)}
        stored = foo.get_db_conn()[leases._LEASES]
        if values:
            stored.update_one(found, {"$set": values}, upsert=True)
        return stored.find_one(found)

    yield change
    foo.get_db_conn()[leases._LEASES].delete_one({"_id": id_of(dataset)})


def until(seconds):
    return datetime.now(UTC) + timedelta(seconds=seconds)


def elsewhere(seconds):
    """The lease of a process on another machine."""
    return {
        "holder": "other",
        "machine": "another one",
        "host": "far",
        "process": 7,
        "until": until(seconds),
    }


def test_a_lease_is_released(dataset, lease):
    with exclusive(dataset, "auditing"):
        assert lease()["process"] == os.getpid()
        with exclusive(dataset, "saving views of", "-views"):
            pass
    assert lease() is None


def test_a_lease_of_another_machine_is_waited_for(dataset, lease, monkeypatch):
    lease(**elsewhere(600))
    monkeypatch.setattr(locks, "_WAIT", 0)
    with (
        pytest.raises(LockedError, match=r"process 7 on far\); try auditing it"),
        exclusive(dataset, "auditing"),
    ):
        pass
    assert lease()["holder"] == "other"
    # It ends by itself, by the clock of the database
    lease(**elsewhere(0.2))
    monkeypatch.setattr(locks, "_WAIT", 60)
    with exclusive(dataset, "auditing"):
        assert lease()["process"] == os.getpid()


def test_the_lease_of_a_process_that_died_here_is_free(dataset, lease):
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    lease(**elsewhere(600) | {"machine": processes.machine(), "process": died.pid})
    with exclusive(dataset, "auditing"):
        assert lease()["process"] == os.getpid()


def test_a_lease_is_renewed(dataset, lease, monkeypatch):
    monkeypatch.setattr(leases, "_LASTS", 0.3)
    with exclusive(dataset, "auditing"):
        first = lease()["until"]
        while lease()["until"] == first:
            pass
        assert lease()["process"] == os.getpid()


def test_who_is_interrupted_is_told_once_and_may_undo(dataset, lease, monkeypatch):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)
    with exclusive(dataset, "auditing") as held:
        runs.save_record(dataset, "begun", "method", {})
        told = locks.interrupt(dataset)
        assert told.startswith(f"auditing '{dataset.name}' (process {os.getpid()} on")
        assert locks.running(dataset) == told
        wait_until(lambda: held.interrupted)
        with pytest.raises(InputError, match="auditing it was interrupted; run it"):
            runs.save_record(dataset, "key", "method", {})
        runs.delete_record(dataset, "begun")
    assert dataset.list_runs() == []
    assert locks.running(dataset) is locks.interrupt(dataset) is None


def wait_until(happens):
    end = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_who_died_is_not_interrupted(dataset, lease):
    died = subprocess.Popen([sys.executable, "-c", ""])
    died.wait()
    lease(**elsewhere(600) | {"machine": processes.machine(), "process": died.pid})
    assert locks.running(dataset) is locks.interrupt(dataset) is None
    lease(**elsewhere(600))
    assert locks.interrupt(dataset) == f"writing to '{dataset.name}' (process 7 on far)"


def test_who_stopped_for_too_long_never_writes(dataset, lease, monkeypatch):
    written = []
    clock = leases._clock

    def write():
        with Writer(lambda batch, ordered: written.append(batch)) as writer:
            writer.send([1])

    with exclusive(dataset, "auditing"):
        write()
        monkeypatch.setattr(leases, "_clock", lambda: clock() + 60)
        # Nobody else wanted it
        write()
        monkeypatch.setattr(leases, "_clock", lambda: clock() + 120)
        lease(**elsewhere(600))
        with pytest.raises(LockedError, match="stopped for more than 30 seconds"):
            write()
        with pytest.raises(LockedError, match="try auditing it again"):
            runs.save_record(dataset, "key", "method", {})
    assert written == [[1], [1]]
    assert not dataset.list_runs()
    # The other's lease stays
    assert lease()["holder"] == "other"
