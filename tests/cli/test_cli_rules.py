# SPDX-License-Identifier: Apache-2.0
"""Rules of a project on the command line, as a user proposes and passes them."""

import csv
import json
import tomllib

import pandas as pd
import pyarrow as pa
import pytest
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.cli.tables import to_csv


@pytest.fixture
def labels(tmp_path):
    """Two tracks of 20 frames, of which one is a car for two frames."""
    rows = [
        f"{frame},{track},{100 * track + 2 * frame},50,40,80,1,"
        f"{3 if track == 1 and frame in (8, 9) else 1},1\n"
        for track in (1, 2)
        for frame in range(1, 21)
    ]
    folder = tmp_path / "street"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text("".join(rows))
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=street\nimDir=img1\nframeRate=10\nseqLength=20\n"
        "imWidth=640\nimHeight=480\nimExt=.jpg\n"
    )
    return str(folder)


def kinds(path):
    with path.open(newline="") as file:
        return sorted((row["kind"], row["first_frame"]) for row in csv.DictReader(file))


def test_rules_are_proposed_as_toml_and_as_json(labels, tmp_path, capsys):
    output = tmp_path / "rules.toml"
    assert main(["rules", labels, "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert printed == output.read_text()
    proposed = tomllib.loads(printed)
    assert proposed["classes"] == ["pedestrian", "car"]
    assert "# 1 of 2 tracks changes its class\nclass_changes = false" in printed
    assert main(["rules", labels, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["rules"] == {**proposed, "keyframe_step": None}
    assert set(content["reasons"]) == set(content["rules"])


def test_rules_decide_what_an_issue_is(labels, tmp_path, capsys):
    rules, issues = tmp_path / "rules.toml", tmp_path / "issues.csv"
    score = ["score", labels, "--issues", str(issues)]
    assert main(score) == 0
    assert kinds(issues) == [("label_change", "8")]
    rules.write_text("class_changes = true\n")
    assert main([*score, "--rules", str(rules)]) == 0
    assert kinds(issues) == []
    rules.write_text('classes = ["pedestrian"]\n')
    assert main([*score, "--rules", str(rules)]) == 0
    assert kinds(issues) == [("label_change", "8"), ("rule_violation", "8")]
    plan, page = tmp_path / "plan.csv", tmp_path / "page.html"
    review = ["plan-review", labels, "--budget", "5", "--rules", str(rules)]
    assert main([*review, "--output", str(plan)]) == 0
    assert main(["report", labels, "--rules", str(rules), "--output", str(page)]) == 0
    assert "is not allowed; expected pedestrian" in page.read_text()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("clases = []", "unknown setting 'clases'; expected some of hidden_drawn"),
        ("classes = \n", "line 1"),
        ('border = "clip"', "expected border to be one of any, cut, beyond"),
        (b"\xff", "expected UTF-8 text"),
    ],
)
def test_wrong_rules_are_one_line(labels, tmp_path, capsys, content, expected):
    rules, issues = tmp_path / "rules.toml", tmp_path / "issues.csv"
    rules.write_bytes(content if isinstance(content, bytes) else content.encode())
    arguments = ["score", labels, "--rules", str(rules), "--issues", str(issues)]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"track-audit: error: {rules}: ")
    assert expected in line
    assert not issues.exists()


def test_columns_with_empty_chunks_are_written_as_they_are():
    chunks = pa.chunked_array([[], [], ["gap"]], pa.large_string())
    table = pd.DataFrame({"kind": pd.arrays.ArrowExtensionArray(chunks)})
    assert to_csv(table) == b"kind\ngap\n"


def test_fix_obeys_the_rules(labels, tmp_path, capsys):
    path = tmp_path / "rules.toml"
    for changes, kinds in ((False, {"label_change": 1}), (True, {})):
        path.write_text(f"class_changes = {str(changes).lower()}\n")
        output = str(tmp_path / f"fixed-{changes}")
        command = ["fix", labels, "--output", output, "--rules", str(path), "--json"]
        assert main([*command, "--kinds", "label_change", "--min-score", "0.5"]) == 0
        assert json.loads(capsys.readouterr().out)["kinds"] == kinds
