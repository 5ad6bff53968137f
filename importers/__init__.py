# SPDX-License-Identifier: Apache-2.0
"""Files into tracks, frames into videos, and both into FiftyOne datasets."""
