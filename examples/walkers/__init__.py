# SPDX-License-Identifier: Apache-2.0
"""Drawings of people who cross a plaza, with the true box of each in every frame."""

from .paths import FRAME_RATE
from .scene import Scene

__all__ = ["FRAME_RATE", "Scene"]
