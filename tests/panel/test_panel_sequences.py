# SPDX-License-Identifier: Apache-2.0
"""The panel over two sequences, two label fields, and more issues than a page."""

import pandas as pd
import pytest
from browser import (
    PATIENCE,
    field,
    open_operator,
    open_panel,
    serve_app,
    settle,
    shown_seconds,
    wait_until,
)
from panel_page import begin, choose, chosen_id, close_modal, see, see_decided

FIELD, OTHER_FIELD = "ground_truth", "predictions"
NAME = "two-in-the-panel"
#: Resolves once the page was painted anew.
PAINTED = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
#: Issues that are listed at first.
PAGE = 100
#: The saved views of one sequence, and of the clip of one issue.
ONE, WORST = "one sequence", "worst"


@pytest.fixture(scope="module")
def dataset(database, tmp_path_factory):
    import fiftyone as fo
    from fiftyone_track_audit.importers.dataset import create_dataset
    from fiftyone_track_audit.importers.tracks import Tracks, make_table
    from fiftyone_track_audit.plugin.review.audits import audit_dataset
    from fiftyone_track_audit.plugin.review.saved_views import (
        issue_view,
        save_issue_views,
    )
    from small_datasets import walkers

    folder = tmp_path_factory.mktemp("frames")
    one, two = (walkers(name, folder / name, image_size=(400, 200)) for name in "ab")
    table = make_table(pd.concat([one.table, two.table], ignore_index=True))
    dataset = create_dataset(Tracks(table, one.sequences | two.sequences), NAME)
    dataset.persistent = True
    dataset.clone_frame_field(FIELD, OTHER_FIELD)
    for each in (FIELD, OTHER_FIELD):
        audit_dataset(dataset, each)
    add_issues(dataset, 2 * PAGE)
    # The server does not see views that are saved later
    save_issue_views(dataset, FIELD)
    dataset.save_view(ONE, dataset.match({"sequence": "a"}))
    dataset.save_view(WORST, issue_view(dataset, FIELD).limit(1))
    yield dataset
    fo.delete_dataset(NAME)


def add_issues(dataset, number):
    """Adds issues to the second sequence, less likely than all others."""
    from fiftyone_track_audit.importers import store
    from fiftyone_track_audit.plugin.review.issues import read_issues, replace_issues

    spans = store.read_spans(dataset)["b"]
    issues = read_issues(dataset, FIELD, spans)
    more = pd.concat([issues.tail(1)] * number, ignore_index=True)
    more["first_frame"] = more["last_frame"] = 1 + more.index % 30
    more["score"] = 0.4 - 0.001 * more.index
    issues = pd.concat([issues, more], ignore_index=True)
    replace_issues(dataset, FIELD, spans, issues, {})


def read_issues(dataset, field=FIELD):
    """The issues as they are listed, with their sequences."""
    from fiftyone_track_audit.plugin.panel.listing import sort_issues
    from fiftyone_track_audit.plugin.review.issues import read_dataset_issues

    issues = read_dataset_issues(dataset, field)
    ids, names = dataset.values(["id", "sequence"])
    sequences = dict(zip(ids, names, strict=True))
    issues["sequence"] = issues["sample_id"].map(sequences)
    return sort_issues(issues).reset_index(drop=True)


@pytest.fixture
def panel(app, page, dataset):
    """The panel, opened anew, with nothing decided."""
    from fiftyone_track_audit.plugin.review.deciding import decide_issues

    decide_issues(dataset, read_issues(dataset)["id"].tolist(), None)
    return begin(page, f"{app}/datasets/{NAME}")


def open_video(page, panel):
    """Shows the chosen issue in its video; gives the panel beside it."""
    panel.get_by_role("button", name="Show in video").click()
    beside = page.locator("[data-cy=modal]").get_by_test_id("track-audit")
    beside.get_by_test_id("strip").wait_for()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    settle(page)
    return beside


def see_frame(page, dataset, issue):
    """Waits until the player shows the first frame of an issue."""
    rate = dataset.first().metadata.frame_rate
    time = page.get_by_test_id("timeline-playhead-time")
    wanted = round((issue["peak_frame"] - 1) / rate, 2)
    wait_until(page, lambda: issue["sample_id"] in page.url)
    time.wait_for()
    wait_until(page, lambda: time.count() and shown_seconds(page) == wanted)


def test_the_next_issue_is_found_beyond_the_page(panel, dataset, page):
    issues = read_issues(dataset)
    rows = panel.get_by_test_id("issue")
    wait_until(page, lambda: rows.count() == PAGE)
    choose(panel, issues["id"][PAGE - 3])
    for place in range(PAGE - 2, PAGE + 3):
        wait_until(page, lambda place=place: rows.count() > place)
        page.keyboard.press("j")
        see(panel, issues["id"][place])


def test_decisions_are_seen_at_once(panel, dataset, page):
    first, second = read_issues(dataset)["id"][:2]
    see(panel, first)
    late, held = {"decide"}, []

    def hold(route):
        method = route.request.post_data_json["params"].get("__method__")
        held.append(route) if method in late else route.continue_()

    page.route("**/operators/execute", hold)
    page.keyboard.press("c")
    row = panel.locator(f"[data-testid=issue][data-id='{first}']")
    row.get_by_text("✓").wait_for()
    panel.get_by_text("1 confirmed, 0 dismissed").wait_for()
    wait_until(page, lambda: len(held) == 1)
    see(panel, second)
    # What is taken back meanwhile is taken back from that
    page.keyboard.press("Control+z")
    panel.get_by_text("0 confirmed, 0 dismissed").wait_for()
    late.clear()
    held.pop().continue_()
    see_decided(panel, 0, 0)
    page.unroute("**/operators/execute")
    assert read_issues(dataset)["decision"].isna().all()


def test_the_video_goes_along_to_another_sequence(panel, dataset, page):
    issues = read_issues(dataset)
    at = next(
        place
        for place in range(len(issues) - 1)
        if issues["sequence"][place] != issues["sequence"][place + 1]
    )
    choose(panel, issues["id"][at])
    open_video(page, panel)
    see_frame(page, dataset, issues.iloc[at])
    page.keyboard.press("j")
    see_frame(page, dataset, issues.iloc[at + 1])
    beside = page.locator("[data-cy=modal]").get_by_test_id("track-audit")
    see(beside, issues["id"][at + 1])
    mark = page.locator("[data-cy=modal] .track-audit-mark.own")
    wait_until(page, lambda: mark.count() == 1 and mark.is_visible())
    close_modal(page)


def test_a_track_is_marked_once_its_picture_is_there(panel, dataset, page):
    held = []
    page.route("**/media?**", lambda route: held.append(route))
    panel.get_by_role("button", name="Show in video").click()
    modal = page.locator("[data-cy=modal]")
    modal.get_by_test_id("track-audit").get_by_test_id("strip").wait_for()
    mark = modal.locator(".track-audit-mark.own")
    mark.wait_for(state="attached")
    wait_until(page, lambda: len(held) > 0)
    page.evaluate(PAINTED)
    assert not mark.is_visible()
    for route in held:
        route.continue_()
    page.unroute("**/media?**")
    wait_until(page, mark.is_visible)
    close_modal(page)


def test_says_where_the_open_clip_lacks_the_issue(app, page, panel, dataset):
    issues = read_issues(dataset)
    (clip,) = dataset.load_saved_view(WORST).values("id")
    page.goto(f"{app}/datasets/{NAME}?view={WORST}")
    panel = open_panel(page)
    choose(panel, clip)
    beside = open_video(page, panel)
    told = beside.get_by_text("The open video does not include these frames")
    assert told.count() == 0
    other = issues[issues["sequence"] != issues.set_index("id")["sequence"][clip]]
    beside.locator(f"[data-testid=issue][data-id='{other['id'].iloc[0]}']").click()
    told.wait_for()
    assert f"id={clip}" in page.url
    close_modal(page)


def test_shows_a_video_outside_the_view_from_beside_another(app, page, panel, dataset):
    issues = read_issues(dataset)
    page.goto(f"{app}/datasets/{NAME}?view={ONE.replace(' ', '-')}")
    page.reload()
    page.locator("[data-cy=looker]").first.click()
    modal = page.locator("[data-cy=modal]")
    modal.get_by_test_id("timeline-playhead-time").wait_for()
    beside = modal.get_by_test_id("track-audit")
    modal.locator("[data-cy=panel-tab-track_audit]").click()
    beside.get_by_test_id("strip").wait_for()
    other = issues[issues["sequence"] == "b"].iloc[0]
    choose(beside, other["id"])
    beside.get_by_role("button", name="Show in video").click()
    see_frame(page, dataset, other)
    close_modal(page)


def test_keys_work_wherever_the_focus_is(panel, dataset, page):
    ids = read_issues(dataset)["id"]
    see(panel, ids[0])
    track = panel.get_by_label("Track", exact=True)
    track.press("j")
    assert chosen_id(panel) == ids[0]
    track.press("Enter")
    page.keyboard.press("j")
    see(panel, ids[1])
    page.get_by_role("button", name="Save").or_(
        page.locator("[data-cy=action-color-settings], [data-cy=action-options]")
    ).first.focus()
    page.keyboard.press("j")
    see(panel, ids[2])
    dialog = open_operator(page, "Save outlier views")
    page.keyboard.press("j")
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    assert chosen_id(panel) == ids[2]
    beside = open_video(page, panel)
    page.locator("[data-cy=modal] [data-cy=modal-looker-container]").click()
    page.keyboard.press("j")
    see(beside, ids[3])
    close_modal(page)


def test_each_label_field_has_its_own_review(panel, dataset, page):
    others = read_issues(dataset, OTHER_FIELD)["id"]
    panel.get_by_role("button", name="Thresholds").click()
    slider = panel.get_by_label("Size change", exact=True)
    slider.fill("0.6")
    panel.get_by_label("Label field").select_option(OTHER_FIELD)
    rows = panel.get_by_test_id("issue")
    wait_until(page, lambda: rows.count() == len(others))
    assert slider.input_value() == "0.25"
    assert panel.get_by_role("button", name="Reset").is_disabled()
    panel.get_by_role("button", name="Timeline").click()
    marks = panel.get_by_test_id("timeline").locator(".mark")
    panel.get_by_test_id("timeline").get_by_label("Sequence").select_option("a")
    wait_until(page, lambda: marks.count() == 2)
    assert set(others) >= {mark.get_attribute("data-id") for mark in marks.all()}


def test_a_filter_keeps_to_what_it_lists(panel, dataset, page):
    issues = read_issues(dataset)
    kinds = issues["kind"].value_counts()
    chip = panel.locator(f"button[data-kind='{kinds.index[-1]}']")
    rows = panel.get_by_test_id("issue")
    chip.click()
    wait_until(page, lambda: rows.count() == kinds.iloc[-1])
    chip.click()
    wait_until(page, lambda: rows.count() == PAGE)
    other = issues[issues["kind"] == kinds.index[0]]["id"].iloc[0]
    choose(panel, other)
    panel.locator(f"[data-id='{other}']").get_by_label("Select").click()
    chip.click()
    wait_until(page, lambda: rows.count() == kinds.iloc[-1])
    wait_until(page, lambda: chosen_id(panel) != other)
    assert panel.get_by_text("1 selected").count() == 0
    panel.get_by_role("button", name="Clear filters").click()
    wait_until(page, lambda: rows.count() == PAGE)


def test_an_audit_from_elsewhere_is_told_and_seen(panel, dataset, page):
    from fiftyone_track_audit.plugin.review.audits import audit_dataset

    before = read_issues(dataset)
    audit_dataset(dataset)
    see(panel, before["id"][0])
    page.keyboard.press("c")
    panel.get_by_text("an audit replaces the issues, so load them again").wait_for()
    after = read_issues(dataset)
    rows = panel.get_by_test_id("issue")
    wait_until(page, lambda: rows.count() == len(after))
    same = ["kind", "sequence", "track", "first_frame"]
    see(panel, after["id"][0])
    assert after[same].iloc[0].tolist() == before[same].iloc[0].tolist()
    page.keyboard.press("c")
    see_decided(panel, 1, 0)
    # An audit in the App is seen without that
    dialog = open_operator(page, "Audit tracks")
    # With the same settings, nothing would be judged again
    field(dialog, "Size threshold").fill("0.24")
    dialog.get_by_role("button", name="Execute").click()
    page.get_by_text("What next").wait_for()
    page.get_by_role("button", name="Done").click()
    anew = read_issues(dataset)
    assert set(anew["id"]).isdisjoint(after["id"])
    panel.locator(f"[data-testid=issue][data-id='{anew['id'].iloc[0]}']").wait_for()
    see_decided(panel, 1, 0)
    add_issues(dataset, 2 * PAGE)


def test_an_audit_that_did_not_finish_is_told(panel, app, dataset, page):
    from fiftyone_track_audit.plugin.review.audit_records import begin_audit
    from fiftyone_track_audit.plugin.review.audits import audit_dataset

    told = "The last audit of 'ground_truth' has not finished"
    assert panel.get_by_text(told).count() == 0
    begin_audit(dataset, FIELD, dataset.values("id"))
    panel = begin(page, f"{app}/datasets/{NAME}")
    panel.get_by_text(told).wait_for()
    audit_dataset(dataset)
    add_issues(dataset, 2 * PAGE)
    panel = begin(page, f"{app}/datasets/{NAME}")
    assert panel.get_by_text(told).count() == 0


def test_two_panels_save_the_views_once(panel, dataset, page):
    from fiftyone_track_audit.plugin.review.saved_views import save_issue_views

    assert "confirmed" not in save_issue_views(dataset, FIELD)
    beside = open_video(page, panel)
    first = chosen_id(beside)
    saved = []

    def note(request):
        wanted = (request.post_data_json or {}).get("params") or {}
        if wanted.get("__method__") == "save_views":
            saved.append(wanted)

    page.on("request", note)
    page.keyboard.press("c")
    see_decided(beside, 1, 0)

    def has_view():
        dataset.reload()
        return dataset.has_saved_view("confirmed")

    wait_until(page, has_view)
    settle(page)
    page.remove_listener("request", note)
    assert len(saved) == 1
    assert dataset.load_saved_view("confirmed").values("id") == [first]
    names = dataset.list_saved_views()
    assert len(names) == len(set(names))
    # The App lists them as soon as that disturbs no video, and what was done can
    # still be taken back
    modal = page.locator("[data-cy=modal]")
    assert modal.is_visible()
    close_modal(page)
    page.locator("[data-cy=saved-views-selection-container]").click()
    listed = page.locator("[data-cy=saved-views-confirmed-selection-option]")
    listed.wait_for()
    page.keyboard.press("Escape")
    page.mouse.click(600, 900)
    listed.wait_for(state="detached")
    page.keyboard.press("Control+z")
    see_decided(panel, 0, 0)


#: Whether each thumbnail of the grid shows boxes, and only those of its issue's tracks.
ARE_NARROWED = """() => {
    const grid = document.querySelector("[data-cy=fo-grid]");
    const key = Object.keys(grid).find((name) => name.startsWith("__reactFiber$"));
    const isCache = (value) => value?.shown instanceof Map && "isShown" in value;
    let cache = null;
    for (let node = grid[key]; node && !cache; node = node.return) {
        for (let hook = node.memoizedState; hook; hook = hook.next) {
            cache = hook.memoizedState?.deps?.find?.(isCache) ?? cache;
        }
    }
    return [...cache.shown.values()].map(({ sample, state }) => {
        const { track, other_track } = sample.issues;
        const boxes = sample.frames[0].ground_truth.detections;
        const shown = boxes.filter((box) => {
            return state.options.filter("frames.ground_truth", box);
        });
        const own = shown.every(({ index }) => [track, other_track].includes(index));
        return own && shown.length > 0 && shown.length < boxes.length;
    });
}"""


def test_a_view_of_clips_stays_while_it_is_reviewed(dataset, page):
    """A second window follows the decisions meanwhile."""
    from fiftyone_track_audit.plugin.review.deciding import decide_issues
    from fiftyone_track_audit.plugin.review.saved_views import save_issue_views

    decide_issues(dataset, read_issues(dataset)["id"].tolist(), None)
    save_issue_views(dataset, FIELD)

    def has_view():
        dataset.reload()
        return dataset.has_saved_view("confirmed")

    # A server keeps to the views that it knows
    with serve_app() as app:
        panel = begin(page, f"{app}/datasets/{NAME}?view=issues-to-review")
        clips = page.locator("[data-cy=looker]")
        clips.nth(2).wait_for()
        wait_until(page, lambda: all(page.evaluate(ARE_NARROWED)))
        second = page.context.new_page()
        second.set_default_timeout(1000 * PATIENCE)
        second.goto(f"{app}/datasets/{NAME}")
        other = open_panel(second)
        see_decided(other, 0, 0)
        page.bring_to_front()
        page.keyboard.press("c")
        see_decided(panel, 1, 0)
        wait_until(page, has_view)
        clips.nth(2).click()
        modal = page.locator("[data-cy=modal]")
        modal.get_by_test_id("timeline-playhead-time").wait_for()
        assert panel.get_by_test_id("issue").count() > 0
        close_modal(page)
        second.bring_to_front()
        see_decided(other, 1, 0)
        # It lists the view that the first one saved, which follows later decisions
        second.locator("[data-cy=saved-views-selection-container]").click()
        second.locator("[data-cy=saved-views-confirmed-selection-option]").click()
        confirmed = second.locator("[data-cy=looker]")
        wait_until(second, lambda: confirmed.count() == 1)
        page.bring_to_front()
        page.keyboard.press("c")
        see_decided(panel, 2, 0)
        second.bring_to_front()
        wait_until(second, lambda: confirmed.count() == 2)
        second.close()
