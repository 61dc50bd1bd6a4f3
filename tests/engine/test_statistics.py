"""Aim: what customers owe and have bought stands beside their accounts, and follows the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.test_invoices import invoice, item, pay
from engine.test_verify import look
from engine.world import World, wrote
from kobling.service.connection_settings import set_connection

STATISTICS = "CUSTOMER-STATISTICS"


@pytest.fixture(scope="module")
def bank(common: World) -> World:
    """Sales has the table of account statistics, which is filled."""
    edits = ["account_statistics=on"]
    common.command(lambda one: set_connection(one, edits, existing=True, wait=lambda name: None))
    common.sync(STATISTICS, full=True)
    common.sync("CUSTOMER", every_record=True)
    return common


def statistics(world: World, number: str) -> dict[str, Any]:
    """What stands beside the account of the customer."""
    [customer] = [one for one in world.couplings() if one["number"] == number]
    identifier = world.account(customer["crm_id"])["_nav_accountstatisticsid_value"]
    return world.get("crm", f"{world.crm('nav_accountstatisticses')}({identifier})")


def money(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(row[name] or 0))


@pytest.mark.scenario("ST-01")
@pytest.mark.scenario("ST-02")
def test_balance_and_sales_follow_the_ledger(bank: World) -> None:
    before = statistics(bank, "C00060")
    assert (before["nav_customerno"], money(before, "nav_creditlimitlcy")) == ("C00060", 15_000)
    header = invoice(bank, item("1000"), sellToCustomerNo="C00060")
    run = bank.sync(STATISTICS)
    assert run[STATISTICS]["counts"]["to"]["modified"] == 1
    after = statistics(bank, "C00060")
    assert money(after, "nav_balancelcy") - money(before, "nav_balancelcy") == 250
    assert money(after, "nav_totalsaleslcy") - money(before, "nav_totalsaleslcy") == 200
    pay(bank, header, 250)
    bank.sync(STATISTICS)
    assert money(statistics(bank, "C00060"), "nav_balancelcy") == money(before, "nav_balancelcy")
    assert wrote(bank.sync("CUSTOMER", STATISTICS)) == 0
    assert look(bank, STATISTICS)["differences"] == []


def test_what_changes_nothing_is_unchanged(bank: World) -> None:
    [pair] = [one for one in bank.couplings() if one["number"] == "C00070"]
    bank.edit_customer(pair["bc_id"], city="Vejle")
    run = bank.sync(STATISTICS)
    assert (wrote(run), run[STATISTICS]["counts"]["to"]["unchanged"]) == (0, 1)


@pytest.mark.scenario("ST-03")
@pytest.mark.scenario("ST-04")
def test_statistics_are_no_change_of_the_customer(bank: World) -> None:
    """The account's own edits still flow to its customer."""
    [pair] = [one for one in bank.couplings() if one["number"] == "C00130"]
    bank.edit_account(pair["crm_id"], address1_city="Gdynia")
    invoice(bank, sellToCustomerNo="C00130")
    bank.sync(STATISTICS)
    run = bank.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["modified"] == 1
    assert bank.customer(pair["bc_id"])["city"] == "Gdynia"


def test_a_customer_that_is_not_coupled_has_none(bank: World) -> None:
    bank.create("bc", "customers", name="Ny Kunde", salespersonCode="AH")
    run = bank.sync(STATISTICS)
    assert (run[""], wrote(run)) == (0, 0)
