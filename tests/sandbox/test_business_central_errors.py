"""Aim: each refusal of Business Central has its status, its code and the documented text.

Method: plain HTTP against a served sandbox with the demo company. Refusals that need a busy service, a
missing permission or a huge body come from the faults control, which gives them the service's own form.
"""

import base64
import re
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from tests.sandbox.bc_support import COMPANY, EXTENSION, STANDARD, Client

UNKNOWN = "7b0c4f0e-6f9b-4c8e-9d53-8c4c54a3b5a1"
GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "text"),
    [
        ("POST", "customers", "{", 400, "BadRequest", "Invalid Request Body"),
        ("GET", "customers?$filter=no%20eq", None, 400, "BadRequest_InvalidRequestUrl", ""),
        (
            "PATCH",
            f"customers({UNKNOWN})",
            {},
            404,
            "Internal_RecordNotFound",
            "The Customer does not exist. Identification fields and values: ",
        ),
        ("GET", "nothing", None, 404, "BadRequest_NotFound", "Resource not found for the segment 'nothing'."),
        (
            "PUT",
            "customers",
            {},
            405,
            "BadRequest_MethodNotAllowed",
            "'PUT' requests for 'customers' of EdmType 'Collection' are not allowed",
        ),
        (
            "GET",
            "customers?$filter=no%20eq%20'A'%20or%20name%20eq%20'B'",
            None,
            501,
            "BadRequest_MethodNotImplemented",
            "The 'OR' operator is not supported on distinct fields on an OData filter.",
        ),
        ("GET", f"../companies({UNKNOWN})/items", None, 404, "Internal_CompanyNotFound", ""),
        ("GET", "customers(nonsense)", None, 400, "Application_InvalidGUID", ""),
    ],
)
def test_refusals(bc: Client, method: str, path: str, body: Any, status: int, code: str, text: str) -> None:
    where = path.removeprefix("../") if path.startswith("../") else f"{COMPANY}/{path}"
    answer = bc.send(method, f"{EXTENSION}/{where}", body)
    assert (answer.status, answer.code) == (status, code)
    assert answer.message.startswith(text)


def test_a_message_ends_in_a_correlation_id_of_its_own(bc: Client) -> None:
    messages = [bc.get("nothing").message for _ in range(2)]
    for message in messages:
        assert re.search(rf"'\.  CorrelationId:  {GUID}\.$", message)
    assert messages[0] != messages[1]


def test_a_missing_name_is_a_missing_parameter(bc: Client) -> None:
    answer = bc.post("customers", {"email": "a@b.example"}, route=STANDARD)
    assert (answer.status, answer.code) == (400, "BadRequest_RequiredParamNotProvided")
    assert answer.message.startswith('"displayName" must be specified.')


@pytest.mark.parametrize("authorization", ["", "Bearer nosuch", "Basic eDp5"])
def test_no_token_or_an_unknown_one(bc: Client, authorization: str) -> None:
    answer = bc.raw("GET", f"{EXTENSION}/companies", None, {"Authorization": authorization})
    assert (answer.status, answer.code) == (401, "Authentication_InvalidCredentials")
    assert answer.message.startswith("The server has rejected the client credentials.")


@pytest.mark.parametrize(
    ("rule", "code", "text"),
    [
        ({"status": 400, "code": "Application_FieldValidationException"}, None, ""),
        ({"status": 400, "code": "Application_FilterErrorException"}, None, ""),
        ({"status": 403}, "Authorization_Forbidden", ""),
        ({"status": 404}, "BadRequest_ResourceNotFound", "Resource not found"),
        ({"status": 404, "code": "Internal_DataNotFoundFilter"}, None, ""),
        ({"status": 408}, "Request_Timeout", ""),
        ({"status": 409}, "Request_EntityChanged", "Another user has already changed the record."),
        (
            {"status": 429},
            "Application_TooManyRequests",
            "Too many requests reached. Actual (101). Maximum (100).",
        ),
        ({"status": 500}, "Internal_ServerError", ""),
        ({"status": 503}, "Internal_ServerError", ""),
        ({"status": 504}, "Internal_ServerError", ""),
    ],
)
def test_refusals_on_demand(bc: Client, rule: dict[str, Any], code: str | None, text: str) -> None:
    bc.control("faults", {"rules": [{"action": "status", "times": 1, **rule}]})
    answer = bc.get("customers", "$top=1")
    assert (answer.status, answer.code) == (rule["status"], code or rule["code"])
    assert answer.message.startswith(text)
    assert "retry-after" not in answer.headers
    assert bc.get("customers", "$top=1").status == 200


@pytest.mark.parametrize("status", [429, 502, 503])
def test_retry_after_comes_where_it_is_asked_for(bc: Client, status: int) -> None:
    bc.control("faults", {"rules": [{"action": "status", "status": status, "retry_after": 7}]})
    answer = bc.get("customers", "$top=1")
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")


def test_a_plug_in_may_refuse(bc: Client) -> None:
    rules = [
        {"entity": "Customer", "on": on, "field": "name2", "refuse": "Name 2 is closed."}
        for on in ("create", "update")
    ]
    bc.control("plugins", {"rules": rules})
    row = bc.one("customers", "no", "C00010")
    for answer in (
        bc.post("customers", {"name": "A", "name2": "B"}),
        bc.patch("customers", row["id"], {"name2": "B"}),
    ):
        assert (answer.status, answer.code) == (400, "Application_DialogException")
        assert answer.message.startswith("Name 2 is closed.  CorrelationId:")
    assert bc.patch("customers", row["id"], {"name": "C"}).status == 200
    assert bc.rows("customers", "$filter=name eq 'A'") == []


def test_not_every_409_is_a_stale_etag(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    stale = {"match": 'W/"stale"'}
    assert bc.post("customers", {"no": "C00010", "name": "A"}).status == 400
    assert bc.patch("customers", row["id"], {"name": "A"}, **stale).status == 409
    bc.control("variants", {"same_key_status": 409, "stale_status": 412})
    same, other = (
        bc.post("customers", {"no": "C00010", "name": "A"}),
        bc.patch("customers", row["id"], {"name": "A"}, **stale),
    )
    assert (same.status, same.code) == (409, "Internal_EntityWithSameKeyExists")
    assert (other.status, other.code) == (412, "Request_EntityChanged")
    bc.control("reset")
    assert bc.post("customers", {"no": "C00010", "name": "A"}).status == 400


@pytest.mark.parametrize("variants", [{"nosuch": 1}, {"same_key_status": "409"}, {"stale_status": True}])
def test_variants_that_make_no_sense_are_refused(bc: Client, variants: dict[str, Any]) -> None:
    assert bc.raw("POST", "/_sandbox/variants", variants, {}).status == 400


def test_a_body_that_is_too_large_is_refused_unread(bc: Client) -> None:
    token = bc.token()
    with closing(HTTPConnection("127.0.0.1", bc.port, timeout=20)) as connection:
        connection.putrequest("POST", f"{EXTENSION}/{COMPANY}/customers")
        connection.putheader("Authorization", f"Bearer {token}")
        connection.putheader("Content-Length", "350000001")
        connection.endheaders()
        response = connection.getresponse()
        assert (response.status, b"RequestEntityTooLarge" in response.read()) == (413, True)


def test_a_row_version_stands_in_the_etag(bc: Client) -> None:
    """`'<length>;<digits>;00;'` in base64, quotes included, which a client is to treat as opaque."""
    row = bc.one("customers", "no", "C00010")
    found = re.fullmatch(r'W/"([A-Za-z0-9+/]+=*)"', row["@odata.etag"])
    assert found is not None
    text = base64.b64decode(found[1]).decode()
    parts = re.fullmatch(r"'(\d\d);(\d+);00;'", text)
    assert parts is not None
    assert len(parts[2]) == int(parts[1]) + 1
    assert int(parts[2]) % 10 ** int(parts[1]) == row["systemRowVersion"]
    assert bc.changed("customers", row["id"], name2="A")["@odata.etag"] != row["@odata.etag"]
