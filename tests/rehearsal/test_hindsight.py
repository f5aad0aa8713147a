"""What random would have given, told from audit labels, against a pool where it can be tried."""

from __future__ import annotations

import numpy as np
import pytest

from coldstart.errors import ColdstartError
from coldstart.rehearsal import random_in_hindsight
from coldstart.training.probe import fit_probe

BUDGET = 9
AUDIT = 60


def pool(
    generator: np.random.Generator, classes: int = 3, spread: float = 0.9
) -> tuple[np.ndarray, np.ndarray]:
    """Classes that overlap, one of them rarer."""
    middles = generator.normal(size=(classes, 6))
    share = np.ones(classes) / (classes - 0.5)
    share[-1] /= 2
    true = generator.choice(classes, size=900, p=share)
    rows = middles[true] + spread * generator.normal(size=(900, 6))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.array([f"class {one}" for one in true], dtype=object)


def accuracy(rows: np.ndarray, names: np.ndarray, learned_from: np.ndarray) -> float:
    """Of a head that learned from some of the pool, on all of it."""
    if len(set(names[learned_from].tolist())) == 1:
        return float((names == names[learned_from[0]]).mean())
    probe = fit_probe(rows[learned_from], names[learned_from].tolist())
    told = np.array(probe.class_names, dtype=object)[probe.predict(rows).class_indices]
    return float((told == names).mean())


def test_the_band_holds_what_random_labels_are_worth_on_the_pool() -> None:
    generator = np.random.default_rng(0)
    inside = []
    for _ in range(12):
        rows, names = pool(generator)
        draws = [generator.choice(900, BUDGET, replace=False) for _ in range(25)]
        worth = np.mean([accuracy(rows, names, draw) for draw in draws])
        audit, chosen = np.split(generator.permutation(900)[: AUDIT + BUDGET], [AUDIT])
        found = random_in_hindsight(
            rows[chosen],
            names[chosen].tolist(),
            rows[audit],
            names[audit].tolist(),
            budgets=[BUDGET],
        )
        assert found.random_low[0] <= found.random[0] <= found.random_high[0]
        inside.append(found.random_low[0] <= worth <= found.random_high[0])
    # At a level of 95% fewer than ten of twelve come once in fifty.
    assert sum(inside) >= 10


def test_labels_that_were_random_are_not_said_to_be_better_than_random() -> None:
    generator = np.random.default_rng(1)
    claimed = 0
    for _ in range(8):
        rows, names = pool(generator)
        audit, chosen = np.split(generator.permutation(900)[: AUDIT + BUDGET], [AUDIT])
        found = random_in_hindsight(
            rows[chosen],
            names[chosen].tolist(),
            rows[audit],
            names[audit].tolist(),
            budgets=[BUDGET],
        )
        claimed += found.gain_low[0] > 0
    assert claimed <= 1


def test_labels_that_teach_more_are_said_to_be_better() -> None:
    generator = np.random.default_rng(2)
    rows, names = pool(generator, classes=8, spread=0.2)
    order = generator.permutation(900)
    audit, rest = order[:AUDIT], order[AUDIT:]
    # One of every class; eight random labels miss some.
    chosen = rest[np.unique(names[rest], return_index=True)[1]]
    found = random_in_hindsight(
        rows[chosen], names[chosen].tolist(), rows[audit], names[audit].tolist(), budgets=[8]
    )
    assert found.gain_low[0] > 0


def test_nothing_is_said_beyond_what_was_drawn_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldstart.rehearsal.hindsight._CUTS", 3)
    generator = np.random.default_rng(3)
    rows, names = pool(generator)
    found = random_in_hindsight(
        rows[100:500], names[100:500].tolist(), rows[:40], names[:40].tolist()
    )
    assert max(found.budgets) <= 20
    with pytest.raises(ColdstartError, match="it takes 30"):
        random_in_hindsight(rows[100:], names[100:].tolist(), rows[:29], names[:29].tolist())
