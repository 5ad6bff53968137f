# SPDX-License-Identifier: Apache-2.0
"""Run the command line as ``python -m fiftyone_track_audit``."""

import sys

from .plugin.cli import main

if __name__ == "__main__":
    sys.exit(main())
