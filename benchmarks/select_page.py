"""What it costs to redraw the left side of Select & Label when the radius or the budget is changed.

    python benchmarks/select_page.py [--images 50000] [--columns 512]

Makes a project of synthetic vectors, has the graph of neighbours computed as the page's job would,
and then times what the server computes between a moved control and the answer: the curve beside
random's, the picks, and both figures as JSON. Beside it, in the same run, the same without a graph.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from selection_cases import steep

from coldstart.embeddings.matrix import write_set
from coldstart.figures import coverage_figure, picks_figure
from coldstart.project import Project
from coldstart.store import ScannedImage
from coldstart.workflow.desk import Choice, Desk, make, open_desk, picks_in
from coldstart.workflow.preview import preview_at

_BUDGETS = (50, 55, 120, 200)
_RADII = (0.7, 0.8, 0.9, 1.0)  # times the radius found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=512)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = synthetic_project(Path(scratch), options.images, options.columns)
        desk, cpu, wall = timed(lambda: open_desk(project, audit_share=0))
        line("opening the pool, radius search included (once)", [cpu], [wall])
        found = desk.radius.delta
        with_graph, cpu, wall = timed(desk.with_graph)
        line("the graph, kept from then on (once)", [cpu], [wall])
        graph = with_graph.every.graph
        edges = len(graph.indices)
        print(f"    {edges / 1e6:.1f} million neighbours, up to radius {graph.delta:.3f}")
        again, cpu, wall = timed(lambda: open_desk(project, audit_share=0))
        line("opening the pool again, graph read (new labels)", [cpu], [wall])
        redraws(again, found, "with the graph")
        redraws(desk, found, "without it", few=True)
        project.store.close()


def redraws(desk: Desk, found: float, words: str, *, few: bool = False) -> None:
    """Time a redraw for changed budgets at the automatic radius, and for changed radii."""
    _, cpu, wall = timed(lambda: redraw(desk, Choice("probcover"), 50))
    line(f"first redraw {words}, radius of ProbCover searched", [cpu], [wall])
    for what, choices in (
        ("budget", [(Choice("probcover"), budget) for budget in _BUDGETS]),
        ("radius", [(Choice("probcover", {"delta": found * one}), 50) for one in _RADII]),
    ):
        times = [
            timed(lambda choice=choice, budget=budget: redraw(desk, choice, budget))[1:]
            for choice, budget in choices[: 1 if few else None]
        ]
        line(f"another {what}, {words}", [one[0] for one in times], [one[1] for one in times])


def redraw(desk: Desk, choice: Choice, budget: int) -> str:
    """What the page computes when a control is moved, up to the JSON of both figures."""
    shown = preview_at(desk, choice, budget, 200)
    curve = coverage_figure(
        shown.budgets,
        shown.coverage,
        random_mean=shown.random_mean,
        random_low=shown.random_low,
        random_high=shown.random_high,
        budget=budget,
    )
    picks = shown.picks
    if picks is None:
        return str(curve.to_json())
    wanted = picks_in(desk, desk.arrays(make(desk.project, choice), choice), budget)
    first = replace(picks, indices=picks.indices[:wanted])
    layout = desk.every.unit[:, :2]
    where = picks_figure(layout, first.indices, picks.reasons[:wanted], desk.pool.labelled)
    return str(curve.to_json()) + str(where.to_json())


def synthetic_project(folder: Path, images: int, columns: int) -> Project:
    """A project whose images exist in the database only, with an embedding set."""
    (folder / "images").mkdir()
    project = Project.create(folder / "project", [folder / "images"])
    project.store.images.save(
        [
            ScannedImage(
                image_id=None,
                root=0,
                path=f"{number:07d}.jpg",
                size_bytes=1,
                mtime_ns=1,
                content_hash=f"{number:032x}",
                width=8,
                height=8,
                format="JPEG",
                problem=None,
                problem_kind=None,
            )
            for number in range(images)
        ]
    )
    rows = project.store.images.usable()
    write_set(
        project.embeddings / "synthetic",
        [steep(images, columns)],
        columns,
        [row.image_id for row in rows],
        [row.content_hash for row in rows],
        {"encoder": "file", "created_at": "2026-01-01T00:00:00"},
    )
    return project


def timed(work):
    """What it gives, CPU seconds and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def line(words: str, cpu: list[float], wall: list[float]) -> None:
    print(
        f"{words:52}{statistics.median(cpu):8.2f} CPU s{statistics.median(wall):8.2f} s"
        f"   (worst {max(cpu):.2f} CPU s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
