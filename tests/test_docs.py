# SPDX-License-Identifier: Apache-2.0
"""What the docs say of the command line against what it has."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = (ROOT / "docs" / "reference" / "command-line.md").read_text()


def examples():
    """The commands in the pages, each with its options."""
    found = {}
    for page in PAGES:
        text = page.read_text().replace("\\\n", " ")
        for command, rest in re.findall(r"(?m)^ *track-audit ([a-z-]+)(.*)$", text):
            options = re.findall(r" (--[a-z-]+)", rest.partition(" #")[0])
            found.setdefault(command, set()).update(options)
    return sorted(found.items())


@cache
def help_of(*command):
    done = subprocess.run(
        [sys.executable, "-m", "fiftyone_track_audit.plugin.cli", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(("command", "options"), examples())
def test_examples_use_options_that_are_there(command, options):
    assert options <= set(re.findall(r"--[a-z-]+", help_of(command)))


def test_the_reference_has_every_command():
    documented = re.findall(r"<!-- help: ([a-z-]+) -->", REFERENCE)
    assert documented == re.findall(r"(?m)^### ([a-z-]+)$", REFERENCE)
    assert {command for command, _ in examples()} <= set(documented)
    for command in documented:
        assert re.search(rf"\b{command}\b", help_of())
