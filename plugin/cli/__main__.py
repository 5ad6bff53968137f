# SPDX-License-Identifier: Apache-2.0
"""Run the command line as ``python -m``."""

import sys

from . import main

sys.exit(main())
