# SPDX-License-Identifier: Apache-2.0
"""The report: one page that shows an audit, and needs nothing else to be read."""

from .page import make_report

__all__ = ["make_report"]
