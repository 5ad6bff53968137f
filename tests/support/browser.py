# SPDX-License-Identifier: Apache-2.0
"""The real App in headless Chromium, on FiftyOne's bare server."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
#: How long to wait for what has to happen, in seconds: a busy machine is slow.
PATIENCE = 120
_QUIET = 0.5  # seconds


@contextmanager
def serve_app(seconds: float = PATIENCE) -> Iterator[str]:
    """Starts the App's server on the database of the environment; gives its URL.

    A Python session would keep its view and open sample over page loads.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    main = Path(find_spec("fiftyone").origin).parent / "server" / "main.py"
    command = [sys.executable, main, "--port", str(port), "--address", "127.0.0.1"]
    server = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + seconds
        while not _answers(url):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the App's server did not start")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@contextmanager
def open_page(width: int = 1600, height: int = 1000, scheme: str = "dark") -> Iterator:
    """Opens a page in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.add_init_script(
            "localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true')"
        )
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.traffic = Traffic(page)
        yield page
        browser.close()


def open_operator(page, label: str):
    """Opens an operator's form from the operator browser; gives the dialog."""
    page.keyboard.press("Backquote")
    page.get_by_placeholder("Search operations by name...").fill(label)
    page.get_by_text(label, exact=True).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Execute").wait_for()
    return dialog


def open_panel(page):
    """Opens the panel beside the grid, unless it is open; gives it."""
    add = page.locator("[data-cy=new-panel-btn]").first
    add.wait_for()
    if not page.get_by_text("Track audit", exact=True).count():
        add.click()
        page.locator("[data-cy='new-panel-option-track_audit']").click()
    panel = page.get_by_test_id("track-audit")
    panel.wait_for()
    return panel


def field(dialog, label: str):
    """The text field below a label of a form."""
    return dialog.get_by_text(label, exact=True).locator("xpath=following::input[1]")


def shown_seconds(page) -> float:
    """The time of the video in the open sample, in seconds."""
    shown = page.get_by_test_id("timeline-playhead-time").text_content().split("/")[0]
    minutes, seconds = shown.split(":")
    return int(minutes) * 60 + float(seconds)


def wait_until(page, condition):
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        page.wait_for_timeout(50)


class Traffic:
    """What a page asks the App's server for.

    Attributes:
        open: the requests to operators that have no answer yet
        changed: when a request began or ended last
    """

    def __init__(self, page):
        self.open = set()
        self.changed = time.monotonic()
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request):
        self.changed = time.monotonic()
        if "/operators/" in request.url:
            self.open.add(request)

    def _end(self, request):
        self.changed = time.monotonic()
        self.open.discard(request)


def settle(page, held=0):
    """Wait until the App neither asks for anything nor moves its player.

    The App resolves a form several times, and rewinds a video once it is loaded.

    Args:
        page: the page
        held: the number of requests whose answers the test itself holds back
    """
    player = page.get_by_test_id("timeline-playhead-time")
    seen = None

    def is_quiet():
        nonlocal seen
        shows = player.all_text_contents()
        if shows != seen:
            seen, page.traffic.changed = shows, time.monotonic()
        is_waiting = len(page.traffic.open) > held
        return not is_waiting and time.monotonic() - page.traffic.changed > _QUIET

    wait_until(page, is_quiet)
