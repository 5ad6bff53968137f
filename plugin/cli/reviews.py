# SPDX-License-Identifier: Apache-2.0
"""Read what earlier commands printed of reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_reviews(paths: tuple[str, ...]) -> pd.DataFrame:
    """Read how often reviewers confirmed each kind of issue.

    Args:
        paths: files with the output of ``track-audit load --json``

    Returns:
        the table of ``join_precision()``

    Raises:
        InputError: if a file holds something else
    """
    from ...importers.files import read_json
    from ...importers.tracks import InputError
    from ..corrections.precision import Precision, join_precision

    found = []
    for path in paths:
        try:
            for record in read_json(path)["precision"]:
                names = ("found", "reviewed", "corrected")
                counts = [int(record[name]) for name in names]
                found.append(Precision(record["of"], record["kind"], *counts))
        except InputError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            message = "expected the output of 'track-audit load --json'"
            raise InputError(path, message) from error
    return join_precision(found)
