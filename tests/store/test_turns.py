"""The lock that keeps the order of asking."""

from __future__ import annotations

import threading

import pytest

from coldstart.store.turns import Turns


def test_who_asked_first_comes_first_and_nobody_together() -> None:
    turns, order, inside = Turns(), list[int](), list[int]()
    threads = []

    def work(number: int) -> None:
        with turns.turn():
            inside.append(number)
            assert len(inside) == 1
            order.append(number)
            inside.remove(number)

    with turns.turn():
        for number in range(20):
            thread = threading.Thread(target=work, args=(number,))
            thread.start()
            while len(turns._waiting) <= number:
                pass
            threads.append(thread)
    for thread in threads:
        thread.join()
    assert order == list(range(20))


def test_an_error_hands_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError), turns.turn():
        raise ValueError
    with turns.turn():
        pass
