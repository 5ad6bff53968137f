# SPDX-License-Identifier: Apache-2.0
"""The command that compares two sets of labels, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .audit import CsvFile, Labels
from .commands import FIELDS, FILES, AsJson, KmsKey, app, beside, print_json
from .reading import Source

if TYPE_CHECKING:
    from ..comparing import Comparison

_SOURCE = Source()


@app.command(group=FILES)
def compare(
    labels: Labels,
    others: Annotated[
        str, Parameter(help="the labels to compare with; a path or an S3 URI")
    ],
    /,
    *,
    source: Annotated[Source, FIELDS] = _SOURCE,
    output: CsvFile = None,
    issues: CsvFile = None,
    kms_key_id: KmsKey = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well two sets of labels of the same frames agree.

    They can be those of two annotators, those before and after a correction, or
    those of a model. HOTA, DetA, AssA, IDF1, MOTA and the number of identity
    switches (IDSW) are computed by TrackEval, per sequence and class; empty cells
    stand for all of them. OTHERS is taken as the truth, which matters to MOTA and
    IDSW. Both can be in any format that 'track-audit score' reads, and the options
    hold for both.

    Disagreements are issues of the kinds overlooked (only OTHERS has a box),
    unsupported (only LABELS has one), badly_located, wrong_class and
    identity_switch, worst first.

    For example:

      track-audit compare anna.xml ben.xml --issues disagreements.csv
      track-audit compare tracker/MOT17-02.txt MOT17/train/MOT17-02 --json

    Args:
        output: write the measures, one row per sequence and class
        issues: write one row per disagreement, worst first
    """
    from ...importers.tracks import InputError
    from ..comparing import compare_tracks
    from ..plain import count, to_records
    from . import tables
    from .output import check_outputs, save

    check_outputs(".csv", output, issues, taken=(labels, others))
    one, two = source.read(labels), source.read(others)
    try:
        found = compare_tracks(one, two)
    except ValueError as error:
        raise InputError(f"{labels}, {others}", str(error)) from error
    told = tables.make_issues_table(one, found.issues)
    if output:
        save(output, tables.to_csv(found.measures), kms_key_id)
    if issues:
        save(issues, tables.to_csv(told), kms_key_id)
    with beside(output, issues):
        if as_json:
            both = {"measures": to_records(found.measures), "issues": to_records(told)}
            print_json(both, count(len(found.issues), "disagreement"))
        else:
            _print(found)


def _print(found: Comparison) -> None:
    measures = found.measures.fillna({"sequence": "all", "label": "all"})
    print(measures.round(4).to_string(index=False, na_rep=""))
    counts = found.issues["kind"].value_counts()
    for kind, number in counts.items():
        print(f"{number:6,} {kind}")
    if not len(counts):
        print("no disagreements")
