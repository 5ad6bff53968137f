# SPDX-License-Identifier: Apache-2.0
"""Work that is interrupted: no process is left, and nothing is half done."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout

import psutil
import pytest
from fiftyone_track_audit.importers.store import leases
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin.audit import Thresholds
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.operators.interrupting import InterruptOperation
from fiftyone_track_audit.plugin.review.audit_records import describe_unfinished
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from joblib import cpu_count
from killed import interrupt_at
from small_datasets import copy_of, table

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"
OTHER = Thresholds(size=0.4, iou=0.3)
#: Few boxes are worth several processes, too.
SCORE = """
import sys
from fiftyone_track_audit.importers import engine
from fiftyone_track_audit.plugin.cli import main

engine.WORTH_PROCESSES = 1
sys.exit(main(["score", *sys.argv[1:]]))
"""


@pytest.mark.skipif(cpu_count() < 2, reason="one process per core works")
def test_the_processes_of_a_score_end_with_it(write_mot, tmp_path):
    folder = write_mot("a").parent
    write_mot("b")
    output = tmp_path / "issues.csv"
    # A terminal sends Ctrl-C to all processes that a command started
    process = subprocess.Popen(
        [sys.executable, "-c", SCORE, folder, "--issues", output],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not any("LokyProcess" in " ".join(each) for each in commands(process.pid)):
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    # Ends when nobody has the ends of its pipes any more
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "\ntrack-audit: interrupted; run it again to finish\n" in err
    assert not output.exists()


def commands(process):
    """The command lines of the processes that a process started."""
    for child in psutil.Process(process).children(recursive=True):
        try:
            yield child.cmdline()
        except psutil.Error:
            yield []


def test_an_audit_that_is_interrupted_is_finished_by_the_next(two_walks):
    with copy_of(two_walks, "interrupted") as dataset:
        dataset.clear_frame_field(FIELD + ".detections.outlier_score")
        dataset.delete_runs()
        arguments = ["audit", dataset.name]
        for write in (2, 8):
            assert interrupt_at(write, main, arguments) == 130
        assert main(arguments) == 0
        dataset.reload()
        found, expected = (
            table(each, FIELD, "outlier_score", "size_outlier")
            for each in (dataset, two_walks)
        )
        assert found.equals(expected)
        assert count_issues(dataset) == count_issues(two_walks)


@pytest.mark.parametrize("way", ["command", "operator"])
def test_an_audit_is_interrupted_by_somebody_else(two_walks, monkeypatch, capsys, way):
    monkeypatch.setattr(leases, "_RENEWED", 0.01)
    told = []

    def stop_it(_):
        (lease,) = leases._held.leases
        told.append(WAYS[way](dataset))
        end = time.monotonic() + 60
        while not lease.interrupted and time.monotonic() < end:
            time.sleep(0.001)

    with copy_of(two_walks, "stopped") as dataset:
        words = f"{dataset.name}: auditing it was interrupted; run it again to finish"
        with pytest.raises(InputError, match=words):
            audit_dataset(dataset, thresholds=OTHER, progress=stop_it)
        what = f"asked to end: auditing '{dataset.name}' (process {os.getpid()} on "
        assert told[0].startswith(what)
        assert describe_unfinished(dataset, FIELD)
        audit_dataset(dataset, thresholds=OTHER)
        with copy_of(two_walks, "undisturbed") as other:
            audit_dataset(other, thresholds=OTHER)
            found, expected = (
                table(each, FIELD, "outlier_score", "size_outlier")
                for each in (dataset, other)
            )
            assert found.equals(expected)
            assert count_issues(dataset) == count_issues(other)
        assert main(["interrupt", dataset.name]) == 0
        out = capsys.readouterr().out
        assert out.endswith(f"nothing is writing to '{dataset.name}'\n")


def interrupt_by_command(dataset):
    with redirect_stdout(io.StringIO()) as printed:
        assert main(["interrupt", dataset.name, "--json"]) == 0
    return json.loads(printed.getvalue())["message"]


def interrupt_by_operator(dataset):
    return InterruptOperation()(dataset)["message"]


WAYS = {"command": interrupt_by_command, "operator": interrupt_by_operator}


def count_issues(dataset):
    return dataset.count_values("issues.detections.label")
