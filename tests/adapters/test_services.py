"""Aim: both adapters keep one contract over real HTTP: feeds, bulk reads, conditional writes, limits.

Method: the same test for each of the two, against a served sandbox; what was sent is read from its record.
"""

from __future__ import annotations

import uuid

import pytest

from adapters.kits import BC, CRM, KITS, Kit, company_of, everything, pages
from kobling.model.errors import ConfigurationError, CredentialsError, UnreachableError
from kobling.model.mapping import Table
from kobling.ports import Method, Outcome, RowWrite, Service
from sandboxes import Sandbox

__all__ = ["company_of"]
both = pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.side)


@both
def test_a_feed_gives_everything_and_then_only_what_changed(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        rows, token = await everything(service, kit)
        assert len(rows) == kit.count(sandbox) >= 20
        again, token = await everything(service, kit, token)
        assert again == []
        new = kit.create("Ny kunde Å")
        [result] = await service.write([new])
        assert result.outcome is Outcome.DONE
        changed, token = await everything(service, kit, token)
        assert [(row["id"], row["name"]) for row in changed] == [(new.id, "Ny kunde Å")]
        assert (await everything(service, kit, token))[0] == []

    kit.run(sandbox, work)


@both
def test_every_row_carries_id_version_and_author(sandbox: Sandbox, kit: Kit) -> None:
    new = kit.create("Åsgard", str(uuid.uuid4()).upper())

    async def create(service: Service) -> tuple[str, str]:
        [made] = await service.write([new])
        assert made.row is not None
        assert made.row["id"] == new.id.lower()
        return made.row["@odata.etag"], made.row["modifiedBy"]

    version, author = kit.run(sandbox, create)

    async def change(service: Service) -> None:
        columns = (*kit.columns, kit.columns[0], "id", "modifiedBy", "@odata.etag")
        row = (await service.read(kit.table.route, columns, [new.id]))[new.id.lower()]
        assert (row["@odata.etag"], row["modifiedBy"]) == (version, author)
        [done] = await service.write([kit.update(row, name="Valhall")])
        rows, _ = await everything(service, kit)
        [row] = [one for one in rows if one["id"] == new.id.lower()]
        assert row == row | {"name": "Valhall", "modifiedBy": row["modifiedBy"]}
        assert done.row is not None
        assert (done.row["@odata.etag"], done.row["modifiedBy"]) == (row["@odata.etag"], row["modifiedBy"])
        assert row["modifiedBy"] not in ("", author)
        assert row["@odata.etag"] != version

    kit.run(sandbox, change, client="Anna")


@both
def test_a_feed_costs_one_request_a_page_and_its_token_comes_last(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        await service.opening([], {})
        before = service.requests
        found = await pages(service, kit.table.route, kit.columns)
        assert len(found) > 2
        assert service.requests - before == len(found)
        assert [page.token for page in found[:-1]] == [None] * (len(found) - 1)
        assert found[-1].token is not None
        ids = [row["id"] for page in found for row in page.rows]
        assert len(ids) == len(set(ids)) == kit.count(sandbox)

    kit.run(sandbox, work, page_rows=7)


@both
def test_writes_are_conditional_and_stand_alone_in_their_batch(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        good, bad = kit.create("One"), kit.create("x" * 500)
        created = await service.write([good, bad])
        assert [one.outcome for one in created] == [Outcome.DONE, Outcome.REJECTED]
        assert "length" in created[1].message
        assert created[1].row is None
        [twice] = await service.write([good])
        assert twice.outcome is Outcome.EXISTS
        assert created[0].row is not None
        update = kit.update(created[0].row, name="Two")
        assert [one.outcome for one in await service.write([update])] == [Outcome.DONE]
        assert [one.outcome for one in await service.write([update])] == [Outcome.STALE]
        rows = await service.read(kit.table.route, kit.columns, [good.id, bad.id])
        assert {key: row["name"] for key, row in rows.items()} == {good.id: "Two"}

    kit.run(sandbox, work)


@both
def test_a_deletion_is_conditional_and_what_is_gone_is_told(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        [made] = await service.write([kit.create("Brief")])
        assert made.row is not None
        [changed] = await service.write([kit.update(made.row, name="Briefer")])
        assert changed.row is not None
        assert [one.outcome for one in await service.write([kit.delete(made.row)])] == [Outcome.STALE]
        [deleted] = await service.write([kit.delete(changed.row)])
        assert (deleted.outcome, deleted.row) == (Outcome.DONE, None)
        late = await service.write([kit.delete(changed.row), kit.update(changed.row, name="Late")])
        assert [one.outcome for one in late] == [Outcome.GONE, Outcome.GONE]
        assert await service.read(kit.table.route, kit.columns, [made.row["id"]]) == {}

    kit.run(sandbox, work)


@both
def test_a_write_without_a_known_version_changes_nothing(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        [made] = await service.write([kit.create("Kept")])
        assert made.row is not None
        blind = made.row | {"@odata.etag": ""}
        results = await service.write([kit.update(blind, name="Lost"), kit.delete(blind)])
        assert [one.outcome for one in results] == [Outcome.STALE, Outcome.STALE]
        rows = await service.read(kit.table.route, kit.columns, [made.row["id"]])
        assert [row["name"] for row in rows.values()] == ["Kept"]

    kit.run(sandbox, work)


@both
def test_large_writes_and_reads_keep_their_order(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        writes = [kit.create(f"Number {number}") for number in range(1050)]
        results = await service.write(writes)
        assert [one.row["name"] for one in results if one.row] == [one.body["name"] for one in writes]
        ids = [one.id for one in reversed(writes)]
        rows = await service.read(kit.table.route, kit.columns, ids)
        assert [rows[one]["name"] for one in ids] == [one.body["name"] for one in reversed(writes)]

    kit.run(sandbox, work)
    batches = 2 * (11 if kit is BC else 3)
    assert kit.outer(sandbox).count("$batch") == batches


@both
def test_when_one_batch_of_several_fails_the_others_have_ended(sandbox: Sandbox, kit: Kit) -> None:
    before = kit.count(sandbox)
    rule = {"method": "POST", "path": r"\$batch$", "nth": 2, "action": "status", "status": 502}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> int:
        with pytest.raises(UnreachableError, match="unknown whether it was done"):
            await service.write([kit.create(f"Number {number}") for number in range(1500)])
        return kit.count(sandbox)

    ended = kit.run(sandbox, work)
    # What the service holds at that moment is all that it will ever hold: nothing is still on its way.
    assert ended > before
    assert (ended - before) % (100 if kit is BC else 500) == 0
    assert kit.count(sandbox) == ended
    sent = kit.outer(sandbox).count("$batch")
    assert ended - before == (sent - 1) * (100 if kit is BC else 500)


def test_dataverse_tells_deletions_in_its_feed(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        [made, kept] = await service.write([CRM.create("Gone"), CRM.create("Stays")])
        _, token = await everything(service, CRM)
        assert made.row is not None
        assert kept.row is not None
        await service.write([CRM.delete(made.row), CRM.update(kept.row, name="Stayed")])
        [page] = await pages(service, "accounts", CRM.columns, token)
        assert [row["name"] for row in page.rows] == ["Stayed"]
        assert page.deleted == [made.row["id"]]

    CRM.run(sandbox, work)


@both
def test_a_table_that_no_mapping_has_is_a_matter_of_configuration(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        write = RowWrite(method=Method.CREATE, table="nosuch", id=str(uuid.uuid4()), body={})
        with pytest.raises(ConfigurationError, match="'nosuch'"):
            await pages(service, "nosuch", ["name"])
        with pytest.raises(ConfigurationError, match=f"Known: {kit.table.route}"):
            await service.read("nosuch", ["name"], [write.id])
        with pytest.raises(ConfigurationError, match="'nosuch'"):
            await service.write([write])
        assert service.requests == 0

    kit.run(sandbox, work)


def test_what_two_mappings_read_of_one_table_is_known_together(sandbox: Sandbox) -> None:
    fewer = Table(name="account", caption="Account", route="accounts", key="accountid", columns=())

    async def work(service: Service) -> None:
        [page] = await pages(service, "accounts", ["name", "ownerid"])
        assert {row["ownerid"].partition("/")[0] for row in page.rows} == {"systemuser"}

    CRM.run(sandbox, work, tables=(CRM.table, fewer))


@both
def test_a_wrong_secret_is_refused_in_words_without_the_secret(sandbox: Sandbox, kit: Kit) -> None:
    async def work(service: Service) -> None:
        await everything(service, kit)

    with pytest.raises(CredentialsError, match="refuses client 'kobling'") as caught:
        kit.run(sandbox, work, secret="wrong-canary")
    assert "AADSTS7000215" in str(caught.value)
    assert "canary" not in str(caught.value)


@both
def test_an_expired_token_and_throttling_pass_unseen(sandbox: Sandbox, kit: Kit) -> None:
    path = f"/{kit.table.route}"
    kit.faults(
        sandbox,
        {"method": "GET", "path": path, "nth": 1, "action": "expire_token"},
        {"method": "GET", "path": path, "nth": 1, "action": "status", "status": 429, "retry_after": 1},
    )

    async def work(service: Service) -> None:
        rows, _ = await everything(service, kit)
        assert len(rows) >= 20

    kit.run(sandbox, work)
    assert kit.outer(sandbox).count(kit.table.route) == 3


def test_an_address_where_nobody_answers_is_named() -> None:
    nowhere = Sandbox("http://127.0.0.1:9", "http://127.0.0.1:9")

    async def work(service: Service) -> None:
        await everything(service, CRM)

    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 does not answer"):
        CRM.run(nowhere, work)
