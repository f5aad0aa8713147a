"""The names people work under: as they are typed, and as a provider says them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldstart.ui.sign_in import LONGEST_NAME, name_of, tidy


@given(st.text())
def test_a_name_is_one_short_line(said: str) -> None:
    name = tidy(said)
    assert len(name) <= LONGEST_NAME
    assert name.isprintable()
    assert name == name.strip()
    assert tidy(name) == name


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "anna@example.org", "name": "Anna", "sub": "1"}, "anna@example.org"),
        ({"email": "anna@example.org", "email_verified": True, "sub": "1"}, "anna@example.org"),
        # Whoever may type an address at the provider must not become its owner here.
        ({"email": "olga@example.org", "email_verified": False, "sub": "1"}, "1"),
        ({"email": "", "preferred_username": "anna", "sub": "1"}, "anna"),
        ({"email": None, "name": " Anna\nB ", "sub": "1"}, "Anna B"),
        ({"sub": "1"}, "1"),
        ({}, ""),
    ],
)
def test_a_provider_says_who_it_is(claims: dict, name: str) -> None:
    assert name_of(claims) == name
