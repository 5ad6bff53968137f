# SPDX-License-Identifier: Apache-2.0
"""Embeddings: the appearance of boxes as vectors, cached on disk."""
