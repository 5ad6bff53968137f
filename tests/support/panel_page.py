# SPDX-License-Identifier: Apache-2.0
"""What somebody does and sees in the panel."""

from urllib.parse import urljoin

from browser import open_panel


def begin(page, url):
    """Opens the panel as somebody does who was never here; gives it."""
    # Of the same origin, and loaded sooner than the App
    page.goto(urljoin(url, "/favicon.ico"))
    page.evaluate("sessionStorage.clear(); localStorage.clear()")
    page.goto(url)
    panel = open_panel(page)
    panel.get_by_test_id("strip").wait_for()
    return panel


def chosen_id(panel):
    return panel.get_by_test_id("chosen").get_attribute("data-id")


def choose(panel, issue_id):
    panel.locator(f"[data-testid=issue][data-id='{issue_id}']").click()
    see(panel, issue_id)


def see(panel, issue_id):
    """Waits until an issue is shown with its crops."""
    shown = f"[data-testid=chosen][data-id='{issue_id}'][aria-busy=false]"
    panel.locator(shown).wait_for()


def see_decided(panel, confirmed, dismissed):
    """Waits until so many are decided, and nothing is on its way any more."""
    progress = panel.locator("[data-testid=progress][aria-busy=false]")
    progress.get_by_text(f"{confirmed} confirmed, {dismissed} dismissed").wait_for()


def close_modal(page):
    page.mouse.click(5, 500)
    page.locator("[data-cy=modal]").wait_for(state="detached")
