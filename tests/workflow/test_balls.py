"""Balls: coverage by radius and by batch, and the exact purity curve, against plain counting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audited_pool import answer, make_project, make_vectors

from coldstart.embeddings.matrix import unit_rows
from coldstart.project import Project
from coldstart.workflow.balls import (
    batch_growth,
    coverage_by_radius,
    purity,
    purity_steps,
)
from coldstart.workflow.pool import coverage_radius, load_pool
from coldstart.workflow.select import select


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = make_project(tmp_path / "project")
    yield made
    made.store.close()


def covered_share(rows: list[int], delta: float) -> float:
    unit = unit_rows(make_vectors()).astype(np.float64)
    near = np.linalg.norm(unit[:, None] - unit[rows][None], axis=2) < delta
    return float(near.any(axis=1).mean())


def test_each_batch_is_told_with_what_it_reached_and_what_random_would(project: Project) -> None:
    assert batch_growth(project) == []
    first = select(project, "kmeans", 12, audit_share=0)
    answer(project, first.image_ids)
    second = select(project, "random", 8, audit_share=0)
    answer(project, second.image_ids[:5])
    loose = next(i for i in range(1, 200) if i not in {*first.image_ids, *second.image_ids})
    answer(project, [loose])
    growth = batch_growth(project)
    assert [one.labels for one in growth] == [12, 17, 18]
    assert [one.batch.partition(",")[0] for one in growth] == [
        "batch 1",
        "batch 2",
        "labelled without a batch",
    ]
    delta = coverage_radius(project, load_pool(project)).delta
    rows = [one - 1 for one in [*first.image_ids, *second.image_ids[:5], loose]]
    for one in growth:
        assert one.coverage == pytest.approx(covered_share(rows[: one.labels], delta))
        assert one.random_low <= one.random <= one.random_high
    assert growth[0].coverage > growth[0].random


def test_a_larger_radius_covers_more_and_the_chosen_one_is_among_them(project: Project) -> None:
    picked = select(project, "kmeans", 10, audit_share=0).image_ids
    answer(project, picked)
    curves = coverage_by_radius(project)
    assert curves.coverage.shape == (5, 11)
    assert np.all(np.diff(curves.coverage, axis=0) >= 0)
    assert np.all(np.diff(curves.coverage, axis=1) >= 0)
    radius = coverage_radius(project, load_pool(project))
    assert curves.deltas[curves.chosen] == radius.delta
    rows = [one - 1 for one in picked]
    expected = [covered_share(rows, delta) for delta in curves.deltas.tolist()]
    np.testing.assert_allclose(curves.coverage[:, -1], expected)


def test_the_purity_curve_is_the_share_of_balls_without_an_enemy() -> None:
    random = np.random.default_rng(0)
    enemies = np.sort(random.uniform(0.2, 1.4, 90))
    deltas, pure = purity_steps(enemies, 0.9)
    assert 0.9 in deltas
    for delta, share in zip(deltas.tolist(), pure.tolist()):
        assert share == pytest.approx(np.mean(enemies >= delta))
    many, shares = purity_steps(np.sort(random.uniform(0, 1, 5_000)), 2.0)
    assert len(many) <= 402
    assert (shares[0], shares[-1]) == (1.0, 0.0)
    alone, whole = purity_steps(np.full(4, np.inf), 0.5)
    assert alone.tolist() == [0.0, 0.5]
    assert whole.tolist() == [1.0, 1.0]


def test_the_words_say_the_purity_at_the_radius_in_use(project: Project) -> None:
    report = purity(project)
    assert f"{report.at_chosen:.0%} of the balls hold one group only" in report.words
    at = np.searchsorted(report.deltas, report.chosen_delta)
    assert abs(report.purity[min(at, len(report.purity) - 1)] - report.at_chosen) < 0.02
