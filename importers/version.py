# SPDX-License-Identifier: Apache-2.0
"""Version of the package, where every room can import it."""

__version__ = "0.1.0"
