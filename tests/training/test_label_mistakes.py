"""Labels that were changed on purpose come first; copies are no witnesses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from coldstart.training import cross_validate
from coldstart.training.label_mistakes import disagreement, mistake_order, suspects
from coldstart.training.out_of_fold import OutOfFold


def test_changed_labels_come_first(tmp_path: Path) -> None:
    pixels, digit = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(digit))[:200]
    x = pixels[rows] - pixels.mean(axis=0)
    unit = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)
    given = digit[rows].copy()
    given[:10] = (given[:10] + 1) % 10
    said = cross_validate(unit, given.astype(str).tolist(), image_ids=range(1000, 1200)).out_of_fold
    said.save(tmp_path)
    said = OutOfFold.load(tmp_path)
    order = mistake_order(said, unit, np.arange(200))
    assert sum(row < 10 for row in order[:12]) >= 6
    found = suspects(said, unit, np.arange(200))
    assert len(found) < 30
    first = found[0]
    assert first.image_id in range(1000, 1010)
    assert first.suggestion == str(digit[rows][first.image_id - 1000])
    # What stands behind the confusion matrix adds up, and the worst have the highest loss.
    assert (said.votes.sum(axis=1) == said.repeats).all()
    worst = said.worst(20)
    assert (np.diff(said.losses()[worst]) <= 0).all()
    zero_as_one = said.cell(0, 1)
    assert (said.labels[zero_as_one] == 0).all()
    assert (said.votes[zero_as_one, 1] > 0).all()


def test_copies_do_not_vote_for_each_other() -> None:
    near = np.array([[1.0, 0.0], [1.0, 0.0], [0.99, 0.14], [0.98, 0.2]], dtype=np.float32)
    labels = np.array([0, 0, 1, 1])
    alone = disagreement(near, labels, np.arange(4), neighbours=1)
    assert alone[0] == 0
    together = disagreement(near, labels, np.array([0, 0, 2, 3]), neighbours=1)
    assert together[0] == 1


def test_nothing_readable_is_nothing(tmp_path: Path) -> None:
    assert OutOfFold.load(tmp_path) is None
    (tmp_path / "out_of_fold.npz").write_bytes(b"PK damaged")
    assert OutOfFold.load(tmp_path) is None
