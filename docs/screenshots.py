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


def main() -> None:
    """Audits the sample sequence, and takes the pictures."""
    from browser import open_operator, open_page, serve_app, shown_seconds

    import demo

    started = conftest.database.__wrapped__()
    next(started)
    dataset, _ = demo.run(None, None)
    with serve_app() as app, open_page() as page:
        page.goto(f"{app}/datasets/{dataset.name}?view=outliers")
        page.locator("[data-cy=looker]").first.wait_for()
        open_operator(page, "Export adjustment job")
        page.get_by_text("will be written to a folder").wait_for()
        take(page, "export")
        page.goto(f"{app}/datasets/{dataset.name}?view=issues")
        tiles = page.locator("[data-cy=looker]")
        tiles.first.wait_for()
        take(page, "issues")
        tiles.first.click()
        page.locator("[data-cy=modal]").wait_for()
        clip = dataset.load_saved_view("issues").first()
        frame_rate = dataset.first().metadata.frame_rate
        around = round(frame_rate / 2)
        page.wait_for_timeout(2000)
        while shown_seconds(page) < (clip.support[0] + around - 1) / frame_rate - 0.01:
            page.keyboard.press(".")
            page.wait_for_timeout(100)
        take(page, "issue")
    started.close()


def take(page, name: str) -> None:  # noqa: ANN001 - a Playwright page
    """Takes a picture when everything is drawn."""
    page.wait_for_timeout(2000)
    page.screenshot(path=IMAGES / f"{name}.jpg", type="jpeg", quality=82)


if __name__ == "__main__":
    main()
