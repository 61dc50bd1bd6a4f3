"""Aim: scenarios of the built-in integration about exchange rates and the local currency, by the rules alone.

A rate in Sales says how much of a currency one unit of the organization's base currency is worth.
"""

from __future__ import annotations

import pytest

from catalogue.known_facts import DOLLAR, EURO, KRONE, money, rate
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer, Facts
from kobling.model.mapping import Side
from kobling.model.pair import Missing

# One krone is 12 euros, one dollar is 3 euros.
NOK, USD = rate("NOK", 1, 12), rate("USD", 1, 3)


def base_rate(facts: Facts, code: str) -> Answer:
    return SOURCES["exchange_rates"].resolve(facts, Side.RIGHT, [code])[code]


@pytest.mark.scenario("CU-05")
def test_the_base_currency_has_the_rate_one() -> None:
    assert base_rate(money(NOK, USD, base=DOLLAR), "USD") == 1
    assert base_rate(money(NOK, USD, base=KRONE), "NOK") == 1


@pytest.mark.scenario("CU-06")
def test_two_foreign_currencies_have_a_cross_rate() -> None:
    assert base_rate(money(NOK, USD, base=KRONE), "USD") == 4


@pytest.mark.scenario("CU-08")
def test_the_local_currency_as_the_base_has_the_rate_one() -> None:
    assert base_rate(money(NOK, base=EURO), "EUR") == 1
    assert base_rate(money(NOK, base=EURO), "") == 1


@pytest.mark.scenario("CU-12")
def test_the_local_currency_has_the_rate_of_a_foreign_base() -> None:
    assert base_rate(money(NOK, base=KRONE), "EUR") == 12


@pytest.mark.scenario("CU-07")
@pytest.mark.scenario("CU-09")
@pytest.mark.scenario("CU-10")
@pytest.mark.parametrize("code", ["", "EUR", "NOK"])
def test_without_a_base_currency_there_is_no_rate_and_it_is_said(code: str) -> None:
    """The built-in integration fails; here the currency waits."""
    answer = base_rate(money(NOK, base=""), code)
    assert isinstance(answer, Missing)
    assert "base currency" in answer.reason


@pytest.mark.scenario("CU-14")
def test_the_local_currency_is_found_in_sales() -> None:
    found = SOURCES["CURRENCY"].resolve(money(local="EUR"), Side.RIGHT, ["", "EUR"])
    assert found == {"": EURO, "EUR": EURO}
