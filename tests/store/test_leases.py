"""Leases, and who the first person is: never one image in two hands unless that is asked for."""

from __future__ import annotations

import threading

import pytest

from coldstart.errors import ColdstartError
from coldstart.store import NewEvent, Pick, Store


def queue(store: Store, wanted: dict[int, int]) -> int:
    picks = [
        Pick(image_id, rank, 0.0, "", wanted=number)
        for rank, (image_id, number) in enumerate(wanted.items())
    ]
    return store.batches.add(
        picks,
        created_by="",
        strategy="random",
        settings={},
        seed=0,
        embedding_set="",
        delta=None,
        notes=[],
    )


def answer(store: Store, image_id: int, who: str, kind: str = "skipped", **more: bool) -> None:
    store.labels.append([NewEvent(f"{image_id}-{who}-{kind}", image_id, who, kind, **more)])


def test_an_image_in_one_persons_hands_is_nobody_elses(store: Store) -> None:
    queue(store, dict.fromkeys(range(1, 7), 1))
    assert store.leases.take("anna", range(1, 7), 2) == [1, 2]
    assert store.leases.take("ben", range(1, 7), 2) == [3, 4]
    assert store.leases.take("anna", range(1, 7), 3) == [1, 2, 5]
    assert store.leases.held("ben", [1, 2, 3]) == {3}
    assert store.leases.give_back("anna") == 3
    assert store.leases.take("ben", [5, 1]) == [5, 1]
    # A closed tab returns what it showed; another tab of the same person keeps its own.
    assert store.leases.give_back("ben", [5, 3, 6]) == 2
    assert store.leases.held("ben", range(1, 7)) == {1, 4}


def test_a_lease_runs_out_unless_it_is_renewed(store: Store) -> None:
    store.leases.take("anna", [1, 2], now=1000)
    assert store.leases.take("ben", [1, 2], now=1500) == []
    assert store.leases.renew("anna", now=1500) == 2
    assert store.leases.take("ben", [1], now=2099) == []
    assert store.leases.take("ben", [1], now=2101) == [1]
    assert store.leases.renew("anna", now=2102) == 0
    assert store.leases.take("anna", [1, 2], now=2103) == [2]


def test_two_people_answer_an_image_that_wants_two(store: Store) -> None:
    queue(store, {1: 2, 2: 1})
    assert store.leases.take("anna", [1, 2]) == [1, 2]
    assert store.leases.take("ben", [1, 2]) == [1]
    assert store.leases.take("cleo", [1, 2]) == []
    answer(store, 1, "anna")
    store.leases.give_back("anna")
    # An answer keeps its place when the lease is gone.
    assert store.leases.take("cleo", [1, 2]) == [2]
    assert store.batches.waiting() == [1, 2]
    assert store.batches.waiting("anna") == [2]
    assert store.batches.waiting("ben") == [1, 2]
    answer(store, 1, "ben", "unsure")
    assert store.batches.waiting() == [2]
    assert store.images.count("queue") == 1


def test_a_review_ends_the_waiting(store: Store) -> None:
    queue(store, {1: 2})
    answer(store, 1, "anna", review=True)
    assert store.batches.waiting() == []


def test_withdrawing_keeps_what_one_of_two_has_answered(store: Store) -> None:
    batch = queue(store, {1: 2, 2: 1})
    answer(store, 1, "anna")
    assert store.batches.withdraw_waiting() == 2
    assert [pick.image_id for pick in store.batches.picks(batch)] == [1]
    assert store.batches.waiting() == []


def test_many_at_once_never_hold_the_same_image(store: Store) -> None:
    taken: dict[str, list[int]] = {}

    def work(name: str) -> None:
        for _ in range(5):
            taken[name] = store.leases.take(name, range(1, 7), 1)

    threads = [threading.Thread(target=work, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [image_id for ids in taken.values() for image_id in ids]
    assert sorted(everything) == [1, 2, 3, 4, 5, 6]


def test_the_first_person_is_the_owner_however_many_come_at_once(store: Store) -> None:
    threads = [
        threading.Thread(target=store.members.join, args=(f"p{n}",), kwargs={"signed_in": False})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(member.role for member in store.members.all()) == ["labeller"] * 7 + ["owner"]
    assert store.members.join("p1", signed_in=True).signed_in


def test_a_project_always_has_an_owner(store: Store) -> None:
    store.members.join("anna", signed_in=False)
    with pytest.raises(ColdstartError, match="only owner"):
        store.members.set_role("anna", "labeller")
    assert store.members.set_role("ben", "owner").role == "owner"
    assert store.members.set_role("anna", "reviewer").role == "reviewer"
    with pytest.raises(ColdstartError, match="no role"):
        store.members.set_role("anna", "king")
