# SPDX-License-Identifier: Apache-2.0
"""What the docs say of commands and public names against what there is."""

import re
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from pkgutil import resolve_name

import fiftyone_track_audit as fta
import pytest
from fiftyone_track_audit.plugin.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCE = ROOT / "docs" / "reference"


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
    with redirect_stdout(StringIO()) as out:
        assert main([*command, "--help"]) == 0
    return out.getvalue()


@pytest.mark.parametrize(("command", "options"), examples())
def test_examples_use_options_that_are_there(command, options):
    assert options <= set(re.findall(r"--[a-z-]+", help_of(command)))


def test_the_reference_has_every_command():
    page = (REFERENCE / "command-line.md").read_text()
    documented = re.findall(r"<!-- help: ([a-z-]+) -->", page)
    assert documented == re.findall(r"(?m)^### ([a-z-]+)$", page)
    assert {command for command, _ in examples()} <= set(documented)
    # Commands are listed between others' options, which begin with hyphens
    listed = re.findall(r"(?m)^  ([a-z-]+) {2,}\w", help_of())
    assert sorted(documented) == sorted(name for name in listed if name[0] != "-")


def test_the_reference_has_every_public_name(database):
    page = (REFERENCE / "python.md").read_text()
    for name in re.findall(r"(?m)^::: (.+)$", page):
        assert resolve_name(name)
    documented = set(re.findall(r"(?m)^::: fiftyone_track_audit\.(\w+)$", page))
    # What FiftyOne calls, and the version
    assert documented == set(fta.__all__) - {"register", "__version__"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_use_public_names(page):
    names = re.findall(r"\bfta\.(\w+)", page.read_text())
    assert set(names) <= set(fta.__all__)
