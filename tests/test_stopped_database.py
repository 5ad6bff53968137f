# SPDX-License-Identifier: Apache-2.0
"""MongoDB that stops during an operation, and is started again."""

import signal

import kills
import pytest
from fiftyone_track_audit.importers.store.locks import no_database
from fiftyone_track_audit.importers.tracks import InputError
from fiftyone_track_audit.plugin import cli
from killed import error_without
from pymongo.errors import AutoReconnect

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize(
    ("what", "write", "how"),
    [
        ("import", 14, signal.SIGKILL),
        ("audit", 9, signal.SIGKILL),
        ("load", 8, signal.SIGTERM),
    ],
)
def test_an_operation_ends_in_one_error_and_can_be_repeated(
    database, tmp_path, what, write, how
):
    work, name = kills.WORKS[what], f"stopped {what}"
    kills.prepare(work, name, tmp_path / "undisturbed")
    work.do(name, tmp_path / "undisturbed")
    expected = kills.contents(name, tmp_path / "undisturbed")
    kills.prepare(work, name, tmp_path / "stopped")
    arguments = (work.do, name, tmp_path / "stopped")
    error = error_without(database, write, how, *arguments)
    database.start()
    assert type(error) is InputError
    assert str(error) == str(no_database())
    work.do(name, tmp_path / "stopped")
    assert kills.contents(name, tmp_path / "stopped") == expected
    kills.fo.delete_dataset(name)


def test_a_command_that_only_reads_ends_in_one_line(monkeypatch, capsys):
    def fail(_):
        raise AutoReconnect("connection closed")

    monkeypatch.setattr(cli, "run", fail)
    assert cli.main(["list", "street"]) == cli.BAD
    assert capsys.readouterr().err == f"track-audit: error: {no_database()}\n"
