# SPDX-License-Identifier: Apache-2.0
"""The panel in the App: from the list of issues to decisions, and out again."""

import re

import pytest
from browser import field, open_panel, settle, shown_seconds, wait_until
from panel_page import begin, choose, chosen_id, close_modal, see, see_decided

FIELD = "ground_truth"
#: The saved view of one clip.
WORST = "worst"


@pytest.fixture(scope="module")
def dataset(database, request, tmp_path_factory):
    """An audited dataset, real where there is real data, whose issues fill no page."""
    import fiftyone as fo
    from fiftyone_track_audit.importers.dataset import create_dataset
    from fiftyone_track_audit.importers.groundtruth import read_seq_label
    from fiftyone_track_audit.importers.mot import read_mot
    from fiftyone_track_audit.importers.mot_writer import take_frames
    from fiftyone_track_audit.plugin.review.audits import audit_dataset
    from fiftyone_track_audit.plugin.review.saved_views import issue_view
    from sample import make_sample

    try:
        data = request.getfixturevalue("real_data")
        tracks = read_mot(data / "MOT20" / "train" / "MOT20-01")
        tracks = take_frames(tracks, {"MOT20-01": range(1, 201)})
    except pytest.skip.Exception:
        folder = tmp_path_factory.mktemp("sample")
        frames = make_sample(folder, seconds=8, size=(640, 360), progress=False)
        tracks = read_seq_label(folder / f"{frames.name}-SeqLabel.json", frames)
    dataset = create_dataset(tracks, "in-the-panel")
    audit_dataset(dataset)
    # The server does not see views that are saved later
    dataset.save_view(WORST, issue_view(dataset, FIELD).limit(1))
    yield dataset
    fo.delete_dataset("in-the-panel")


@pytest.fixture
def undecided(dataset):
    """The dataset without what another test decided."""
    from fiftyone_track_audit.plugin.review.deciding import decide_issues

    decide_issues(dataset, read_issues(dataset)["id"].tolist(), None)
    return dataset


@pytest.fixture
def panel(app, page, dataset, undecided):
    """The panel, opened anew, as somebody does who begins."""
    return begin(page, f"{app}/datasets/{dataset.name}")


def read_issues(dataset):
    """The issues in the order of the panel's list, which learns from decisions."""
    from fiftyone_track_audit.plugin.panel.listing import rank_issues, sort_issues
    from fiftyone_track_audit.plugin.review.issues import read_issues

    (span,) = spans(dataset)
    issues, _ = rank_issues(read_issues(dataset, FIELD, [span]).assign(sequence=""))
    return sort_issues(issues).reset_index(drop=True)


def listed(panel):
    rows = panel.get_by_test_id("issue").all()
    return [row.get_attribute("data-id") for row in rows]


def spans(dataset):
    from fiftyone_track_audit.importers import store

    (spans,) = store.read_spans(dataset).values()
    return spans


def frames_of_strip(panel):
    crops = panel.get_by_test_id("strip").locator("[data-frame]").all()
    return [int(crop.get_attribute("data-frame")) for crop in crops]


def test_shows_the_worst_issue_first(panel, dataset, page):
    issues = read_issues(dataset)
    assert listed(panel) == issues["id"].tolist()
    assert chosen_id(panel) == issues["id"][0]
    panel.get_by_text(issues["reason"][0], exact=True).wait_for()
    panel.get_by_text(issues["suggestion"][0], exact=True).wait_for()
    frames = frames_of_strip(panel)
    assert len(frames) >= 5
    assert {issues["first_frame"][0], issues["peak_frame"][0]} <= set(frames)
    large = panel.get_by_test_id("large")
    assert large.get_attribute("data-frame") == str(issues["peak_frame"][0])
    panel.get_by_test_id("strip").locator(f"[data-frame='{frames[0]}']").hover()
    panel.locator(f"[data-testid=large][data-frame='{frames[0]}']").wait_for()
    large.get_by_role("button").hover()
    page.mouse.wheel(0, -100)
    panel.locator(".zoomed[data-scale='1.25']").wait_for()
    height = large.bounding_box()["height"]
    large.get_by_role("button").click()
    wait_until(page, lambda: large.bounding_box()["height"] > 1.5 * height)
    large.get_by_role("button").click()
    drawn = (
        panel.get_by_test_id("strip")
        .locator("img")
        .evaluate_all("images => images.every(image => image.naturalWidth > 50)")
    )
    assert drawn
    plots = panel.get_by_test_id("plots").locator(".subplot")
    wait_until(page, lambda: plots.count() == 3)
    panel.get_by_role("button", name="more plots").click()
    wait_until(page, lambda: plots.count() > 3)
    page.set_viewport_size({"width": 1280, "height": 800})
    panel.get_by_role("button", name="Fewer plots").click()
    below = panel.get_by_test_id("plots").evaluate("node => node.offsetTop")
    assert below < panel.get_by_test_id("chosen").locator("..").bounding_box()["height"]


def test_another_issue_has_other_crops_and_plots(panel, dataset, page):
    issues = read_issues(dataset)
    first = issues.iloc[0]
    other = issues[issues["track"] != first["track"]].iloc[0]
    line = panel.get_by_test_id("plots").locator(".trace path.js-line").first
    before = frames_of_strip(panel), line.get_attribute("d")
    choose(panel, other["id"])
    wait_until(page, lambda: line.get_attribute("d") != before[1])
    assert frames_of_strip(panel) != before[0]
    panel.get_by_text(other["reason"], exact=True).wait_for()


def test_filters_the_list(panel, dataset, page):
    issues = read_issues(dataset)
    kind = issues["kind"].value_counts().index[0]
    rows = panel.get_by_test_id("issue")
    panel.locator(f"button[data-kind='{kind}']").click()
    wait_until(page, lambda: rows.count() == (issues["kind"] == kind).sum())
    panel.locator(f"button[data-kind='{kind}']").click()
    track = int(issues["track"].iloc[-1])
    panel.get_by_label("Track", exact=True).fill(str(track))
    of_track = issues[["track", "other_track"]].eq(track).any(axis=1).sum()
    wait_until(page, lambda: rows.count() == of_track)
    panel.get_by_label("Track", exact=True).fill("")
    panel.get_by_label("Minimum score").fill("0.7")
    wait_until(page, lambda: rows.count() == (issues["score"] >= 0.7).sum())
    panel.get_by_role("button", name="Clear filters").click()
    panel.get_by_label("Order").select_option("time")
    earliest = issues.sort_values(["first_frame", "track", "id"])["id"].tolist()
    wait_until(
        page, lambda: [each.get_attribute("data-id") for each in rows.all()] == earliest
    )


def test_a_crop_and_a_point_lead_to_their_frame(panel, dataset, page):
    issue = read_issues(dataset).iloc[1]
    rate = dataset.first().metadata.frame_rate
    choose(panel, issue["id"])
    frame = max(frames_of_strip(panel))
    panel.get_by_test_id("strip").locator(f"[data-frame='{frame}']").click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    time = page.get_by_test_id("timeline-playhead-time")
    time.wait_for()
    wait_until(page, lambda: shown_seconds(page) == round((frame - 1) / rate, 2))
    beside = modal.get_by_test_id("track-audit")
    head = beside.get_by_test_id("playhead")
    wait_until(page, lambda: head.get_attribute("data-frame") == str(frame))
    assert beside.get_by_test_id("chosen").get_attribute("data-id") == issue["id"]
    wanted = int(issue["first_frame"])
    wanted += wanted == frame
    plots = beside.get_by_test_id("plots")
    wait_until(page, lambda: int(plots.get_attribute("data-drawn")) > 0)
    plots.evaluate("node => node.scrollIntoView()")
    x, y = plots.evaluate(POINT, wanted)
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    hovered = beside.get_by_test_id("hover-crop")
    hovered.locator("img").wait_for()
    assert hovered.text_content() == f"frame {wanted}"
    values = beside.get_by_test_id("readouts").locator("span")
    assert values.count() == beside.get_by_test_id("plots").locator(".subplot").count()
    page.mouse.click(x, y)
    wait_until(page, lambda: head.get_attribute("data-frame") == str(wanted))
    wait_until(page, lambda: head.locator("i").count() > 0)
    wait_until(page, lambda: shown_seconds(page) == round((wanted - 1) / rate, 2))
    close_modal(page)


#: Where a frame is in the first plot, on the page.
POINT = """(node, frame) => {
    const edge = node.getBoundingClientRect(), { xaxis, yaxis } = node._fullLayout;
    const others = ["rolling mean", "other track"];
    const own = (line) => line.yaxis === "y" && !others.includes(line.name);
    const { x, y } = node.data.find(own);
    const value = y[x.indexOf(frame)];
    return [edge.left + xaxis._offset + xaxis.l2p(frame),
            edge.top + yaxis._offset + yaxis.l2p(value)];
}"""


def test_the_playhead_follows_the_video(panel, dataset, page):
    panel.get_by_role("button", name="Show in video").click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    first = int(read_issues(dataset)["peak_frame"][0])
    head = page.get_by_test_id("playhead").first
    wait_until(page, lambda: head.get_attribute("data-frame") == str(first))
    settle(page)
    page.keyboard.press("Space")
    wait_until(page, lambda: int(head.get_attribute("data-frame")) > first + 3)
    page.keyboard.press("Space")
    close_modal(page)


def test_the_video_plays_on_when_the_panel_opens_beside_it(panel, dataset, page):
    modal = page.locator("[data-cy=modal]")
    beside = modal.get_by_test_id("track-audit")
    panel.get_by_role("button", name="Show in video").click()
    beside.get_by_test_id("strip").wait_for()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    close_modal(page)
    late, held = True, []
    # The panel beside the video gets its answer late

    def hold(route):
        # What is asked for again and again would be held again and again
        if late and '"watch"' not in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/operators/execute", hold)
    page.locator("[data-cy=looker]").first.click()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    wait_until(page, lambda: len(held) > 0)
    settle(page, held=len(held))
    page.keyboard.press("Space")
    before = shown_seconds(page)
    wait_until(page, lambda: shown_seconds(page) > before)
    late = False
    for route in held:
        route.continue_()
    beside.get_by_test_id("strip").wait_for()
    for _ in range(3):
        before = shown_seconds(page)
        wait_until(page, lambda before=before: shown_seconds(page) != before)
    page.keyboard.press("Space")
    page.unroute("**/operators/execute")
    close_modal(page)


def test_finds_frames_that_a_view_of_clips_lacks(app, page, dataset):
    issues = read_issues(dataset)
    rate = dataset.first().metadata.frame_rate
    (clip,) = dataset.load_saved_view(WORST).values("id")
    one = issues[issues["id"] == clip].iloc[0]
    far = (issues["peak_frame"] - one["peak_frame"]).abs() > 2 * rate
    other = issues[far].iloc[0]
    page.goto(f"{app}/datasets/{dataset.name}?view={WORST}")
    panel = open_panel(page)
    for issue, place in ((one, f"?view={WORST}&id={clip}"), (other, "?id=")):
        choose(panel, issue["id"])
        panel.get_by_role("button", name="Show in video").click()
        page.locator("[data-cy=modal]").wait_for()
        time = round((issue["peak_frame"] - 1) / rate, 2)
        page.get_by_test_id("timeline-playhead-time").wait_for()
        wait_until(page, lambda time=time: shown_seconds(page) == time)
        assert f"{dataset.name}{place}" in page.url
        close_modal(page)
    # The clip that somebody opens chooses its issue
    page.goto(f"{app}/datasets/{dataset.name}?view={WORST}&id={clip}")
    see(page.locator("[data-cy=modal]").get_by_test_id("track-audit"), clip)
    close_modal(page)
    see(open_panel(page), clip)


def test_pictures_notes_and_reports(panel, dataset, page):
    issues = read_issues(dataset)
    panel.get_by_role("button", name="Grid", exact=True).click()
    cards = panel.get_by_test_id("card")
    wait_until(page, lambda: cards.locator("img").count() == min(30, len(issues)))
    shown = [card.get_attribute("data-id") for card in cards.all()]
    assert shown == issues["id"][:30].tolist()
    cards.nth(1).click()
    cards.nth(2).click()
    panel.get_by_text("2 selected").wait_for()
    page.keyboard.press("x")
    see_decided(panel, 0, 2)
    dismissed = read_issues(dataset).query("decision == 'dismissed'")["id"]
    assert set(dismissed) == set(shown[1:3])
    # Dismissed ones make others of their kind less likely
    panel.locator(f"[data-testid=card][data-id='{shown[0]}']").dblclick()
    see(panel, shown[0])
    page.keyboard.press("n")
    panel.get_by_label("Note", exact=True).fill("cx")
    page.keyboard.press("Enter")
    panel.get_by_test_id("note").get_by_text("cx").wait_for()
    page.keyboard.press("r")
    form = panel.get_by_test_id("report")
    form.get_by_label("What is wrong").fill("a mirror")
    form.get_by_role("button", name="Report").click()
    panel.get_by_test_id("chosen").get_by_text("a mirror").wait_for()
    see_decided(panel, 1, 2)
    own = read_issues(dataset).query("kind == 'reported'")["id"].tolist()
    assert [chosen_id(panel)] == own
    # A bar filters the list, and the grid follows it
    panel.get_by_label("in grid").check()
    page.get_by_text(f"{len(issues) + 1} clips").wait_for()
    # The view stays while a clip is open, and follows the filters afterward
    panel.get_by_role("button", name="Show in video").click()
    modal = page.locator("[data-cy=modal]")
    modal.get_by_test_id("strip").wait_for()
    modal.get_by_label("Minimum score").fill("0.7")
    settle(page)
    assert modal.is_visible()
    close_modal(page)
    page.get_by_text(f"{(issues['score'] >= 0.7).sum() + 1} clips").wait_for()
    panel.get_by_role("button", name="Clear filters").click()
    page.get_by_text(f"{len(issues) + 1} clips").wait_for()
    panel.get_by_role("button", name="Quality").click()
    panel.get_by_role("button", name="Measure quality").click()
    bar = panel.get_by_test_id("rate").first
    bar.click()
    chip = panel.locator("[data-kind][aria-pressed=true]")
    chip.wait_for()
    of_kind = (issues["kind"] == chip.get_attribute("data-kind")).sum()
    page.get_by_text(re.compile(f"^{of_kind} clips?$")).wait_for()
    dataset.delete_labels(ids=own, fields="issues")


def test_a_second_window_follows(panel, dataset, page):
    from fiftyone_track_audit.plugin.review.deciding import decide_issues

    first, second = read_issues(dataset)["id"][:2]
    # What another window decides is seen here, and not overwritten unknowingly
    settle(page)
    decide_issues(dataset, [first], "dismissed", "ben")
    page.keyboard.press("c")
    panel.get_by_text("was dismissed by ben meanwhile").wait_for()
    panel.get_by_role("button", name="Close").click()
    see_decided(panel, 0, 1)
    decide_issues(dataset, [second], "confirmed", "ben")
    see_decided(panel, 1, 1)


def test_the_timeline_leads_to_issues(panel, dataset, page):
    issues = read_issues(dataset)
    panel.get_by_role("button", name="Timeline").click()
    marks = panel.get_by_test_id("timeline").locator(".mark")
    marks.first.wait_for()
    assert marks.count() == len(issues)
    # Any track can be plotted, whether or not it has issues
    panel.get_by_label("Plot track").fill("2")
    panel.get_by_test_id("whole-track").locator(".main-svg").first.wait_for()
    panel.get_by_label("Plot track").fill("")
    panel.get_by_test_id("whole-track").wait_for(state="detached")
    mark = panel.locator(f".mark[data-id='{issues['id'].iloc[2]}']")
    mark.click()
    modal = page.locator("[data-cy=modal]")
    modal.wait_for()
    first = int(issues["first_frame"].iloc[2])
    rate = dataset.first().metadata.frame_rate
    wait_until(page, lambda: shown_seconds(page) == round((first - 1) / rate, 2))
    close_modal(page)
    # What is not seen is shown first
    page.keyboard.press("c")
    see(panel, issues["id"].iloc[2])
    see_decided(panel, 0, 0)


def test_the_window_of_the_plots_is_chosen_and_remembered(panel, page):
    panel.get_by_role("button", name="Timeline").click()
    panel.get_by_label("Plot track").fill("2")
    plots = panel.get_by_test_id("whole-track").get_by_test_id("plots")
    mean = "node => node.data.find((line) => line.name === 'rolling mean').y"
    own = "node => node.data.find((line) => line.name !== 'rolling mean').y"

    def is_own(wanted):
        if int(plots.get_attribute("data-drawn")) == 0:
            return False
        return (plots.evaluate(mean) == plots.evaluate(own)) is wanted

    wait_until(page, lambda: is_own(False))
    # A mean of one frame is the value itself
    panel.get_by_label("Window of rolling means").fill("1")
    panel.get_by_label("trailing").check()
    wait_until(page, lambda: is_own(True))
    page.reload()
    panel = open_panel(page)
    panel.get_by_label("Plot track").fill("2")
    assert panel.get_by_label("Window of rolling means").input_value() == "1"
    assert panel.get_by_label("trailing").is_checked()
    wait_until(page, lambda: is_own(True))


def test_a_threshold_counts_what_it_would_flag(panel, dataset, page):
    from fiftyone_track_audit.plugin.audit import SIZE_KINDS, Thresholds
    from fiftyone_track_audit.plugin.review.audits import audit_dataset

    issues = read_issues(dataset)
    chosen = issues[~issues["kind"].isin(SIZE_KINDS)].iloc[-1]
    choose(panel, chosen["id"])
    panel.get_by_role("button", name="Thresholds").click()
    count = panel.get_by_test_id("count-size")
    count.wait_for()
    slider = panel.get_by_label("Size change", exact=True)

    def boxes():
        return int(count.text_content().split(" ")[0].replace(",", ""))

    before = boxes()
    assert before == count_outliers(dataset)
    slider.fill("0.1")
    wait_until(page, lambda: boxes() > before)
    expected = boxes()
    panel.get_by_role("button", name="Apply").click()
    panel.get_by_text(re.compile("currently 0.10: ")).wait_for()
    dataset.reload()
    assert boxes() == count_outliers(dataset)
    assert abs(boxes() - expected) <= max(2, expected // 20)
    page.get_by_role("button", name="Done").click()
    panel.get_by_role("button", name="Issue", exact=True).click()
    same = ["kind", "track", "first_frame", "last_frame"]
    issues = read_issues(dataset).set_index("id")
    wait_until(page, lambda: chosen_id(panel) in issues.index)
    anew = issues.loc[chosen_id(panel)]
    assert anew[same].tolist() == chosen[same].tolist()
    audit_dataset(dataset, thresholds=Thresholds())
    assert count_outliers(dataset) == before


def count_outliers(dataset):
    from fiftyone import ViewField as F

    found = dataset.filter_labels(f"frames.{FIELD}", F("size_outlier").is_in([True]))
    return found.count(f"frames.{FIELD}.detections")


def next_open(page, panel, dataset, issue_id):
    """The next issue in the panel's list, once it is in order, that is undecided."""
    issues = read_issues(dataset)
    wait_until(page, lambda: listed(panel) == issues["id"].tolist())
    after = issues.loc[issues.index[issues["id"] == issue_id][0] + 1 :]
    return after.loc[after["decision"].isna(), "id"].iloc[0]


def decided(dataset):
    return read_issues(dataset)["decision"].dropna().tolist()


def test_keys_decide_the_selection_or_what_is_listed(panel, dataset, page):
    rows = panel.get_by_test_id("issue")
    for place in (1, 2):
        rows.nth(place).get_by_label("Select").click()
    panel.get_by_text("2 selected").wait_for()
    page.keyboard.press("c")
    see_decided(panel, 2, 0)
    assert decided(dataset) == ["confirmed", "confirmed"]
    assert panel.get_by_text("2 selected").count() == 0
    rows.nth(0).get_by_label("Select").click()
    panel.get_by_label("State").select_option("confirmed")
    wait_until(page, lambda: rows.count() == 2)
    # What is not listed is neither chosen nor selected any more
    for left in (1, 0):
        ids = [row.get_attribute("data-id") for row in rows.all()]
        wait_until(page, lambda ids=ids: chosen_id(panel) in ids)
        see(panel, chosen_id(panel))
        page.keyboard.press("u")
        wait_until(page, lambda left=left: rows.count() == left)
    assert decided(dataset) == []
    panel.get_by_text("No issues match the filters").wait_for()


def test_decides_only_what_is_seen(panel, dataset, page):
    one, two, three = read_issues(dataset)["id"][[0, 3, 6]]
    choose(panel, one)
    held = []

    def hold(route):
        wanted = route.request.post_data_json["params"]
        late = wanted.get("__method__") == "show_issue" and wanted["id"] == two
        held.append(route) if late else route.continue_()

    page.route("**/operators/execute", hold)
    panel.locator(f"[data-testid=issue][data-id='{two}']").click()
    wait_until(page, lambda: len(held) > 0)
    waiting = panel.locator(f"[data-testid=chosen][data-id='{two}'][aria-busy=true]")
    waiting.wait_for()
    assert panel.get_by_test_id("strip").count() == 0
    assert panel.locator("button.confirm").is_disabled()
    page.keyboard.press("c")
    page.keyboard.press("x")
    for route in held:
        route.continue_()
    see(panel, two)
    page.unroute("**/operators/execute")
    choose(panel, three)
    page.keyboard.press("x")
    see_decided(panel, 0, 1)
    decisions = read_issues(dataset).set_index("id")["decision"].dropna()
    assert decisions.to_dict() == {three: "dismissed"}
    choose(panel, three)
    page.keyboard.press("u")
    see_decided(panel, 0, 0)


def test_a_key_held_down_decides_once(panel, dataset, page):
    first, second = read_issues(dataset)["id"][:2]
    choose(panel, first)
    page.keyboard.down("c")
    see_decided(panel, 1, 0)
    see(panel, second)
    for _ in range(3):
        page.keyboard.down("c")
    page.keyboard.up("c")
    settle(page)
    see_decided(panel, 1, 0)
    see(panel, second)
    choose(panel, first)
    page.keyboard.press("u")
    see_decided(panel, 0, 0)
    assert decided(dataset) == []


def test_takes_decisions_back(panel, dataset, page):
    ids = read_issues(dataset)["id"][:2].tolist()
    choose(panel, ids[0])
    page.keyboard.press("c")
    see(panel, ids[1])
    see_decided(panel, 1, 0)
    third = next_open(page, panel, dataset, ids[1])
    page.keyboard.press("x")
    see(panel, third)
    see_decided(panel, 1, 1)
    # To leave what nobody has decided is to go on in the list as it is by now
    fourth = next_open(page, panel, dataset, third)
    page.keyboard.press("u")
    see(panel, fourth)
    for each in ids[1::-1]:
        page.keyboard.press("Control+z")
        see(panel, each)
    see_decided(panel, 0, 0)
    # Each of a selection gets back what was decided of it
    page.keyboard.press("c")
    see_decided(panel, 1, 0)
    in_order = read_issues(dataset)["id"].tolist()
    wait_until(page, lambda: listed(panel) == in_order)
    boxes = panel.get_by_label("Select")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    panel.get_by_text("3 selected").wait_for()
    page.keyboard.press("x")
    see_decided(panel, 0, 3)
    panel.get_by_role("button", name="Undo").click()
    see_decided(panel, 1, 0)
    decisions = read_issues(dataset).set_index("id")["decision"].dropna()
    assert decisions.to_dict() == {ids[0]: "confirmed"}
    panel.get_by_role("button", name="Undo").click()
    see_decided(panel, 0, 0)
    assert panel.get_by_role("button", name="Undo").count() == 0
    # Nor is there anything to take back of a selection that nobody has decided
    boxes.nth(1).click()
    panel.get_by_text("1 selected").wait_for()
    panel.get_by_role("button", name="Reopen u").first.click()
    panel.get_by_text("1 selected").wait_for(state="detached")
    assert panel.get_by_role("button", name="Undo").count() == 0


def test_gives_back_what_somebody_decided_of_an_issue_that_is_not_listed(
    panel, dataset, page
):
    from fiftyone_track_audit.plugin.review.deciding import decide_issues

    issues = read_issues(dataset)
    kind = issues["kind"].iloc[0]
    other = issues.loc[issues["kind"] != kind, "id"].iloc[-1]
    decide_issues(dataset, [other], "dismissed", "Ann")
    panel.locator(f"button[data-kind='{kind}']").click()
    row = panel.locator(f"[data-testid=issue][data-id='{other}']")
    row.wait_for(state="detached")
    panel.get_by_role("button", name="Timeline").click()
    panel.locator(f".mark[data-id='{other}']").click()
    page.locator("[data-cy=modal]").wait_for()
    settle(page)
    close_modal(page)
    panel.get_by_role("button", name="Issue", exact=True).click()
    see(panel, other)
    page.keyboard.press("c")
    see_decided(panel, 1, 0)
    page.keyboard.press("Control+z")
    see_decided(panel, 0, 1)
    (decided_by,) = read_issues(dataset)["decided_by"].dropna()
    assert decided_by == "Ann"
    decide_issues(dataset, [other], None)


def test_a_choice_outlives_a_list_that_was_asked_for_before(panel, dataset, page):
    issues = read_issues(dataset)
    one, other = issues["id"].iloc[[0, -1]]
    choose(panel, one)
    held = []

    def hold(route):
        wanted = route.request.post_data_json["params"]
        late = wanted.get("__method__") == "list_issues" and not held
        held.append(route) if late else route.continue_()

    page.route("**/operators/execute", hold)
    panel.get_by_label("Minimum score").fill(str(issues["score"].iloc[1]))
    wait_until(page, lambda: len(held) > 0)
    choose(panel, other)
    for route in held:
        route.continue_()
    rows = panel.get_by_test_id("issue")
    wait_until(page, lambda: rows.count() < len(issues))
    assert chosen_id(panel) == other
    page.unroute("**/operators/execute")
    panel.get_by_role("button", name="Clear filters").click()
    wait_until(page, lambda: rows.count() == len(issues))
    assert chosen_id(panel) == other
    assert panel.get_by_role("button", name="Clear filters").count() == 0


def test_what_fails_is_told_and_tried_again(panel, dataset, page):
    def fail(route):
        wanted = route.request.post_data_json["params"]
        fails = wanted.get("__method__") in failing
        route.abort() if fails else route.continue_()

    first = read_issues(dataset)["id"][0]
    choose(panel, first)
    failing = {"decide"}
    page.route("**/operators/execute", fail)
    page.keyboard.press("c")
    close = panel.get_by_role("button", name="Close")
    close.wait_for()
    failing.clear()
    # What was not decided is there again
    see(panel, first)
    see_decided(panel, 0, 0)
    page.keyboard.press("x")
    see_decided(panel, 0, 1)
    # What was not decided is not forgotten with the next decision
    close.click()
    close.wait_for(state="detached")
    page.keyboard.press("Control+z")
    see_decided(panel, 0, 0)
    failing.add("load")
    page.reload()
    again = page.get_by_test_id("track-audit").get_by_role("button", name="Reload")
    again.wait_for()
    failing.clear()
    again.click()
    page.get_by_test_id("strip").wait_for()
    # A filter that fails can be left
    panel.get_by_label("Track", exact=True).fill("1")
    failing.add("list_issues")
    page.reload()
    panel.get_by_role("alert").wait_for()
    failing.clear()
    panel.get_by_role("button", name="Clear filters").click()
    choose(panel, first)
    page.unroute("**/operators/execute")
    assert decided(dataset) == []


@pytest.mark.parametrize("remembered", ["{", '{"filters": {"kinds": []}, "tab": 7}'])
def test_an_unreadable_session_falls_back_to_the_defaults(
    panel, dataset, page, remembered
):
    key = f"track-audit:{dataset.name}"
    page.evaluate("item => sessionStorage.setItem(...item)", [key, remembered])
    page.reload()
    panel = open_panel(page)
    panel.get_by_test_id("strip").wait_for()
    assert panel.get_by_test_id("issue").count() > 0
    assert panel.get_by_role("button", name="Clear filters").count() == 0


def test_views_are_saved_though_the_page_is_left(panel, dataset, page):
    page.keyboard.press("x")
    see_decided(panel, 0, 1)
    page.reload()
    panel = open_panel(page)

    def has_view():
        dataset.reload()
        return dataset.has_saved_view("dismissed")

    wait_until(page, has_view)
    panel.get_by_label("State").select_option("dismissed")
    wait_until(page, lambda: panel.get_by_test_id("issue").count() == 1)
    see(panel, panel.get_by_test_id("issue").get_attribute("data-id"))
    page.keyboard.press("u")
    wait_until(page, lambda: not has_view())


def test_decisions_are_kept(panel, dataset, page):
    issues = read_issues(dataset)
    one, two = issues["id"][:2]
    choose(panel, one)
    page.keyboard.press("c")
    see(panel, two)
    see_decided(panel, 1, 0)
    three = next_open(page, panel, dataset, two)
    panel.get_by_role("button", name="Dismiss").first.click()
    wait_until(page, lambda: chosen_id(panel) == three)
    wait_until(page, lambda: len(read_issues(dataset)["decision"].dropna()) == 2)
    decided = read_issues(dataset).set_index("id")["decision"]
    assert decided[[one, two]].tolist() == ["confirmed", "dismissed"]
    see_decided(panel, 1, 1)
    page.reload()
    panel = open_panel(page)
    see_decided(panel, 1, 1)
    choose(panel, two)
    panel.get_by_test_id("state").get_by_text("dismissed").wait_for()
    page.keyboard.press("u")
    panel.get_by_test_id("state").get_by_text("to review").wait_for()
    see_decided(panel, 1, 0)


@pytest.fixture
def confirmed(dataset, undecided):
    """The only issue that is confirmed."""
    from fiftyone_track_audit.plugin.review.deciding import decide_issues

    ids = read_issues(dataset)["id"].tolist()
    decide_issues(dataset, ids[2:3], "confirmed")
    issues = read_issues(dataset)
    yield issues[issues["decision"] == "confirmed"].iloc[0]
    decide_issues(dataset, ids, None)


@pytest.mark.parametrize("beside_video", [False, True])
def test_sends_what_is_confirmed(
    confirmed, panel, dataset, page, beside_video, tmp_path
):
    runs = set(dataset.list_runs())
    if beside_video:
        panel.get_by_role("button", name="Show in video").click()
        modal = page.locator("[data-cy=modal]")
        panel = modal.get_by_test_id("track-audit")
        panel.get_by_test_id("strip").wait_for()
        page.get_by_test_id("timeline-playhead-time").wait_for()
    panel.get_by_role("button", name="Send…").click()
    assert panel.get_by_label("Send 1 confirmed").is_checked()
    panel.get_by_role("menuitem", name="Ground Truth job").click()
    dialog = page.get_by_role("dialog").filter(has_text="Export adjustment job")
    dialog.get_by_text("The frames of 1 issue from the panel's list").wait_for()
    # Of the issue, with two frames on either side, as far as there are frames
    first, last = confirmed["first_frame"] - 2, confirmed["last_frame"] + 2
    frames = min(last, dataset.first().metadata.total_frame_count) - max(first, 1) + 1
    dialog.get_by_text(
        re.compile(rf"^{frames} frames .* written to a folder")
    ).wait_for()
    folder = tmp_path / "job"
    field(dialog, "Package folder").fill(str(folder))
    execute = dialog.get_by_role("button", name="Execute")
    wait_until(page, lambda: execute.is_enabled())
    settle(page)
    execute.click()
    page.get_by_text("What next").wait_for()
    names = [path.name for path in folder.rglob("*.json*")]
    assert any("SeqLabel" in name for name in names), names
    page.get_by_role("button", name=re.compile("Done|Close")).first.click()
    dataset.reload()
    assert len(set(dataset.list_runs()) - runs) == 1
    # The App shows what it showed
    assert "view=" not in page.url
    assert panel.get_by_test_id("issue").count() > 0
    if beside_video:
        close_modal(page)


def test_the_video_goes_along_and_marks_the_track(panel, dataset, page):
    rate = dataset.first().metadata.frame_rate
    panel.get_by_role("button", name="Show in video").click()
    modal = page.locator("[data-cy=modal]")
    beside = modal.get_by_test_id("track-audit")
    beside.get_by_test_id("strip").wait_for()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    issues = read_issues(dataset)
    table = read_boxes(dataset)
    video = dataset.first().metadata
    aspect = video.frame_width / video.frame_height
    at = issues["id"].tolist().index(chosen_id(beside))
    settle(page)
    mark = modal.locator(".track-audit-mark.own")
    # Solo zooms to the tracks of the issue, and outlines the others
    outlines = modal.locator(".track-audit-outlines path")
    wait_until(page, lambda: (outlines.get_attribute("d") or "").count("M") > 0)
    wide = mark.bounding_box()["width"]
    page.keyboard.press("o")
    wait_until(page, lambda: mark.bounding_box()["width"] < 0.9 * wide)
    wait_until(page, lambda: not outlines.get_attribute("d"))
    for issue in issues.iloc[at + 1 : at + 3].itertuples():
        page.keyboard.press("j")
        see(beside, issue.id)
        time = round((issue.peak_frame - 1) / rate, 2)
        wait_until(page, lambda time=time: shown_seconds(page) == time)
        box = table.loc[(issue.track, issue.peak_frame)]
        wait_until(page, lambda box=box: is_over(mark, box, aspect))
    close_modal(page)
    assert page.locator(".track-audit-mark").count() == 0


def test_a_video_plays_only_the_issue_again_and_again(panel, dataset, page):
    page.keyboard.press("v")
    modal = page.locator("[data-cy=modal]")
    beside = modal.get_by_test_id("track-audit")
    beside.get_by_test_id("strip").wait_for()
    page.get_by_test_id("timeline-playhead-time").wait_for()
    settle(page)
    page.evaluate(NOTE_SPEED)
    canvas = modal.locator("canvas")
    alone = canvas.evaluate(PICTURE)
    page.keyboard.press("o")
    wait_until(page, lambda: canvas.evaluate(PICTURE) != alone)
    page.keyboard.press("o")
    wait_until(page, lambda: canvas.evaluate(PICTURE) == alone)
    page.keyboard.press("l")
    beside.get_by_role("button", name="Half speed").click()
    page.wait_for_function("window.speed === 0.5")
    head = beside.get_by_test_id("playhead")
    seen = []

    def began_again():
        seen.append(int(head.get_attribute("data-frame")))
        return len(seen) > 1 and seen[-1] < seen[-2]

    # The first time may be the step back to the beginning
    wait_until(page, began_again)
    wait_until(page, began_again)
    beside.get_by_role("button", name="Half speed").click()
    page.wait_for_function("window.speed === 1")
    page.keyboard.press("l")
    page.keyboard.press("?")
    beside.get_by_test_id("help").get_by_text("these keys").wait_for()
    page.keyboard.press("Escape")
    beside.get_by_test_id("help").wait_for(state="detached")
    page.keyboard.press("Escape")
    modal.wait_for(state="detached")


#: What the player shows.
PICTURE = "node => node.toDataURL()"
#: Notes the speed at which a video plays; the App's player is not in the page.
NOTE_SPEED = """() => {
    const media = HTMLMediaElement.prototype, name = "playbackRate";
    const own = Object.getOwnPropertyDescriptor(media, name);
    const set = function (speed) { window.speed = speed; own.set.call(this, speed); };
    Object.defineProperty(media, name, { ...own, set });
}"""


def read_boxes(dataset):
    """The boxes as shares of the image, by track and frame."""
    from fiftyone_track_audit.importers import store

    tracks = store.read_tracks(dataset, FIELD).tracks
    (sequence,) = tracks.sequences.values()
    table = tracks.table.set_index(["track", "frame"])
    table[["left", "width"]] /= sequence.width
    table[["top", "height"]] /= sequence.height
    return table


def is_over(mark, box, aspect):
    """Whether a mark lies over a box of the video, to two pixels."""
    if mark.count() != 1 or not mark.is_visible():
        return False
    place = mark.evaluate(PLACE)
    width, height = place["player"]
    wide = min(width, height * aspect)
    high = wide / aspect
    wanted = [
        (width - wide) / 2 + box["left"] * wide,
        (height - high) / 2 + box["top"] * high,
        box["width"] * wide,
        box["height"] * high,
    ]
    pairs = zip(place["mark"], wanted, strict=True)
    return all(abs(one - two) < 2 for one, two in pairs)


#: The size of the player, and where a mark's inside is in it.
PLACE = """(node) => {
    const player = node.parentElement.getBoundingClientRect();
    const mark = node.getBoundingClientRect(), edge = 5;
    return { player: [player.width, player.height],
             mark: [mark.left - player.left + edge, mark.top - player.top + edge,
                    mark.width - 2 * edge, mark.height - 2 * edge] };
}"""


@pytest.mark.parametrize("tracks", [True, False])
def test_says_what_to_do_first(app, page, dataset, tracks):
    import fiftyone as fo

    name = f"not-yet-{tracks}"
    empty = fo.Dataset(name, persistent=True)
    video = dataset.first()
    empty.add_sample(fo.Sample(video.filepath, metadata=video.metadata))
    if tracks:
        empty.add_frame_field(
            FIELD, fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections
        )
    try:
        page.goto(f"{app}/datasets/{name}")
        panel = open_panel(page)
        action = "Audit tracks" if tracks else "Import sequences"
        panel.get_by_role("button", name=action).click()
        page.get_by_role("dialog").get_by_text(action).first.wait_for()
        page.keyboard.press("Escape")
        assert panel.get_by_test_id("issue").count() == 0
    finally:
        empty.delete()


#: A label that would run if anything took it for HTML.
EVIL = "<img src=x onerror='window.ran = 1'><b>{{ 7 }}"


def test_what_the_first_audit_adds_is_seen_beside_the_video(app, page, dataset):
    """The labels are HTML, which is text everywhere."""
    import fiftyone as fo

    name = "first-audit"
    first = dataset.exclude_fields(["issues"]).clone(name, persistent=True)
    first.delete_runs()
    for place in (f"frames.{FIELD}.detections.label", "sequence"):
        first.set_field(place, EVIL).save()
    try:
        page.goto(f"{app}/datasets/{name}")
        panel = open_panel(page)
        panel.get_by_role("button", name="Audit tracks").click()
        form = page.get_by_role("dialog")
        form.get_by_text("Every box of 1 video").wait_for()
        form.get_by_role("button", name="Execute").click()
        page.get_by_text("What next").wait_for()
        page.get_by_role("button", name="Done").click()
        panel.get_by_test_id("strip").wait_for()
        panel.get_by_role("button", name="Show in video").click()
        fields = page.locator("[data-cy=modal]")
        fields.locator("[data-cy=sidebar-field-container-issues]").wait_for()
        close_modal(page)
        assert EVIL in panel.inner_text()
        assert page.evaluate("window.ran") is None
    finally:
        fo.delete_dataset(name)


def type_width(page, width):
    """Types a width into the annotator's form; waits until it is saved at once."""
    form = page.locator("[data-cy=sidebar] input[type=number][step='0.0001']")
    with page.expect_response(lambda r: r.request.method == "PATCH") as saved:
        form.nth(2).fill(f"{width:.4f}")
        form.nth(2).press("Enter")
    assert saved.value.status == 200
    return form.nth(2)


def first_of_wrong_width(dataset, issues):
    """The first issue that is about nothing but the width of one box."""
    from dataclasses import replace

    from fiftyone_track_audit.importers import store
    from fiftyone_track_audit.plugin.audit import audit_tracks

    tracks = store.read_tracks(dataset, FIELD).tracks
    for _, issue in issues[issues["kind"] == "size_change"].iterrows():
        table, same = tracks.table.copy(), ["track", "first_frame", "last_frame"]
        box = table[["track", "frame"]].eq(issue[["track", "peak_frame"]].tolist())
        table.loc[box.all(axis=1), "width"] = issue["expected_width"]
        left = audit_tracks(replace(tracks, table=table)).issues
        if not left[same].eq(issue[same].tolist()).all(axis=1).any():
            return issue
    raise LookupError("every issue is about more")


def test_edits_in_the_annotator_and_back(panel, dataset, page):
    issues = read_issues(dataset)
    wrong = first_of_wrong_width(dataset, issues)
    before = issues[issues["kind"].eq("size_change") & issues["id"].ne(wrong["id"])]
    before, other = before.iloc[0], issues.iloc[-1]
    selected = page.locator("[data-cy=annotate-edit-back]")
    # What is sent to the annotator begins with the worst of the listed issues
    panel.get_by_label("Track", exact=True).fill(str(before["track"]))
    of_track = issues[issues[["track", "other_track"]].eq(before["track"]).any(axis=1)]
    rows = panel.get_by_test_id("issue")
    wait_until(page, lambda: rows.count() == len(of_track))
    panel.get_by_role("button", name="Send…").click()
    panel.get_by_role("menuitem", name="The App's annotator").click()
    selected.wait_for()
    annotated = page.locator("[data-cy=modal] [data-testid=track-audit]")
    see(annotated, of_track["id"].iloc[0])
    # A track is selected, too, if the annotator was open before
    close_modal(page)
    panel.get_by_role("button", name="Clear filters").click()
    choose(panel, wrong["id"])
    page.keyboard.press("e")
    selected.wait_for()
    beside = page.locator("[data-cy=modal] [data-testid=track-audit]")
    playhead = beside.locator("[data-testid=playhead]")
    assert playhead.get_attribute("data-frame") == str(wrong["peak_frame"])
    right = wrong["expected_width"] / dataset.first()["image_width"]
    type_width(page, right / 2)
    beside.locator(f"[data-testid=issue][data-id='{other['id']}'] input").check()
    beside.get_by_role("button", name="Dismiss").first.click()
    see_decided(beside, 0, 1)
    # Neither the decision nor its author gets in the way of the next edit
    width = type_width(page, right)
    width.blur()
    with page.expect_response(lambda r: r.request.method == "PATCH"):
        page.keyboard.press("Control+z")
    see_decided(beside, 0, 1)
    type_width(page, right)
    page.locator("[data-cy=explore]").click()
    state = beside.locator(f"[data-testid=chosen][data-id='{wrong['id']}']")
    state.get_by_text("edited", exact=True).wait_for()
    assert read_issues(dataset).set_index("id").loc[wrong["id"], "fix"] == "edited"
    close_modal(page)


def fixes_of(dataset):
    """The names of the fixes that apply to each issue that has any."""
    from fiftyone_track_audit.importers import store
    from fiftyone_track_audit.plugin.fixing.planning import list_fixes

    tracks, issues = store.read_tracks(dataset, FIELD).tracks, read_issues(dataset)
    (issues["sequence"],) = tracks.sequences
    listed = {row["id"]: list_fixes(tracks, row) for _, row in issues.iterrows()}
    return {id: [fix.name for fix, _ in fixes] for id, fixes in listed.items() if fixes}


def test_fixes_one_or_several_and_takes_it_back(panel, dataset, page):
    from fiftyone_track_audit.plugin.corrections.fixes import preview_fixes

    before = read_boxes(dataset).sort_index()

    def is_as_before():
        return read_boxes(dataset).sort_index().equals(before)

    def see_fixed(number):
        done = panel.locator("[data-testid=progress][aria-busy=false]")
        done.get_by_text(f"0 dismissed, {number} fixed").wait_for()
        fixed = read_issues(dataset).query("decision == 'fixed'").set_index("id")
        assert len(fixed) == number
        return fixed["fix"]

    def take_back():
        page.keyboard.press("Control+z")
        wait_until(page, is_as_before)
        done = panel.locator("[data-testid=progress][aria-busy=false]")
        done.get_by_text(re.compile("0 dismissed$")).wait_for()

    fixes = fixes_of(dataset)
    first = next(iter(fixes))
    choose(panel, first)
    page.keyboard.press("f")
    assert see_fixed(1).to_dict() == {first: fixes[first][0]}
    assert not is_as_before()
    take_back()
    # The menu has the other fixes. What was judged again may be another issue
    fixes = fixes_of(dataset)
    several = next(issue for issue, names in fixes.items() if {*names[1:]} - {"leave"})
    choose(panel, several)
    panel.get_by_label("Other fixes").select_option(fixes[several][1])
    assert see_fixed(1).to_dict() == {several: fixes[several][1]}
    take_back()
    # Selected issues are fixed together, once somebody agrees to what changes
    pair = [*fixes_of(dataset)][:2]
    for issue in pair:
        panel.locator(f"[data-testid=issue][data-id='{issue}'] input").check()
    panel.get_by_text("2 selected").wait_for()
    page.keyboard.press("f")
    preview = panel.get_by_test_id("preview")
    preview.get_by_text(str(preview_fixes(dataset, ids=pair))).wait_for()
    assert decided(dataset) == []
    preview.get_by_role("button", name="Apply").click()
    assert set(see_fixed(2).index) == set(pair)
    preview.wait_for(state="detached")
    take_back()
