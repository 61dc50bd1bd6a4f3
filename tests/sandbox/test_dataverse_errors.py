"""Aim: each refusal of Dataverse has its status, its code and the documented text.

Method: plain HTTP against a served sandbox. Refusals that need a busy service, a missing privilege or a huge
body come from the faults control, which gives them the service's own form.
"""

from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from crm_support import ROOT, Answer, Client

UNKNOWN = "00000000-0000-4000-8000-000000000001"
DETAIL = "@Microsoft.PowerApps.CDS."
DETECT = {"MSCRM.SuppressDuplicateDetection": "false"}
BULK = "Microsoft.Dynamics.CRM."


def told(answer: Answer) -> tuple[int, str, str]:
    """Status, code and text."""
    return (*answer.error, answer.body["error"]["message"])


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        (
            "POST",
            "accounts",
            {"nosuch": 1},
            (400, "0x80048d19", "Error identified in Payload provided by the user for Entity :'accounts'"),
        ),
        (
            "GET",
            "accounts?$filter=nosuch eq 1",
            None,
            (400, "0x80060888", "Could not find a property named 'nosuch' on type '" + BULK + "account'."),
        ),
        (
            "POST",
            "accounts",
            {"name": "x" * 161},
            (
                400,
                "0x80044331",
                "A validation error occurred.  The length of the 'name' attribute of the 'account' entity "
                "exceeded the maximum allowed length of '160'.",
            ),
        ),
        ("GET", f"accounts({UNKNOWN})", None, (404, "0x80040217", f"account With Id = {UNKNOWN} Does Not ")),
        (
            "POST",
            f"contacts/{BULK}UpdateMultiple",
            {"Targets": [{"@odata.type": f"{BULK}contact", "contactid": UNKNOWN, "lastname": "A"}]},
            (404, "0x80040217", f"Contact With Ids = {UNKNOWN} Do Not Exist"),
        ),
        ("GET", "nosuch", None, (404, "0x8006088a", "Resource not found for the segment 'nosuch'.")),
    ],
)
def test_texts_of_refusals(
    sales: Client, method: str, path: str, body: Any, expected: tuple[int, str, str]
) -> None:
    status, code, text = told(sales.send(method, path, body))
    assert (status, code) == expected[:2]
    assert text.startswith(expected[2])


def test_texts_of_conflicts(sales: Client) -> None:
    identifier = sales.create("accounts", name="A", accountnumber="1")
    path = f"accounts({identifier})"
    assert told(sales.send("PATCH", path, {"name": "B"}, If_Match='W/"1"')) == (
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property provided.",
    )
    text = "A record with matching key values already exists."
    for answer in (
        sales.send("POST", "accounts", {"name": "B", "accountid": identifier}),
        sales.send("PATCH", path, {"name": "B"}, If_None_Match="*"),
    ):
        assert told(answer) == (412, "0x80040237", text)
    assert sales.send("POST", "accounts", {"name": "B", "accountnumber": "1"}).error == (412, "0x80060892")


def test_errors_tell_more_when_annotations_are_asked_for(sales: Client) -> None:
    plain = sales.send("GET", "nosuch").body["error"]
    assert set(plain) == {"code", "message"}
    full = sales.send("GET", "nosuch", Prefer='odata.include-annotations="*"').body["error"]
    names = ("ErrorDetails.OperationStatus", "ErrorDetails.SubErrorCode", "HelpLink", "TraceText")
    assert set(full) == {"code", "message", f"{DETAIL}InnerError.Message"} | {DETAIL + n for n in names}
    other = 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'
    assert set(sales.send("GET", "nosuch", Prefer=other).body["error"]) == set(plain)


def test_older_builds_leave_codes_empty(sales: Client) -> None:
    path = f"accounts({sales.create('accounts', name='A')})"
    answers = [
        lambda: sales.send("GET", f"accounts({UNKNOWN})").error,
        lambda: sales.send("DELETE", path, If_Match='W/"1"').error,
        lambda: sales.send("POST", "accounts", {"nosuch": 1}).error,
    ]
    assert sales.control("POST", "variants", {"empty_codes": True})["empty_codes"] is True
    assert [ask() for ask in answers] == [(404, ""), (412, ""), (400, "0x80048d19")]
    sales.control("POST", "reset")
    assert answers[0]() == (404, "0x80040217")


def test_duplicates_are_told_only_to_those_who_ask(sales: Client) -> None:
    one = sales.create("accounts", name="Fjell AS", emailaddress1="post@fjell.example")
    two = sales.create("accounts", name="FJELL as")
    refused = (412, "0x80040333")
    for body in ({"name": "fjell as"}, {"name": "Other", "emailaddress1": "POST@fjell.example"}):
        assert sales.send("POST", "accounts", body, **DETECT).error == refused
        assert sales.send("PATCH", f"accounts({UNKNOWN})", body, **DETECT).error == refused
        assert sales.send("PATCH", f"accounts({two})", body, **DETECT).error == refused
    assert sales.read("accounts/$count") == b"2"
    assert sales.send("PATCH", f"accounts({two})", {"telephone1": "1"}, **DETECT).status == 204
    assert sales.send("PATCH", f"accounts({one})", {"emailaddress1": None}, **DETECT).status == 204
    assert sales.send("POST", "accounts", {"name": "New", "emailaddress1": ""}, **DETECT).status == 204
    quiet = {"MSCRM.SuppressDuplicateDetection": "true"}
    assert sales.send("POST", "accounts", {"name": "Fjell AS"}, **quiet).status == 204


def test_people_are_duplicates_by_both_parts_of_their_name(sales: Client) -> None:
    sales.create("contacts", firstname="Kari", lastname="Berg")
    body = {"firstname": "kari", "lastname": "Berg"}
    assert sales.send("POST", "contacts", body, **DETECT).error == (412, "0x80040333")
    assert sales.send("POST", "contacts", body | {"lastname": "Vik"}, **DETECT).status == 204


@pytest.mark.parametrize("on", ["create", "update"])
def test_a_plug_in_may_refuse(sales: Client, on: str) -> None:
    identifier = sales.create("accounts", name="A")
    rule = {"entity": "account", "on": on, "field": "telephone1", "refuse": "No numbers on Sundays."}
    sales.control("POST", "plugins", {"rules": [rule]})
    answers = [
        sales.send("POST", "accounts", {"name": "B", "telephone1": "1"}),
        sales.send("PATCH", f"accounts({identifier})", {"telephone1": "1"}),
    ]
    expected = (400, "0x80040265", "No numbers on Sundays.")
    assert told(answers[on == "update"]) == expected
    assert answers[on == "create"].status == 204
    assert sales.send("POST", "accounts", {"name": "C"}).status == 204
    assert sales.send("PATCH", f"accounts({identifier})", {"name": "D"}).status == 204


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"status": 403}, (403, "0x80040220", "Principal user (Id=")),
        ({"status": 403, "code": "0x80042F09"}, (403, "0x80042F09", "Principal user (Id=")),
        ({"status": 405, "code": "0x80040315"}, (405, "0x80040315", "")),
        ({"status": 413}, (413, "0x8004418A", "")),
        (
            {"status": 429},
            (429, "0x80072322", "Number of requests exceeded the limit of 6000 over time window of 300 s"),
        ),
        (
            {"status": 429, "code": "0x80072321"},
            (429, "0x80072321", "Combined execution time of incoming requests exceeded limit of 1,200,000 "),
        ),
        (
            {"status": 429, "code": "0x80072326"},
            (429, "0x80072326", "Number of concurrent requests exceeded the limit of 52."),
        ),
        ({"status": 501}, (501, "0x80060888", "")),
        ({"status": 503}, (503, "", "")),
    ],
)
def test_refusals_on_demand(sales: Client, rule: dict[str, Any], expected: tuple[int, str, str]) -> None:
    sales.control("POST", "faults", {"rules": [{"action": "status", "retry_after": 5, **rule}]})
    answer = sales.send("GET", "accounts")
    assert answer.error == expected[:2]
    assert answer.body["error"]["message"].startswith(expected[2])
    assert answer.headers["retry-after"] == "5"


def test_no_token_or_an_unknown_one_is_a_plain_401(sales: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer nosuch"}):
        answer = sales.raw("GET", "accounts", None, headers)
        assert answer.error == (401, "")
        assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_a_body_that_is_too_large_is_refused_unread(sales: Client) -> None:
    url = urlsplit(sales.base)
    assert url.hostname is not None
    sales.read("WhoAmI")
    with closing(HTTPConnection(url.hostname, url.port, timeout=20)) as connection:
        connection.putrequest("POST", f"{ROOT}accounts")
        connection.putheader("Authorization", f"Bearer {sales.token}")
        connection.putheader("Content-Length", "350000001")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, b'"0x8004418A"' in response.read()) == (413, True)
    assert sales.read("accounts/$count") == b"0"
