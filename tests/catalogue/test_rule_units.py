"""How unit groups and units are called and found in Sales, and which of them are refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.known_facts import facts
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Facts, Rejected, Through, key_of_parts, parts_of_key
from kobling.model.mapping import Side

GROUP = "aaaaaaaa-0000-4000-8000-000000000001"
UNIT = "bbbbbbbb-0000-4000-8000-000000000001"


def known(*units: dict[str, Any], **group: Any) -> Facts:
    """One group of Sales with these units."""
    return facts(
        uomschedules=[{"uomscheduleid": GROUP, "name": "NAV PCS", "statecode": 0} | group],
        uoms=[{"_uomscheduleid_value": GROUP} | one for one in units],
    )


def unit(**values: Any) -> dict[str, Any]:
    return {"uomid": UNIT, "name": "PCS", "quantity": Decimal(1), "isschedulebaseuom": True} | values


def test_a_unit_of_measure_is_called_by_its_code() -> None:
    resolve = SOURCES["unit_names"].resolve
    assert resolve(known(unit()), Side.RIGHT, ["PCS", "BOX", ""]) == {"PCS": "NAV PCS", "BOX": "NAV BOX"}
    assert resolve(known(unit()), Side.LEFT, ["PCS"]) == {}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (known(unit(), statecode=1), "not active"),
        (known(unit(), unit(uomid="other", name="BOX")), "2 units in Sales (BOX, PCS)"),
    ],
)
def test_a_group_that_cannot_take_the_unit_is_refused(state: Facts, words: str) -> None:
    answer = SOURCES["unit_names"].resolve(state, Side.RIGHT, ["PCS"])["PCS"]
    assert isinstance(answer, Rejected)
    assert words in answer.reason


def test_the_only_unit_of_the_coupled_group_is_the_default_unit() -> None:
    source = SOURCES["group_units"]
    asked = source.resolve(known(unit()), Side.RIGHT, ["PCS", ""])
    assert isinstance(asked["PCS"], Through)
    assert (asked["PCS"].key, asked["PCS"].via) == ("PCS", ("UNIT OF MEASURE",))
    assert isinstance(asked[""], Rejected)
    found = ("UNIT OF MEASURE", GROUP)
    assert source.finish(known(unit()), Side.RIGHT, [found]) == {found: UNIT}


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (known(), "has no unit"),
        (known(unit(), unit(uomid="other", name="BOX")), "has 2 units"),
        (known(unit(), statecode=1), "not active"),
        (known(unit(isschedulebaseuom=False)), "not its base unit"),
        (known(unit(quantity=Decimal(12))), "not of quantity 1"),
        (known(unit(name="Piece")), "call it PCS"),
    ],
)
def test_each_wrong_group_has_its_own_words(state: Facts, words: str) -> None:
    found = ("UNIT OF MEASURE", GROUP)
    answer = SOURCES["group_units"].finish(state, Side.RIGHT, [found])[found]
    assert isinstance(answer, Rejected)
    assert words in answer.reason


def test_groups_are_called_by_kind_and_number() -> None:
    keys = [key_of_parts("Item", "1000"), key_of_parts("Resource", "1000"), ""]
    names = SOURCES["unit_group_names"].resolve(facts(), Side.RIGHT, keys)
    assert list(names.values()) == ["ITEM 1000 UOM GR", "RESOURCE 1000 UOM GR"]


@pytest.mark.parametrize(("word", "kind"), [("item", "Item"), ("resource", "Resource")])
def test_groups_and_units_go_through_their_couplings(word: str, kind: str) -> None:
    group = SOURCES[f"{word}_unit_groups"].resolve(facts(), Side.RIGHT, ["1000"])["1000"]
    assert isinstance(group, Through)
    assert (parts_of_key(group.key), group.via) == (["1000", kind], ("UNIT GROUP",))
    key = key_of_parts("1000", "PCS")
    one = SOURCES[f"{word}_units"].resolve(facts(), Side.RIGHT, [key])[key]
    assert isinstance(one, Through)
    assert (one.key, one.via) == (key, (f"{kind.upper()} UOM",))
    back = SOURCES[f"{word}_units"].resolve(facts(), Side.LEFT, [UNIT, ""])
    assert isinstance(back[UNIT], Through)
    assert back[""] == ""


@given(st.lists(st.text(st.characters(codec="utf-8", min_codepoint=32)), min_size=1))
def test_a_key_of_parts_gives_its_parts_back(parts: list[str]) -> None:
    key = key_of_parts(*parts)
    assert bool(key) is any(parts)
    if key:
        assert parts_of_key(key) == parts
        assert len(parts_of_key(key_of_parts(key, *parts))) == len(parts) + 1
