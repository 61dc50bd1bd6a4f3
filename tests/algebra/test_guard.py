"""Aim: limits mean what people write, whole pairs count, and a table that grew is no other table.

Method: examples for each form, and Hypothesis for what must hold of every limit.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kobling.algebra.guard import (
    EMPTY_FROM,
    Guard,
    Seen,
    drifts,
    is_empty,
    limit_text,
    parse_limit,
    shortened,
    stopped_by_count,
    too_many,
)
from kobling.model.mapping import Guards, Limit

NUMBERS = some.none() | some.integers(0, 10**9 - 1)
LIMITS = some.builds(Limit, number=NUMBERS, percent=some.none() | some.integers(0, 100))


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("20", Limit(number=20)),
        ("10%", Limit(percent=10)),
        ("50 %", Limit(percent=50)),
        ("20 or 50%", Limit(number=20, percent=50)),
        ("20,50%", Limit(number=20, percent=50)),
        ("0", Limit(number=0)),
        ("0%", Limit(percent=0)),
        ("off", Limit()),
        ("OFF", Limit()),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("101%", None),
        ("20%%", None),
        ("20 50%", None),
        ("many", None),
        ("٣", None),
        ("9999999999", None),
    ],
)
def test_a_limit_is_read_as_people_write_it(text: str, limit: Limit | None) -> None:
    assert parse_limit(text) == limit


@given(LIMITS)
def test_what_is_written_is_read_again(limit: Limit) -> None:
    assert parse_limit(limit_text(limit)) == limit


@given(some.text())
def test_any_text_is_a_limit_or_none(text: str) -> None:
    found = parse_limit(text)
    assert found is None or parse_limit(limit_text(found)) == found


@given(LIMITS, some.integers(0, 10**6), some.integers(0, 10**6))
def test_more_is_never_more_allowed(limit: Limit, count: int, total: int) -> None:
    assert not too_many(limit, 0, total)
    if too_many(limit, count, total):
        assert too_many(limit, count + 1, total)
    if not too_many(limit, count, total):
        assert not too_many(limit, count, total + 1)


def test_whole_pairs_count() -> None:
    assert not too_many(Limit(percent=10), 1, 15)
    assert too_many(Limit(percent=10), 2, 15)
    assert too_many(Limit(number=0), 1, 1)
    assert not too_many(Limit(), 10**6, 10**6)
    assert not too_many(Limit(number=3, percent=50), 3, 2)


def test_what_holds_unless_somebody_says_otherwise_lets_a_small_mapping_lose_all() -> None:
    guards = Guards()
    assert not too_many(guards.deletions, 20, 20)
    assert too_many(guards.deletions, 51, 100)
    assert not too_many(guards.changes, 10**6, 10**6)


def test_the_words_say_how_many_and_what_is_allowed() -> None:
    words = stopped_by_count(Guard.DELETIONS, Limit(number=2), 3, 40)
    assert words == "3 of 40 coupled pairs have a deleted record, and the mapping allows 2 in one run"
    assert stopped_by_count(Guard.CHANGES, Limit(percent=50), 3, 40) == ""


def test_a_side_is_empty_only_if_enough_was_asked_for() -> None:
    assert is_empty(EMPTY_FROM, 0)
    assert not is_empty(EMPTY_FROM - 1, 0)
    assert not is_empty(20, 1)


def test_a_table_that_shrank_or_turned_is_another_one() -> None:
    before = {"name": Seen(kind="text", maximum=100), "city": Seen(kind="text"), "rate": Seen(kind="decimal")}
    now = {"name": Seen(kind="text", maximum=50), "city": Seen(kind="text", maximum=30)}
    assert drifts(before, now, list(before)) == [
        "name takes 50 characters now, it took 100",
        "city takes 30 characters now, it took any number",
        "rate is gone",
    ]
    assert drifts(before, before | {"rate": Seen(kind="text")}, ["rate"]) == [
        "rate is text now, it was decimal"
    ]
    assert drifts(before, before | {"name": Seen(kind="text", maximum=200)}, list(before)) == []
    assert drifts(before, {}, ["unknown"]) == []


def test_a_long_list_is_cut() -> None:
    assert shortened(["a", "b"]) == "a; b"
    assert shortened([str(one) for one in range(7)]) == "0; 1; 2; 3; 4; and 2 more"
