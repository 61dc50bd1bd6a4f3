"""Aim: only a field that crossed twice both ways, and whose value comes back, is taken for one that goes to
and fro; after five rounds any value is."""

from __future__ import annotations

import pytest

from algebra.mappings import DIRECTIONS, mapping
from kobling.algebra.oscillation import oscillating
from kobling.model.mapping import Direction, Side
from kobling.model.pair import Crossing, Write

BOTH = DIRECTIONS.index(Direction.BOTH)
ONE_WAY = DIRECTIONS.index(Direction.TO_RIGHT)


def crossed(field: int, *values: str) -> list[Crossing]:
    """Writes of these values, to the right side first and then to each in turn."""
    return [
        Crossing(side=(Side.RIGHT, Side.LEFT)[at % 2], values={f"f{field}": value})
        for at, value in enumerate(values)
    ]


def parked(field: int, value: str, *values: str) -> bool:
    write = Write(side=Side.RIGHT, values=((field, value),))
    return bool(oscillating(mapping(), crossed(field, *values), [write]))


@pytest.mark.parametrize(
    ("value", "values", "expected"),
    [
        ("a", ["a", "b", "a", "b"], True),
        ("a", ["a", "b", "a"], False),
        ("c", ["a", "b", "a", "b"], False),
        ("", ["a", "b", "a", "b"], False),
        ("a", [], False),
        ("k", list("abcdefghij"), True),
        ("k", list("abcdefgh"), False),
    ],
)
def test_a_value_that_comes_back_after_two_rounds_is_parked(
    value: str, values: list[str], expected: bool
) -> None:
    assert parked(BOTH, value, *values) is expected


def test_a_field_that_flows_one_way_is_never_parked() -> None:
    assert not parked(ONE_WAY, "a", "a", "b", "a", "b")


def test_what_another_field_did_does_not_count() -> None:
    write = Write(side=Side.RIGHT, values=((BOTH, "a"),))
    assert not oscillating(mapping(), crossed(BOTH + 1, "a", "b", "a", "b"), [write])
