"""The outside checker sees what it is there for: each kind of field, a double coupling, a missing record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.loads import serve
from checker.compare import TABLE, Services, complaints
from engine.world import World
from sandboxes import Sandbox
from stages import Stages, stages_of

CUSTOMERS = 20


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with serve(CUSTOMERS) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def stages(served: Sandbox, postgres_server: str) -> Iterator[Stages]:
    with stages_of(served, postgres_server) as found:
        yield found


def load_all(world: World) -> None:
    world.sync(full=True)


@pytest.fixture
def load(served: Sandbox, database_url: str, tmp_path: Path, stages: Stages) -> World:
    served.reset()
    return stages.reach(World(served, database_url, tmp_path), load_all)


def said(world: World, coupled: list[tuple[str, str]] | None = None) -> list[str]:
    if coupled is None:
        coupled = [(one["bc_id"], one["crm_id"]) for one in world.couplings()]
    services = Services(world.sandbox.business_central, world.sandbox.dataverse)
    return complaints(services, {"CUSTOMER": coupled})


def test_what_is_in_step_is_not_complained_of(load: World) -> None:
    assert said(load) == []


COLUMNS = {
    "name": "Another name",
    "address1_city": "Another city",
    "address1_postalcode": "99999",
    "creditlimit": 4711.11,
    "paymenttermscode": 2,
    "emailaddress1": "another@example.com",
}


@pytest.mark.parametrize(("column", "value"), COLUMNS.items(), ids=COLUMNS.keys())
def test_a_field_that_was_edited_is_named(load: World, column: str, value: object) -> None:
    customer, account = load.pair("S0000003")
    load.edit_account(account, **{column: value})
    [complaint] = said(load)
    assert f"{customer} {account}" in complaint
    assert column in complaint


def test_another_owner_and_another_currency_are_named(load: World) -> None:
    _, account = load.pair()
    mine = load.account(account)
    others = load.accounts(f"_ownerid_value ne {mine['_ownerid_value']}")
    load.edit_account(account, **{"ownerid@odata.bind": f"/systemusers({others[0]['_ownerid_value']})"})
    assert ["ownerid" in one for one in said(load)] == [True]
    customer, _ = load.pair("S0000005")
    other = "USD" if load.customer(customer)["currencyCode"] != "USD" else "GBP"
    load.edit_customer(customer, currencyCode=other)
    assert sum("transactioncurrencyid" in one for one in said(load)) == 1


def test_a_record_that_is_coupled_twice_or_gone_is_named(load: World) -> None:
    (customer, account), (_, other) = load.pair(), load.pair("S0000002")
    assert any("more than once" in one for one in said(load, [(customer, account), (customer, other)]))
    load.delete("crm", "accounts", account)
    assert ["no record" in one for one in said(load)] == [True]


def test_every_row_of_the_table_is_compared_or_left_out_by_name() -> None:
    # None: a constant of Business Central.
    kinds = {row["crm_kind"] for one in TABLE.values() for row in one["fields"]}
    assert kinds == {"string", "entityname", "owner", "lookup", "picklist", "money", None}
