"""Both adapters keep one contract over real HTTP: feed, bulk read, conditional writes, clear errors."""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.conftest import Sandbox
from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.model.errors import CredentialsError, ProtocolError, UnreachableError
from kobling.ports import Method, Outcome, RowWrite, Service

COLUMNS = {"customers": ("id", "name", "creditLimitLCY"), "accounts": ("accountid", "name", "creditlimit")}
KEY = {"customers": "id", "accounts": "accountid"}
TABLES = ["customers", "accounts"]
Work = Callable[[Service, str], Awaitable[Any]]


def company_of(sandbox: Sandbox) -> str:
    base = sandbox.business_central
    form = b"grant_type=client_credentials&client_id=kobling&client_secret=sandbox&scope=x/.default"
    with urllib.request.urlopen(f"{base}/sandbox/oauth2/v2.0/token", data=form) as answer:
        token = json.load(answer)["access_token"]
    url = f"{base}/v2.0/sandbox/production/api/v2.0/companies"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["value"][0]["id"])


def run(sandbox: Sandbox, table: str, work: Work, **who: str) -> Any:
    """Run `work` with the service that holds the table."""

    async def inside() -> Any:
        base = sandbox.business_central if table == "customers" else sandbox.dataverse
        async with sandbox.door(base, **who) as door:
            if table == "customers":
                root = f"{base}/v2.0/sandbox/production"
                return await work(BusinessCentral(door, root, company_of(sandbox)), table)
            return await work(Dataverse(door, base, {"accounts": "accountid"}), table)

    return asyncio.run(inside())


async def everything(service: Service, table: str, token: str | None = None) -> tuple[list[Any], str]:
    """All rows of a feed and the token after it."""
    rows: list[Any] = []
    after: str | None = None
    async for page in service.changes(table, COLUMNS[table], token):
        rows += page.rows
        after = page.token
    assert after is not None
    return rows, after


def _create(table: str, name: str, one: str) -> RowWrite:
    return RowWrite(method=Method.CREATE, table=table, id=one, body={"name": name}, select=COLUMNS[table])


@pytest.mark.parametrize("table", TABLES)
def test_a_feed_gives_everything_and_then_only_what_changed(sandbox: Sandbox, table: str) -> None:
    async def work(service: Service, table: str) -> None:
        rows, token = await everything(service, table)
        assert len(rows) >= 20
        again, token = await everything(service, table, token)
        assert again == []
        one = str(uuid.uuid4())
        [result] = await service.write([_create(table, "Ny kunde Å", one)])
        assert result.outcome is Outcome.DONE
        changed, token = await everything(service, table, token)
        assert [row[KEY[table]] for row in changed] == [one]
        assert (await everything(service, table, token))[0] == []

    run(sandbox, table, work)


@pytest.mark.parametrize("table", TABLES)
def test_writes_are_conditional_and_stand_alone_in_their_batch(sandbox: Sandbox, table: str) -> None:
    async def work(service: Service, table: str) -> None:
        first, second = str(uuid.uuid4()), str(uuid.uuid4())
        created = await service.write([_create(table, "One", first), _create(table, "x" * 500, second)])
        assert [one.outcome for one in created] == [Outcome.DONE, Outcome.REJECTED]
        assert "length" in created[1].message
        [twice] = await service.write([_create(table, "One", first)])
        assert twice.outcome is Outcome.EXISTS
        assert created[0].row is not None
        version = created[0].row["@odata.etag"]
        update = RowWrite(method=Method.UPDATE, table=table, id=first, body={"name": "Two"}, version=version)
        assert [one.outcome for one in await service.write([update])] == [Outcome.DONE]
        assert [one.outcome for one in await service.write([update])] == [Outcome.STALE]
        rows = await service.read(table, COLUMNS[table], [first, second])
        assert {key: row["name"] for key, row in rows.items()} == {first: "Two"}

    run(sandbox, table, work)


@pytest.mark.parametrize("table", TABLES)
def test_a_wrong_secret_is_refused_in_words_without_the_secret(sandbox: Sandbox, table: str) -> None:
    with pytest.raises(CredentialsError, match="refuses client 'kobling'") as caught:
        run(sandbox, table, everything, secret="wrong-canary")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("table", TABLES)
def test_html_instead_of_json_is_named(sandbox: Sandbox, table: str) -> None:
    base = sandbox.business_central if table == "customers" else sandbox.dataverse
    rule = {"method": "GET", "path": f"/{table}", "every": 1, "action": "html", "status": 200}
    sandbox.control(base, "faults", {"rules": [rule]})
    with pytest.raises(ProtocolError, match="not JSON"):
        run(sandbox, table, everything)


@pytest.mark.parametrize("table", TABLES)
def test_an_expired_token_and_throttling_pass_unseen(sandbox: Sandbox, table: str) -> None:
    base = sandbox.business_central if table == "customers" else sandbox.dataverse
    rules = [
        {"method": "GET", "path": f"/{table}", "nth": 1, "action": "expire_token"},
        {"method": "GET", "path": f"/{table}", "nth": 2, "action": "status", "status": 429, "retry_after": 1},
    ]
    sandbox.control(base, "faults", {"rules": rules})
    rows, _ = run(sandbox, table, everything)
    assert len(rows) >= 20


def test_an_address_where_nobody_answers_is_named() -> None:
    nowhere = Sandbox("http://127.0.0.1:9", "http://127.0.0.1:9")
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 does not answer"):
        run(nowhere, "accounts", everything)
