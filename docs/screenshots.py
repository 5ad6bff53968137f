# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of the README, in the real App on the sample sequence.

Run it where the tests run: ``.venv/bin/python docs/screenshots.py``.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]

import conftest  # noqa: E402 - gives FiftyOne a database and folders of its own

IMAGES = ROOT / "docs" / "images"
#: The position in the view of the issue that is seen best.
ISSUE = 1


def main() -> None:
    """Audits the sample sequence, and takes the pictures."""
    from browser import open_page, serve_app

    import demo

    started = conftest.database.__wrapped__()
    next(started)
    dataset, _ = demo.run(None, None)
    color_outliers(dataset)
    place = f"datasets/{dataset.name}"
    with serve_app() as app, open_page() as page:
        take_form(page, f"{app}/{place}?view=outliers")
        take_first_steps(page, f"{app}/{place}")
        count = len(dataset.load_saved_view("issues"))
        take_issues(page, f"{app}/{place}?view=issues", count)
        take_issue(page, dataset)
    # Last, as it saves the views anew; the App would remember the open sample
    with serve_app() as app, open_page() as page:
        take_panel(page, f"{app}/{place}")
    started.close()


def color_outliers(dataset) -> None:  # noqa: ANN001 - a FiftyOne dataset
    """Draws the boxes of the wrong size in red, and all others in blue."""
    import fiftyone as fo

    colors = {"true": "#ff2d2d", "false": "#7aa2f7"}
    boxes = {
        "path": "frames.ground_truth",
        "colorByAttribute": "size_outlier",
        "valueColors": [{"value": key, "color": colors[key]} for key in colors],
    }
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="value", fields=[boxes])
    dataset.save()


def take_panel(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Takes the panel beside the samples, with all that it shows, and the video."""
    from browser import open_panel

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    panel = open_panel(page)
    panel.get_by_test_id("strip").wait_for()
    page.get_by_text("Samples", exact=True).first.wait_for()
    widen(page, panel)
    take(page, "panel")
    for name in ("Timeline", "Thresholds"):
        panel.get_by_role("button", name=name).click()
        take(page, f"panel-{name.lower()}")
    panel.get_by_role("button", name="Issue", exact=True).click()
    for key, told in (("c", "1 confirmed, 0"), ("x", "1 confirmed, 1 dismissed")):
        page.keyboard.press(key)
        panel.get_by_text(told).wait_for()
    panel.locator("[data-kind='size_change']").click()
    take(page, "panel-decisions")
    panel.locator("[data-kind='size_change']").click()
    panel.get_by_test_id("issue").first.click()
    panel.get_by_role("button", name="Show in video").click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    page.keyboard.press("s")  # hides the sidebar
    beside = modal.get_by_test_id("track-audit")
    beside.get_by_test_id("strip").locator(".at").first.click()
    page.wait_for_timeout(5000)  # until the App shows the frame for good
    take(page, "panel-video")
    page.mouse.click(5, 500)
    modal.wait_for(state="detached")
    page.locator("[data-cy=panel-tab-track_audit]").get_by_title("Close").click()


def widen(page, panel) -> None:  # noqa: ANN001 - a Playwright page
    """Gives the panel two thirds of what it shares with the samples."""
    area = panel.bounding_box()
    page.mouse.move(area["x"] - 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] - 260, area["y"] + area["height"] / 2, steps=5)
    page.mouse.up()
    page.mouse.move(0, 0)


def take_form(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Takes the export form with its preview."""
    from browser import open_operator

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    open_operator(page, "Export adjustment job")
    page.get_by_text("will be written to a folder").wait_for()
    take(page, "export")


def take_first_steps(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Takes the forms that it begins with."""
    from browser import field, open_operator

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Import sequences")
    field(dialog, "Dataset name").fill("station")
    # Without the notice, which names a folder of the machine
    take(page, "import", clip={"x": 380, "y": 20, "width": 840, "height": 560})
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    open_operator(page, "Audit tracks")
    page.get_by_text("Every box of").wait_for()
    take(page, "audit")


def take_issues(page, url: str, count: int) -> None:  # noqa: ANN001
    """Takes the clips of the issues, all of them."""
    page.set_viewport_size({"width": 1600, "height": 1115})
    page.goto(url)
    page.locator("[data-cy=looker] canvas[canvas-loaded=true]").nth(
        count - 1
    ).wait_for()
    page.wait_for_timeout(5000)  # until the grid is moved into place
    take(page, "issues")


def take_issue(page, dataset) -> None:  # noqa: ANN001 - a Playwright page
    """Takes an issue at its first wrong box, with what is known of the box."""
    from browser import shown_seconds

    page.set_viewport_size({"width": 1600, "height": 1000})
    page.locator("[data-cy=looker]").nth(ISSUE).click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    page.wait_for_timeout(5000)  # until the App shows the first frame for good
    page.keyboard.press("s")  # hides the sidebar
    clip = dataset.load_saved_view("issues").skip(ISSUE).first()
    video = dataset[clip.sample_id]
    for _ in range(clip.issues.first_frame - clip.support[0]):
        page.keyboard.press(".")
        page.wait_for_timeout(400)
    begin = (clip.issues.first_frame - 1) / video.metadata.frame_rate
    assert abs(shown_seconds(page) - begin) < 0.01, "the App shows another frame"
    boxes = video.frames[clip.issues.first_frame].ground_truth.detections
    (box,) = (box for box in boxes if box.index == clip.issues.track)
    page.mouse.move(*place(modal.locator("canvas").first, video, box.bounding_box))
    take(page, "issue")


def place(canvas, video, box: list[float]) -> tuple[float, float]:  # noqa: ANN001
    """Finds the center of a box on the page: the video fills the canvas one way."""
    area = canvas.bounding_box()
    width, height = video.metadata.frame_width, video.metadata.frame_height
    scale = min(area["width"] / width, area["height"] / height)
    x, y = box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5
    return (
        area["x"] + area["width"] / 2 + x * width * scale,
        area["y"] + area["height"] / 2 + y * height * scale,
    )


def take(page, name: str, **options) -> None:  # noqa: ANN001, ANN003
    """Takes a picture when everything is drawn."""
    page.wait_for_timeout(2000)
    path = IMAGES / f"{name}.jpg"
    page.screenshot(path=path, type="jpeg", quality=75, **options)


if __name__ == "__main__":
    main()
