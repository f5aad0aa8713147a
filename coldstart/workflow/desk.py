"""A project's pool laid out for choosing: loaded once, for many looks and one selection."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldstart.errors import ColdstartError
from coldstart.progress import Progress, silent
from coldstart.project import Project
from coldstart.selection import Pool, ProbCover, Strategy, make_strategy, strategies
from coldstart.selection.coverage import coverage_curve
from coldstart.selection.preview import reads_a_graph
from coldstart.selection.requests import without_near_duplicates
from coldstart.workflow.audit import (
    audit_images_in,
    share_for_audit,
    take_in_newcomers,
    with_audit,
)
from coldstart.workflow.graphs import kept_graph, make_graph
from coldstart.workflow.pool import ProjectPool, Radius, coverage_radius, load_pool
from coldstart.workflow.weights import read_weights

# Beyond this many images comparing them all, and most strategies, take a job of their own.
AT_ONCE = 20_000


@dataclass(frozen=True)
class Choice:
    """What a person asks for: a strategy by name (None is the project's), its settings, and the
    requests that every strategy takes.

    wishes : how many picks should be of some class.
    away : leave out images closer than this to a labelled or queued one.
    weights : a CSV file with the columns path,weight; images it does not name count 1.
    """

    strategy: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    wishes: dict[str, int] = field(default_factory=dict)
    away: float = 0.0
    weights: Path | None = None


@dataclass(frozen=True)
class Desk:
    """The pool of a project as selection sees it, loaded once for many looks at it.

    weights : what each row counts, copies included, where a person has said so.
    """

    project: Project
    pool: ProjectPool
    every: Pool
    radius: Radius
    share: float
    weights: NDArray[np.float64] | None = None

    def with_graph(self, *, engine: str = "local", progress: Progress = silent) -> Desk:
        """The same with the graph of its neighbours, made and kept where there is none."""
        if self.every.graph is not None:
            return self
        made = make_graph(self.project, self.pool, self.every, engine=engine, progress=progress)
        return replace(self, every=self.every.changed(graph=made))

    def weighted(self, file: Path) -> Desk:
        """The same with each image counting what the table ``file`` says; coverage counts it too.

        Raises ColdstartError as `read_weights`.
        """
        weights = read_weights(self.project, self.pool, file).of_row
        return replace(self, every=self.every.changed(weights=weights), weights=weights)

    def arrays(self, strategy: Strategy, choice: Choice) -> Pool:
        """The pool this strategy picks from."""
        learns = strategy.needs_labels or strategy.name == "auto" or bool(choice.wishes)
        arrays = self.pool.for_selection(with_labels=learns, every=self.every)
        if self.weights is not None:
            arrays = arrays.changed(weights=self.weights)
        if choice.away > 0:
            known = np.union1d(self.pool.labelled, self.pool.waiting).astype(np.int64)
            far = without_near_duplicates(self.every.changed(labelled=known), choice.away)
            arrays = arrays.changed(candidates=arrays.candidates & far.candidates)
        arrays.cache = self.every.cache.setdefault((learns, choice.away), {})
        return arrays

    def covered_now(self, delta: float) -> float:
        """The share of the pool within delta of what is labelled or queued."""
        return float(self.coverage([], delta)[0])

    def coverage(self, image_ids: list[int], delta: float) -> NDArray[np.float64]:
        """Coverage before a batch, and after each of its images; all that is queued counts."""
        row_of = self.pool.rows_of(image_ids)
        rows = np.array([row_of[image_id] for image_id in image_ids], dtype=np.int64)
        known = np.union1d(self.pool.labelled, self.pool.waiting).astype(np.int64)
        return coverage_curve(self.every, rows, delta, labelled=known)


def default_strategy(project: Project) -> str:
    """The strategy the project uses when none is named."""
    chosen = str(project.settings.get("strategy", ""))
    offered = strategies()
    if chosen in offered:
        return chosen
    return "auto" if "auto" in offered else "kmeans"


def open_desk(
    project: Project,
    *,
    audit_share: float | None = None,
    progress: Progress = silent,
) -> Desk:
    """The project's pool, its radius, and its graph of neighbours where one is kept.

    The audit's reserve is the one that queueing will keep: it has its share of the images that have
    come to the pool since, and what is looked at is what is queued.

    Raises
    ------
    ColdstartError : nothing is embedded.
    """
    share = share_for_audit(project, audit_share)
    pool = load_pool(project)
    pool = take_in_newcomers(project, pool) if pool.reserve else with_audit(pool, share)
    every = Pool(pool.vectors, weights=pool.weights())
    graph = kept_graph(project, pool, every)
    if graph is not None:
        every = every.changed(graph=graph)
    radius = coverage_radius(project, pool, progress=progress)
    return Desk(project, pool, every, radius, share)


def make(project: Project, choice: Choice) -> Strategy:
    """The strategy that was chosen.

    Raises
    ------
    ColdstartError : there is no such strategy or setting, or a value is out of range.
    """
    name = choice.strategy or default_strategy(project)
    try:
        return make_strategy(name, **{"seed": choice.seed, **choice.settings})
    except (TypeError, ValueError) as error:
        raise ColdstartError(f"{sentence(error)}.", "Change the setting and try again.") from error


def at_once(desk: Desk, choice: Choice, budget: int) -> bool:
    """Whether looking at the picks takes seconds, not a job of its own."""
    strategy = make(desk.project, choice)
    if desk.pool.vectors.shape[0] <= AT_ONCE or strategy.name == "random":
        return True
    if not isinstance(strategy, ProbCover) or choice.wishes:
        return False
    arrays = desk.arrays(strategy, choice)
    return reads_a_graph(strategy.at_one_radius(arrays, max(1, budget))[0], arrays)


def picks_in(desk: Desk, arrays: Pool, budget: int) -> int:
    """How many images of a batch the strategy picks; the audit draws the others."""
    candidates = int(arrays.candidates.sum())
    (drawn,) = audit_images_in(desk.project, desk.pool, [budget], desk.share, candidates)
    return budget - drawn


def cannot(strategy: Strategy, error: ValueError) -> ColdstartError:
    """What to tell a person when a strategy refuses."""
    return ColdstartError(
        f"{strategy.title} cannot choose here: {sentence(error)}.", "Choose another strategy."
    )


def sentence(error: Exception) -> str:
    """The words of an error as a sentence without its full stop."""
    text = str(error).strip().rstrip(".")
    return text[:1].upper() + text[1:]
