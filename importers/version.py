# SPDX-License-Identifier: Apache-2.0
"""The version of the package, which every module can import."""

__version__ = "0.1.0"
