"""A user who becomes a salesperson gets the next code of the series."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.known_facts import facts
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer
from kobling.model.mapping import Side

RESOLVE = SOURCES["salesperson_codes"].resolve
numbers = st.integers(1, 99999)


def codes(held: list[str], *users: str) -> dict[str, Answer]:
    return RESOLVE(facts(salespeoplePurchasers=[{"code": one} for one in held]), Side.LEFT, users)


@pytest.mark.parametrize(
    ("held", "given_code"),
    [
        ([], "SP NO. 00001"),
        (["AH", "LM"], "SP NO. 00001"),
        (["SP NO. 00001", "SP NO. 00007", "AH"], "SP NO. 00008"),
        # Where the series of the built-in integration ends, as its last code no longer begins with 0.
        (["SP NO. 09999"], "SP NO. 10000"),
        (["SP NO. 10000"], "SP NO. 10001"),
        (["SP NO. 99999"], "SP NO. 100000"),
        # Codes that only look alike do not count.
        (["SP NO. 0002A", "XSP NO. 00009", "SP NO 00009"], "SP NO. 00001"),
        (["SP NO. 000012"], "SP NO. 000013"),
    ],
)
def test_the_next_code_follows_the_last(held: list[str], given_code: str) -> None:
    assert codes(held, "user") == {"user": given_code}


def test_several_users_get_consecutive_codes_in_the_order_of_their_ids() -> None:
    assert codes(["SP NO. 00004"], "c", "a", "b") == {
        "a": "SP NO. 00005",
        "b": "SP NO. 00006",
        "c": "SP NO. 00007",
    }


@given(held=st.lists(numbers, max_size=8), users=st.sets(st.uuids().map(str), min_size=1, max_size=8))
def test_no_code_is_given_twice(held: list[int], users: set[str]) -> None:
    taken = [f"SP NO. {one:05}" for one in held]
    given_codes = list(codes(taken, *users).values())
    assert len({*given_codes, *taken}) == len(given_codes) + len(set(taken))


def test_nothing_is_made_for_sales_or_for_nobody() -> None:
    assert codes([], "") == {}
    assert RESOLVE(facts(), Side.RIGHT, ["SP NO. 00001"]) == {}
