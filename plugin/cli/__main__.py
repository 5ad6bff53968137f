# SPDX-License-Identifier: Apache-2.0
"""Runs the command as ``python -m``."""

import sys

from . import main

sys.exit(main())
