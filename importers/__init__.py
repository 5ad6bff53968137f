# SPDX-License-Identifier: Apache-2.0
"""Read labels as tracks, encode frames as videos, and store both in datasets."""
