# SPDX-License-Identifier: Apache-2.0
"""The way of a user in the App: see an issue, play it, audit, import, export."""

import json
import re
import time

import pytest
from browser import (
    field,
    open_operator,
    settle,
    shown_seconds,
    wait_until,
)


@pytest.fixture(scope="module")
def dataset(database, request, tmp_path_factory):
    """An audited dataset with its views: real where there is real data."""
    import fiftyone as fo
    from fiftyone_track_audit.importers.dataset import create_dataset
    from fiftyone_track_audit.importers.groundtruth import read_seq_label
    from fiftyone_track_audit.plugin.review.audits import audit_dataset
    from fiftyone_track_audit.plugin.review.saved_views import save_outlier_views
    from sample import make_sample

    try:
        data = request.getfixturevalue("real_data")
        frames = data / "MOT20" / "train" / "MOT20-01"
        labels = data / "groundtruth" / "MOT20-01-SeqLabel.json"
    except pytest.skip.Exception:
        folder = tmp_path_factory.mktemp("sample")
        frames = make_sample(
            folder, seconds=4, size=(640, 360), walkers=16, progress=False
        )
        labels = folder / f"{frames.name}-SeqLabel.json"
    dataset = create_dataset(read_seq_label(labels, frames), "in-the-app")
    audit_dataset(dataset)
    save_outlier_views(dataset)
    yield dataset
    fo.delete_dataset("in-the-app")


def test_plays_an_issue(app, page, dataset):
    issues = dataset.load_saved_view("issues")
    show(page, f"{app}/datasets/{dataset.name}?view=issues")
    page.get_by_text(re.compile(f"^{len(issues)} clips?$")).wait_for()
    page.locator("[data-cy=looker]").first.click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    frame_rate = dataset.first().metadata.frame_rate
    first, last = issues.first().support
    begin = round((first - 1) / frame_rate, 2)
    page.get_by_test_id("timeline-playhead-time").wait_for()
    seen = {shown_seconds(page)}
    page.keyboard.press("Space")
    # The clip goes round, so that any time but its begin is soon gone again
    wait_until(page, lambda: seen.add(shown_seconds(page)) or len(seen - {begin}) > 1)
    assert begin <= min(seen - {0.0}) < max(seen) <= last / frame_rate
    # The server would open the sample on other pages too
    page.mouse.click(5, 500)
    modal.wait_for(state="detached")


def test_lists_the_operators(app, page, dataset):
    from fiftyone_track_audit.plugin.operators import OPERATORS

    show(page, f"{app}/datasets/{dataset.name}")
    page.keyboard.press("Backquote")
    search = page.get_by_placeholder("Search operations by name...")
    for operator in OPERATORS:
        config = operator().config
        search.fill(config.name)
        page.get_by_text(config.label, exact=True).wait_for()
        assert page.get_by_text(config.name, exact=True).count() == 1


def test_audits_from_the_operator_browser(app, page, dataset):
    from fiftyone_track_audit.plugin.review.audit_records import list_audits

    (before,) = list_audits(dataset, "ground_truth")
    show(page, f"{app}/datasets/{dataset.name}")
    dialog = open_operator(page, "Audit tracks")
    dialog.get_by_text("Every box of 1 video").wait_for()
    field(dialog, "Size threshold").fill("0.2")
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text(re.compile("outliers? among")).wait_for()
    (after,) = list_audits(dataset, "ground_truth")
    assert after.finished_at > before.finished_at
    assert (after.settings.thresholds.size, after.settings.thresholds.iou) == (0.2, 0.5)


def test_imports_and_opens_the_dataset(app, page, dataset, write_mot):
    import fiftyone as fo

    show(page, f"{app}/datasets/{dataset.name}")
    dialog = open_operator(page, "Import sequences")
    folder = write_mot()
    field(dialog, "Folder").fill(str(folder))
    # The folder's name is suggested
    name = folder.name
    wait_until(page, lambda: field(dialog, "Dataset name").input_value() == name)
    dialog.get_by_text("6 frames of 1 sequence").wait_for()
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text("6 boxes in 6 frames of 1 sequence").wait_for()
    page.wait_for_url(f"**/datasets/{name}")
    assert page.get_by_text("Please note").count() == 0
    imported = fo.load_dataset(name)
    assert imported.count("frames.ground_truth.detections") == 6
    imported.delete()


def test_a_bad_import_says_why(app, page, dataset, write_mot):
    import fiftyone as fo

    sequence = write_mot()
    (sequence / "gt" / "gt.txt").write_text("1,1,1,1,5,x,1,1,1\n")
    show(page, f"{app}/datasets/{dataset.name}")
    dialog = open_operator(page, "Import sequences")
    execute = dialog.get_by_role("button", name="Execute")
    # Not to be taken for Markdown
    field(dialog, "Folder").fill("/no/such_folder_*here*")
    field(dialog, "Dataset name").fill(dataset.name)
    dialog.get_by_text("there is no folder /no/such_folder_*here*").wait_for()
    assert execute.is_disabled()
    field(dialog, "Folder").fill(str(sequence))
    dialog.get_by_text(f"there is already a dataset '{dataset.name}'").wait_for()
    assert execute.is_disabled()
    field(dialog, "Dataset name").fill("never-made")
    message = f"{sequence}/gt/gt.txt, line 1: column 6 is 'x'; expected a number"
    dialog.get_by_text(message).wait_for()
    assert execute.is_disabled()
    assert not fo.dataset_exists("never-made")


def test_exports_the_current_view(app, page, dataset, tmp_path):
    package = tmp_path / "package"
    show(page, f"{app}/datasets/{dataset.name}?view=outliers")
    dialog = open_operator(page, "Export adjustment job")
    opened = time.time()
    dialog.get_by_text(
        re.compile(r"\d+ frames .* will be written to a folder")
    ).wait_for()
    name = field(dialog, "Job name").input_value()
    # The time moves on, the name that was made of it must not
    wait_until(page, lambda: time.time() > opened + 1)
    field(dialog, "Package folder").fill(str(package))
    settle(page)
    assert field(dialog, "Job name").input_value() == name
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text("What next").wait_for()
    assert (package / "manifest.jsonl").is_file()
    request = json.loads((package / "job.json").read_text())
    assert name in json.dumps(request)


def test_lists_the_jobs(app, page, dataset, tmp_path):
    import fiftyone.operators as foo

    foo.get_operator("@track-audit/video/export_adjustment_job")(
        dataset.load_saved_view("outliers"), "Watch-1", str(tmp_path / "package")
    )
    show(page, f"{app}/datasets/{dataset.name}")
    dialog = open_operator(page, "Adjustment job status")
    execute = dialog.get_by_role("button", name="Execute")
    wait_until(page, execute.is_enabled)
    settle(page)
    execute.click()
    row = page.get_by_role("row").filter(has_text="Watch-1")
    row.get_by_text("NotStarted").wait_for()
    assert row.count() == 1


def show(page, url):
    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
