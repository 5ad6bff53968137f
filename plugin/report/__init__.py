# SPDX-License-Identifier: Apache-2.0
"""The report: a self-contained HTML page that shows an audit."""

from .page import make_report

__all__ = ["make_report"]
