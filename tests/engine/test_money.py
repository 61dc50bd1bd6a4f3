"""Currencies and credit limits: blank and local, converted, negative, in both directions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.world import World, wrote


def _limit(world: World, account: str) -> Decimal | None:
    value: Any = world.account(account)["creditlimit"]
    return None if value is None else Decimal(str(value))


def _currency(world: World, code: str) -> str:
    rows = world.get("crm", world.crm("transactioncurrencies"))["value"]
    return str(next(one["transactioncurrencyid"] for one in rows if one["isocurrencycode"] == code))


def test_the_local_currency_is_blank_in_business_central_and_a_row_in_sales(synchronized: World) -> None:
    customer, account = synchronized.pair()
    local = synchronized.get("bc", synchronized.bc("generalLedgerSetup"))["value"][0]["lcyCode"]
    synchronized.edit_customer(customer, currencyCode="USD")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["_transactioncurrencyid_value"] == _currency(synchronized, "USD")
    synchronized.edit_customer(customer, currencyCode="")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["_transactioncurrencyid_value"] == _currency(synchronized, local)
    place = f"/transactioncurrencies({_currency(synchronized, 'USD')})"
    synchronized.edit_account(account, **{"transactioncurrencyid@odata.bind": place})
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["currencyCode"] == "USD"
    place = f"/transactioncurrencies({_currency(synchronized, local)})"
    synchronized.edit_account(account, **{"transactioncurrencyid@odata.bind": place})
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["currencyCode"] == ""
    synchronized.sync("CUSTOMER")
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_a_limit_follows_the_currency_and_comes_back_to_the_cent(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, currencyCode="", creditLimitLCY=12345.67)
    synchronized.sync("CUSTOMER")
    assert _limit(synchronized, account) == Decimal("12345.67")
    synchronized.edit_customer(customer, currencyCode="USD")
    synchronized.sync("CUSTOMER")
    converted = _limit(synchronized, account)
    assert converted not in {None, Decimal("12345.67")}
    synchronized.edit_customer(customer, currencyCode="")
    synchronized.sync("CUSTOMER")
    assert _limit(synchronized, account) == Decimal("12345.67")
    synchronized.sync("CUSTOMER")
    assert wrote(synchronized.sync("CUSTOMER")) == 0


@pytest.mark.parametrize(
    ("left", "code", "right", "value"),
    [
        ("countryRegionCode", "NO", "address1_country", "Norway"),
        ("paymentTermsCode", "NET30", "paymenttermscode", 1),
    ],
)
def test_what_is_filled_in_in_sales_fills_a_blank_of_business_central(
    synchronized: World, left: str, code: str, right: str, value: str | int
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, **{left: ""})
    synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)[right] is None
    synchronized.edit_account(account, **{right: value})
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)[left] == code


def test_a_currency_changed_in_sales_converts_the_limit_as_well(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, currencyCode="", creditLimitLCY=1000)
    synchronized.sync("CUSTOMER")
    place = f"/transactioncurrencies({_currency(synchronized, 'USD')})"
    synchronized.edit_account(account, **{"transactioncurrencyid@odata.bind": place})
    for _ in range(2):
        synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["currencyCode"] == "USD"
    assert _limit(synchronized, account) != Decimal(1000)


def test_a_negative_limit_is_refused_by_name_and_the_rest_flows(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, currencyCode="")
    synchronized.sync("CUSTOMER")
    before = _limit(synchronized, account)
    synchronized.edit_customer(customer, creditLimitLCY=-5, address="Torget 50")
    run = synchronized.sync("CUSTOMER")
    [error] = run["CUSTOMER"]["errors"]
    assert error["field"] == "Credit Limit (LCY)"
    assert run["CUSTOMER"]["counts"]["to"]["failed"] == 1
    assert synchronized.account(account)["address1_line1"] == "Torget 50"
    assert _limit(synchronized, account) == before
    synchronized.edit_customer(customer, creditLimitLCY=7)
    synchronized.sync("CUSTOMER")
    assert _limit(synchronized, account) == Decimal(7)
    assert synchronized.skipped() == []


@pytest.mark.parametrize("limit", [0, 5])
def test_a_limit_changed_in_sales_alone_is_overwritten_by_the_next_edit_of_its_source(
    synchronized: World, limit: int
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, currencyCode="")
    synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, creditlimit=999)
    assert wrote(synchronized.sync("CUSTOMER")) == 0
    assert _limit(synchronized, account) == Decimal(999)
    synchronized.edit_customer(customer, creditLimitLCY=limit + 1)
    synchronized.sync("CUSTOMER")
    assert _limit(synchronized, account) == Decimal(limit + 1)


def test_an_iso_code_cannot_change_after_creation_and_is_told(synchronized: World) -> None:
    coupling = next(one for one in synchronized.couplings("CURRENCY") if one["number"] == "USD")
    place = f"{synchronized.bc('currencies')}({coupling['bc_id']})"
    synchronized.send("bc", "PATCH", place, {"isoCode": "USN", "description": "Dollars, next day"})
    run = synchronized.sync("CURRENCY")
    [error] = run["CURRENCY"]["errors"]
    assert "cannot change after creation" in error["message"]
    name = synchronized.get("crm", f"{synchronized.crm('transactioncurrencies')}({coupling['crm_id']})")
    assert name["currencyname"] == "Dollars, next day"
