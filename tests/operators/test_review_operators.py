# SPDX-License-Identifier: Apache-2.0
"""Export, load, apply and undo from the App and from the terminal."""

import json

import fiftyone.operators as foo
import pandas as pd
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionContext, ExecutionError
from fiftyone_track_audit.plugin.cli import main
from small_datasets import SHIFTED, SHORT, copy_of, outliers, table

pytestmark = pytest.mark.usefixtures("database")

PLUGIN = "@track-audit/video"


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


def run(operator, samples, labels=None, **params):
    ctx = {"params": params, "dataset": samples._root_dataset, "view": samples.view()}
    answer = foo.execute_operator(
        f"{PLUGIN}/{operator}", ctx | {"selected_labels": labels}
    )
    requests = answer.executor.to_json()["requests"]
    return answer.result, [request["operator_uri"] for request in requests]


def form(operator, dataset, **params):
    request = {"dataset_name": dataset.name, "params": params}
    ctx = ExecutionContext(request_params=request)
    return foo.get_operator(f"{PLUGIN}/{operator}").resolve_input(ctx).to_json()


def errors(form):
    properties = form["type"]["properties"].values()
    return [entry["error_message"] for entry in properties if entry["invalid"]]


def label(form, name):
    return form["type"]["properties"][name]["view"]["label"].replace("\\", "")


@pytest.fixture
def corrected(dataset, tmp_path):
    """A dataset whose outliers went out and were corrected."""
    folder = tmp_path / "fix"
    result, _ = run("export_mot_sequences", outliers(dataset), folder=str(folder))
    assert result["message"] == "Exported 10 frames of 1 sequence"
    correct_files(folder)
    return dataset


def correct_files(folder):
    path = folder / "a/gt/gt.txt"
    rows = pd.read_csv(path, header=None)
    rows.loc[(rows[0] == 3) & (rows[1] == 1), 5] = 36
    rows.loc[(rows[0] == 8) & (rows[1] == 2), 2] -= 16
    rows.to_csv(path, header=False, index=False)


def test_forms_say_what_is_missing(dataset):
    for operator, message in {
        "load_adjustments": "no frames of 'walkers' were sent",
        "apply_adjustments": "no corrections were loaded into 'walkers'",
        "undo_adjustments": "no adjustments were applied to 'walkers'",
    }.items():
        (error,) = errors(form(operator, dataset))
        assert message in error


def test_there_and_back_in_the_app(corrected):
    before = table(corrected, "ground_truth")
    shown = form("load_adjustments", corrected)
    assert errors(shown) == []
    assert "corrections of 10 frames" in label(shown, "notice")
    result, triggers = run("load_adjustments", corrected, job_name="fix")
    assert result["message"] == (
        "20 boxes in 10 frames loaded into 'ground_truth_adjusted'; "
        "changes: 1 moved, 1 resized"
    )
    assert triggers == ["reload_dataset"]
    output = foo.get_operator(f"{PLUGIN}/load_adjustments").describe(result).to_json()
    assert list(output["type"]["properties"]) == ["message", "next", "precision"]
    assert {row["precision"] for row in result["precision"]} == {1.0}

    shown = form("apply_adjustments", corrected, kinds=["moved"])
    assert errors(shown) == []
    assert "(1 moved)" in label(shown, "warning")
    result, _ = run("apply_adjustments", corrected, job_name="fix")
    assert result["message"] == "2 labels changed, 0 added, 0 deleted in 2 frames"
    after = table(corrected, "ground_truth")
    assert after.loc[("a", SHORT, 1), "height"] == pytest.approx(36 - 0.25)

    shown = form("undo_adjustments", corrected)
    assert errors(shown) == []
    assert "Will restore" in label(shown, "warning")
    result, _ = run("undo_adjustments", corrected, job_name="fix")
    assert result["message"].startswith("restored: 2 labels changed")
    pd.testing.assert_frame_equal(table(corrected, "ground_truth"), before)


def chosen(form):
    return form["type"]["properties"]["job_name"]["default"]


def test_forms_propose_what_was_loaded_or_applied_last(corrected, tmp_path):
    run("export_mot_sequences", outliers(corrected), folder=str(tmp_path / "other"))
    correct_files(tmp_path / "other")
    for name in ("fix", "other", "fix"):
        run("load_adjustments", corrected, job_name=name, adjusted_field=f"by_{name}")
        assert chosen(form("apply_adjustments", corrected)) == name
    run("apply_adjustments", corrected, job_name="fix")
    run("load_adjustments", corrected, job_name="other", adjusted_field="by_other")
    assert chosen(form("apply_adjustments", corrected)) == "other"
    assert chosen(form("undo_adjustments", corrected)) == "fix"


def test_selected_labels_alone_are_applied(corrected):
    run("load_adjustments", corrected, job_name="fix")
    view = corrected.filter_labels("frames.ground_truth_adjusted", F("index") == 1)
    frame = view.first().frames[SHORT]
    selected = {
        "label_id": frame.ground_truth_adjusted.detections[0].id,
        "sample_id": view.first().id,
        "frame_number": SHORT,
        "field": "frames.ground_truth_adjusted",
    }
    result, _ = run("apply_adjustments", corrected, [selected], job_name="fix")
    assert result["message"] == "1 label changed, 0 added, 0 deleted in 1 frame"
    result, _ = run("undo_adjustments", corrected, job_name="fix", drop=True)
    assert result["message"] == "the previous labels were deleted"
    (error,) = errors(form("undo_adjustments", corrected))
    assert "no adjustments were applied" in error


def test_from_python(dataset, tmp_path):
    operators = {
        name: foo.get_operator(f"{PLUGIN}/{name}")
        for name in (
            "export_mot_sequences",
            "load_adjustments",
            "apply_adjustments",
            "undo_adjustments",
        )
    }
    operators["export_mot_sequences"](outliers(dataset), str(tmp_path / "out"))
    result = operators["load_adjustments"](dataset, "out", adjusted_field="second")
    assert (result["boxes"], result["changes"]) == (20, {})
    assert dataset.has_field("frames.second")
    result = operators["apply_adjustments"](dataset, "out")
    assert result["changed"] == 0
    with pytest.raises(ValueError, match="no old labels of 'out' are kept"):
        operators["undo_adjustments"](dataset, "out")


def test_damaged_files_are_reported(corrected, tmp_path):
    (tmp_path / "fix/a/gt/gt.txt").write_text("not,numbers\n")
    with pytest.raises(ExecutionError, match=r"gt\.txt, line 1"):
        run("load_adjustments", corrected, job_name="fix")
    assert not corrected.has_field("frames.ground_truth_adjusted")


# The command line


def test_load_on_the_command_line(corrected, tmp_path, capsys):
    assert main(["load", "walkers", "--job-name", "fix"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("20 boxes in 10 frames loaded into 'ground_truth_adjusted'")
    assert "shift" in out
    command = ["load", "walkers", "--job-name", "fix", "--json"]
    folder = str(tmp_path / "fix")
    assert main([*command, "--output", folder, "--adjusted-field", "second"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["changes"] == {"moved": 1, "resized": 1}
    assert result["frames"]["a"] == [8, 9, 10, 11, 12, 18, 19, SHIFTED, 21, 22]
    corrected.reload()
    assert corrected.has_field("frames.second")


@pytest.fixture
def run_json(capsys):
    """Runs a command; returns what it prints as JSON."""

    def track_audit(*arguments):
        code = main([*map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return json.loads(out)

    return track_audit


def test_there_and_back_on_the_command_line(dataset, tmp_path, run_json, capsys):
    dataset.save_view("wrong", outliers(dataset))
    folder = tmp_path / "fix"
    name = ["--job-name", "fix"]
    sent = run_json("export-mot", "walkers", "--view-name", "wrong", "--folder", folder)
    assert (sent["name"], sent["folder"]) == ("fix", str(folder))
    assert sent["frames"]["a"] == [8, 9, 10, 11, 12, 18, 19, SHIFTED, 21, 22]
    assert sent["message"] == "Exported 10 frames of 1 sequence"
    correct_files(folder)
    before = table(dataset, "ground_truth")
    assert run_json("load", "walkers", *name)["changes"] == {"moved": 1, "resized": 1}
    applied = run_json("apply", "walkers", *name, "--kinds", "moved", "label")
    assert (applied["changed"], applied["frames"]) == (1, 1)
    view = ["--view-name", "changed by reviewers"]
    assert run_json("apply", "walkers", *name, *view)["changed"] == 1
    dataset.reload()
    # The upper edge, which nobody moved, stays between two pixels
    height = table(dataset, "ground_truth").loc[("a", SHORT, 1), "height"]
    assert height == pytest.approx(36 - 0.25)
    assert run_json("undo", "walkers", *name)["changed"] == 2
    dataset.reload()
    pd.testing.assert_frame_equal(table(dataset, "ground_truth"), before)
    assert main(["apply", "walkers", *name]) == 0
    assert main(["undo", "walkers", *name, "--drop"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2 labels changed, 0 added, 0 deleted in 2 frames",
        "the previous labels were deleted",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["apply", "walkers", "--job-name", "fix"], "no corrections of 'fix' were"),
        (["undo", "walkers", "--job-name", "fix"], "no corrections of 'fix' were"),
        (
            ["apply", "walkers", "--job-name", "x", "--kinds", "y"],
            "kinds of changes: y; exp",
        ),
        (
            ["export-mot", "walkers", "--folder", "{corrected}"],
            "'fix' was already sent",
        ),
        (["export-mot", "walkers", "--folder", "x", "--view-name", "y"], "'y'"),
        (["export-mot", "walkers", "--folder", "x", "--context", "-1"], "0 or more"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    corrected, tmp_path, capsys, arguments, message
):
    corrected = tmp_path / "fix"
    assert main([each.format(corrected=corrected) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, message in err, err.count("\n")) == ("", True, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walkers", "--job-name", "other"], "no adjustment 'other' is recorded"),
        (["nothing", "--job-name", "fix"], "nothing"),
        (["walkers"], "--job-name"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(corrected, capsys, arguments, message):
    try:
        code = main(["load", *arguments])
    except SystemExit as exit:
        code = exit.code
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("track-audit: error: ")
    assert error.count("\n") == 1
