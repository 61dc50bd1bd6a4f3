"""Small facts for the rules: a company with euros as its local currency, and what Sales holds."""

from __future__ import annotations

from datetime import date
from typing import Any

from kobling.model.look_up import Facts

COMPANY = "5f0c1a3e-9d2b-4c6f-8e1a-7b3d2f4c5a69"
EURO = "eeeeeeee-0000-4000-8000-000000000001"
KRONE = "eeeeeeee-0000-4000-8000-000000000002"
DOLLAR = "eeeeeeee-0000-4000-8000-000000000003"
TODAY = date(2026, 3, 31)

Rows = list[dict[str, Any]]


def facts(**tables: Rows) -> Facts:
    """Facts in which these tables stand; an option table is named `options`."""
    named = {"account options" if name == "options" else name: rows for name, rows in tables.items()}
    return Facts(tables=named, today=TODAY, company=COMPANY)


def money(
    *rates: dict[str, Any], local: str = "EUR", base: str = EURO, currencies: Rows | None = None
) -> Facts:
    """Facts about money: these exchange rates, three currencies in Sales."""
    own = [{"code": code, "isoCode": code} for code in ("NOK", "USD", "JPY", "GBP")]
    return facts(
        generalLedgerSetup=[{"lcyCode": local}],
        currencies=own if currencies is None else currencies,
        currencyExchangeRates=list(rates),
        transactioncurrencies=[
            {"transactioncurrencyid": EURO, "isocurrencycode": "EUR"},
            {"transactioncurrencyid": KRONE, "isocurrencycode": "NOK"},
            {"transactioncurrencyid": DOLLAR, "isocurrencycode": "USD"},
        ],
        organizations=[{"_basecurrencyid_value": base}],
    )


def rate(
    code: str, amount: Any, relational: Any, *, start: str = "2026-01-01", to: str = ""
) -> dict[str, Any]:
    """From `start`, `amount` of the currency are `relational` of the currency `to`, '' for the local one."""
    return {
        "currencyCode": code,
        "startingDate": start,
        "exchangeRateAmount": amount,
        "relationalCurrencyCode": to,
        "relationalExchRateAmount": relational,
    }
