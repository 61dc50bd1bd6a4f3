"""Blank is the local currency; the organization's base currency is known; decimals follow ISO 4217."""

from __future__ import annotations

import pytest

from catalogue.known_facts import DOLLAR, EURO, KRONE, facts, money
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import KEEP, Outside
from kobling.model.mapping import Side
from kobling.model.pair import Missing

LOCAL = SOURCES["CURRENCY"].resolve
BASE = SOURCES["base_currency"].resolve
DECIMALS = SOURCES["currency_precision"].resolve


def test_blank_and_the_local_code_are_the_local_currency_of_sales() -> None:
    found = LOCAL(money(), Side.RIGHT, ["", "EUR", "eur", "NOK"])
    assert found == {"": EURO, "EUR": EURO, "eur": EURO}, "NOK is left to the couplings"


def test_no_currency_and_the_local_one_are_blank_in_business_central() -> None:
    assert LOCAL(money(), Side.LEFT, ["", EURO, KRONE]) == {"": "", EURO: ""}


def test_the_local_currency_is_found_by_its_iso_code() -> None:
    one = money(local="KR", currencies=[{"code": "KR", "isoCode": "NOK"}])
    assert LOCAL(one, Side.RIGHT, [""]) == {"": KRONE}
    assert LOCAL(one, Side.LEFT, [KRONE, EURO]) == {KRONE: ""}


@pytest.mark.scenario("CU-13")
@pytest.mark.parametrize(("local", "words"), [("DKK", "Sales has no currency DKK"), ("", "has no LCY Code")])
def test_a_local_currency_that_sales_lacks_is_waited_for(local: str, words: str) -> None:
    """The built-in integration makes it, with a rate that it has to guess; here a person adds it in Sales."""
    answer = LOCAL(money(local=local), Side.RIGHT, [""])[""]
    assert isinstance(answer, Missing)
    assert words in answer.reason
    assert LOCAL(money(local=local), Side.LEFT, ["", EURO]) == {"": ""}


def test_the_base_currency_is_the_organizations() -> None:
    assert BASE(money(base=DOLLAR), Side.RIGHT, [""]) == {"": DOLLAR}
    assert BASE(facts(), Side.RIGHT, [""]) == {"": KEEP}


@pytest.mark.parametrize(
    ("code", "expected"), [("NOK", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("CLF", 4), ("PLN", 2)]
)
def test_decimals_are_those_of_the_currency(code: str, expected: int) -> None:
    assert DECIMALS(money(), Side.RIGHT, [code]) == {code: expected}


@pytest.mark.parametrize("code", ["POINTS", "XYZ"])
def test_a_currency_that_is_not_of_the_standard_is_outside(code: str) -> None:
    answer = DECIMALS(money(currencies=[{"code": code, "isoCode": ""}]), Side.RIGHT, [code])[code]
    assert isinstance(answer, Outside)
    assert f"fill in the ISO Code of {code}" in answer.reason


def test_decimals_go_by_the_iso_code_where_there_is_one() -> None:
    one = money(currencies=[{"code": "YEN", "isoCode": "JPY"}, {"code": "JPY", "isoCode": ""}])
    assert DECIMALS(one, Side.RIGHT, ["YEN", "JPY", ""]) == {"YEN": 0, "JPY": 0}
    assert DECIMALS(one, Side.LEFT, ["0"]) == {}
