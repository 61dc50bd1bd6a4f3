"""The values of a choice column as rows: read, changed and asked for through metadata, over real HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.kits import CRM, pages
from kobling.model.errors import FeedExpiredError, ProtocolError
from kobling.model.mapping import Column, Table
from kobling.ports import Method, Outcome, Row, RowWrite, Service
from sandboxes import Sandbox

COLUMN = "paymenttermscode"
ROUTE = f"options/account.{COLUMN}"
COLUMNS = ("value", "code", COLUMN)
ELSEWHERE = "options/contact.nosuchcode"


def table(route: str) -> Table:
    return Table(
        name="account",
        caption="Account option",
        route=route,
        columns=tuple(Column(name=name, caption=name) for name in COLUMNS),
    )


def run(sandbox: Sandbox, work: Callable[[Any], Awaitable[Any]]) -> Any:
    sandbox.control(sandbox.dataverse, "requests/reset", {})
    return CRM.run(sandbox, work, tables=(table(ROUTE), table(ELSEWHERE)))


async def everything(service: Service, token: str | None = None) -> tuple[list[Row], list[str], str]:
    [page] = await pages(service, ROUTE, COLUMNS, token)
    assert page.token is not None
    return page.rows, page.deleted, page.token


async def rows_by_value(service: Service) -> dict[int, Row]:
    return {row["value"]: row for row in (await everything(service))[0]}


def insert(label: str) -> RowWrite:
    return RowWrite(
        method=Method.CREATE, table=ROUTE, id=str(uuid.uuid4()), body={COLUMN: label}, select=COLUMNS
    )


def rename(row: Row, label: str) -> RowWrite:
    return RowWrite(
        method=Method.UPDATE,
        table=ROUTE,
        id=row["id"],
        body={COLUMN: label},
        version=row["@odata.etag"],
        select=COLUMNS,
    )


def test_each_value_is_a_row_with_its_label_and_its_code(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        rows, deleted, _ = await everything(service)
        assert [(row["value"], row[COLUMN], row["code"]) for row in rows] == [
            (1, "Net 30", "NET30"),
            (2, "2% 10, Net 30", "2%10NET30"),
            (3, "Net 45", "NET45"),
            (4, "Net 60", "NET60"),
        ]
        assert deleted == []
        assert len({row["id"] for row in rows}) == len({row["@odata.etag"] for row in rows}) == 4
        assert {row["modifiedBy"] for row in rows} == {""}
        assert all(str(uuid.UUID(row["id"])) == row["id"] for row in rows)

    run(sandbox, work)
    assert len(CRM.outer(sandbox)) == 1


def test_a_set_that_has_not_changed_yields_nothing_and_costs_one_request(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        rows, _, token = await everything(service)
        assert await everything(service, token) == ([], [], token)
        assert rows == (await everything(service))[0]
        assert service.requests == 3

    run(sandbox, work)


def test_what_changed_comes_alone_and_what_went_is_a_tombstone(sandbox: Sandbox) -> None:
    async def work(service: Service) -> str:
        known, token = await rows_by_value(service), (await everything(service))[2]
        await service.write([rename(known[1], "A month"), insert("14 days")])
        rows, deleted, token = await everything(service, token)
        assert [row[COLUMN] for row in rows] == ["A month", "14 days"]
        assert rows[0]["id"] == known[1]["id"]
        assert rows[0]["@odata.etag"] != known[1]["@odata.etag"]
        assert deleted == []
        fewer = " ".join([token, "77:0123456789abcdef"])
        rows, deleted, _ = await everything(service, fewer)
        assert rows == []
        assert len(deleted) == 1
        return token

    run(sandbox, work)


@pytest.mark.parametrize("token", ["https://somewhere/delta", "1:a:b", "x:y", "1"])
def test_a_token_of_something_else_begins_anew(sandbox: Sandbox, token: str) -> None:
    async def work(service: Service) -> None:
        with pytest.raises(FeedExpiredError, match=r"options/account\.paymenttermscode cannot be read"):
            await everything(service, token)

    run(sandbox, work)


def test_rows_are_read_and_found_like_any_other(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        known = await rows_by_value(service)
        nobody = str(uuid.uuid4())
        assert await service.read(ROUTE, COLUMNS, [known[3]["id"], nobody]) == {known[3]["id"]: known[3]}
        assert await service.find(ROUTE, COLUMNS, "code", ["NET45", "nothing"]) == [known[3]]
        [inside] = [page async for page in service.inside(table(ROUTE), COLUMNS)]
        assert inside == list(known.values())

    run(sandbox, work)


def test_new_values_begin_at_a_publishers_range_and_none_is_given_twice(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        results = await service.write([insert("One"), insert("Two")])
        assert [one.outcome for one in results] == [Outcome.DONE] * 2
        rows = [one.row or {} for one in results]
        assert [(row["value"], row[COLUMN]) for row in rows] == [(100_000_000, "One"), (100_000_001, "Two")]
        assert await service.read(ROUTE, COLUMNS, [row["id"] for row in rows]) == {
            row["id"]: row for row in rows
        }

    run(sandbox, work)


def test_an_option_that_is_not_as_the_plan_knew_it_is_stale_and_one_that_is_not_there_gone(
    sandbox: Sandbox,
) -> None:
    async def work(service: Service) -> None:
        known = await rows_by_value(service)
        await service.write([rename(known[1], "A month")])
        missing = {**known[2], "id": str(uuid.uuid4())}
        results = await service.write([rename(known[1], "30"), rename(missing, "31"), rename(known[3], "45")])
        assert [one.outcome for one in results] == [Outcome.STALE, Outcome.GONE, Outcome.DONE]
        assert [row[COLUMN] for row in (await rows_by_value(service)).values()] == [
            *("A month", "2% 10, Net 30", "45", "Net 60")
        ]

    run(sandbox, work)


def test_no_option_is_deleted(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        known = await rows_by_value(service)
        write = RowWrite(
            method=Method.DELETE, table=ROUTE, id=known[1]["id"], body={}, version=known[1]["@odata.etag"]
        )
        [result] = await service.write([write])
        assert result.outcome is Outcome.REJECTED
        assert "an option is not deleted" in result.message
        assert await rows_by_value(service) == known

    run(sandbox, work)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_refusal_anywhere_leaves_the_account_as_it_is_and_the_next_write_goes_on(
    sandbox: Sandbox, nth: int
) -> None:
    """Three documents first, then the account; a copy that was made is used again."""

    async def work(service: Service) -> None:
        known = await rows_by_value(service)
        CRM.faults(
            sandbox, {"path": "InsertOptionValue", "nth": nth, "action": "status", "status": 403, "times": 1}
        )
        [result] = await service.write([insert("14 days")])
        assert result.outcome is Outcome.REJECTED
        assert await rows_by_value(service) == known
        CRM.faults(sandbox)
        [result] = await service.write([insert("14 days")])
        assert result.row is not None
        assert result.row["value"] == 100_000_000

    run(sandbox, work)


def test_a_column_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        with pytest.raises(ProtocolError, match=r"no choice column contact\.nosuchcode"):
            await pages(service, ELSEWHERE, COLUMNS)

    run(sandbox, work)


def test_a_right_to_publish_that_is_missing_is_named(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        CRM.faults(sandbox, {"path": "PublishXml", "nth": 1, "action": "status", "status": 403})
        with pytest.raises(ProtocolError, match=r"publishing of option values.*\n?.*System Customizer"):
            await service.write([insert("14 days")])

    run(sandbox, work)
