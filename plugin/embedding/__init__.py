# SPDX-License-Identifier: Apache-2.0
"""What boxes look like: embeddings of the crops of a tracks table."""

from .embed import embed_tracks

__all__ = ["embed_tracks"]
