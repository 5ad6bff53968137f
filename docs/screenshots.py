# SPDX-License-Identifier: Apache-2.0
"""Take the pictures of README and docs, in the real App on the sample sequence.

Run it where the tests run: ``.venv/bin/python docs/screenshots.py``.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / name) for name in ("tests", "tests/support", "examples")]

import conftest  # noqa: E402 - gives FiftyOne a database and folders of its own

IMAGES = ROOT / "docs" / "images"
#: The position of the issue to show in the view of issues.
ISSUE = 1
#: The widths and heights of screens in pixels at which the panel is shown as well.
SCREENS = ((1280, 800), (1920, 1080))


def main() -> None:
    """Audit the sample sequence, and take the pictures."""
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
    # In a new App each time, since the App remembers the open sample
    for scheme in ("dark", "light"):
        for screen in SCREENS:
            with serve_app() as app, open_page(*screen) as page:
                name = f"panel-{scheme}-{screen[0]}"
                take_screen(page, f"{app}/{place}", name, scheme == "light")
    # Last, because decisions save the views again
    with serve_app() as app, open_page() as page:
        take_panel(page, f"{app}/{place}")
    started.close()


def color_outliers(dataset) -> None:  # noqa: ANN001 - a FiftyOne dataset
    """Draw boxes with a wrong size in red, and all others in blue."""
    import fiftyone as fo

    colors = {"true": "#ff2d2d", "false": "#7aa2f7"}
    boxes = {
        "path": "frames.ground_truth",
        "colorByAttribute": "size_outlier",
        "valueColors": [{"value": key, "color": colors[key]} for key in colors],
    }
    dataset.app_config.color_scheme = fo.ColorScheme(color_by="value", fields=[boxes])
    dataset.save()


def take_screen(page, url: str, name: str, light: bool) -> None:  # noqa: ANN001
    """Take the panel next to the grid, in the App's light or dark colors."""
    show_panel(page, url)
    if light:
        page.get_by_title("Light mode").click()
    take(page, name)


def show_panel(page, url: str):  # noqa: ANN001, ANN201 - Playwright's
    """Open the panel next to the grid, and return it."""
    from browser import open_panel

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    panel = open_panel(page)
    panel.get_by_test_id("strip").wait_for()
    page.get_by_text("Samples", exact=True).first.wait_for()
    widen(page, panel)
    return panel


def take_panel(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Take the panel next to the grid, each of its tabs, and the open video."""
    panel = show_panel(page, url)
    take(page, "panel")
    for name in ("Timeline", "Thresholds"):
        panel.get_by_role("button", name=name).click()
        take(page, f"panel-{name.lower()}")
    panel.get_by_role("button", name="Issue", exact=True).click()
    for key, progress in (("c", "1 confirmed, 0"), ("x", "1 confirmed, 1 dismissed")):
        page.keyboard.press(key)
        panel.get_by_text(progress).wait_for()
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
    take(page, "panel-video")
    page.mouse.click(5, 500)
    modal.wait_for(state="detached")
    page.locator("[data-cy=panel-tab-track_audit]").get_by_title("Close").click()


def widen(page, panel) -> None:  # noqa: ANN001 - a Playwright page
    """Give the panel two thirds of the space that it shares with the grid."""
    area = panel.bounding_box()
    page.mouse.move(area["x"] - 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] - 260, area["y"] + area["height"] / 2, steps=5)
    page.mouse.up()
    page.mouse.move(0, 0)


def take_form(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Take the export form with its preview."""
    from browser import open_operator

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    open_operator(page, "Export adjustment job")
    page.get_by_text("will be written to a folder").wait_for()
    take(page, "export")


def take_first_steps(page, url: str) -> None:  # noqa: ANN001 - a Playwright page
    """Take the forms of the first steps: import and audit."""
    from browser import field, open_operator

    page.goto(url)
    page.locator("[data-cy=looker]").first.wait_for()
    dialog = open_operator(page, "Import sequences")
    field(dialog, "Dataset name").fill("station")
    # Without the notice, which contains a path of this machine
    take(page, "import", clip={"x": 380, "y": 20, "width": 840, "height": 560})
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    open_operator(page, "Audit tracks")
    page.get_by_text("Every box of").wait_for()
    take(page, "audit")


def take_issues(page, url: str, count: int) -> None:  # noqa: ANN001
    """Take the grid of all clips of issues."""
    page.set_viewport_size({"width": 1600, "height": 1115})
    page.goto(url)
    page.locator("[data-cy=looker] canvas[canvas-loaded=true]").nth(
        count - 1
    ).wait_for()
    take(page, "issues")


def take_issue(page, dataset) -> None:  # noqa: ANN001 - a Playwright page
    """Take an issue at its first wrong box, with the tooltip of the box."""
    from browser import shown_seconds

    page.set_viewport_size({"width": 1600, "height": 1000})
    page.locator("[data-cy=looker]").nth(ISSUE).click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    settle(page)
    page.keyboard.press("s")  # hides the sidebar
    clip = dataset.load_saved_view("issues").skip(ISSUE).first()
    video = dataset[clip.sample_id]
    for _ in range(clip.issues.first_frame - clip.support[0]):
        page.keyboard.press(".")
        settle(page)
    begin = (clip.issues.first_frame - 1) / video.metadata.frame_rate
    assert abs(shown_seconds(page) - begin) < 0.01, "the App shows another frame"
    boxes = video.frames[clip.issues.first_frame].ground_truth.detections
    (box,) = (box for box in boxes if box.index == clip.issues.track)
    page.mouse.move(*place(modal.locator("canvas").first, video, box.bounding_box))
    take(page, "issue")


def place(canvas, video, box: list[float]) -> tuple[float, float]:  # noqa: ANN001
    """Return the center of a box on the page; the video fits inside the canvas."""
    area = canvas.bounding_box()
    width, height = video.metadata.frame_width, video.metadata.frame_height
    scale = min(area["width"] / width, area["height"] / height)
    x, y = box[0] + box[2] / 2 - 0.5, box[1] + box[3] / 2 - 0.5
    return (
        area["x"] + area["width"] / 2 + x * width * scale,
        area["y"] + area["height"] / 2 + y * height * scale,
    )


def settle(page) -> None:  # noqa: ANN001 - a Playwright page
    """Wait until the page has looked the same for a second and a half."""
    shots = [b""] * 6
    for _ in range(200):
        shots = [*shots[1:], page.screenshot()]
        if len(set(shots)) == 1:
            return
        page.wait_for_timeout(250)
    raise TimeoutError("the page keeps changing")


def take(page, name: str, **options) -> None:  # noqa: ANN001, ANN003
    """Take a picture once the page no longer changes."""
    settle(page)
    path = IMAGES / f"{name}.jpg"
    page.screenshot(path=path, type="jpeg", quality=75, **options)


if __name__ == "__main__":
    main()
