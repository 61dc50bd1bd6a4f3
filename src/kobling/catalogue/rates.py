"""Exchange rates of a day, exactly: of the company's own table, relative to any currency."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from kobling.catalogue.facts import all_of, first_of, missing, rows_of, text_of, to_sales
from kobling.model.look_up import Answer, Facts, Rows, texts_of

SETUP: Final = "generalLedgerSetup"
CURRENCIES: Final = "currencies"
RATES: Final = "currencyExchangeRates"
IN_SALES: Final = "transactioncurrencies"
ORGANIZATION: Final = "organizations"
_BASE_DIGITS: Final = 10
# So many that the greatest credit limit is still exact to the cent.
_LOCAL_DIGITS: Final = 20


def local_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The currencies whose rate changed; all where another currency may be made from it."""
    rates = changed.get(RATES, [])
    chained = any(text_of(row, "relationalCurrencyCode") for row in rates)
    return None if SETUP in changed or chained else sorted({text_of(row, "currencyCode") for row in rates})


def setup_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """Another local currency is another meaning of blank; else what the rows name."""
    return None if SETUP in changed else texts_of(changed)


class _NoRateError(Exception):
    """There is no rate; the words are for a person."""


def local_code(facts: Facts) -> str:
    """The code of the company's local currency; '' where the set-up has none."""
    return next((text_of(one, "lcyCode") for one in rows_of(facts, SETUP)), "")


def iso_code(facts: Facts, code: str) -> str:
    """The ISO code of a Business Central currency in upper case: its own ISO Code, else its code."""
    row = first_of(rows_of(facts, CURRENCIES), "code", code)
    return (("" if row is None else text_of(row, "isoCode")) or code).upper()


def base_id(facts: Facts) -> str:
    """The id of the organization's base currency; '' where it is not known."""
    return next((text_of(one, "_basecurrencyid_value") for one in rows_of(facts, ORGANIZATION)), "")


@to_sales
def base_rates(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: how much of a currency one unit of the organization's base currency is worth."""
    return {key: _base_rate(facts, key) for key in keys}


@to_sales
def local_rates(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: how much of a currency one unit of the company's local currency is worth."""
    return {key: _local_rate(facts, key) for key in keys}


def _base_rate(facts: Facts, code: str) -> Answer:
    try:
        base = _base_iso_code(facts)
        if iso_code(facts, code or local_code(facts)) == base:
            return 1
        rate = _per_local(facts, code) / _per_local(facts, _code_of(facts, base))
        return _rounded(rate, _BASE_DIGITS, code)
    except _NoRateError as error:
        return missing("exchange_rates", str(error))


def _local_rate(facts: Facts, code: str) -> Answer:
    try:
        return _rounded(_per_local(facts, code), _LOCAL_DIGITS, code)
    except _NoRateError as error:
        return missing("local_rates", str(error))


def _base_iso_code(facts: Facts) -> str:
    row = first_of(rows_of(facts, IN_SALES), "transactioncurrencyid", base_id(facts))
    if row is None:
        raise _NoRateError("the base currency of the organization in Sales is not known")
    return text_of(row, "isocurrencycode").upper()


def _code_of(facts: Facts, iso: str) -> str:
    """The Business Central code of a currency by its ISO code; '' for the local one."""
    if iso == iso_code(facts, local_code(facts)):
        return ""
    codes = [text_of(one, "code") for one in rows_of(facts, CURRENCIES)]
    found = [one for one in codes if iso_code(facts, one) == iso]
    if not found:
        raise _NoRateError(f"{iso}, the base currency of Sales, is no currency of Business Central; add it")
    return iso if iso in found else min(found)


def _per_local(facts: Facts, code: str) -> Fraction:
    """How much of a currency one unit of the local one is worth, through other currencies if need be."""
    local = local_code(facts).upper()
    rate = Fraction(1)
    passed: list[str] = []
    while code and code.upper() != local:
        if code in passed:
            raise _NoRateError(f"the exchange rates of {', '.join(passed)} refer to each other in a circle")
        passed.append(code)
        row = _latest(facts, code)
        rate *= _amount(row, "exchangeRateAmount") / _amount(row, "relationalExchRateAmount")
        code = text_of(row, "relationalCurrencyCode")
    return rate


def _latest(facts: Facts, code: str) -> dict[str, Any]:
    """The rate of the currency that holds today."""
    today = facts.today.isoformat()
    rows = all_of(rows_of(facts, RATES), "currencyCode", code)
    begun = [one for one in rows if text_of(one, "startingDate") <= today]
    if not begun:
        raise _NoRateError(f"{code} has no exchange rate that holds on {today}; add one")
    return max(begun, key=lambda one: text_of(one, "startingDate"))


def _amount(row: dict[str, Any], column: str) -> Fraction:
    value = row.get(column)
    assert not isinstance(value, float), f"{column} has passed through a binary float"
    amount = Fraction(value or 0)
    if amount <= 0:
        words = f"the exchange rate of {row.get('currencyCode')} from {row.get('startingDate')}"
        raise _NoRateError(f"{words} has no amount; correct it")
    return amount


def _rounded(rate: Fraction, digits: int, code: str) -> Answer:
    """The rate with at most so many decimals, half up; exact, as no context of decimals takes part."""
    whole = (rate * 10**digits * 2 + 1) // 2
    if whole == 0:
        raise _NoRateError(f"the exchange rate of {code} is nearly 0; correct it")
    return Decimal(f"{whole}E-{digits}")
