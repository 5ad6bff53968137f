# SPDX-License-Identifier: Apache-2.0
"""What the files say of the package against what it is."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import fiftyone_track_audit
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = [
    ROOT / "__init__.py",
    *sorted((ROOT / "importers").rglob("*.py")),
    *sorted((ROOT / "plugin").rglob("*.py")),
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MANIFEST = yaml.safe_load((ROOT / "fiftyone.yml").read_text())


def requirements():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    names = (re.match(r"[\w-]+", line) for line in lines)
    return {name[0] for name in names if name}


def third_party_imports():
    """The top-level names that the package imports at run time."""
    names = set()
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
    top = {name.partition(".")[0] for name in names}
    typing_only = {name for name in top if name.startswith("mypy_boto3_")}
    return top - set(sys.stdlib_module_names) - typing_only


def test_requirements_cover_the_imports():
    pytest.importorskip("torchvision")
    # Dependencies of a requirement, which pins the version that it works with
    brought_along = {
        "bson": "fiftyone",
        "pymongo": "fiftyone",
        "botocore": "boto3",
        "cv2": "fiftyone",
        "requests": "fiftyone",
        "rich": "cyclopts",
    }
    distributions = packages_distributions()
    # What needs them says how to install them
    optional = {"trackeval", "ray"}
    for name in third_party_imports() - optional:
        known = {brought_along.get(name), *distributions.get(name, [])}
        assert known & requirements(), f"{name} is in no requirement"


def test_packages_are_the_folders():
    folders = {path.parent.relative_to(ROOT) for path in PACKAGE}
    names = {".".join(["fiftyone_track_audit", *folder.parts]) for folder in folders}
    assert names == set(PROJECT["tool"]["setuptools"]["packages"])


def test_package_data_is_there():
    (files,) = PROJECT["tool"]["setuptools"]["package-data"].values()
    assert {"fiftyone.yml", "py.typed", "requirements.txt"} <= set(files)
    for pattern in files:
        assert list(ROOT.glob(pattern)), pattern


def test_versions_agree():
    assert MANIFEST["version"] == fiftyone_track_audit.__version__
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "fiftyone_track_audit.importers.version.__version__"
    }


def test_manifest_is_complete():
    assert MANIFEST["name"] == "@track-audit/video"
    assert MANIFEST["license"] == PROJECT["project"]["license"] == "Apache-2.0"
    assert MANIFEST["fiftyone"]["version"].startswith(">=")


def test_manifest_lists_the_operators(database):
    from fiftyone_track_audit.plugin.operators import OPERATORS

    names = [operator().config.name for operator in OPERATORS]
    assert MANIFEST["operators"] == names


def test_manifest_lists_the_panels_and_their_bundle(database):
    from fiftyone_track_audit.plugin.panel import PANELS

    assert MANIFEST["panels"] == [panel().config.name for panel in PANELS]
    (files,) = PROJECT["tool"]["setuptools"]["package-data"].values()
    assert MANIFEST["js_bundle"] in files


def test_exports(database):
    for name in fiftyone_track_audit.__all__:
        assert getattr(fiftyone_track_audit, name).__doc__
        assert name in dir(fiftyone_track_audit)
    assert len(fiftyone_track_audit._PUBLIC) == len(fiftyone_track_audit.__all__) - 2
    with pytest.raises(AttributeError, match="'nothing'"):
        fiftyone_track_audit.nothing  # noqa: B018


def test_public_names_are_imported_lazily():
    code = "import sys, fiftyone_track_audit as fta; fta.read_mot; fta.audit_tracks; "
    code += "print({'fiftyone', 'torch'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_command_exists():
    module, _, function = PROJECT["project"]["scripts"]["track-audit"].partition(":")
    path = ROOT.joinpath(*module.split(".")[1:], "__init__.py")
    defined = [
        n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)
    ]
    assert function in {node.name for node in defined}


SOURCES = [
    path
    for folder in ("importers", "plugin", "tests", "examples", "benchmarks", ".ci")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("path", [ROOT / "__init__.py", *SOURCES], ids=lambda p: p.name)
def test_source_names_its_licence(path):
    first = path.read_text().splitlines()[0]
    assert first == "# SPDX-License-Identifier: Apache-2.0"


SCRIPTS = [
    *sorted((ROOT / "plugin" / "panel" / "app").glob("*.mjs")),
    *sorted((ROOT / "plugin" / "panel" / "app").glob("src/*.ts*")),
    *sorted((ROOT / "plugin" / "panel" / "app").glob("tests/*.ts")),
    ROOT / MANIFEST["js_bundle"],
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_script_names_its_licence(path):
    with path.open() as file:
        assert file.readline().startswith("// SPDX-License-Identifier: Apache-2.0")
