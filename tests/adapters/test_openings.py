"""Aim: the opening of a run is one request, brings what changed, and passes nothing that commits late.

Method: against a served sandbox, whose record tells what was sent and whose controls hold transactions open.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from adapters.kits import BC, CRM, CUSTOMERS, KITS, Kit, everything, pages
from kobling.model.errors import ConfigurationError, FeedExpiredError, ProtocolError, UnreachableError
from kobling.model.look_up import Reference
from kobling.model.mapping import Side
from kobling.ports import Outcome, Service
from sandboxes import Sandbox

BC_REFERENCES = (
    Reference(name="codes", side=Side.LEFT, route="salespeoplePurchasers", columns=("code", "name")),
    Reference(name="rates", side=Side.LEFT, route="currencyExchangeRates", columns=("currencyCode",)),
    Reference(name="setup", side=Side.LEFT, route="generalLedgerSetup", columns=("lcyCode",)),
)
CRM_REFERENCES = (
    Reference(
        name="organizations",
        side=Side.RIGHT,
        route="organizations",
        columns=("organizationid", "_basecurrencyid_value"),
    ),
    Reference(
        name="currencies", side=Side.RIGHT, route="transactioncurrencies", columns=("isocurrencycode",)
    ),
    Reference(name="accounts", side=Side.RIGHT, route="accounts", columns=("name", "ownerid")),
)
REFERENCES = {"bc": BC_REFERENCES, "crm": CRM_REFERENCES}
both = pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.side)


def transactions(sandbox: Sandbox, action: str, table: str) -> None:
    sandbox.control(sandbox.business_central, "transactions", {"action": action, "table": table})


@both
def test_an_opening_is_one_request_and_brings_whole_tables(sandbox: Sandbox, kit: Kit) -> None:
    references = REFERENCES[kit.side]

    async def work(service: Service) -> None:
        opening = await service.opening(references, {})
        assert service.requests == 1
        assert opening.whole == {one.name for one in references} == opening.rows.keys()
        for one in references:
            assert opening.rows[one.name], one.name
            for row in opening.rows[one.name]:
                assert uuid.UUID(row["id"])
                assert {"@odata.etag", "modifiedBy", *one.columns} <= row.keys()
        ids = [row["id"] for rows in opening.rows.values() for row in rows]
        assert len(ids) == len(set(ids))

    kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch"]


def test_without_references_dataverse_is_asked_nothing(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        opening = await service.opening([], {})
        assert (opening.rows, opening.whole, opening.marks, opening.deleted) == ({}, frozenset(), {}, ())

    CRM.run(sandbox, work)
    assert CRM.outer(sandbox) == []


def test_the_feeds_of_business_central_after_an_opening_ask_for_no_row_versions(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        await service.opening(BC_REFERENCES, {})
        _, token = await everything(service, BC)
        await everything(service, BC, token)

    BC.run(sandbox, work)
    assert sorted(BC.outer(sandbox)) == ["$batch", "customers", "customers"]


def test_without_an_opening_a_feed_asks_for_the_row_versions_itself(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        await everything(service, BC)

    BC.run(sandbox, work)
    assert sorted(BC.outer(sandbox)) == ["customers", "rowVersions"]


def test_an_opening_with_marks_brings_what_changed_and_what_was_deleted(sandbox: Sandbox) -> None:
    reference = Reference(name="customers", side=Side.LEFT, route="customers", columns=("name",))

    async def work(service: Service) -> None:
        first = await service.opening([reference], {})
        assert len(first.rows["customers"]) == BC.count(sandbox)
        assert first.marks.keys() == {"customers", "deletedRecords"}
        quiet = await service.opening([reference], first.marks)
        assert (quiet.rows, quiet.whole, quiet.deleted) == ({"customers": []}, frozenset(), ())
        made, gone = await service.write([BC.create("New"), BC.create("Gone")])
        assert gone.row is not None
        [deleted] = await service.write([BC.delete(gone.row)])
        assert deleted.outcome is Outcome.DONE
        second = await service.opening([reference], quiet.marks)
        assert made.row is not None
        assert [row["id"] for row in second.rows["customers"]] == [made.row["id"]]
        assert (CUSTOMERS.table_id, gone.row["id"]) in second.deleted
        third = await service.opening([reference], second.marks)
        assert (third.rows, third.deleted) == ({"customers": []}, ())

    BC.run(sandbox, work)


@both
def test_further_pages_of_an_opening_are_followed(sandbox: Sandbox, kit: Kit) -> None:
    table = kit.table.route
    reference = Reference(name="big", side=Side.LEFT, route=table, columns=("name",))

    async def work(service: Service) -> None:
        rows = (await service.opening([reference], {})).rows["big"]
        ids = {row["id"] for row in rows}
        assert len(ids) == len(rows) == kit.count(sandbox)

    kit.run(sandbox, work, page_rows=7)
    assert kit.outer(sandbox).count("$batch") == 1
    assert kit.outer(sandbox).count(table) == -(-kit.count(sandbox) // 7) - 1


def test_an_open_transaction_holds_the_marks_and_nothing_is_lost(sandbox: Sandbox) -> None:
    reference = Reference(name="customers", side=Side.LEFT, route="customers", columns=("name",))

    async def work(service: Service) -> None:
        opening = await service.opening([reference], {})
        _, token = await everything(service, BC)
        late, early = BC.create("Late"), BC.create("Early")
        transactions(sandbox, "open", "Customer")
        await service.write([late])
        await service.write([early])
        opening = await service.opening([reference], opening.marks)
        rows, token = await everything(service, BC, token)
        assert [row["id"] for row in rows] == [early.id]
        assert [row["id"] for row in opening.rows["customers"]] == [early.id]
        transactions(sandbox, "commit", "Customer")
        opening = await service.opening([reference], opening.marks)
        rows, token = await everything(service, BC, token)
        assert [row["id"] for row in rows] == [late.id, early.id]
        assert [row["id"] for row in opening.rows["customers"]] == [late.id, early.id]
        assert (await everything(service, BC, token))[0] == []

    BC.run(sandbox, work)


def test_a_deletion_that_commits_late_is_told_later(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        [made, other] = await service.write([BC.create("Late"), BC.create("Other")])
        assert made.row is not None
        assert other.row is not None
        marks = (await service.opening([], {})).marks
        transactions(sandbox, "open", "Customer")
        await service.write([BC.delete(made.row)])
        await service.write([BC.delete(other.row)])
        opening = await service.opening([], marks)
        assert (18, other.row["id"]) in opening.deleted
        assert (18, made.row["id"]) not in opening.deleted
        transactions(sandbox, "commit", "Customer")
        opening = await service.opening([], opening.marks)
        assert (18, made.row["id"]) in opening.deleted

    BC.run(sandbox, work)


def test_a_change_between_opening_and_feed_is_told_again_not_lost(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        await service.opening([], {})
        _, token = await everything(service, BC)
        await service.opening([], {})
        new = BC.create("Between")
        await service.write([new])
        rows, token = await everything(service, BC, token)
        assert [row["id"] for row in rows] == [new.id]
        await service.opening([], {})
        rows, token = await everything(service, BC, token)
        assert [row["id"] for row in rows] == [new.id]
        assert (await everything(service, BC, token))[0] == []

    BC.run(sandbox, work)


def test_a_mark_above_the_maximum_means_another_database(sandbox: Sandbox) -> None:
    state: Any = sandbox.control(sandbox.business_central, "state")
    mark = str(state["row_version"] + 1)
    words = f"stored mark {mark} is above the environment's present maximum {state['row_version']}"

    async def work(service: Service) -> None:
        with pytest.raises(ConfigurationError, match=words):
            await everything(service, BC, mark)
        for name in ("customers", "deletedRecords"):
            reference = Reference(name="customers", side=Side.LEFT, route="customers", columns=("name",))
            with pytest.raises(ConfigurationError, match="another or a restored database"):
                await service.opening([reference], {name: mark})
        await service.opening([], {})
        with pytest.raises(ConfigurationError, match=words):
            await everything(service, BC, mark)

    BC.run(sandbox, work)


def test_a_mark_that_another_run_moved_past_our_opening_is_no_other_database(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        await service.opening([], {})
        await service.write([BC.create("Meanwhile")])
        state: Any = sandbox.control(sandbox.business_central, "state")
        rows, token = await everything(service, BC, str(state["row_version"]))
        assert (rows, token) == ([], str(state["row_version"]))

    BC.run(sandbox, work)


def test_a_mark_that_is_none_of_business_central_starts_the_feed_anew(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        with pytest.raises(FeedExpiredError, match="is none of Business Central's"):
            await everything(service, BC, "https://elsewhere")

    BC.run(sandbox, work)


def test_an_old_delta_token_is_told_as_expired(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        _, token = await everything(service, CRM)
        sandbox.control(sandbox.dataverse, "clock", {"offset_seconds": 8 * 86_400})
        with pytest.raises(FeedExpiredError, match="changes of accounts: Version stamp"):
            await everything(service, CRM, token)
        _, token = await everything(service, CRM)
        assert (await everything(service, CRM, token))[0] == []

    CRM.run(sandbox, work)


@pytest.mark.parametrize("change", ["broken", "elsewhere"])
def test_a_delta_token_that_is_refused_is_told_as_expired(sandbox: Sandbox, change: str) -> None:
    async def work(service: Service) -> None:
        _, token = await everything(service, CRM)
        if change == "broken":
            token = token.partition("$deltatoken=")[0] + "$deltatoken=nonsense"
        else:
            token = token.replace("127.0.0.1", "crm.example")
        sent = service.requests
        with pytest.raises(FeedExpiredError, match="accounts"):
            await everything(service, CRM, token)
        # A token of another address must not take our credentials there.
        assert service.requests - sent == (1 if change == "broken" else 0)

    CRM.run(sandbox, work)


def test_what_a_first_read_refuses_is_no_expired_token(sandbox: Sandbox) -> None:
    async def work(service: Service) -> None:
        with pytest.raises(ProtocolError, match=r"answered 400 for accounts: 0x80060888.*'nosuch'"):
            await pages(service, "accounts", ["nosuch"])

    CRM.run(sandbox, work)


def test_the_choices_of_an_entity_are_rows(sandbox: Sandbox) -> None:
    terms = ("paymenttermscode", "address1_freighttermscode")
    chosen = Reference(name="options", side=Side.RIGHT, route="account", columns=terms, options=True)
    all_of_them = Reference(name="all", side=Side.RIGHT, route="account", columns=(), options=True)

    async def work(service: Service) -> None:
        opening = await service.opening([chosen, all_of_them], {})
        rows = opening.rows["options"]
        assert {row["column"] for row in rows} == set(terms)
        first = next(row for row in rows if row["column"] == "paymenttermscode" and row["value"] == 1)
        assert (first["label"], first["code"]) == ("Net 30", "NET30")
        assert all(row.keys() == {"column", "value", "label", "id", "code"} and row["label"] for row in rows)
        assert len({row["id"] for row in rows}) == len(rows)
        assert [row for row in opening.rows["all"] if row["column"] in terms] == rows
        assert len(opening.rows["all"]) > len(rows)

    CRM.run(sandbox, work)
    assert CRM.outer(sandbox) == ["$batch"]


@both
def test_a_table_that_may_not_be_read_is_named_with_the_right_that_is_missing(
    sandbox: Sandbox, kit: Kit
) -> None:
    reference = REFERENCES[kit.side][1]
    kit.faults(sandbox, {"method": "GET", "path": reference.route, "action": "status", "status": 403})

    async def work(service: Service) -> None:
        await service.opening(REFERENCES[kit.side], {})

    with pytest.raises(ProtocolError, match=f"answered 403 for {reference.route}: ") as caught:
        kit.run(sandbox, work)
    told, cure = caught.value.message, caught.value.cure
    named = re.search(r"missing (prv\w+)", told)
    right = f"the privilege {named[1]}" if named else f"the right to read {reference.route}"
    assert right in cure
    assert "\n" not in str(caught.value)


@both
def test_a_table_that_is_not_there_is_named(sandbox: Sandbox, kit: Kit) -> None:
    reference = Reference(name="nosuch", side=Side.LEFT, route="nosuchs", columns=("name",))

    async def work(service: Service) -> None:
        await service.opening([*REFERENCES[kit.side], reference], {})

    with pytest.raises(ProtocolError, match=r"answered 404 for nosuchs: .*'nosuchs'"):
        kit.run(sandbox, work)


@both
def test_a_part_that_fails_in_passing_is_asked_again_with_its_batch(sandbox: Sandbox, kit: Kit) -> None:
    reference = REFERENCES[kit.side][1]
    rule = {"method": "GET", "path": reference.route, "nth": 1, "action": "status", "status": 503}
    kit.faults(sandbox, rule | {"retry_after": "0"})

    async def work(service: Service) -> None:
        assert (await service.opening(REFERENCES[kit.side], {})).rows[reference.name]

    kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch", "$batch"]


@both
def test_a_part_that_goes_on_failing_ends_the_opening(sandbox: Sandbox, kit: Kit) -> None:
    reference = REFERENCES[kit.side][1]
    rule = {"method": "GET", "path": reference.route, "action": "status", "status": 503, "retry_after": "0"}
    kit.faults(sandbox, rule)

    async def work(service: Service) -> None:
        await service.opening(REFERENCES[kit.side], {})

    with pytest.raises(UnreachableError, match=f"answered 503 for {reference.route}"):
        kit.run(sandbox, work)
    assert kit.outer(sandbox) == ["$batch"] * 3
