# SPDX-License-Identifier: Apache-2.0
"""The report: one page, offline, of issues with crops and plots."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import open_page
from fiftyone_track_audit.importers.formats import read_labels
from fiftyone_track_audit.importers.tracks import (
    BOX,
    InputError,
    Sequence,
    Tracks,
    concatenate,
    make_table,
)
from fiftyone_track_audit.plugin.audit import Thresholds, audit_tracks
from fiftyone_track_audit.plugin.cli import main
from fiftyone_track_audit.plugin.report import make_report
from fiftyone_track_audit.plugin.report.page import LISTED
from PIL import Image, ImageDraw
from plotly.offline import get_plotlyjs

LENGTH = 20
SIZE = (320, 240)
#: Where the one of two walkers is labeled too short.
WRONG = 10


def boxes_of(track: int) -> np.ndarray:
    """A walker's boxes as they should be, ``(LENGTH, 4)``."""
    left = np.arange(LENGTH) * 2.0 + 100 * track
    ones = np.ones(LENGTH)
    return np.stack([left, 80 * ones, 40 * ones, 80 * ones], axis=1)


def walk(name="walk", label="person", frames_dir=None, frame_name="{:06d}.jpg"):
    """Two walkers, of whom the first one's box is too short at one frame."""
    boxes = np.concatenate([boxes_of(1), boxes_of(2)])
    boxes[WRONG - 1, 3] = 40
    frame_names = [frame_name.format(frame) for frame in range(1, LENGTH + 1)]
    table = make_table(
        {
            "sequence": pd.Categorical([name] * 2 * LENGTH),
            "frame": np.tile(np.arange(LENGTH) + 1, 2),
            "frame_name": pd.Categorical(frame_names * 2),
            "track": np.repeat([1, 2], LENGTH),
            "label": pd.Categorical([label] * 2 * LENGTH),
            **dict(zip(BOX, boxes.T, strict=True)),
        }
    )
    sequence = Sequence(name, *SIZE, 25, tuple(frame_names), frames_dir)
    return Tracks(table, {name: sequence})


def save_frames(folder: Path, size=SIZE, frames=range(1, LENGTH + 1)) -> Path:
    """Frames with a white walker on red, and another on blue ground."""
    folder.mkdir(exist_ok=True)
    scale = size[0] / SIZE[0]
    for frame in frames:
        image = Image.new("RGB", size, "red")
        draw = ImageDraw.Draw(image)
        for track in (1, 2):
            left, top, width, height = boxes_of(track)[frame - 1] * scale
            draw.rectangle([left, top, left + width, top + height], "white")
        image.save(folder / f"{frame:06d}.jpg", quality=95)
    return folder


def report_of(tracks: Tracks, issues=None, detections=None, **options) -> "Page":
    audit = audit_tracks(tracks)
    if issues is not None:
        audit = replace(audit, issues=issues)
    if detections is not None:
        audit = replace(audit, detections=detections)
    return Page(make_report(tracks, audit, Thresholds(), progress=False, **options))


def issues_of(*rows: dict) -> pd.DataFrame:
    plain = {
        "sequence": "walk",
        "kind": "shift",
        "track": 1,
        "other_track": None,
        "first_frame": WRONG,
        "last_frame": WRONG,
        "score": 0.75,
        "reason": "the box is off",
    }
    issues = pd.DataFrame([{**plain, **row} for row in rows])
    return issues.assign(peak_frame=issues["first_frame"]).astype(
        {"other_track": "Int32"}
    )


class Page(HTMLParser):
    """What stands in a page: its elements, its text and its data."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.source = content.decode()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._within = ""
        self.feed(self.source)
        self.data = json.loads(self.scripts[0])

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._within = ""

    def handle_data(self, data):
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within != "style":
            self.text += f"{data} "

    def count(self, tag: str, **attributes: str) -> int:
        wanted = attributes.items()
        return sum(
            name == tag and wanted <= found.items() for name, found in self.elements
        )

    def words(self) -> str:
        return " ".join(self.text.split())

    def crops(self) -> list[Image.Image]:
        found = [at["href"] for tag, at in self.elements if tag == "image"]
        return [
            Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) for url in found
        ]


@pytest.fixture
def frames_dir(tmp_path) -> Path:
    return save_frames(tmp_path / "frames")


def test_page_names_what_was_judged(frames_dir):
    page = report_of(walk(frames_dir=frames_dir))
    (issue,) = page.data["issues"]
    assert (issue["first"], issue["last"]) == (WRONG, WRONG)
    assert [(kind["name"], kind["count"]) for kind in page.data["kinds"]] == [
        ("size change", 1)
    ]
    words = page.words()
    for part in ("walk · ", "size 0.25, IoU 0.5", "person 1 at 000010.jpg: the box is"):
        assert part in words
    assert "frames 20 tracks 2 detections 40 outliers 1 issues 1" in words


@pytest.mark.parametrize("scale", [1, 0.5, 2])
def test_crops_show_the_boxes_where_they_are(tmp_path, scale):
    size = (round(SIZE[0] * scale), round(SIZE[1] * scale))
    folder = save_frames(tmp_path / "frames", size)
    page = report_of(walk(frames_dir=folder))
    crops = page.crops()
    rectangles = [at for tag, at in page.elements if tag == "rect"]
    places = [at["class"] for tag, at in page.elements if tag == "figure"][1:]
    assert places == ["before"] * 3 + ["at"] + ["after"] * 3
    assert len(rectangles) == len(crops) == 7
    assert len({crop.size for crop in crops}) == 1
    for place, crop, box in zip(places, crops, rectangles, strict=True):
        x, y, width, height = (float(box[k]) for k in ("x", "y", "width", "height"))
        # The walker is as tall as all but the wrong box say
        tall = height * 2 if place == "at" else height
        pixels = np.asarray(crop)[..., 1].astype(int)
        column = pixels[:, round(x + width / 2)]
        row = pixels[round(y + height / 2)]
        bright = (np.flatnonzero(line > 128) for line in (column, row))
        (top, bottom), (left, right) = ((line[0], line[-1]) for line in bright)
        np.testing.assert_allclose([left, right], [x, x + width], atol=2.5)
        np.testing.assert_allclose([top, bottom], [y, y + tall], atol=2.5)


@pytest.mark.parametrize("box", [[-1e7, -1e7, 1e7, 1e7], [90, 70, 1e-3, 1e-3]])
def test_boxes_of_any_size_can_be_shown(frames_dir, box):
    tracks = walk(frames_dir=frames_dir)
    table = tracks.table.copy()
    table.loc[:, BOX] = box
    page = report_of(replace(tracks, table=table), issues_of({}))
    for crop in page.crops():
        assert crop.height == 150
        assert 96 <= crop.width <= 192


def test_only_the_frames_needed_are_read(tmp_path):
    needed = range(WRONG - 3, WRONG + 4)
    folder = save_frames(tmp_path / "frames", frames=needed)
    assert len(report_of(walk(frames_dir=folder)).crops()) == len(needed)


@pytest.mark.parametrize(
    ("row", "names", "rectangles"),
    [
        pytest.param(
            {"first_frame": 5, "last_frame": 16},
            [2, 3, 4, 5, 9, 12, 16, 17, 18, 19],
            10,
            id="a long one is shown evenly",
        ),
        pytest.param({"first_frame": 1, "last_frame": 1}, [1, 2, 3, 4], 4, id="start"),
        pytest.param(
            {"first_frame": 20, "last_frame": 20}, [17, 18, 19, 20], 4, id="end"
        ),
        pytest.param(
            {"other_track": 2, "kind": "identity_switch"},
            [7, 8, 9, 10, 11, 12, 13],
            14,
            id="the other track is drawn, too",
        ),
    ],
)
def test_frames_of_an_issue(frames_dir, row, names, rectangles):
    page = report_of(walk(frames_dir=frames_dir), issues_of(row))
    assert re.findall(r"<figcaption>(\d+).jpg<", page.source) == [
        f"{name:06d}" for name in names
    ]
    assert page.count("rect") == rectangles


def test_the_track_that_goes_on_is_shown_from_its_beginning(frames_dir):
    tracks = walk(frames_dir=frames_dir)
    table = tracks.table[tracks.table["track"] == 1]
    missing = table["frame"].between(9, 14)
    later = table["track"].mask(table["frame"] > 14, 2)
    table = make_table(table.assign(track=later)[~missing].reset_index(drop=True))
    issue = {"kind": "fragmentation", "other_track": 2}
    page = report_of(
        replace(tracks, table=table),
        issues_of({**issue, "first_frame": 8, "last_frame": 8}),
    )
    names = re.findall(r"<figcaption>(\d+).jpg<", page.source)
    # No frame between has labels
    assert [int(name) for name in names] == [5, 6, 7, 8, 15, 16, 17]
    assert page.count("rect") == len(names)
    for crop in page.crops():
        assert min(crop.getpixel((crop.width // 2, crop.height // 2))) > 200


def test_a_gap_shows_where_the_track_should_be(frames_dir):
    tracks = walk(frames_dir=frames_dir)
    away = (tracks.table["track"] == 1) & tracks.table["frame"].between(8, 12)
    tracks = replace(tracks, table=tracks.table[~away].reset_index(drop=True))
    page = report_of(
        tracks, issues_of({"kind": "gap", "first_frame": 8, "last_frame": 12})
    )
    crops = page.crops()
    assert (len(crops), page.count("rect")) == (10, 6)
    for crop in crops:
        across, down = crop.width // 2, crop.height // 2
        assert min(crop.getpixel((across, down))) > 200
    (track,) = page.data["tracks"]
    assert track["frame"][6:9] == [7, None, 13]
    assert page.data["timelines"][0]["tracks"][0]["runs"] == [[1, 7], [13, 20]]


def test_boxes_without_identity_have_crops_and_no_plots(frames_dir):
    tracks = walk(frames_dir=frames_dir)
    table = make_table({**tracks.table, "track": -1})
    page = report_of(replace(tracks, table=table), issues_of({"track": -1}))
    assert page.data["issues"][0]["tracks"] == []
    assert page.count("rect") == 2 * len(page.crops()) == 14


def test_issues_of_a_track_share_its_data():
    page = report_of(
        walk(),
        issues_of(
            {},
            {"first_frame": 15, "last_frame": 16},
            {"other_track": 2, "kind": "identity_switch"},
        ),
    )
    assert [issue["tracks"] for issue in page.data["issues"]] == [[0], [0], [0, 1]]
    first, second = page.data["tracks"]
    assert first["frame"] == second["frame"] == list(range(1, LENGTH + 1))
    assert page.data["issues"][0]["view"] == [1, LENGTH]
    assert first["size"][WRONG - 2 : WRONG + 1] == [3200, 1600, 3200]
    assert first["size_step"][WRONG - 2 : WRONG + 1] == [0, -1600, 1600]
    assert first["size_change"][:2] == [None, 0]
    assert first["size_change"][WRONG - 1 : WRONG + 1] == [-0.5, 1]
    assert first["height_deviation"][WRONG - 1] == pytest.approx(-400 / 11, abs=1e-3)


@pytest.mark.parametrize("column", [None, "embedding_distance"])
def test_plots_are_those_of_the_signals_there_are(column):
    tracks = walk()
    detections = audit_tracks(tracks).detections
    if column:
        detections[column] = np.linspace(0, 1, len(detections))
    page = report_of(tracks, detections=detections)
    panels = {panel["title"]: panel for panel in page.data["panels"]}
    assert ("embedding distance" in panels) is bool(column)
    assert panels["size change"]["thresholds"] == pytest.approx([0.25, -0.2])
    assert panels["IoU with the previous frame"]["thresholds"] == [0.5]
    plotted = {name for panel in panels.values() for name in panel["columns"]}
    assert set(page.data["tracks"][0]) == {"frame", *plotted}
    limits = page.data["issues"][0]["limits"]
    assert limits.keys() == {"motion_residual", column} - {None}
    if column:
        values = np.array(page.data["tracks"][0][column])
        assert limits[column] == pytest.approx(
            values.mean() + 2 * values.std(), abs=1e-2
        )


def test_without_frames_it_says_so_once():
    page = report_of(walk())
    assert page.crops() == []
    assert page.words().count("no crops") == 1


def test_summary_counts_per_sequence_and_kind(frames_dir):
    tracks = concatenate([walk("b", frames_dir=frames_dir), walk("a"), walk("c")])
    page = report_of(
        tracks,
        issues_of(
            {"sequence": "a"},
            {"sequence": "b"},
            {"sequence": "a", "kind": "low_iou"},
            {"sequence": "a"},
        ),
    )
    words = page.words()
    assert "issues shift low IoU" in words
    rows = [
        f"{name} 20 2 40 1 {counts}"
        for name, counts in [("b", "1 1 -"), ("a", "3 2 1"), ("c", "0 - -")]
    ]
    assert " ".join(rows) in words.replace("\N{EN DASH}", "-")
    assert "The frames of 2 of 3 sequences are not available" in words
    assert len(page.crops()) == 7


@pytest.mark.parametrize(
    ("pictured", "issues", "cards", "rows", "more"),
    [(2, 2, 2, 0, False), (1, 3, 1, 2, False), (1, LISTED + 5, 1, LISTED, True)],
)
def test_the_worst_are_pictured_and_others_listed(
    frames_dir, pictured, issues, cards, rows, more
):
    page = report_of(
        walk(frames_dir=frames_dir), issues_of(*[{}] * issues), pictured=pictured
    )
    assert page.count("article") == cards
    assert len(page.crops()) == 7 * cards
    assert page.count("tr", **{"class": "item"}) == rows
    assert ("4 more issues are not shown" in page.words()) is more


def test_nothing_to_report():
    tracks = walk()
    table = tracks.table[tracks.table["track"] == 2].reset_index(drop=True)
    page = report_of(replace(tracks, table=table))
    assert page.data["issues"] == []
    assert "No issues were found" in page.words()


@pytest.mark.parametrize("suggestion", ["Draw the box down to the feet.", None])
def test_suggestions_are_shown(suggestion):
    page = report_of(walk(), issues_of({"suggestion": suggestion}))
    assert page.count("p", **{"class": "suggestion"}) == bool(suggestion)
    assert (suggestion or "") in page.words()


EVIL = (
    "</script><script>alert(1)</script><img src='https://x.invalid/a.png'>\"'&{{ 7 }}"
)


def test_names_are_text_and_never_markup():
    tracks = walk(
        name=EVIL, label=EVIL, frame_name="<img src=x onerror=alert(1)>{}.jpg"
    )
    tracks = replace(tracks, notes=(EVIL,))
    issues = issues_of(
        {"sequence": EVIL, "kind": EVIL, "reason": EVIL, "suggestion": EVIL}
    )
    page = report_of(tracks, issues)
    assert len(page.scripts) == page.count("script") == 3
    assert page.count("img") == 0
    assert page.data["timelines"][0]["sequence"] == EVIL
    assert page.text.count(EVIL) >= 6


def test_nothing_is_loaded_from_anywhere(frames_dir):
    page = report_of(walk(frames_dir=frames_dir))
    own = page.source.replace(get_plotlyjs(), "")
    assert len(own) < len(page.source) - 1_000_000
    places = [
        at[name] for _, at in page.elements for name in ("src", "href") if name in at
    ]
    assert {place[:11] for place in places} == {"data:image/", "#issue-1"}
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttpRequest", own)
    (policy,) = [at["content"] for _, at in page.elements if "http-equiv" in at]
    assert policy.startswith("default-src 'none'; img-src data: blob:;")


def save_mot(folder: Path) -> Path:
    lines = [
        f"{frame},{track},{left + 1},{top + 1},{width},{height},1,1,1"
        for frame, track, left, top, width, height in walk()
        .table[["frame", "track", *BOX]]
        .itertuples(index=False)
    ]
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").write_text("\n".join(lines))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=walk\nimDir=img1\nframeRate=25\nseqLength={LENGTH}\n"
        f"imWidth={SIZE[0]}\nimHeight={SIZE[1]}\nimExt=.jpg\n"
    )
    save_frames(folder / "img1")
    return folder


def test_command_writes_the_page(tmp_path, capsys):
    output = tmp_path / "report.html"
    labels = save_mot(tmp_path / "walk")
    assert main(["report", str(labels), "--output", str(output)]) == 0
    page = Page(output.read_bytes())
    assert page.count("article") == 1
    # Few tracks are all shown, whether or not they have issues
    assert [each["view"] for each in page.data["whole"]["issues"]] == [[1, LENGTH]] * 2
    assert capsys.readouterr().out == f"1 issue, saved to {output}\n"
    assert main(["report", str(labels), "--output", str(output)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "walk"]
    few = ["report", str(labels), "--output", str(output), "--tracks"]
    assert main([*few, "2", "--window", "3", "--trailing"]) == 0
    page = Page(output.read_bytes())
    assert page.count("details") == 1
    (plot,) = page.data["whole"]["tracks"]
    mean = sum(plot["left"][:3]) / 3
    assert plot["left_deviation"][2] == pytest.approx(plot["left"][2] - mean, abs=0.01)
    assert main([*few, "2", "--window", "0"]) == 2
    assert "--window: expected a window of 1 frame or more" in capsys.readouterr().err
    capsys.readouterr()
    assert main([*few, "2", "7"]) == 2
    assert "--tracks: no track 7" in capsys.readouterr().err


def test_command_shows_what_reviewers_corrected(tmp_path, capsys):
    labels, output = save_mot(tmp_path / "walk"), tmp_path / "report.html"
    counts = {"kind": "low IoU", "found": 9, "reviewed": 3, "corrected": 2}
    unseen = {"kind": "gap", "found": 2, "reviewed": 0, "corrected": 0}
    reviews = []
    for number, of in enumerate(("issue", "box")):
        records = [{"of": name, **counts} for name in ("issue", of)]
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"precision": [*records, {"of": of, **unseen}]}))
        reviews.append(str(path))
    command = ["report", str(labels), "--output", str(output)]
    assert main(command) == 0
    assert "What reviewers corrected" not in Page(output.read_bytes()).words()
    assert main([*command, "--reviews", *reviews]) == 0
    words = Page(output.read_bytes()).words()
    assert "What reviewers corrected" in words
    shown = words.partition("reviewed corrected precision")[2]
    expected = "low IoU issue 9 6 67% low IoU box 3 2 67% Timeline"
    assert shown.strip().startswith(expected)
    output.unlink()
    for text in ("[1]", "{}", '{"precision": [{"of": "issue"}]}', "cut off"):
        (tmp_path / "0.json").write_text(text)
        assert main([*command, "--reviews", reviews[0]]) == 2
        assert "0.json" in capsys.readouterr().err.splitlines()[-1]
        assert not output.exists()


def spoil_missing(folder: Path) -> None:
    (folder / "img1/000010.jpg").unlink()


def spoil_frame(folder: Path) -> None:
    path = folder / "img1/000010.jpg"
    path.write_bytes(path.read_bytes()[:300])


def spoil_nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (spoil_missing, [], ["img1", "1 of 7 frames", "000010.jpg"]),
        (spoil_frame, [], ["000010.jpg", "expected a complete image"]),
        (spoil_nothing, ["--frames", "nowhere"], ["nowhere", "expected"]),
        (spoil_nothing, ["--iou-thresh", "2"], ["between 0 and 1"]),
        (spoil_nothing, ["--output", "{folder}/gt/gt.txt"], ["gt.txt", "in the way"]),
        (spoil_nothing, ["--output", "{folder}/no/a.html"], ["no such folder"]),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path, capsys, spoil, options, words
):
    labels = save_mot(tmp_path / "walk")
    spoil(labels)
    before = sorted(tmp_path.rglob("*"))
    options = [option.format(folder=labels) for option in options]
    output = ["--output", str(tmp_path / "report.html")]
    assert main(["report", str(labels), *output, *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("track-audit: error: ")
    assert [word for word in words if word not in lines[-1]] == []
    assert sorted(tmp_path.rglob("*")) == before


def test_an_error_names_the_file(tmp_path):
    folder = save_frames(tmp_path / "frames")
    (folder / "000010.jpg").write_text("no image")
    with pytest.raises(InputError) as caught:
        report_of(walk(frames_dir=folder))
    assert caught.value.path == str(folder / "000010.jpg")


def test_real_sequence_stays_small(real_data):
    tracks = read_labels(str(real_data / "MOT20/train/MOT20-01"))
    audit = audit_tracks(tracks, Thresholds(size=0.15))
    repeated = pd.concat([audit.issues] * 20, ignore_index=True).head(2500)
    assert len(repeated) >= 200
    repeated = replace(audit, issues=repeated)
    content = make_report(tracks, repeated, Thresholds(), 20, progress=False)
    page = Page(content)
    assert page.count("article") == 20
    assert len(page.crops()) >= 20 * 7
    assert len(content) < 7_500_000


def test_real_labels_show_their_mistakes(real_data):
    folder = real_data / "MOT20/train/MOT20-01"
    labels = real_data / "groundtruth/MOT20-01-SeqLabel.json"
    page = report_of(read_labels(str(labels), frames=str(folder)))
    spans = {(issue["first"], issue["last"]) for issue in page.data["issues"]}
    assert {(25, 26), (28, 28)} <= spans
    assert len(page.crops()) >= 7


@pytest.fixture
def opened(chromium, tmp_path):
    """Opens a page from its file in a browser, without a network."""

    def open_report(content: bytes):
        path = tmp_path / "report.html"
        path.write_bytes(content)
        page.context.set_offline(True)
        page.goto(path.as_uri())
        page.locator(".timeline .main-svg").first.wait_for()
        return page

    with open_page(1280, 800, "light") as page:
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        yield open_report


def report_for_browser(frames_dir: Path) -> bytes:
    tracks = walk(name=EVIL, label=EVIL, frames_dir=frames_dir)
    tracks = concatenate([tracks, walk("b")])
    issues = issues_of(
        {"sequence": EVIL},
        {"sequence": EVIL, "kind": "identity_switch", "other_track": 2},
        {"sequence": "b", "reason": "far below", "first_frame": 3},
        {"sequence": "b", "kind": EVIL, "reason": "in the list"},
    )
    audit = replace(audit_tracks(tracks), issues=issues)
    return make_report(
        tracks, audit, Thresholds(), pictured=3, progress=False, plotted=[1]
    )


def test_the_page_works_offline(frames_dir, opened):
    content = report_for_browser(frames_dir)
    page = opened(content)
    shown = page.locator(".item:visible")
    assert shown.count() == 4
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".current").get_attribute("id") == "issue-2"
    page.locator("#issue-2 .plots .main-svg").first.wait_for()
    # The rolling mean and the other track stand beside the track's own line
    lines = sum(
        len(panel["columns"]) + 2 * panel["rolling_mean"]
        for panel in Page(content).data["panels"]
    )
    assert page.locator("#issue-2 .plots .trace path.js-line").count() == lines
    page.locator("details.track summary").first.click()
    page.locator("details.track .plots .main-svg").first.wait_for()
    page.locator("details.track summary").first.click()
    page.keyboard.press("k")
    assert page.locator(".current").get_attribute("id") == "issue-1"
    page.keyboard.press("b")
    assert page.locator("rect:visible").count() < page.locator("rect").count()
    page.keyboard.press("/")
    page.keyboard.type("far below")
    assert shown.count() == 1
    assert shown.first.get_attribute("id") == "issue-3"
    page.locator("#search").fill("")
    page.locator(".summary tbody tr").nth(1).get_by_role("button").first.click()
    assert shown.count() == 2
    page.locator(".kinds button").nth(0).click()
    assert shown.count() == 1
    page.locator("#sequence").select_option("")
    assert shown.count() == 2
    page.locator(".kinds button").nth(0).click()
    assert shown.count() == 4
    page.emulate_media(color_scheme="dark")
    page.locator(".timeline .main-svg").first.wait_for()
    assert page.faults == []
    # Opened by its file, it asks for nothing but what is in itself
    assert {url.partition(":")[0] for url in page.requests} <= {"file", "data", "blob"}
    assert sum(url.startswith("file:") for url in page.requests) == 1


def test_a_click_in_the_timeline_opens_the_issue(frames_dir, opened):
    page = opened(report_for_browser(frames_dir))
    page.locator(".timeline").nth(1).scroll_into_view_if_needed()
    page.locator(".timeline").nth(1).locator(".points path").first.wait_for()
    mark = page.locator(".timeline").nth(1).locator(".points path").first
    place = mark.bounding_box()
    page.mouse.move(place["x"] + 4, place["y"] + 4)
    page.mouse.click(place["x"] + 4, place["y"] + 4)
    page.wait_for_function("location.hash")
    assert page.evaluate("location.hash") == "#issue-3"
    assert page.faults == []


def test_issues_are_counted_by_annotator():
    tracks = walk()
    by = np.where(tracks.table["track"] == 1, "anna", "ben")
    table = tracks.table.assign(annotator=by, drawn=by[::-1])
    page = make_report(
        replace(tracks, table=table),
        audit_tracks(tracks),
        Thresholds(),
        progress=False,
    ).decode()
    cells = re.findall(
        r"<th scope=\"row\">(anna|ben)</th>\s*<td[^>]*>20</td>\s*<td[^>]*>(\d)", page
    )
    assert sorted(cells) == [("anna", "1"), ("ben", "0")]
    assert "50.0</td>" in page
    assert (
        "Annotators"
        not in make_report(
            tracks, audit_tracks(tracks), Thresholds(), progress=False
        ).decode()
    )
