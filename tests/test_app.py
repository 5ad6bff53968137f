# SPDX-License-Identifier: Apache-2.0
"""The way of a user in the App: see an issue, play it, audit, import, export."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from browser import CHROMIUM, open_operator, open_page, serve_app, shown_seconds

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
    pytest.mark.skipif(not find_spec("playwright"), reason="no playwright here"),
]


@pytest.fixture(scope="module")
def dataset(database, request, tmp_path_factory):
    """An audited dataset with its views: real where there is real data."""
    import fiftyone as fo
    from fiftyone_track_audit.importers.dataset import create_dataset
    from fiftyone_track_audit.importers.groundtruth import read_seq_label
    from fiftyone_track_audit.plugin.auditing import audit_dataset
    from fiftyone_track_audit.plugin.views import save_outlier_views
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


@pytest.fixture(scope="module")
def app(dataset):
    with serve_app() as url:
        yield url


@pytest.fixture
def page(app):
    with open_page() as page:
        yield page


def test_audits_from_the_operator_browser(app, page, dataset):
    before = dataset.get_run_info("audit_tracks_ground_truth").timestamp
    page.goto(f"{app}/datasets/{dataset.name}")
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Audit tracks")
    dialog.get_by_text("Will judge every box of 1 video").wait_for()
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text(re.compile("outliers? among")).wait_for()
    dataset.reload()
    run = dataset.get_run_info("audit_tracks_ground_truth")
    assert run.timestamp > before
    assert run.config.thresholds == {"size": 0.25, "iou": 0.5}


def test_a_failed_import_says_why(app, page, dataset, tmp_path):
    import fiftyone as fo

    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("1,1,1,1,5,x,1,1,1\n")
    (tmp_path / "seqinfo.ini").write_text(
        "[Sequence]\nname=S\nframeRate=25\nseqLength=2\nimWidth=9\nimHeight=9\n"
    )
    page.goto(f"{app}/datasets/{dataset.name}")
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Import sequences")
    fields = dialog.locator("input:not([type=checkbox])")
    fields.first.fill(str(tmp_path))
    fields.last.fill("never-made")
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text("gt.txt, line 1: column 6 is 'x'; expected a number").wait_for()
    assert not fo.dataset_exists("never-made")


def test_a_bad_input_is_shown_in_the_form(app, page, dataset):
    page.goto(f"{app}/datasets/{dataset.name}")
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Import sequences")
    dialog.locator("input:not([type=checkbox])").first.fill("/no/such/folder")
    dialog.get_by_text("there is no folder /no/such/folder").first.wait_for()
    assert dialog.get_by_role("button", name="Execute").is_disabled()


def test_exports_the_current_view(app, page, dataset, tmp_path):
    package = tmp_path / "package"
    page.goto(f"{app}/datasets/{dataset.name}?view=outliers")
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Export adjustment job")
    dialog.get_by_text("will be written to a folder").wait_for()
    place = dialog.get_by_text("Package folder", exact=True)
    place.locator("xpath=following::input[1]").fill(str(package))
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text("What next").wait_for()
    assert Path(package, "manifest.jsonl").is_file()
    assert Path(package, "job.json").is_file()


def test_plays_an_issue(app, page, dataset):
    # Last: the server remembers which sample is open, also for other pages
    issues = dataset.load_saved_view("issues")
    page.goto(f"{app}/datasets/{dataset.name}?view=issues")
    tiles = page.locator("[data-cy=looker]")
    tiles.first.wait_for()
    assert tiles.count() == len(issues)
    tiles.first.click()
    page.locator("[data-cy=modal]").wait_for()
    worst = issues.first()
    begin = (worst.support[0] - 1) / dataset.first().metadata.frame_rate
    shown = page.locator("[data-cy=looker-video-time]")
    page.wait_for_function(
        "/\\d:\\d/.test(document.querySelector"
        "('[data-cy=looker-video-time]')?.textContent)"
    )
    # While paused, the App shows whole seconds
    assert int(shown_seconds(page)) == int(begin)
    paused = shown.text_content()
    page.keyboard.press("Space")
    page.wait_for_function(
        "before => document.querySelector('[data-cy=looker-video-time]')"
        ".textContent !== before",
        arg=paused,
    )
    assert shown_seconds(page) > begin
