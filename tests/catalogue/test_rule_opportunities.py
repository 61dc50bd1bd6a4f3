"""Whom an opportunity is with, and what its active entry estimates, from the tables of the company alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from catalogue.known_facts import facts
from kobling.catalogue.load import default_mappings, definitions
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer, Facts, Through
from kobling.model.mapping import Side

ESTIMATES = (
    "opportunity_values",
    "opportunity_closing_dates",
    "opportunity_probabilities",
    "opportunity_current_values",
)


def entry(number: str, *, active: bool = True, **values: Any) -> dict[str, Any]:
    held: dict[str, Any] = {
        "estimatedValueLCY": Decimal("10.50"),
        "estimatedCloseDate": "2026-06-30",
        "probability": Decimal("49.5"),
        "calcdCurrentValueLCY": 5,
    }
    return {"opportunityNo": number, "active": active, **held, **values}


def answers(given: Facts, number: str) -> list[Any]:
    return [SOURCES[name].resolve(given, Side.RIGHT, [number])[number] for name in ESTIMATES]


def test_the_active_entry_says_what_the_opportunity_is_worth() -> None:
    given = facts(
        opportunityEntries=[
            entry("OP1", active=False, estimatedValueLCY=1),
            entry("OP1"),
            entry("OP2", estimatedValueLCY=2),
        ]
    )
    assert answers(given, "OP1") == [Decimal("10.50"), "2026-06-30", 50, 5]
    assert answers(given, "op1") == answers(given, "OP1")
    assert answers(given, "OP2")[0] == 2


@pytest.mark.parametrize("entries", [[], [entry("OP1", active=False)], [entry("OP2")]])
def test_without_an_active_entry_nothing_is_estimated(entries: list[dict[str, Any]]) -> None:
    assert answers(facts(opportunityEntries=entries), "OP1") == [0, "", 0, 0]


@pytest.mark.parametrize(("held", "whole"), [(Decimal("0.4"), 0), (Decimal("99.5"), 100), (7, 7)])
def test_a_probability_is_a_whole_number_in_sales(held: Any, whole: int) -> None:
    found = answers(facts(opportunityEntries=[entry("OP1", probability=held)]), "OP1")[2]
    assert (found, type(found)) == (whole, int)


def test_a_new_entry_touches_its_opportunity_and_no_other() -> None:
    changed = {"opportunityEntries": [entry("OP2", active=False), entry("OP1"), entry("OP2")]}
    for name in ESTIMATES:
        assert SOURCES[name].touched(changed) == ["OP1", "OP2"]
        assert SOURCES[name].touched({}) == []


def test_the_contact_is_looked_up_whether_it_is_inside_or_not() -> None:
    found = SOURCES["opportunity_contacts"].resolve(facts(), Side.RIGHT, ["CT1", ""])
    assert found[""] == ""
    there = found["CT1"]
    assert isinstance(there, Through)
    assert (there.key, there.via, there.coupled_is_enough) == ("CT1", ("CONTACT",), True)


def account(*relations: dict[str, Any]) -> Answer | Through:
    given = facts(
        contactBusinessRelations=list(relations), marketingSetup=[{"busRelCodeForCustomers": "CUST"}]
    )
    return SOURCES["opportunity_accounts"].resolve(given, Side.RIGHT, ["CT1"])["CT1"]


def relation(table: str, number: str, code: str) -> dict[str, Any]:
    return {"contactNo": "CT1", "businessRelationCode": code, "linkToTable": table, "no": number}


def test_the_account_is_that_of_the_customer_whose_company_it_is() -> None:
    there = account(relation("Vendor", "V1", "VEND"), relation("Customer", "C1", "CUST"))
    assert isinstance(there, Through)
    assert (there.key, there.via, there.coupled_is_enough) == ("C1", ("CUSTOMER",), True)


def test_a_company_that_is_no_customer_has_no_account() -> None:
    assert account() == ""
    assert account(relation("Vendor", "V1", "VEND")) == ""
    assert account(relation("Customer", "C1", "PARTNER")) == ""


def test_nothing_is_made_for_business_central() -> None:
    for name in (*ESTIMATES, "opportunity_contacts", "opportunity_accounts"):
        assert SOURCES[name].resolve(facts(), Side.LEFT, ["x"]) == {}


@pytest.mark.scenario("MP-48")
def test_opportunities_go_both_ways_and_uncoupled_ones_are_created() -> None:
    one = definitions()["OPPORTUNITY"]
    assert (one.direction.value, one.synch_only_coupled, one.ready) == ("bidirectional", False, True)


@pytest.mark.scenario("MP-13")
def test_these_fields_of_opportunities_are_joined() -> None:
    mapping = default_mappings()["OPPORTUNITY"]
    assert {(one.name, one.direction.value) for one in mapping.rows if not one.rule} == {
        ("Description", "bidirectional"),
        ("Contact No.", "to_integration"),
        ("Contact Company No.", "to_integration"),
        ("Salesperson Code", "to_integration"),
        ("Estimated Value (LCY)", "to_integration"),
        ("Estimated Closing Date", "to_integration"),
    }
