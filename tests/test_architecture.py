# SPDX-License-Identifier: Apache-2.0
"""The layout of the code, beside what the import contracts in pyproject.toml hold."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = [ROOT / "importers", ROOT / "plugin"]
MODULES = [path for room in ROOMS for path in sorted(room.rglob("*.py"))]
#: The ways out to annotators are named after the formats that they write.
FORMATS = {"cvat.py", "mot.py", "groundtruth.py"}
#: Adapters are named after the rooms that they serve.
ADAPTERS = {"operators", "cli"}


def test_no_file_name_occurs_twice():
    names = Counter(
        path.name
        for path in MODULES
        if path.parent.name not in ADAPTERS and path.name != "__init__.py"
    )
    assert {name for name, number in names.items() if number > 1} <= FORMATS


@pytest.mark.parametrize("room", sorted({path.parent for path in MODULES}), ids=str)
def test_each_room_says_what_it_is_for(room):
    first = (room / "__init__.py").read_text().splitlines()[1]
    assert first.startswith('"""')
    assert len(first) > 20


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, node.name


def test_any_is_the_exception():
    """Types are known nearly everywhere; FiftyOne's and AWS's own are not."""
    text = "\n".join(path.read_text() for path in [ROOT / "__init__.py", *MODULES])
    used = [line for line in text.splitlines() if re.search(r"\bAny\b", line)]
    assert len([line for line in used if "import" not in line]) <= 54
    assert text.count("noqa: ANN401") <= 13
