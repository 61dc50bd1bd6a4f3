"""Aim: what the services say of their tables is read as it is; a hostile or broken description is an error in
words that names what to mend, never more.

Method: the served sandbox for what is right, a server that answers as the test says for what is not.
"""

from __future__ import annotations

import asyncio

import pytest

from adapters.wrong_server import reply, wrong_server
from kobling.adapters.business_central import metadata as business_central
from kobling.adapters.dataverse import metadata as dataverse
from kobling.adapters.odata.described import Described
from kobling.catalogue.definition import ColumnType
from kobling.model.errors import ConfigurationError, KoblingError, ProtocolError
from sandboxes import Sandbox

ROOT = "/v2.0/sandbox/production"


def bc_table(sandbox: Sandbox, table: str) -> Described:
    async def ask() -> Described:
        async with sandbox.door(sandbox.business_central) as door:
            return await business_central.described(door, f"{sandbox.business_central}{ROOT}", table)

    return asyncio.run(ask())


def crm_table(sandbox: Sandbox, table: str) -> Described:
    async def ask() -> Described:
        async with sandbox.door(sandbox.dataverse) as door:
            return await dataverse.described(door, sandbox.dataverse, table)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("table", "route"),
    [
        ("Service Vehicle", "serviceVehicles"),
        ("serviceVehicles", "serviceVehicles"),
        ("Opportunity", "opportunities"),
        ("Payment Terms", "paymentTerms"),
        ("Company Information", "companyInformation"),
    ],
)
def test_a_table_of_business_central_is_found_by_its_name_or_its_set(
    sandbox: Sandbox, table: str, route: str
) -> None:
    assert bc_table(sandbox, table).route == route


def test_columns_of_business_central_are_described(sandbox: Sandbox) -> None:
    found = bc_table(sandbox, "Service Vehicle")
    kinds = {name: one.type for name, one in found.columns.items()}
    assert kinds["kind"] is ColumnType.OPTION
    assert kinds["mileage"] is ColumnType.INTEGER
    assert kinds["boughtOn"] is ColumnType.DATE
    assert found.columns["description"].maximum == 100
    assert "inspections" in found.fixed
    assert "systemRowVersion" not in found.columns


def test_a_table_of_sales_is_described_with_its_look_ups(sandbox: Sandbox) -> None:
    found = crm_table(sandbox, "new_vehicle")
    assert (found.route, found.key, found.title) == ("new_vehicles", "new_vehicleid", "new_name")
    assert found.tracked
    look_up = found.columns["new_accountid"]
    assert (look_up.targets, look_up.navigation) == ({"account": "accounts"}, "new_AccountId")
    assert found.columns["new_plate"].maximum == 10
    assert found.columns["new_kindcode"].type is ColumnType.INTEGER
    assert found.options == {"new_kindcode"}
    assert "new_trips" in found.fixed


@pytest.mark.parametrize("name", ["", "x' or '1", "Account", "account)/x", "new_unicorn"])
def test_what_is_no_table_of_sales_is_refused_by_name(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ConfigurationError, match="Dataverse has no table"):
        crm_table(sandbox, name)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<edmx>&b;</edmx>"""
NO_ID = b"""<Schema><EntityType Name="boat"><Property Name="no" Type="Edm.String" /></EntityType>
<EntitySet Name="boats" EntityType="X.boat" /></Schema>"""


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (BOMB, ProtocolError, "with entities of its own"),
        (b"<html><p>", ProtocolError, "in no XML"),
        (b"", ProtocolError, "in no XML"),
        (b"\xff\xfe\x00<", ProtocolError, "in no XML"),
        (b"<Schema />", ConfigurationError, "has no table 'boats'"),
        (NO_ID, ProtocolError, "without an id"),
    ],
)
def test_a_broken_description_of_business_central_is_an_error_in_words(
    body: bytes, kind: type[KoblingError], words: str
) -> None:
    async def ask() -> None:
        async with wrong_server(lambda request: reply(body=body)) as server, server.door() as door:
            await business_central.described(door, server.base, "boats")

    with pytest.raises(kind, match=words):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "body", [[], {"LogicalName": 5}, {"value": []}, {"LogicalName": "a", "EntitySetName": None, "value": []}]
)
def test_a_broken_description_of_sales_is_an_error_in_words(body: object) -> None:
    async def ask() -> None:
        async with wrong_server(lambda request: reply(body=body)) as server, server.door() as door:
            await dataverse.described(door, server.base, "account")

    with pytest.raises(ProtocolError, match=r"another form|no set or key"):
        asyncio.run(ask())
