"""Aim: further companies of the demo fit into one organization with the first, one has another currency.

Method: both services are served with three companies and read by plain HTTP.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.sandbox.bc_support import EXTENSION, Client, served_both


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[Client, Client]]:
    """Clients of Business Central and of Sales."""
    with served_both("demo", companies=3) as clients:
        yield clients


def rows(bc: Client, company: int, set_name: str, query: str = "") -> list[dict[str, Any]]:
    """The rows of a set of the company with this position in the list of companies, ordered by name."""
    companies = bc.send("GET", f"{EXTENSION}/companies").body["value"]
    identifier = sorted(companies, key=lambda each: str(each["name"]))[company]["id"]
    path = f"{EXTENSION}/companies({identifier})/{set_name}"
    found: list[dict[str, Any]] = bc.send("GET", f"{path}?{query}" if query else path).body["value"]
    return found


@pytest.mark.parametrize("set_name", ["customers", "vendors", "items", "resources"])
def test_no_number_stands_in_two_companies(services: tuple[Client, Client], set_name: str) -> None:
    bc, _ = services
    numbers = [row["no"] for company in range(3) for row in rows(bc, company, set_name)]
    assert len(numbers) == len(set(numbers)) > 10


def test_what_belongs_together_has_the_new_numbers(services: tuple[Client, Client]) -> None:
    bc, _ = services
    for company in (1, 2):
        numbers = {name: {row["no"] for row in rows(bc, company, name)} for name in ("vendors", "items")}
        assert {row["vendorNo"] for row in rows(bc, company, "items")} == numbers["vendors"] | {""}
        assert {row["itemNo"] for row in rows(bc, company, "itemUnitsOfMeasure")} == numbers["items"]
        relations = rows(bc, company, "contactBusinessRelations")
        owners = {row["no"] for name in ("customers", "vendors") for row in rows(bc, company, name)}
        assert {row["no"] for row in relations} == owners
        people = [row for row in rows(bc, company, "contacts") if row["type"] == "Person"]
        assert len(people) == 4
        assert {row["companyNo"] for row in people} <= {row["contactNo"] for row in relations}
        (setup,) = rows(bc, company, "salesReceivablesSetup")
        assert setup["writeInProductNo"] in numbers["items"]
        assert any(row["inventory"] for row in rows(bc, company, "items"))


def test_the_second_company_keeps_its_books_in_kroner(services: tuple[Client, Client]) -> None:
    bc, crm = services
    local = [rows(bc, company, "generalLedgerSetup")[0]["lcyCode"] for company in range(3)]
    assert local == ["EUR", "NOK", "EUR"]
    codes = {row["code"] for row in rows(bc, 1, "currencies")}
    assert "EUR" in codes
    assert "NOK" not in codes
    used = {row["currencyCode"] for name in ("customers", "vendors") for row in rows(bc, 1, name)}
    assert used <= codes | {""}
    assert "EUR" in used
    (base,) = crm.send("GET", "/api/data/v9.2/organizations").body["value"]
    assert base["basecurrencysymbol"] == "€"


def test_rates_of_the_second_company_are_those_of_the_first_in_kroner(
    services: tuple[Client, Client],
) -> None:
    bc, _ = services
    mine, theirs = (
        {
            (row["currencyCode"], row["startingDate"]): Decimal(str(row["relationalExchRateAmount"]))
            for row in rows(bc, company, "currencyExchangeRates")
        }
        for company in (0, 1)
    )
    assert {code for code, _ in theirs} == {"EUR", "GBP", "SEK", "USD"}
    for (code, date), amount in theirs.items():
        in_euro = Decimal(100) if code == "EUR" else mine[code, date]
        assert abs(amount - in_euro / mine["NOK", date] * 100) < Decimal("0.001")
