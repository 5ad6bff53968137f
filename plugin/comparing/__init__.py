# SPDX-License-Identifier: Apache-2.0
"""Two sets of labels of the same frames: how well they agree, and where they do not.

They can be the labels of two annotators, those before and after a correction, or labels
and what a model says. Pure functions over tracks tables.
"""

from .compare import Comparison, compare_tracks

__all__ = ["Comparison", "compare_tracks"]
