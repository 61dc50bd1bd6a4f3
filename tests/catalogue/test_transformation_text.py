"""Aim: a transformation is read as it is written, or refused with the place and what to do about it."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.catalogue.transformation_text import parse_transformation
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Step


def test_rules_stand_in_the_order_in_which_they_work() -> None:
    found = parse_transformation(
        " Trim > replace('it''s', '') > round(0.05, 'up') > cel: value > 'a;b' ? 'x' : value",
        Direction.TO_RIGHT,
    )
    assert found.to == (
        Step(rule="trim"),
        Step(rule="replace", arguments=("it's", "")),
        Step(rule="round", arguments=(Decimal("0.05"), "up")),
        Step(rule="cel", arguments=("value > 'a;b' ? 'x' : value",)),
    )
    assert found.back == ()


def test_rules_without_a_way_are_those_of_the_direction() -> None:
    assert parse_transformation("trim", Direction.TO_LEFT).back == (Step(rule="trim"),)
    both = parse_transformation("prefix('a') > suffix('b')", Direction.BOTH)
    assert both.back == (
        Step(rule="remove_suffix", arguments=("b",)),
        Step(rule="remove_prefix", arguments=("a",)),
    )


def test_each_way_may_have_rules_of_its_own() -> None:
    found = parse_transformation("to: uppercase; from: none", Direction.BOTH)
    assert (found.to, found.back) == ((Step(rule="uppercase"),), ())
    same = parse_transformation("both: trim", Direction.BOTH)
    assert same.to == same.back == (Step(rule="trim"),)


@pytest.mark.parametrize(
    ("text", "direction", "words"),
    [
        ("uppercase", Direction.BOTH, "cannot be taken back"),
        ("cel: value", Direction.BOTH, "cannot be taken back"),
        ("date('dd.MM')", Direction.BOTH, "without the year"),
        ("to: trim", Direction.BOTH, "nothing is said of `from`"),
        ("shout", Direction.TO_RIGHT, "there is no transformation rule 'shout'"),
        ("trim(1)", Direction.TO_RIGHT, "trim takes nothing"),
        ("replace('a')", Direction.TO_RIGHT, "is written replace(old, new)"),
        ("replace('', 'a')", Direction.TO_RIGHT, "needs a text"),
        ("replace(1, 'a')", Direction.TO_RIGHT, "is a text"),
        ("substring(0)", Direction.TO_RIGHT, "begin with 1"),
        ("regex_replace('(', '')", Direction.TO_RIGHT, "cannot be used"),
        ("regex_match('(?=a)')", Direction.TO_RIGHT, "looking ahead"),
        (r"regex_replace('a', '\1')", Direction.TO_RIGHT, "names a group"),
        ("date('dddd')", Direction.TO_RIGHT, "is no part of a date"),
        ("decimal(99)", Direction.TO_RIGHT, "0 to 20 digits"),
        ("decimal(2, ',', ',')", Direction.TO_RIGHT, "decimal point"),
        ("round(0)", Direction.TO_RIGHT, "above zero"),
        ("round(1, 'left')", Direction.TO_RIGHT, "round goes"),
        ("values('a', 'b', 'c', 'b')", Direction.TO_RIGHT, "twice"),
        ("values('a')", Direction.TO_RIGHT, "values is written"),
        ("prefix('" + "x" * 300 + "')", Direction.TO_RIGHT, "more than 250 characters"),
        ("cel: value +", Direction.TO_RIGHT, "cannot be read"),
        ("cel: [1].map(x, x)", Direction.TO_RIGHT, "has no macro"),
        ("cel: '" + "x" * 600 + "'", Direction.TO_RIGHT, "500 are allowed"),
        ("trim >", Direction.TO_RIGHT, "here stands a rule"),
        ("trim lowercase", Direction.TO_RIGHT, "after a rule"),
        ("replace('a'", Direction.TO_RIGHT, "after a value"),
        ("both: trim; to: trim", Direction.TO_RIGHT, "beside another way"),
        ("to: trim; to: trim", Direction.TO_RIGHT, "each way stands once"),
        ("trim > " * 30 + "trim", Direction.TO_RIGHT, "more than 20 rules"),
        ("x" * 3_000, Direction.TO_RIGHT, "more than 2000 characters"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_with_words(
    text: str, direction: Direction, words: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_transformation(text, direction)
    assert words in str(refused.value)
    assert refused.value.cure


@given(st.text(alphabet="trimcel:();'>, 1.av", max_size=30), st.sampled_from(Direction))
def test_any_text_is_read_or_refused(text: str, direction: Direction) -> None:
    # Any other error would end the test.
    with suppress(ConfigurationError):
        assert parse_transformation(text, direction) is not None
