# SPDX-License-Identifier: Apache-2.0
"""What reviewers write: notes on issues, and issues of their own."""

import fiftyone_track_audit as fta
import pytest
from fiftyone_track_audit.plugin.review.audits import audit_dataset
from fiftyone_track_audit.plugin.review.issues import read_dataset_issues
from fiftyone_track_audit.plugin.review.saved_views import save_issue_views
from fiftyone_track_audit.plugin.sending.mot import export_mot
from small_datasets import copy_of

pytestmark = pytest.mark.usefixtures("database")

FIELD = "ground_truth"


@pytest.fixture
def dataset(one_walk):
    with copy_of(one_walk) as copy:
        yield copy


def issues_of(dataset):
    return read_dataset_issues(dataset, FIELD).set_index("id")


def audit_again(dataset):
    """Audits with other settings, so that every sequence is judged again."""
    return audit_dataset(dataset, thresholds=fta.Thresholds(size=0.3, iou=0.5))


def test_a_note_outlives_decisions_and_audits(dataset):
    issue = issues_of(dataset).index[0]
    fta.note_issue(dataset, issue, " ask the team ")
    noted = issues_of(dataset).loc[issue]
    assert (noted["note"], noted["decision"]) == ("ask the team", None)
    fta.decide_issues(dataset, [issue], "confirmed", "ann")
    audit_again(dataset)
    noted = issues_of(dataset).query("note.notna()")
    assert noted["decided_by"].tolist() == ["ann"]
    assert noted.index[0] != issue
    fta.note_issue(dataset, noted.index[0], "")
    audit_dataset(dataset)
    after = issues_of(dataset)
    assert after["note"].isna().all()
    assert after["decision"].eq("confirmed").sum() == 1
    with pytest.raises(ValueError, match="has no issue"):
        fta.note_issue(dataset, issue, "gone")


def test_a_reported_issue_counts_and_outlives_audits(dataset):
    before = len(issues_of(dataset))
    issue = fta.report_issue(dataset, 2, (3, 6), "a mirror", author="ann")
    stored = issues_of(dataset)
    assert len(stored) == before + 1
    names = ["kind", "track", "first_frame", "last_frame", "decision", "decided_by"]
    expected = ["reported", 2, 3, 6, "confirmed", "ann"]
    assert stored.loc[issue, names].tolist() == expected
    assert stored.loc[issue, "reason"] == "a mirror"
    assert audit_again(dataset).lost == 0
    assert issues_of(dataset).loc[issue, names].tolist() == expected
    assert len(issues_of(dataset)) == before + 1
    assert save_issue_views(dataset, FIELD)["confirmed"] == 1


def test_a_reported_issue_is_sent_and_comes_back(dataset, tmp_path):
    issue = fta.report_issue(dataset, 2, (3, 4), "too far left")
    save_issue_views(dataset, FIELD)
    view = dataset.load_saved_view("confirmed")
    sent = export_mot(view, tmp_path / "fix", only_tracks=True)
    assert {3, 4} <= set(sent.frames["a"])
    file = tmp_path / "fix" / "a" / "gt" / "gt.txt"
    lines = [line.split(",") for line in file.read_text().splitlines()]
    assert {line[1] for line in lines} == {"2"}
    (line,) = (each for each in lines if int(each[0]) == sent.frames["a"].index(3) + 1)
    line[2] = str(float(line[2]) + 12)
    file.write_text("\n".join(map(",".join, lines)))
    fta.load_adjustment(dataset, "fix")
    assert issues_of(dataset).loc[issue, "corrected"]


@pytest.mark.parametrize(
    ("track", "frames", "note", "sequence", "told"),
    [
        (9, (3, 6), "wrong", None, "track 9 has no box in frames 3 to 6"),
        (2, (90, 95), "wrong", None, "track 2 has no box in frames 90 to 95"),
        (2, (3, 6), " ", None, "say what is wrong"),
        (2, (3, 6), "wrong", "zoo", "expected a sequence"),
    ],
)
def test_a_report_without_a_place_is_refused(
    dataset, track, frames, note, sequence, told
):
    with pytest.raises(ValueError, match=told):
        fta.report_issue(dataset, track, frames, note, sequence)
    assert "reported" not in issues_of(dataset)["kind"].tolist()


def test_a_decision_is_not_overwritten_unknowingly(dataset):
    issue = issues_of(dataset).index[0]
    fta.decide_issues(dataset, [issue], "confirmed", "ann", known={issue: None})
    with pytest.raises(ValueError, match="was confirmed by ann meanwhile"):
        fta.decide_issues(dataset, [issue], "dismissed", "ben", known={issue: None})
    assert issues_of(dataset).loc[issue, "decided_by"] == "ann"
    known = {issue: "confirmed"}
    assert fta.decide_issues(dataset, [issue], "dismissed", "ben", known=known) == 1
    with pytest.raises(ValueError, match="was dismissed by ben"):
        fta.decide_issues(dataset, [issue], None, known=known)
