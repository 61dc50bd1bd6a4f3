"""What ends a wait: couplings, changed inputs, a new day, rights that come back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.world import World, wrote


def _with_currency(world: World, code: str) -> tuple[str, str]:
    """A coupled pair whose customer pays in that currency and has a credit limit."""
    customer, account = world.pair()
    world.edit_customer(customer, currencyCode=code, creditLimitLCY=1000)
    world.sync("CUSTOMER")
    return customer, account


def test_customers_follow_their_salesperson_to_another_user(synchronized: World) -> None:
    customer, account = synchronized.pair()
    code = synchronized.customer(customer)["salespersonCode"]
    coupling = next(one for one in synchronized.couplings("SALESPEOPLE") if one["number"] == code)
    user = _user(synchronized, "Nora", "nora@x.example")
    synchronized.uncouple("SALESPEOPLE", code)
    synchronized.couple("SALESPEOPLE", code, f"crm:{user}", use="leave")
    synchronized.sync()
    assert coupling["crm_id"] != user
    assert synchronized.account(account)["_ownerid_value"] == user
    assert wrote(synchronized.sync()) == 0


def test_customers_follow_their_salesperson_whom_a_finder_coupled_anew(synchronized: World) -> None:
    customer, account = synchronized.pair()
    code = synchronized.customer(customer)["salespersonCode"]
    coupling = next(one for one in synchronized.couplings("SALESPEOPLE") if one["number"] == code)
    old = synchronized.get("crm", f"{synchronized.crm('systemusers')}({coupling['crm_id']})")
    address = old["internalemailaddress"]
    synchronized.send(
        "crm",
        "PATCH",
        f"{synchronized.crm('systemusers')}({coupling['crm_id']})",
        {"internalemailaddress": "gone@x.example"},
    )
    synchronized.uncouple("SALESPEOPLE", code)
    user = _user(synchronized, old["fullname"], address)
    synchronized.sync("SALESPEOPLE", full=True)
    [again] = [one for one in synchronized.couplings("SALESPEOPLE") if one["number"] == code]
    assert again["crm_id"] == user
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["_ownerid_value"] == user


def _user(world: World, name: str, address: str) -> str:
    """A licensed user, as a person is."""
    made = world.create(
        "crm", "systemusers", fullname=name, internalemailaddress=address, islicensed=True, isdisabled=False
    )
    return str(made["systemuserid"])


@pytest.mark.parametrize("how", ["", "full"])
def test_a_disabled_user_is_refused_by_name_and_taken_when_enabled_again(
    synchronized: World, how: str
) -> None:
    customer, account = synchronized.pair()
    code = synchronized.customer(customer)["salespersonCode"]
    other = next(
        one for one in synchronized.couplings("SALESPEOPLE") if one["number"] not in {code, "", None}
    )
    place = f"{synchronized.crm('systemusers')}({other['crm_id']})"
    synchronized.send("crm", "PATCH", place, {"isdisabled": True})
    synchronized.edit_customer(customer, salespersonCode=other["number"], address="Torget 20")
    run = synchronized.sync("SALESPEOPLE", "CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "Torget 20"
    assert synchronized.account(account)["_ownerid_value"] != other["crm_id"]
    [error] = run["CUSTOMER"]["errors"]
    assert error["field"] == "Salesperson Code"
    synchronized.sync("CUSTOMER")
    synchronized.send("crm", "PATCH", place, {"isdisabled": False})
    synchronized.sync("SALESPEOPLE", **({"full": True} if how else {}))
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["_ownerid_value"] == other["crm_id"]


def test_a_changed_rate_reaches_sales_also_where_an_edit_waits_for_the_other_direction(
    synchronized: World,
) -> None:
    customer, account = _with_currency(synchronized, "USD")
    before = Decimal(str(synchronized.account(account)["creditlimit"]))
    synchronized.edit_customer(customer, address="Torget 21")
    synchronized.sync("CUSTOMER", direction="from")
    _double(synchronized, "USD")
    synchronized.sync("CUSTOMER")
    assert Decimal(str(synchronized.account(account)["creditlimit"])) == before * 2
    assert synchronized.account(account)["address1_line1"] == "Torget 21"


def _double(world: World, code: str) -> None:
    """The rate of the day gives twice as much of the currency for the local one."""
    row = _latest(world, code)
    place = f"{world.bc('currencyExchangeRates')}({row['id']})"
    world.send("bc", "PATCH", place, {"exchangeRateAmount": row["exchangeRateAmount"] * 2})


def _latest(world: World, code: str) -> dict[str, object]:
    rows = world.get("bc", world.bc("currencyExchangeRates"))["value"]
    return max((one for one in rows if one["currencyCode"] == code), key=lambda one: str(one["startingDate"]))


def test_a_rate_that_begins_today_is_not_missed_by_a_run_of_another_mapping(synchronized: World) -> None:
    _, account = _with_currency(synchronized, "USD")
    before = Decimal(str(synchronized.account(account)["creditlimit"]))
    today = date.today()
    old = _latest(synchronized, "USD")
    tomorrow = today + timedelta(days=1)
    synchronized.create(
        "bc",
        "currencyExchangeRates",
        currencyCode="USD",
        startingDate=tomorrow.isoformat(),
        exchangeRateAmount=old["exchangeRateAmount"] * 4,
        relationalExchRateAmount=old["relationalExchRateAmount"],
        relationalCurrencyCode=old["relationalCurrencyCode"],
    )
    synchronized.sync()
    assert Decimal(str(synchronized.account(account)["creditlimit"])) == before
    synchronized.sync("SALESPEOPLE", today=tomorrow)
    synchronized.sync("CUSTOMER", "CURRENCY", today=tomorrow)
    assert Decimal(str(synchronized.account(account)["creditlimit"])) == before * 4


def test_a_deleted_rate_counts_no_more_after_a_run_of_another_mapping(synchronized: World) -> None:
    _, account = _with_currency(synchronized, "USD")
    before = Decimal(str(synchronized.account(account)["creditlimit"]))
    old = _latest(synchronized, "USD")
    made = synchronized.create(
        "bc",
        "currencyExchangeRates",
        currencyCode="USD",
        startingDate=date.today().isoformat(),
        exchangeRateAmount=old["exchangeRateAmount"] * 4,
        relationalExchRateAmount=old["relationalExchRateAmount"],
        relationalCurrencyCode=old["relationalCurrencyCode"],
    )
    synchronized.sync()
    assert Decimal(str(synchronized.account(account)["creditlimit"])) == before * 4
    synchronized.delete("bc", "currencyExchangeRates", made["id"])
    synchronized.sync("SALESPEOPLE")
    synchronized.sync("CUSTOMER")
    assert Decimal(str(synchronized.account(account)["creditlimit"])) == before


def test_a_code_of_payment_terms_added_later_ends_the_wait(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_account(account, paymenttermscode=4)
    known = [one["code"] for one in synchronized.get("bc", synchronized.bc("paymentTerms"))["value"]]
    synchronized.edit_account(account, fax="33445566")
    first = synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["faxNo"] == "33445566"
    if first["CUSTOMER"]["open"]["clearable"]:
        code = next(one for one in ("60D", "NET60", "60 DAYS") if one not in known)
        assert code


def test_a_country_by_name_waits_until_business_central_has_it(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_account(account, address1_country="Wakanda", address1_city="Birnin")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["clearable"] == 1
    assert run["CUSTOMER"]["errors"] == []
    assert synchronized.customer(customer)["city"] == "Birnin"
    synchronized.create("bc", "countriesRegions", code="WK", name="Wakanda")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["countryRegionCode"] == "WK"
    for _ in range(2):
        assert wrote(synchronized.sync()) == 0


def test_a_conflict_is_listed_while_something_else_woke_its_pair(synchronized: World) -> None:
    customer, account = _with_currency(synchronized, "USD")
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    _double(synchronized, "USD")
    synchronized.sync("CURRENCY")
    assert [one["field"] for one in synchronized.conflicts()] == ["Name"]
    synchronized.sync("CUSTOMER")
    assert [one["field"] for one in synchronized.conflicts()] == ["Name"]
