"""Exchange rates of the day: exact, relative to the base currency of Sales or to the local one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.known_facts import DOLLAR, EURO, KRONE, money, rate
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Answer, Facts
from kobling.model.mapping import Side
from kobling.model.pair import Missing

NOK = rate("NOK", 100, Decimal("8.61"))
USD = rate("USD", 100, Decimal("85.20"))
amounts = st.decimals("0.01", "99999", places=4)


def base_rate(facts: Facts, code: str) -> Answer:
    return SOURCES["exchange_rates"].resolve(facts, Side.RIGHT, [code])[code]


def local_rate(facts: Facts, code: str) -> Answer:
    return SOURCES["local_rates"].resolve(facts, Side.RIGHT, [code])[code]


def refusal(answer: Answer) -> str:
    assert isinstance(answer, Missing)
    assert answer.key == "", "any change of the tables may mend it"
    return answer.reason


def test_the_local_currency_is_the_base() -> None:
    assert base_rate(money(NOK), "NOK") == Decimal("11.6144018583")
    assert base_rate(money(NOK), "EUR") == 1
    assert base_rate(money(NOK), "") == 1


def test_another_base_gives_the_cross_rate() -> None:
    """100 NOK are 8.61 EUR, 100 USD are 85.20 EUR: one dollar is 9.895... kroner."""
    one = money(NOK, USD, base=DOLLAR)
    assert base_rate(one, "NOK") == Decimal("9.8954703833")
    assert base_rate(one, "USD") == 1
    assert base_rate(one, "") == Decimal("0.8520000000")


def test_the_latest_rate_that_has_begun_holds() -> None:
    rates = [
        rate("NOK", 100, 10, start="2025-01-01"),
        rate("NOK", 100, 20, start="2026-03-31"),
        rate("NOK", 100, 40, start="2026-04-01"),
    ]
    assert local_rate(money(*rates), "NOK") == 5
    assert local_rate(money(*reversed(rates)), "NOK") == 5


def test_a_rate_through_another_currency_is_followed() -> None:
    assert local_rate(money(rate("NOK", 10, 1, to="USD"), rate("USD", 2, 1)), "NOK") == 20
    assert local_rate(money(rate("NOK", 10, 1, to="EUR")), "NOK") == 10


def test_a_code_with_its_own_iso_code_is_the_base() -> None:
    one = money(base=KRONE, local="EUR", currencies=[{"code": "KR", "isoCode": "NOK"}])
    assert base_rate(one, "KR") == 1
    two = money(rate("KR", 10, 1), base=KRONE, currencies=[{"code": "KR", "isoCode": "NOK"}])
    assert base_rate(two, "") == Decimal("0.1")
    assert base_rate(two, "EUR") == Decimal("0.1")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (money(), "NOK has no exchange rate that holds on 2026-03-31"),
        (money(rate("NOK", 100, 8, start="2026-04-01")), "NOK has no exchange rate"),
        (money(rate("NOK", 0, 8)), "has no amount"),
        (money(rate("NOK", 8, 0)), "has no amount"),
        (money(rate("NOK", 8, -1)), "has no amount"),
        (money(rate("NOK", 1, 1, to="USD"), rate("USD", 1, 1, to="NOK")), "NOK, USD refer to each other"),
        (money(rate("NOK", 1, 1, to="USD")), "USD has no exchange rate"),
        (money(NOK, base="unknown"), "the base currency of the organization in Sales is not known"),
        (money(NOK, base=DOLLAR, currencies=[{"code": "NOK"}]), "USD, the base currency of Sales, is no"),
        (money(rate("NOK", 1, 100_000_000_000)), "nearly 0"),
    ],
)
def test_a_rate_that_is_not_there_is_waited_for_in_words(facts: Facts, words: str) -> None:
    assert words in refusal(base_rate(facts, "NOK"))


def test_the_factor_of_the_credit_limit_is_relative_to_the_local_currency() -> None:
    one = money(NOK, USD, base=DOLLAR)
    assert local_rate(one, "") == 1
    assert local_rate(one, "EUR") == 1
    made = local_rate(one, "NOK")
    assert isinstance(made, Decimal)
    assert round(made, 10) == Decimal("11.6144018583")
    assert "GBP has no exchange rate" in refusal(local_rate(one, "GBP"))


@given(amount=amounts, relational=amounts)
def test_a_rate_is_the_exact_quotient_rounded_half_up(amount: Decimal, relational: Decimal) -> None:
    made = base_rate(money(rate("NOK", amount, relational)), "NOK")
    assert isinstance(made, Decimal)
    error = Fraction(made) - Fraction(amount) / Fraction(relational)
    assert -Fraction(1, 2 * 10**10) < error <= Fraction(1, 2 * 10**10)


@given(nok=st.tuples(amounts, amounts), usd=st.tuples(amounts, amounts))
def test_cross_rates_agree_with_each_other(
    nok: tuple[Decimal, Decimal], usd: tuple[Decimal, Decimal]
) -> None:
    """Kroner a dollar is kroner a euro by dollars a euro, whichever is the base."""
    rates = rate("NOK", *nok), rate("USD", *usd)
    by_dollar = base_rate(money(*rates, base=DOLLAR), "NOK")
    kroner, dollars = (base_rate(money(*rates, base=EURO), code) for code in ("NOK", "USD"))
    if isinstance(by_dollar, Missing):
        assert "nearly 0" in by_dollar.reason
        return
    assert isinstance(by_dollar, Decimal)
    assert isinstance(kroner, Decimal)
    assert isinstance(dollars, Decimal)
    wanted = Fraction(by_dollar) * Fraction(dollars)
    slack = (Fraction(by_dollar) + Fraction(dollars) + 1) / 10**10
    assert abs(wanted - Fraction(kroner)) <= slack


def test_nothing_is_made_for_business_central() -> None:
    for name in ("exchange_rates", "local_rates"):
        assert SOURCES[name].resolve(money(NOK), Side.LEFT, ["NOK", ""]) == {}
