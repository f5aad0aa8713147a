"""Pools too large to be measured while a page waits are measured on a sample, right on average."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coldstart.selection.coverage import coverage_curve
from coldstart.stopping import audit_reserve
from coldstart.workflow.audit import with_audit
from coldstart.workflow.pictures import Pictures
from coldstart.workflow.pool import ProjectPool

IMAGES, LABELS, DELTA = 3_000, 40, 0.5


@pytest.fixture
def pool() -> ProjectPool:
    """3,000 pictures in clumps of which the labels know some; some pictures have copies."""
    draw = np.random.default_rng(4)
    centres = draw.normal(size=(60, 4))
    clump = np.sort(draw.integers(0, 60, IMAGES))
    vectors = (centres[clump] + 0.2 * draw.normal(size=(IMAGES, 4))).astype(np.float32)
    ids = np.arange(1, IMAGES + 1)
    pictures = Pictures(
        vectors=vectors,
        image_ids=ids,
        contents=np.array([f"{number:064x}" for number in ids], dtype="S64"),
        copies=np.where(draw.random(IMAGES) < 0.1, 3, 1),
        without_vector=0,
        all_ids=ids,
        row_of_all=np.arange(IMAGES),
    )
    return ProjectPool(
        embedding_set="made",
        vectors=pictures.vectors,
        image_ids=pictures.image_ids,
        copies=pictures.copies,
        labelled=np.sort(draw.permutation(IMAGES)[:LABELS]),
        class_names=["a"] * LABELS,
        aside=np.array([5]),
        waiting=np.array([7, 6]),
        without_vector=0,
        reserve=(9,),
        apart=np.array([8]),
        pictures=pictures,
    )


def coverage(pool: ProjectPool) -> float:
    """Share of the pool's images near a label, by the distances themselves."""
    unit = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
    nearest = np.linalg.norm(unit[:, None] - unit[pool.labelled], axis=2).min(axis=1)
    weights = pool.weights()
    assert weights is not None
    return float(np.average(nearest < DELTA, weights=weights))


def test_a_sample_tells_coverage_as_the_whole_pool_does(pool: ProjectPool) -> None:
    sample = pool.sampled(at_most=800)
    assert len(sample.image_ids) == 800
    assert coverage(sample) == pytest.approx(coverage(pool), abs=0.05)
    curve = coverage_curve(sample.vectors, sample.labelled, DELTA, weights=sample.weights())
    assert curve[-1] == pytest.approx(coverage(sample))
    assert sample.measured_on.startswith("Estimated on 7")


def test_a_sample_speaks_for_every_picture_and_keeps_what_is_known(pool: ProjectPool) -> None:
    sample = pool.sampled(at_most=800)
    assert sample.stands_for is not None
    assert sample.stands_for.sum() == pytest.approx(IMAGES)
    for kind in ("labelled", "aside", "waiting", "apart"):
        whole, part = getattr(pool, kind), getattr(sample, kind)
        assert sample.image_ids[part].tolist() == pool.image_ids[whole].tolist()
        np.testing.assert_array_equal(sample.vectors[part], pool.vectors[whole])
        assert (sample.stands_for[part] == 1).all()
    some = sample.image_ids[::100].tolist()
    assert sample.rows_of([*some, IMAGES + 1]) == dict(zip(some, range(0, 800, 100), strict=True))


def test_a_small_pool_is_its_own_sample(pool: ProjectPool) -> None:
    assert pool.sampled() is pool
    assert pool.measured_on == ""


def test_many_labels_leave_room_for_the_rest(pool: ProjectPool) -> None:
    sample = pool.sampled(at_most=20)
    assert len(sample.image_ids) == 44 + 10  # what is known, and half of what was asked for
    assert sample.stands_for is not None
    assert sample.stands_for.sum() == pytest.approx(IMAGES)


def test_the_audit_draws_from_a_large_pool_as_it_would_from_the_whole_order(
    pool: ProjectPool,
) -> None:
    seen = [*pool.labelled.tolist(), *pool.aside.tolist(), *pool.waiting.tolist()]
    wanted = audit_reserve(pool.content_hashes, labelled=seen)
    drawn = with_audit(replace(pool, reserve=()), 0.2)
    assert drawn.reserve == tuple(pool.image_ids[wanted].tolist())
    assert drawn.apart.tolist() == sorted(wanted.tolist())


def test_leaving_the_same_images_out_again_copies_nothing(pool: ProjectPool) -> None:
    fewer = pool.pictures.without([4])
    assert 4 not in fewer.image_ids
    assert len(fewer.image_ids) == IMAGES - 1
    assert pool.pictures.without([4]) is fewer
    assert pool.pictures.without([]) is pool.pictures
