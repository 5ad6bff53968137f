# SPDX-License-Identifier: Apache-2.0
"""Run the benchmarks: ``python benchmarks/run.py [SUBJECT ...]``, by default all."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import audit
import embedding
import labels
import panel
import read
import store
import whole
from report import print_machine, print_table

SUBJECTS = {
    "read": read,
    "audit": audit,
    "embedding": embedding,
    "store": store,
    "whole": whole,
    "panel": panel,
}


def main() -> None:
    """Measure the chosen subjects, by default all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", help=f"any of {', '.join(SUBJECTS)}")
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    unknown = set(chosen) - set(SUBJECTS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; expected {', '.join(SUBJECTS)}")
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        labels.write_labels(Path(folder))
        for name in chosen:
            subject = SUBJECTS[name]
            print_table((subject.__doc__ or name), subject.run(Path(folder)))


if __name__ == "__main__":
    main()
