"""The sources answer from what both services really hold: one opening of each against the served sandbox."""

from __future__ import annotations

import asyncio
from datetime import date
from decimal import Decimal

import pytest

from adapters.test_services import company_of
from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.catalogue.load import default_mappings
from kobling.catalogue.sources import REFERENCES, SOURCES
from kobling.model.look_up import Answer, Facts, Keep, Missing, Rejected, Through
from kobling.model.mapping import Side
from sandboxes import Sandbox


@pytest.fixture
def facts(sandbox: Sandbox) -> Facts:
    """Every reference table, read as a run reads it."""

    async def read() -> Facts:
        bc, crm = sandbox.business_central, sandbox.dataverse
        tables = [one.right for one in default_mappings().values()]
        company = company_of(sandbox)
        async with sandbox.door(bc) as bc_door, sandbox.door(crm) as crm_door:
            left = BusinessCentral(bc_door, f"{bc}/v2.0/sandbox/production", company)
            right = Dataverse(crm_door, crm, tables)
            mine = {side: [one for one in REFERENCES.values() if one.side is side] for side in Side}
            rows = (await left.opening(mine[Side.LEFT], {})).rows
            rows |= (await right.opening(mine[Side.RIGHT], {})).rows
            assert (left.requests, right.requests) == (1, 1)
        return Facts(tables=rows, today=date(2026, 3, 31), company=company)

    return asyncio.run(read())


def ask(facts: Facts, source: str, side: Side, key: str) -> Answer:
    found = SOURCES[source].resolve(facts, side, [key])[key]
    if not isinstance(found, Through):
        return found
    # Nothing is coupled here.
    other = ("", str(found.otherwise))
    return SOURCES[source].finish(facts, side, [other])[other]


def test_every_source_answers_from_the_demo_company(facts: Facts) -> None:
    assert all(facts.tables[name] for name in REFERENCES)
    base = ask(facts, "base_currency", Side.RIGHT, "")
    assert isinstance(base, str)
    assert ask(facts, "CURRENCY", Side.RIGHT, "") == base, "the local currency is the base currency"
    assert ask(facts, "CURRENCY", Side.LEFT, base) == ""
    assert not isinstance(ask(facts, "company", Side.RIGHT, ""), Keep | Missing | Rejected)
    assert ask(facts, "exchange_rates", Side.RIGHT, "NOK") == Decimal("11.6144018583")
    assert ask(facts, "exchange_rates", Side.RIGHT, "EUR") == 1
    assert ask(facts, "currency_precision", Side.RIGHT, "NOK") == 2
    assert ask(facts, "countries", Side.LEFT, "Denmark") == "DK"
    assert ask(facts, "salesperson_codes", Side.LEFT, "user") == "SP NO. 00001"


@pytest.mark.parametrize(
    ("source", "code", "value"),
    [("payment_terms", "2%10NET30", 2), ("shipment_methods", "NOCHARGE", 2), ("shipping_agents", "DHL", 2)],
)
def test_options_are_those_of_the_account(facts: Facts, source: str, code: str, value: int) -> None:
    assert ask(facts, source, Side.RIGHT, code) == value
    assert ask(facts, source, Side.LEFT, str(value)) == code
