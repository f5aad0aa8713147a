"""Report: the whole of Diagnostics as one HTML file that asks nobody for anything when opened."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.stopping import Verdict
from coldstart.workflow.diagnostic_plots import DiagnosticPlot

_STYLE = Path(__file__).with_name("report.css")
_SCRIPT = Path(__file__).with_name("report.js")
_MAP_HEIGHT = 620


@dataclass(frozen=True)
class Report:
    """A finished report."""

    file: Path
    size_bytes: int
    verdict: str
    plots: int


def write_report(project: Project, file: Path, *, progress: Progress = silent) -> Report:
    """Write the project's Diagnostics into ``file``, whole or not at all.

    Raises
    ------
    ColdstartError : nothing is embedded yet, or the file cannot be written.
    """
    said, html, plots = _compose(project, progress)
    target = Path(file).expanduser()
    if target.is_dir():
        raise ColdstartError(f"{target} is a folder.", "Name a file, such as report.html.")
    beside = target.with_name(f"{target.name}.tmp")
    try:
        beside.write_text(html, encoding="utf-8")
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ColdstartError(
            f"The report cannot be written to {target} ({error.strerror}).",
            "Choose a folder that is there and that you may write to.",
        ) from error
    return Report(target.absolute(), len(html.encode()), said.sentence, plots)


def report_html(project: Project, *, progress: Progress = silent) -> str:
    """The report as text; see `write_report`."""
    return _compose(project, progress)[1]


def _compose(project: Project, progress: Progress) -> tuple[Verdict, str, int]:
    from coldstart.workflow.advise import advise
    from coldstart.workflow.balls import batch_growth, coverage_by_radius, purity
    from coldstart.workflow.diagnose import coverage_history
    from coldstart.workflow.diagnostic_plots import (
        accuracy_plot,
        batches_plot,
        classes_plot,
        coverage_plot,
        forecast_plot,
        purity_plot,
        radius_plot,
        stability_plot,
    )

    steps = 6
    progress(0, steps, "Weighing what is known")
    said = advise(project)
    progress(1, steps, "Measuring coverage")
    history = coverage_history(project)
    plots = [
        accuracy_plot(said),
        stability_plot(said),
        forecast_plot(said),
        coverage_plot(history),
        classes_plot(project),
    ]
    progress(2, steps, "Drawing the map")
    plots += _maps(project)
    progress(3, steps, "Measuring balls")
    plots += [
        radius_plot(coverage_by_radius(project), history),
        batches_plot(batch_growth(project), history),
    ]
    progress(4, steps, "Measuring purity")
    if len(history.labels) and _images(project) >= 3:
        plots.append(purity_plot(purity(project)))
    progress(5, steps, "Writing the report")
    parts = [
        _head(project, said),
        *(_section(plot) for plot in plots[:4]),
        _untouched(project, said),
        *(_section(plot) for plot in plots[4:]),
    ]
    drawn = [plot for plot in plots if plot.figure is not None]
    html = _page(project, parts, drawn)
    progress(steps, steps, "The report is ready")
    return said, html, len(drawn)


def _page(project: Project, parts: Sequence[str], plots: Sequence[DiagnosticPlot]) -> str:
    from plotly.offline import get_plotlyjs

    figures = {plot.name: _as_json(plot.figure) for plot in plots if plot.figure is not None}
    # "<" may not stand in a script: a class may be called "</script>".
    data = json.dumps(figures).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Whatever stands in it, the file asks nobody for anything.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
        'font-src data:">'
        f"<title>{_text(project.name)} · coldstart report</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f"{''.join(parts)}</main>"
        f'<script id="figures" type="application/json">{data}</script>'
        f"<script>{get_plotlyjs()}</script>"
        f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script></body></html>\n"
    )


def _head(project: Project, said: Verdict) -> str:
    from coldstart.workflow.overview import overview

    facts = overview(project)
    accuracy = facts.accuracy_words
    if facts.accuracy is not None and facts.interval is not None:
        low, high = facts.interval
        accuracy = f"{facts.accuracy:.0%} ({low:.0%} – {high:.0%})"
    cover = "not measured yet" if facts.coverage is None else f"{facts.coverage:.0%}"
    cover += " (estimated)" if facts.coverage_words else ""
    numbers = {
        "images": f"{facts.images:,}",
        "labelled": f"{facts.labelled:,}",
        "coverage": cover,
        "measured accuracy": accuracy,
    }
    shown = "".join(f"<p><b>{_text(v)}</b><span>{_text(k)}</span></p>" for k, v in numbers.items())
    reasons = "".join(f"<li>{_text(one)}</li>" for one in said.reasons)
    when = time.strftime("%Y-%m-%d %H:%M")
    return (
        f"<header><h1>{_text(project.name)}</h1><p>May I stop labelling? Written by coldstart, "
        f'{when}.</p></header><div class="facts">{shown}</div>'
        f'<section class="verdict"><h2>{_text(said.sentence)}</h2><ul>{reasons}</ul></section>'
    )


def _section(plot: DiagnosticPlot) -> str:
    drawing = ""
    if plot.figure is not None:
        from coldstart.figures import figure_csv

        table = base64.b64encode(figure_csv(plot.figure).encode()).decode()
        height = plot.figure.layout.height or 360
        drawing = (
            f'<div class="plot" id="plot-{plot.name}" role="img" aria-label="{_text(plot.alt)}" '
            f'style="height:{height}px"></div><p class="save">'
            f'<button type="button" data-plot="{plot.name}" data-format="png">PNG</button>'
            f'<button type="button" data-plot="{plot.name}" data-format="svg">SVG</button>'
            f'<a download="{plot.name}.csv" href="data:text/csv;base64,{table}">CSV</a></p>'
        )
    words = f"<p>{_text(plot.words)}</p>" if plot.words else ""
    return f"<section><h2>{_text(plot.question)}</h2>{drawing}{words}</section>"


def _maps(project: Project) -> list[DiagnosticPlot]:
    """The map by class and by what is covered."""
    from coldstart.figures import map_figure, thin_out
    from coldstart.workflow.label import shown_name
    from coldstart.workflow.map import map_view
    from coldstart.workflow.map_colours import (
        COLOURINGS,
        QUIET_NAMES,
        colours_of,
        labelled_mask,
        order_of,
    )

    view = map_view(project)
    labelled = labelled_mask(project, view.image_ids)
    rows = thin_out(len(view.layout), np.flatnonzero(labelled))
    ids = view.image_ids[rows]
    known = project.store.images.get(ids.tolist())
    names = [shown_name(known[one].path) for one in ids.tolist()]
    words = f"{len(view.layout):,} images, laid out by {view.method.upper()}."
    if len(rows) < len(view.layout):
        words += f" {len(rows):,} of them are drawn: every labelled one, and the rest at random."
    if view.trust is not None:
        words += (
            f" {view.trust:.0%} of an image's 15 nearest neighbours are still among its nearest on "
            "the map: distances far apart mean little."
        )
    plots = []
    for by, asks in (("class", "Where are the labels?"), ("coverage", "What is covered?")):
        values = colours_of(project, view.image_ids, by)
        if values is None:
            continue
        figure: go.Figure = map_figure(
            view.layout[rows],
            values[rows],
            names,
            ids.tolist(),
            colour_title=COLOURINGS[by],
            quiet=QUIET_NAMES,
            order=order_of(project, by),
        )
        figure.update_layout(dragmode="pan", height=_MAP_HEIGHT)
        plots.append(
            DiagnosticPlot(
                f"map_by_{by}", asks, figure, f"The pool as a map, coloured by {by}", words
            )
        )
    return plots


def _untouched(project: Project, said: Verdict) -> str:
    """The images that stand for the largest regions without a label, as pictures in the file."""
    from coldstart.workflow.label import shown_name
    from coldstart.workflow.scan import thumbnail_file

    if said.coverage is None or not len(said.coverage.untouched):
        return ""
    ids = said.coverage.untouched.tolist()
    rows = project.store.images.get(ids)
    pictures = []
    for image_id, share in zip(ids, said.coverage.untouched_share.tolist(), strict=True):
        row = rows.get(image_id)
        file = thumbnail_file(project, row.content_hash or "") if row is not None else None
        if row is None or file is None or not file.is_file():
            continue
        data = base64.b64encode(file.read_bytes()).decode()
        name = _text(shown_name(row.path))
        pictures.append(
            f'<figure><img alt="{name}" src="data:image/jpeg;base64,{data}">'
            f"<figcaption>{name}<br>{share:.1%} of the pool</figcaption></figure>"
        )
    if not pictures:
        return ""
    return (
        "<section><h2>What do the regions without a label look like?</h2>"
        f'<div class="pictures">{"".join(pictures)}</div></section>'
    )


def _images(project: Project) -> int:
    from coldstart.workflow.pool import load_pool

    return len(load_pool(project).image_ids)


def _as_json(figure: go.Figure | None) -> dict[str, object]:
    assert figure is not None
    parsed: dict[str, object] = json.loads(figure.to_json())
    return parsed


def _text(words: str) -> str:
    return escape(words.encode("utf-8", "replace").decode(), quote=True)
