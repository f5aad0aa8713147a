"""The numbers behind a figure, as a table: what is drawn is what is written."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import numpy as np
import plotly.graph_objects as go

_TAG = re.compile(r"<[^>]+>")


def figure_csv(figure: go.Figure) -> str:
    """One row for each point of each series, as CSV with the columns series, x, y, low, high, text.

    ``low`` and ``high`` are the ends of a point's error bar, ``text`` what stands at it. A heatmap
    has a row for each cell, with its value as ``value``.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    heat = [trace for trace in figure.data if trace.type == "heatmap"]
    if heat:
        writer.writerow(["row", "column", "value", "text"])
        for trace in heat:
            writer.writerows(_cells(trace))
        return out.getvalue()
    writer.writerow(["series", "x", "y", "low", "high", "text"])
    for number, trace in enumerate(figure.data):
        writer.writerows(_points(trace, number))
    return out.getvalue()


def _cells(trace: Any) -> list[list[Any]]:
    table = np.asarray(trace.z, dtype=float)
    texts = trace.hovertext
    return [
        [row, column, table[row, column], _plain(texts[row][column]) if texts is not None else ""]
        for row in range(table.shape[0])
        for column in range(table.shape[1])
    ]


def _points(trace: Any, number: int) -> list[list[Any]]:
    x, y = _values(trace.x), _values(trace.y)
    is_band = getattr(trace, "fill", None) == "toself"
    name = _plain(trace.name or ("band" if is_band else f"series {number + 1}"))
    error = getattr(trace, "error_y", None)
    more = _values(error.array) if error is not None else []
    less = _values(error.arrayminus) if error is not None else []
    texts = trace.hovertext if trace.hovertext is not None else trace.text
    rows = []
    for place, (one, other) in enumerate(zip(x, y)):
        low = other - less[place] if place < len(less) else ""
        high = other + more[place] if place < len(more) else ""
        many = texts is not None and not isinstance(texts, str) and place < len(texts)
        rows.append([name, one, other, low, high, _plain(texts[place]) if many else ""])
    return rows


def _values(values: Any) -> list[Any]:
    return [] if values is None else np.asarray(values).tolist()


def _plain(text: Any) -> str:
    return html.unescape(_TAG.sub(" ", str(text))).strip()
