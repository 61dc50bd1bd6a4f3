"""The demo: a sandbox and a database of its own, a full run, edits on both sides, and what became of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.adapters.odata.http import Credentials, Door
from kobling.adapters.postgres.embedded import open_embedded_database
from kobling.adapters.postgres.schema import open_database
from kobling.adapters.postgres.store import PostgresStore
from kobling.catalogue.load import default_mappings
from kobling.engine.run import End, Run
from kobling.model.errors import UnreachableError
from kobling.model.mapping import Side
from kobling.ports import Method, RowWrite, Service


def run_demo(*, once: bool) -> None:
    """Runs the demo; without `once` the sandbox stays until Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix="kobling-demo-", ignore_cleanup_errors=True) as folder,
        _sandbox() as place,
    ):
        with open_embedded_database(Path(folder) / "kobling-data") as database:
            asyncio.run(_story(place, database.url))
        if not once:
            where = f"{place['business_central']} and {place['dataverse']}"
            print(f"\nThe sandbox goes on: {where}. Ctrl-C stops it.")
            _until_interrupted()


@contextmanager
def _sandbox() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--bc-port", "0", "--crm-port", "0"]
    command += ["--dataset", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise UnreachableError("The sandbox did not start.", cure="Install kobling with `[sandbox]`.")
            yield json.loads(line)
        finally:
            process.terminate()


def _until_interrupted() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print("Stopped.")


def _door(base: str, client: str) -> Door:
    credentials = Credentials(
        token_url=f"{base}/sandbox/oauth2/v2.0/token",
        client_id=client,
        secret="sandbox",  # noqa: S106 - the sandbox's published secret guards nothing
        scope=f"{base}/.default",
    )
    return Door("The sandbox", credentials, at_once=5)


async def _story(place: dict[str, Any], url: str) -> None:
    bc, crm = place["business_central"].rstrip("/"), place["dataverse"].rstrip("/")
    root = f"{bc}/v2.0/{place['tenant']}/{place['environment']}"
    customer = default_mappings()["CUSTOMER"]
    accounts = [msgspec.structs.replace(customer.right, key="accountid")]
    async with (
        _door(bc, "kobling") as bc_door,
        _door(crm, "kobling") as crm_door,
        _door(bc, "Anna") as bc_person,
        _door(crm, "Anna") as crm_person,
        await open_database(url) as database,
    ):
        answer = await bc_door.send("GET", f"{root}/api/v2.0/companies", {"Accept": "application/json"})
        company = answer.json("Business Central")["value"][0]
        store = await PostgresStore.open(database, "demo", customer)
        left = End(
            service=BusinessCentral(bc_door, root, company["id"]),
            key="id",
            system=(),
        )
        right = End(
            service=Dataverse(crm_door, crm, accounts),
            key="id",
            system=(),
        )
        namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"{root} {company['id']}")
        run = Run(customer, {Side.LEFT: left, Side.RIGHT: right}, store, namespace)
        print(f"Connected: company {company['name']} and Sales at {crm}.")
        await run.synchronize(full=True)
        _say("Full run", run.counts)
        cursor = await database.execute(
            "select left_id::text, right_id::text from coupling order by left_id limit 1"
        )
        pair = await cursor.fetchone()
        assert pair is not None
        person_left = BusinessCentral(bc_person, root, company["id"])
        person_right = Dataverse(crm_person, crm, accounts)
        await _edit(person_left, "customers", pair[0], {"city": "Bergen", "name": "Named in BC"})
        await _edit(
            person_right, "accounts", pair[1], {"telephone1": "+47 55 00 11 22", "name": "Named in Sales"}
        )
        print("A person edits one pair: city and name in BC, telephone and name in Sales.")
        second = Run(customer, {Side.LEFT: left, Side.RIGHT: right}, store, namespace)
        await second.synchronize()
        _say("What changed", second.counts)
        await _show(left.service, right.service, pair[0], pair[1])
        cursor = await database.execute("select distinct message from inbox where reason = 'conflict'")
        async for (fields,) in cursor:
            print(f"One conflict waits for a person: {fields} was changed on both sides; each keeps its own.")


async def _edit(service: Service, table: str, one: str, values: dict[str, Any]) -> None:
    row = (await service.read(table, ["name"], [one]))[one]
    write = RowWrite(method=Method.UPDATE, table=table, id=one, body=values, version=row["@odata.etag"])
    await service.write([write])


async def _show(left: Service, right: Service, customer: str, account: str) -> None:
    bc = (await left.read("customers", ["name", "city", "phoneNo"], [customer]))[customer]
    crm = (await right.read("accounts", ["name", "address1_city", "telephone1"], [account]))[account]
    print(f"  BC:    {bc['name']}, {bc['city']}, {bc['phoneNo']}")
    print(f"  Sales: {crm['name']}, {crm['address1_city']}, {crm['telephone1']}")


def _say(title: str, counts: dict[str, dict[str, int]]) -> None:
    for direction, words in counts.items():
        text = ", ".join(f"{number} {word}" for word, number in sorted(words.items())) or "nothing"
        print(f"{title}, {direction} integration table: {text}.")
