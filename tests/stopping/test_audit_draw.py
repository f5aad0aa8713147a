"""Audit images: a uniform draw, never a copy of a training image, hidden among the others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldstart.stopping.audit_draw import (
    audit_images_due,
    audit_order,
    audit_reserve,
    grown_reserve,
    hide_among,
    next_reserve,
    rows_of_same_picture,
)

HASHES = [f"{one:064x}" for one in range(500)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(0, 5))
def test_one_row_for_each_picture(contents: list[int], seed: int) -> None:
    groups = [str(one) for one in contents]
    order = audit_order(groups, seed)
    assert sorted(groups[row] for row in order) == sorted(set(groups))
    assert order.tolist() == audit_order(groups, seed).tolist()


def test_the_draw_is_uniform() -> None:
    counts = np.zeros(50)
    for seed in range(2000):
        counts[audit_order(HASHES[:50], seed)[:10]] += 1
    # 2,000 draws of a fifth: 400 each, with a standard deviation below 18.
    assert abs(counts - 400).max() < 5 * 18


def test_another_seed_and_order_of_files() -> None:
    assert audit_order(HASHES, 0).tolist() != audit_order(HASHES, 1).tolist()
    mixed = np.random.default_rng(0).permutation(len(HASHES))
    again = audit_order([HASHES[one] for one in mixed], 0)
    assert mixed[again].tolist() == audit_order(HASHES, 0).tolist()


def test_new_images_do_not_reorder_the_old_ones() -> None:
    before = audit_order(HASHES[:300])
    after = audit_order(HASHES)
    assert [row for row in after if row < 300] == before.tolist()


def test_the_reserve_leaves_out_labelled_pictures_and_their_copies() -> None:
    groups = [*HASHES[:100], *HASHES[:100]]
    reserve = audit_reserve(groups, labelled=range(50), seed=3)
    assert len(reserve) == 10
    assert all(row % 100 >= 50 for row in reserve)
    kept = rows_of_same_picture(groups, reserve)
    assert kept.tolist() == sorted([*reserve, *(reserve + 100)])
    assert len(audit_reserve(HASHES)) == 100
    assert len(audit_reserve(HASHES, size=7)) == 7
    with pytest.raises(ValueError, match="rows 0 to 499"):
        audit_reserve(HASHES, labelled=[500])


def test_a_reserve_is_fair_where_a_draw_from_the_left_over_is_not() -> None:
    """A strategy that takes the easy images first leaves hard ones over."""
    hard = np.arange(500) >= 250
    from_reserve, from_left_over = [], []
    for seed in range(300):
        reserve = audit_reserve(HASHES, size=50, seed=seed)
        free = np.setdiff1d(np.arange(500), reserve)
        picked = free[:200]
        left_over = np.setdiff1d(free, picked)
        from_reserve.append(hard[reserve].mean())
        from_left_over.append(hard[left_over].mean())
    assert np.mean(from_reserve) == pytest.approx(0.5, abs=0.02)
    assert np.mean(from_left_over) > 0.8


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.sampled_from([0.0, 0.1, 0.2, 0.5]))
def test_the_share_adds_up_over_batches(batches: list[int], share: float) -> None:
    queued = audits = 0
    for batch in batches:
        due = audit_images_due(batch, queued=queued, audit_queued=audits, share=share)
        assert 0 <= due <= batch
        queued, audits = queued + batch, audits + due
    assert audits == min(100, int(share * queued + 1e-9))


def test_an_audit_begun_late_does_not_flood_a_batch() -> None:
    assert audit_images_due(50, queued=1000, audit_queued=0) == 10
    assert audit_images_due(50, queued=495, audit_queued=99) == 1
    assert audit_images_due(50, queued=600, audit_queued=100) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        audit_images_due(50, queued=0, audit_queued=0, share=20)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 20), st.integers(0, 9))
def test_a_batch_keeps_its_order_and_marks_its_audits(train: int, audit: int, seed: int) -> None:
    batch, is_audit = hide_among(np.arange(train), 1000 + np.arange(audit), seed)
    assert batch[~is_audit].tolist() == list(range(train))
    assert batch[is_audit].tolist() == list(range(1000, 1000 + audit))


def test_audit_images_stand_anywhere() -> None:
    places = np.zeros(10)
    for seed in range(1000):
        places += hide_among(range(8), [100, 101], seed)[1]
    assert abs(places - 200).max() < 5 * 13


def test_a_reserve_grows_by_the_share_it_has_of_the_pool() -> None:
    old, new = HASHES[:200], HASHES[200:]
    order = [old[row] for row in audit_order(old)]
    reserve = order[:40]
    grown = grown_reserve(reserve, [*new, *order[40:]], asked=reserve[:10])
    # As if all had been there from the start: the first of the order of everything.
    everything = [HASHES[row] for row in audit_order(HASHES)]
    assert grown == everything[: everything.index(reserve[-1]) + 1]
    assert grown_reserve([], new) == []
    # Too many are let go from the end; what was asked stays.
    small = grown_reserve(reserve, new, asked=reserve[-3:], most=5)
    assert small[-3:] == reserve[-3:]
    assert small[:5] == everything[:5]
    # A second audit begins behind what the first has asked.
    behind = grown_reserve(reserve[10:], new, after=reserve[:10])
    assert behind[0] == next(
        one for one in everything[everything.index(reserve[9]) + 1 :] if one in {*new, *reserve}
    )


def test_a_new_audit_goes_on_where_the_reserve_was_left() -> None:
    order = [HASHES[row] for row in audit_order(HASHES)]
    assert next_reserve(order[:100], order[150:], asked=order[:40], fewest=30) == order[40:100]
    topped = next_reserve(order[:100], order[150:], asked=order[:90], fewest=30)
    assert topped == [*order[90:100], *order[150:212]]
    assert next_reserve(order[:5], [], asked=order[:5], fewest=30) == []
