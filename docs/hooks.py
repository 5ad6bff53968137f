# SPDX-License-Identifier: Apache-2.0
"""Give MkDocs what is not in the docs folder: the sources, the help and the icon.

The package is the repository's root. A folder of links gives it its name and leaves
out what is not part of it, so that the reference is made from the sources alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import griffe
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "fiftyone_track_audit"
#: ``<!-- help: score -->`` stands for the help of ``track-audit score``.
HELP = re.compile(r"<!-- help: ?([\w-]*) -->")
#: Sphinx markup in docstrings, and the Markdown for it.
MARKUP = {
    # :class:`.Review` -> `Review`
    re.compile(r":[a-z]+:`[~.]*([^`]+)`"): r"`\1`",
    # An example that starts with two colons on a line of their own
    re.compile(r"(?m)^::\n"): "",
    # field (None): text -> field: text, as the signature has the default
    re.compile(r"(?m)^( +\*{0,2}\w+) \([^()]+\):"): r"\1:",
}

_links = tempfile.TemporaryDirectory(prefix="track-audit-docs-")


@event_priority(100)  # before the reference looks for them
def on_config(config: MkDocsConfig) -> None:
    """Tell the reference where the package's sources are."""
    package = Path(_links.name, PACKAGE)
    if not package.exists():
        package.mkdir()
        for part in ("__init__.py", "importers", "plugin"):
            (package / part).symlink_to(ROOT / part)
    config.plugins["mkdocstrings"].config.handlers["python"]["paths"] = [_links.name]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the plugin's icon."""
    icon = str(ROOT / "assets" / "icon.svg")
    files.append(File.generated(config, "images/icon.svg", abs_src_path=icon))


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put the help of commands in place of their comments."""
    return HELP.sub(lambda match: _help(*match[1].split()), markdown)


def _help(*command: str) -> str:
    """Return the help of a command as a code block."""
    result = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.plugin.cli", *command, "--help"],
        env={**os.environ, "PYTHONPATH": _links.name, "COLUMNS": "84", "NO_COLOR": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return f"```text\n{result.stdout.strip()}\n```"


class PlainDocstrings(griffe.Extension):
    """Make Markdown of the docstrings' Sphinx markup."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Replace the markup in an object's docstring."""
        if obj.docstring:
            for pattern, markdown in MARKUP.items():
                obj.docstring.value = pattern.sub(markdown, obj.docstring.value)
