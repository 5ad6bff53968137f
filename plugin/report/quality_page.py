# SPDX-License-Identifier: Apache-2.0
"""A page that shows how much better labels got."""

from __future__ import annotations

import plotly.graph_objects as go
from jinja2 import Environment

from ..audit.kinds import kind_name
from ..plain import Json

#: What issues are counted by, and the headings of the plots.
_GROUPS = {
    "kind": "Kinds of mistakes",
    "sequence": "Sequences",
    "label": "Labels",
    "annotator": "Annotators",
}
#: Bars of a plot.
_MOST = 30
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quality of {{ name }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: #1f2329; background: #fff; }
</style></head><body>
<h1>Quality of {{ name }}</h1>
{% for line in summary %}<p>{{ line }}</p>
{% endfor %}{% for heading, plot in plots %}<h2>{{ heading }}</h2>
{{ plot | safe }}
{% endfor %}</body></html>
"""


def make_quality_page(name: str, quality: Json, summary: str) -> bytes:
    """Return a self-contained page with the plots of issues before and after.

    Args:
        name: the name of the dataset
        quality: the figures, see ``Quality.to_dict()``
        summary: the summary, a sentence per line

    Returns:
        the page, as HTML in UTF-8
    """
    plots: list[tuple[str, str]] = []
    for group, heading in _GROUPS.items():
        rows = [row for row in quality["rates"] if row["group"] == group]
        rows.sort(key=lambda row: row["before"] or 0)
        if rows:
            figure = _plot(rows[-_MOST:], group == "kind")
            # The library is as large as the rest, so it is inside once
            html = figure.to_html(full_html=False, include_plotlyjs=not plots)
            plots.append((heading, html))
    page = Environment(autoescape=True).from_string(_PAGE)
    text = page.render(name=name, summary=summary.splitlines(), plots=plots)
    return text.encode()


def _plot(rows: list[Json], are_kinds: bool) -> go.Figure:
    """Plot the issues per 1,000 boxes of some groups, before and after."""
    names = [kind_name(row["name"]) if are_kinds else row["name"] for row in rows]
    bars = [
        go.Bar(
            y=names,
            x=[row[when] for row in rows],
            name=when,
            orientation="h",
            marker_color=color,
        )
        for when, color in (("after", "#2c6fbb"), ("before", "#b9bfc6"))
    ]
    figure = go.Figure(bars)
    figure.update_layout(
        height=120 + 34 * len(rows),
        margin={"t": 10, "r": 10, "b": 40, "l": 10},
        xaxis_title="issues per 1,000 boxes",
        template="plotly_white",
        legend={"traceorder": "reversed"},
    )
    figure.update_yaxes(automargin=True)
    return figure
