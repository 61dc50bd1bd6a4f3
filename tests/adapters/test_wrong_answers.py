"""Aim: whatever a portal, a proxy or a strange service answers, one line tells a person what to mend.

Method: a server that sends what the test says, where no proper service would answer so; over real HTTP.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from adapters.kits import BC, CRM, Kit
from adapters.ways import HTML, ONE, TWO, Way, both, every_way, feed, read, write
from adapters.wrong_server import SECRET, Replies, Request, WrongServer, meet, refused, reply, wrong_server
from kobling.model.errors import CredentialsError, KoblingError, ProtocolError, UnreachableError
from kobling.ports import Outcome, Service


@both
@every_way
def test_a_redirect_is_not_followed_and_told(kit: Kit, way: Way) -> None:
    async def inside() -> None:
        async with wrong_server(lambda request: reply(body={"value": []})) as other:
            place = f"{other.base}/elsewhere"
            told, count = await asyncio.to_thread(
                refused, kit, lambda request: reply(302, HTML, Location=place), way, ProtocolError
            )
            assert f"redirects to {other.base} (302), which is not followed" in told
            assert count == 1
            assert other.seen == []

    asyncio.run(inside())


@both
@every_way
def test_an_answer_that_is_no_http_is_told_without_the_address(kit: Kit, way: Way) -> None:
    told, _ = refused(kit, lambda request: b"no HTTP at all\r\n\r\n", way, UnreachableError)
    assert "/api/" not in told
    assert "url=" not in told


@both
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            reply(200, HTML, Content_Type="text/html"),
            ProtocolError,
            "answered 200 with something that is not JSON",
        ),
        (
            reply(403, HTML, Content_Type="text/html"),
            ProtocolError,
            "answered 403 with something that is not JSON",
        ),
        (reply(200, {"token_type": "Bearer"}), ProtocolError, "answered 200 without an access_token"),
        (reply(200, ["access_token"]), ProtocolError, "answered 200 without an access_token"),
        (reply(404, {"error": "not_found"}), ProtocolError, "answered 404 without an access_token"),
        (
            reply(302, b"", Location="https://login.example/x"),
            ProtocolError,
            "redirects to https://login.example",
        ),
        (reply(503, HTML, Content_Type="text/html"), UnreachableError, "answered 503"),
        (reply(200, {"access_token": "x" * 100}, cut=20), UnreachableError, "broke off"),
        (None, UnreachableError, "broke off"),
        (
            reply(401, {"error": "invalid_client", "error_description": f"AADSTS1:\r\n no {SECRET}"}),
            CredentialsError,
            "refuses client 'kobling' (401): AADSTS1: no …",
        ),
        (reply(400, {"error": "unauthorized_client"}), CredentialsError, "(400): unauthorized_client"),
    ],
)
def test_a_token_endpoint_that_gives_no_token_is_named(
    kit: Kit, answer: bytes | None, kind: type[KoblingError], words: str
) -> None:
    told, count = refused(kit, lambda request: reply(), feed, kind, token=lambda request: answer)
    assert words in told
    assert count == 0


@both
def test_a_fresh_token_that_is_refused_too_is_no_matter_of_time(kit: Kit) -> None:
    told, count = refused(kit, lambda request: reply(401, {}), feed, CredentialsError)
    assert "refuses the token" in told
    assert count == 2


@both
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b'{"value": [{"id": "1"', "not JSON"),
        (b'{"value": [{"a": ' + b"[" * 100_000, "not JSON"),
        ([], "of another form"),
        ({}, "of another form"),
        ({"value": None}, "of another form"),
        ({"value": [1]}, "of another form"),
        ({"value": [{"name": "neither id nor version"}], "@odata.deltaLink": "x"}, "without"),
        ({"value": [{"name": "A", "@odata.etag": "x"}], "@odata.deltaLink": "x"}, "without"),
        ({"value": [{"id": 5, "accountid": 5, "@odata.etag": "x"}], "@odata.deltaLink": "x"}, "without"),
    ],
)
def test_json_that_is_not_the_protocol_is_named(kit: Kit, body: Any, words: str) -> None:
    versions = {"value": [{"minimumActiveRowVersion": 8, "lastUsedRowVersion": 7}]}

    def answer(request: Request) -> bytes:
        return reply(body=versions if request.path.endswith("rowVersions") else body)

    told, _ = refused(kit, answer, feed, ProtocolError)
    assert words in told


@pytest.mark.parametrize("rows", [[], [{}], [{"minimumActiveRowVersion": "x", "lastUsedRowVersion": 1}]])
def test_row_versions_that_are_none_are_named(rows: list[Any]) -> None:
    told, _ = refused(BC, lambda request: reply(body={"value": rows}), feed, ProtocolError)
    assert "rowVersions" in told


def test_tracking_that_is_off_says_so() -> None:
    error = {"error": {"code": "0x80044351", "message": "Change tracking is not enabled."}}
    told, _ = refused(CRM, lambda request: reply(400, error), feed, ProtocolError)
    assert "Turn on 'Track changes'" in told


def test_a_first_read_cannot_be_expired() -> None:
    error = {"error": {"code": "0x80044352", "message": "Version stamp has expired."}}
    told, count = refused(CRM, lambda request: reply(410, error), feed, ProtocolError)
    assert "answered 410 for accounts: 0x80044352" in told
    assert count == 1


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("Principal user (Id=1) is missing prvReadAccount privilege.", "the privilege prvReadAccount."),
        ("Access denied.", "the right to read accounts in the whole organization."),
    ],
)
def test_a_missing_privilege_is_named(message: str, right: str) -> None:
    error = {"error": {"code": "0x80040220", "message": message}}
    told, _ = refused(CRM, lambda request: reply(403, error), feed, ProtocolError)
    assert told.endswith(f"Give a security role of the application user in Dataverse {right}")


def test_a_look_up_whose_table_is_not_told_is_named() -> None:
    row = {"accountid": ONE, "@odata.etag": "x", "_ownerid_value": TWO}

    async def work(service: Service, server: WrongServer) -> None:
        with pytest.raises(ProtocolError, match=r"which table accounts\.ownerid points to"):
            async for _ in service.changes("accounts", ["ownerid"], None):
                pass

    meet(CRM, lambda request: reply(body={"value": [row], "@odata.deltaLink": "x"}), work)


@both
def test_a_next_page_on_another_host_is_not_asked_for(kit: Kit) -> None:
    row = {"id": ONE, "accountid": ONE, "@odata.etag": "x", "name": "A"}
    versions = {"minimumActiveRowVersion": 8, "lastUsedRowVersion": 7}
    page = {"value": [row | versions], "@odata.nextLink": "https://elsewhere.example/next"}
    told, count = refused(kit, lambda request: reply(body=page), feed, ProtocolError)
    assert "elsewhere.example, which is not its own host" in told
    assert count == (2 if kit is BC else 1)


def bc_batch(request: Request, *, turned: bool = False, drop: int = 0) -> bytes:
    """Answers to a batch of creates or reads as Business Central gives them."""
    responses = []
    for part in request.json()["requests"]:
        found = re.search(r"\((\w{8}-[^)]*)\)", part["url"])
        one = part["body"]["id"] if "body" in part else found[1] if found else ""
        row = {"id": one, "name": f"Row {one[0]}", "@odata.etag": "x"}
        responses.append({"id": part["id"], "status": 200, "headers": {}, "body": row})
    responses = responses[: len(responses) - drop]
    return reply(body={"responses": responses[::-1] if turned else responses})


def test_parts_of_business_central_are_found_by_their_ids() -> None:
    async def work(service: Service, server: WrongServer) -> None:
        results = await service.write([BC.create("One", ONE), BC.create("Two", TWO)])
        assert [one.row["name"] for one in results if one.row] == ["Row 1", "Row 2"]
        rows = await service.read("customers", ["name"], [ONE, TWO])
        assert {key: row["name"] for key, row in rows.items()} == {ONE: "Row 1", TWO: "Row 2"}

    meet(BC, lambda request: bc_batch(request, turned=True), work)


def test_after_a_batch_that_fails_those_at_work_end_and_no_other_is_begun() -> None:
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(1000)]

    def answer(request: Request) -> bytes:
        return reply(400, {"error": {"code": "first"}}) if ids[0] in str(request.body) else bc_batch(request)

    async def work(service: Service, server: WrongServer) -> None:
        with pytest.raises(ProtocolError, match="answered 400 for a batch: first"):
            await service.read("customers", ["name"], ids)
        # Four were taken up, and one at a time may pass.
        assert len(server.seen) == 4

    meet(BC, answer, work, at_once=1)


@pytest.mark.parametrize("way", [read, write])
def test_a_batch_that_answers_fewer_parts_is_named(way: Way) -> None:
    told, count = refused(BC, lambda request: bc_batch(request, drop=1), way, ProtocolError)
    assert "answered 1 of 2 parts of a batch" in told
    assert count == 1


def bc_parts(*responses: dict[str, Any]) -> Replies:
    return lambda request: reply(body={"responses": list(responses)})


@pytest.mark.parametrize("way", [read, write])
def test_a_part_without_a_body_is_named(way: Way) -> None:
    told, _ = refused(
        BC, bc_parts({"id": "0", "status": 200}, {"id": "1", "status": 200}), way, ProtocolError
    )
    assert "without the row" in told or "not JSON" in told


def test_a_refused_part_without_a_body_is_refused() -> None:
    async def work(service: Service, server: WrongServer) -> None:
        results = await service.write([BC.create("One", ONE), BC.create("Two", TWO)])
        assert [one.outcome for one in results] == [Outcome.REJECTED, Outcome.STALE]
        assert [one.message for one in results] == ["status 400 without a body", "status 412 without a body"]

    meet(BC, bc_parts({"id": "0", "status": 400}, {"id": "1", "status": 412}), work)


def test_a_part_that_answers_with_another_row_is_named() -> None:
    parts = [
        {"id": str(index), "status": 201, "body": {"id": one, "@odata.etag": "x"}}
        for index, one in enumerate((TWO, ONE))
    ]
    told, _ = refused(BC, bc_parts(*parts), write, ProtocolError)
    assert f"answered with the row '{TWO}'" in told


def multipart(*parts: tuple[int, bytes], boundary: str = "b_1", end: str = "--") -> bytes:
    text = b""
    for status, body in parts:
        head = f"--{boundary}\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {status} X\r\n"
        text += head.encode() + b"Content-Type: application/json\r\n\r\n" + body + b"\r\n"
    return text + f"--{boundary}{end}\r\n".encode()


def crm_row(one: str) -> bytes:
    return b'{"accountid": "%s", "@odata.etag": "x", "name": "A"}' % one.encode()


MULTIPART = "multipart/mixed; boundary=b_1"


@pytest.mark.parametrize("way", [read, write])
@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (multipart((200, crm_row(ONE)), end=""), MULTIPART, "ends in the middle"),
        (multipart((200, crm_row(ONE)), (200, crm_row(TWO)))[:-40], MULTIPART, "ends in the middle"),
        (b"", MULTIPART, "ends in the middle"),
        (multipart((200, crm_row(ONE))), MULTIPART, "answered 1 of 2 parts"),
        (
            multipart((200, crm_row(ONE)), (200, crm_row(TWO))),
            "multipart/mixed",
            "not multipart with a boundary",
        ),
        (crm_row(ONE), "application/json", "'application/json'"),
        (b"--b_1\r\n\r\nHTTP/9\r\n\r\n--b_1--\r\n", MULTIPART, "without a status line"),
        (b"--b_1\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n--b_1--\r\n", MULTIPART, "a part that ends in the middle"),
        (multipart((200, crm_row(ONE)[:-9]), (200, crm_row(TWO))), MULTIPART, "not JSON"),
    ],
)
def test_a_multipart_answer_that_is_broken_is_named(
    way: Way, body: bytes, content_type: str, words: str
) -> None:
    told, count = refused(
        CRM, lambda request: reply(200, body, Content_Type=content_type), way, ProtocolError
    )
    assert words in told
    assert count == 1


def test_parts_of_dataverse_in_another_order_are_not_mixed_up() -> None:
    turned = multipart((201, crm_row(TWO)), (201, crm_row(ONE)))
    told, _ = refused(CRM, lambda request: reply(200, turned, Content_Type=MULTIPART), write, ProtocolError)
    assert f"{ONE} answered with the row '{TWO}'" in told


@pytest.mark.parametrize(
    ("status", "outcomes"),
    [(404, [Outcome.REJECTED, Outcome.GONE]), (412, [Outcome.EXISTS, Outcome.STALE])],
)
def test_older_versions_of_dataverse_leave_the_code_empty(status: int, outcomes: list[Outcome]) -> None:
    error = b'{"error": {"code": "", "message": "No."}}'
    body = multipart((status, error), (status, error))

    async def work(service: Service, server: WrongServer) -> None:
        update = CRM.update({"id": TWO, "@odata.etag": "x"}, name="A")
        results = await service.write([CRM.create("One", ONE), update])
        assert [one.outcome for one in results] == outcomes

    meet(CRM, lambda request: reply(200, body, Content_Type=MULTIPART), work)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Internal_EntityWithSameKeyExists", f"The Customer already exists. No.='10' CorrelationId:  {TWO}."),
        ("Internal_RecordNotFound", f"The Currency does not exist. SystemId='{ONE}'  CorrelationId:  {TWO}."),
    ],
)
def test_an_update_that_another_row_stands_against_is_rejected(code: str, message: str) -> None:
    error = {"error": {"code": code, "message": message}}

    async def work(service: Service, server: WrongServer) -> None:
        [result] = await service.write([BC.update({"id": TWO, "@odata.etag": "x"}, name="A")])
        assert (result.outcome, result.code, result.message) == (Outcome.REJECTED, code, message)

    meet(BC, bc_parts({"id": "0", "status": 404, "body": error}), work)


def test_the_correlation_of_a_message_is_not_taken_for_a_row() -> None:
    message = f"The Customer does not exist. SystemId='{TWO}'  CorrelationId:  {ONE}."
    error = {"error": {"code": "Internal_recordNotFound", "message": message}}

    async def work(service: Service, server: WrongServer) -> None:
        [result] = await service.write([BC.delete({"id": TWO, "@odata.etag": "x"})])
        assert result.outcome is Outcome.GONE

    meet(BC, bc_parts({"id": "0", "status": 404, "body": error}), work)
