"""Customers and accounts are kept in step both ways: real HTTP, a real PostgreSQL, the real engine."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from adapters.conftest import Sandbox
from adapters.test_services import company_of
from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.adapters.postgres.schema import open_database
from kobling.adapters.postgres.store import PostgresStore
from kobling.catalogue.load import default_mappings
from kobling.engine.run import End, Run
from kobling.model.errors import UnreachableError
from kobling.model.mapping import Side
from kobling.ports import Method, Outcome, RowWrite, Service

CUSTOMER = default_mappings()["CUSTOMER"]
ACCOUNTS = [msgspec.structs.replace(CUSTOMER.right, key="accountid")]


class World:
    """Both services as a person and as kobling meet them, and a way to run."""

    def __init__(
        self, person: dict[Side, Service], run: Callable[[bool], Awaitable[Any]], database: Any
    ) -> None:
        self.person = person
        self.run = run
        self.database = database

    async def pair(self) -> tuple[str, str]:
        cursor = await self.database.execute(
            "select left_id::text, right_id::text from coupling order by left_id limit 1"
        )
        left, right = await cursor.fetchone()
        return left, right

    async def held(self, side: Side, one: str) -> dict[str, Any]:
        table = CUSTOMER.table(side)
        columns = [each.name for each in table.columns]
        return (await self.person[side].read(table.route, columns, [one]))[one]

    async def edit(self, side: Side, one: str, **values: Any) -> None:
        version = (await self.held(side, one))["@odata.etag"]
        write = RowWrite(
            method=Method.UPDATE, table=CUSTOMER.table(side).route, id=one, body=values, version=version
        )
        [result] = await self.person[side].write([write])
        assert result.outcome is Outcome.DONE, result

    async def inbox(self) -> list[tuple[str, str]]:
        cursor = await self.database.execute("select reason, message from inbox where reason <> 'outside'")
        return [tuple(row) async for row in cursor]


def live(sandbox: Sandbox, database_url: str, story: Callable[[World], Awaitable[None]]) -> None:
    """Tells a story in a world that was synchronized once in full."""

    async def inside() -> None:
        bc, crm = sandbox.business_central, sandbox.dataverse
        root, company = f"{bc}/v2.0/sandbox/production", company_of(sandbox)
        async with (
            sandbox.door(bc) as bc_door,
            sandbox.door(crm) as crm_door,
            sandbox.door(bc, client="Anna") as bc_person,
            sandbox.door(crm, client="Anna") as crm_person,
            await open_database(database_url) as database,
        ):
            store = await PostgresStore.open(database, "test", CUSTOMER)
            ends = {
                Side.LEFT: End(
                    service=BusinessCentral(bc_door, root, company),
                    key="id",
                    system=(),
                ),
                Side.RIGHT: End(
                    service=Dataverse(crm_door, crm, ACCOUNTS),
                    key="id",
                    system=(),
                ),
            }
            namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"{root} {company}")

            async def run(full: bool) -> Any:
                return await Run(CUSTOMER, ends, store, namespace).synchronize(full=full)

            person: dict[Side, Service] = {
                Side.LEFT: BusinessCentral(bc_person, root, company),
                Side.RIGHT: Dataverse(crm_person, crm, ACCOUNTS),
            }
            await story(World(person, run, database))

    asyncio.run(inside())


def test_a_full_run_creates_on_both_sides_and_the_next_writes_nothing(
    sandbox: Sandbox, database_url: str
) -> None:
    async def story(world: World) -> None:
        first = await world.run(True)
        assert first["to"]["inserted"] >= 20
        assert first["from"]["inserted"] >= 5
        assert "failed" not in first["to"] | first["from"]
        await world.run(False)
        for _ in range(3):
            again = await world.run(False)
            assert not {"inserted", "modified", "failed"} & (again["to"].keys() | again["from"].keys())
        assert await world.inbox() == []

    live(sandbox, database_url, story)


def test_edits_of_different_fields_on_both_sides_merge(sandbox: Sandbox, database_url: str) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        await world.edit(Side.LEFT, left, name2="untouched by the mapping", address="Torget 1")
        await world.edit(Side.RIGHT, right, telephone1="+47 22 33 44 55")
        await world.run(False)
        assert (await world.held(Side.LEFT, left))["phoneNo"] == "+47 22 33 44 55"
        assert (await world.held(Side.RIGHT, right))["address1_line1"] == "Torget 1"
        assert await world.inbox() == []

    live(sandbox, database_url, story)


def test_one_field_edited_on_both_sides_is_the_only_conflict(sandbox: Sandbox, database_url: str) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        await world.edit(Side.LEFT, left, name="Name in BC", address="Torget 2")
        await world.edit(Side.RIGHT, right, name="Name in Sales")
        await world.run(False)
        assert (await world.held(Side.LEFT, left))["name"] == "Name in BC"
        account = await world.held(Side.RIGHT, right)
        assert (account["name"], account["address1_line1"]) == ("Name in Sales", "Torget 2")
        assert set(await world.inbox()) == {("conflict", "Name")}
        for _ in range(2):
            await world.run(False)
        assert set(await world.inbox()) == {("conflict", "Name")}

    live(sandbox, database_url, story)


def test_a_blocked_customer_is_left_alone_and_merged_on_its_return(
    sandbox: Sandbox, database_url: str
) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        await world.edit(Side.LEFT, left, blocked="All", address="Torget 3")
        await world.run(False)
        assert (await world.held(Side.RIGHT, right))["address1_line1"] != "Torget 3"
        await world.edit(Side.RIGHT, right, fax="12345678")
        await world.run(False)
        await world.edit(Side.LEFT, left, blocked="_x0020_")
        await world.run(False)
        assert (await world.held(Side.RIGHT, right))["address1_line1"] == "Torget 3"
        assert (await world.held(Side.LEFT, left))["faxNo"] == "12345678"

    live(sandbox, database_url, story)


def test_a_create_whose_answer_is_lost_is_found_and_not_made_twice(
    sandbox: Sandbox, database_url: str
) -> None:
    async def story(world: World) -> None:
        rule = {"method": "POST", "path": r"\$batch$", "nth": 1, "times": 1, "action": "reset_after"}
        sandbox.control(sandbox.dataverse, "faults", {"rules": [rule]})
        before = sandbox.control(sandbox.dataverse, "state")["counts"]["account"]
        with pytest.raises(UnreachableError):
            await world.run(True)
        sandbox.control(sandbox.dataverse, "faults", {"rules": []})
        made = sandbox.control(sandbox.dataverse, "state")["counts"]["account"]
        assert made > before
        counts = await world.run(False)
        assert "failed" not in counts["to"] | counts["from"]
        assert sandbox.control(sandbox.dataverse, "state")["counts"]["account"] == made
        cursor = await world.database.execute("select count(*) from coupling")
        assert (await cursor.fetchone())[0] >= made - before
        cursor = await world.database.execute("select count(*) from intent")
        assert (await cursor.fetchone())[0] == 0

    live(sandbox, database_url, story)


def test_a_version_that_grew_old_meanwhile_is_read_and_planned_again(
    sandbox: Sandbox, database_url: str
) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        await world.edit(Side.LEFT, left, address="Torget 4")
        await world.database.execute(
            "update coupling set right_version = 'W/\"1\"' where right_id = %s", [right]
        )
        counts = await world.run(False)
        assert "failed" not in counts["to"]
        assert (await world.held(Side.RIGHT, right))["address1_line1"] == "Torget 4"

    live(sandbox, database_url, story)


def test_what_a_plug_in_changes_during_our_write_flows_back_beside_a_conflict(
    sandbox: Sandbox, database_url: str
) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        rule = {"entity": "account", "on": "update", "field": "fax", "set": "99887766"}
        await world.edit(Side.LEFT, left, name="Name in BC", address="Torget 5")
        await world.edit(Side.RIGHT, right, name="Name in Sales")
        sandbox.control(sandbox.dataverse, "plugins", {"rules": [rule]})
        await world.run(False)
        sandbox.control(sandbox.dataverse, "plugins", {"rules": []})
        assert (await world.held(Side.LEFT, left))["faxNo"] == "99887766"
        assert set(await world.inbox()) == {("conflict", "Name")}

    live(sandbox, database_url, story)


def test_a_write_that_fails_in_passing_goes_through_by_itself(sandbox: Sandbox, database_url: str) -> None:
    async def story(world: World) -> None:
        await world.run(True)
        left, right = await world.pair()
        await world.edit(Side.LEFT, left, address="Torget 6")
        rule = {"method": "PATCH", "path": "/accounts", "every": 1, "action": "status", "status": 503}
        sandbox.control(sandbox.dataverse, "faults", {"rules": [rule]})
        failed = await world.run(False)
        assert failed["to"]["failed"] == 1
        sandbox.control(sandbox.dataverse, "faults", {"rules": []})
        await world.run(False)
        assert (await world.held(Side.RIGHT, right))["address1_line1"] == "Torget 6"
        assert await world.inbox() == []

    live(sandbox, database_url, story)
