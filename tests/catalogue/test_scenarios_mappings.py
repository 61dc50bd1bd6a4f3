"""Aim: each default mapping has the direction, filters and fields that the built-in integration gives it,
scenario by scenario.

Method: what `mapping show --every-variant` shows of that mapping alone, held against the expectations and the
differences that are told there; the direction and the flag against what the scenario says.
"""

from __future__ import annotations

from itertools import product

import pytest

from catalogue.test_expected_mappings import EXPECTED, FOUND, SAID, place, shown
from kobling.algebra.order import order
from kobling.catalogue.definition import Changes, FieldChanges, changed
from kobling.catalogue.load import default_mappings, definitions, every_variant, executable
from kobling.catalogue.settings import SETTINGS, is_there
from kobling.catalogue.sources import SOURCES
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Mapping, Side

SHOWN = shown()
WANTED = {place(one): one for one in EXPECTED["variants"]}
TO, BACK, BOTH = "to_integration", "from_integration", "bidirectional"


@pytest.mark.parametrize(
    ("where", "count"),
    [
        pytest.param("CUSTOMER", 22, marks=pytest.mark.scenario("MP-08")),
        pytest.param("CONTACT", 21, marks=pytest.mark.scenario("MP-09")),
        pytest.param("CURRENCY", 3, marks=pytest.mark.scenario("MP-10")),
        pytest.param("ITEM-PRODUCT", 12, marks=pytest.mark.scenario("MP-11")),
        pytest.param("RESOURCE-PRODUCT", 8, marks=pytest.mark.scenario("MP-12")),
        pytest.param("SALESPEOPLE", 5, marks=pytest.mark.scenario("MP-14")),
        pytest.param("POSTEDSALESINV-INV", 26, marks=pytest.mark.scenario("MP-15")),
        pytest.param("POSTEDSALESLINE-INV", 6, marks=pytest.mark.scenario("MP-16")),
        pytest.param("UNIT OF MEASURE", 1, marks=pytest.mark.scenario("MP-17")),
        pytest.param("CUSTPRCGRP-PRICE", 1, marks=pytest.mark.scenario("MP-18")),
        pytest.param("PLHEADER-PRICE", 5, marks=pytest.mark.scenario("MP-19")),
        pytest.param("PLLINE-PRODPRICE", 8, marks=pytest.mark.scenario("MP-20")),
        pytest.param("UNIT GROUP", 2, marks=pytest.mark.scenario("MP-21")),
        pytest.param("ITEM UOM", 2, marks=pytest.mark.scenario("MP-22")),
    ],
)
def test_a_mapping_has_its_default_field_list(where: str, count: int) -> None:
    wanted = [(one["bc_field"], one["crm_field"]) for one in WANTED[where]["fields"]]
    assert len(wanted) == count
    rows = SHOWN[where]["fields"]
    found = [(one["bc_field"], one["crm_field"]) for one in rows if not one.get("rule")]
    # A row that a rule carries out stands for the plain one of the same fields.
    ruled = {(one["bc_field"], one["crm_field"]) for one in rows if one.get("rule")}
    assert set(wanted) == set(found) | (ruled & set(wanted))
    assert [one for one in FOUND if one[0].startswith(f"{where}: ") and one not in SAID] == []


@pytest.mark.parametrize(
    ("where", "direction", "only_coupled", "bc", "crm"),
    [
        pytest.param("CURRENCY", TO, True, [], ["base currency"], marks=pytest.mark.scenario("MP-34")),
        pytest.param(
            "CUSTOMER",
            *(BOTH, True, ["Blocked"], ["Active", "Customer", "company"]),
            marks=pytest.mark.scenario("MP-35"),
        ),
        pytest.param(
            "CONTACT",
            *(BOTH, True, ["Person", "Company"], ["not blank", "Active", "account", "company"]),
            marks=pytest.mark.scenario("MP-36"),
        ),
        pytest.param("ITEM-PRODUCT", BOTH, True, None, None, marks=pytest.mark.scenario("MP-38")),
        pytest.param("RESOURCE-PRODUCT", BOTH, True, None, None, marks=pytest.mark.scenario("MP-39")),
        pytest.param("PLHEADER-PRICE", TO, True, None, None, marks=pytest.mark.scenario("MP-40")),
        pytest.param("PLLINE-PRODPRICE", TO, False, None, None, marks=pytest.mark.scenario("MP-41")),
        pytest.param("UNIT GROUP", TO, True, [], None, marks=pytest.mark.scenario("MP-42")),
        pytest.param("ITEM UOM", TO, True, [], [], marks=pytest.mark.scenario("MP-43")),
        pytest.param("POSTEDSALESINV-INV", TO, True, [], None, marks=pytest.mark.scenario("MP-44")),
        pytest.param("POSTEDSALESLINE-INV", TO, False, [], [], marks=pytest.mark.scenario("MP-45")),
        pytest.param(
            "SALESPEOPLE",
            *(BACK, True, [], ["enabled", "license", "person"]),
            marks=[pytest.mark.scenario("MP-46"), pytest.mark.scenario("MP-49")],
        ),
    ],
)
def test_a_mapping_has_its_default_direction_filters_and_flag(
    where: str, direction: str, only_coupled: bool, bc: list[str] | None, crm: list[str] | None
) -> None:
    """bc, crm: a word of each condition, where the scenario names them."""
    variant = SHOWN[where]
    assert (variant["direction"], variant["synch_only_coupled"]) == (direction, only_coupled)
    for words, key in ((bc, "bc_conditions"), (crm, "crm_conditions")):
        if words is not None:
            assert len(variant[key]) == len(words)
            assert all(word in one for word, one in zip(words, variant[key], strict=True)), variant[key]
    assert [one for one in FOUND if one[0] == where and "filter" in one[1] and one not in SAID] == []


def carried_out(direction: Direction, row: Direction) -> Mapping:
    """CUSTOMER in that direction, with its Fax No. in the other one."""
    changes = Changes(direction=direction, fields={"Fax No.": FieldChanges(direction=row)})
    return executable(definitions()["CUSTOMER"], changes, set(SOURCES))


@pytest.mark.parametrize(
    ("direction", "row", "sides"),
    [
        pytest.param(Direction.BOTH, Direction.BOTH, set(Side), marks=pytest.mark.scenario("MP-27")),
        pytest.param(Direction.TO_LEFT, Direction.TO_LEFT, {Side.LEFT}, marks=pytest.mark.scenario("MP-28")),
        pytest.param(
            Direction.TO_RIGHT, Direction.TO_RIGHT, {Side.RIGHT}, marks=pytest.mark.scenario("MP-29")
        ),
        pytest.param(Direction.TO_RIGHT, Direction.BOTH, {Side.RIGHT}, marks=pytest.mark.scenario("MP-30")),
        pytest.param(Direction.TO_RIGHT, Direction.TO_LEFT, set(), marks=pytest.mark.scenario("MP-31")),
    ],
)
def test_a_field_flows_where_its_own_and_the_mapping_direction_allow(
    direction: Direction, row: Direction, sides: set[Side]
) -> None:
    mapping = carried_out(direction, row)
    rows = [one for one in mapping.rows if one.name == "Fax No."]
    flows = {side for one in rows for side in Side if one.direction.allows(side)}
    assert flows == sides


@pytest.mark.scenario("MP-23")
def test_mappings_run_in_the_order_of_what_they_need() -> None:
    mappings = default_mappings()
    at = {name: place for place, name in enumerate(order(mappings))}
    chain = [
        *(("SALESPEOPLE", "CUSTOMER"), ("CURRENCY", "CUSTOMER"), ("CUSTOMER", "CONTACT")),
        *(("CONTACT", "OPPORTUNITY"), ("UNIT GROUP", "ITEM UOM"), ("UNIT GROUP", "ITEM-PRODUCT")),
        *(("UNIT GROUP", "RESOURCE-PRODUCT"), ("CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE")),
    ]
    assert [(one, other) for one, other in chain if at[one] >= at[other]] == []
    assert order({}) == ()


@pytest.mark.parametrize("name", ["ITEM-PRICE", "RESOURCE-PRICE", "SALESORDER-ORDER"])
def test_variants_exclude_each_other(name: str) -> None:
    variants = every_variant()[name]
    assert len(variants) == 2
    for values in product(*(one.values for one in SETTINGS.values())):
        settings = dict(zip(SETTINGS, values, strict=True))
        assert sum(is_there(one.only, settings) for one in variants) <= 1, settings


@pytest.mark.parametrize("value", ["on", "off"])
def test_units_are_members_of_groups_or_groups_themselves(value: str) -> None:
    kinds = {"UNIT GROUP": "on", "UNIT OF MEASURE": "off"}
    there = definitions({"unit_groups": value})
    assert [kinds[name] for name in kinds if name in there] == [value]


def test_a_one_way_mapping_is_never_turned_both_ways() -> None:
    one = definitions()["PAYMENT TERMS"]
    with pytest.raises(ConfigurationError, match="flows only one way"):
        changed(one, Changes(direction=Direction.BOTH))
