"""Aim: Business Central takes a multipart batch as it takes a JSON one.

Method: hand-written multipart bodies over plain HTTP against a served sandbox with the demo company.
"""

from typing import Any

import pytest
from crm_support import BATCH_TYPE, change_set, joined, parts_of, request_part
from tests.sandbox.bc_support import COMPANY, EXTENSION, Answer, Client

CUSTOMERS = f"{COMPANY}/customers"


def send(bc: Client, text: str, **headers: str) -> Answer:
    """A batch whose boundary is batch_x."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Authorization": f"Bearer {bc.token()}", "Content-Type": BATCH_TYPE}
    return bc.raw("POST", f"{EXTENSION}/$batch", text, named)


def post(name: object, content_id: str = "") -> str:
    return request_part("POST", CUSTOMERS, {"name": name}, content_id)


def statuses(answer: Answer) -> list[int]:
    return [status for status, _ in parts_of(answer)]  # type: ignore[arg-type]


def named(bc: Client, name: str) -> int:
    return len(bc.rows("customers", f"$filter=name eq '{name}'"))


def test_parts_are_answered_in_order(bc: Client) -> None:
    read = request_part("GET", f"{CUSTOMERS}?$filter=name eq 'One'&$select=name")
    answer = send(bc, joined(post("One"), read))
    assert (answer.status, statuses(answer)) == (200, [201, 200])
    assert answer.headers["content-type"].startswith("multipart/mixed; boundary=batchresponse_")
    (_, created), (_, found) = parts_of(answer)  # type: ignore[arg-type]
    assert created.startswith("201 Created\r\n")
    identifier = bc.one("customers", "name", "One")["id"]
    assert f"\r\nLocation: http://127.0.0.1:{bc.port}{EXTENSION}/{CUSTOMERS}({identifier})\r\n" in created
    assert '"name":"One"' in found


@pytest.mark.parametrize(
    "path", [CUSTOMERS, f"/{CUSTOMERS}", f"{EXTENSION}/{CUSTOMERS}", f"http://other{EXTENSION}/{CUSTOMERS}"]
)
def test_addresses_may_be_relative_rooted_or_absolute(bc: Client, path: str) -> None:
    assert statuses(send(bc, joined(request_part("GET", f"{path}?$top=1")))) == [200]


def test_the_first_failure_stops_the_batch_unless_told_to_go_on(bc: Client) -> None:
    text = joined(post("Before"), post(5), post("After"))
    assert statuses(send(bc, text)) == [201, 400]
    assert (named(bc, "Before"), named(bc, "After")) == (1, 0)
    assert statuses(send(bc, text, Prefer="odata.continue-on-error")) == [201, 400, 201]
    assert (named(bc, "Before"), named(bc, "After")) == (2, 1)


def test_a_change_set_stands_or_falls_as_one(bc: Client) -> None:
    answer = send(bc, joined(change_set(post("One", "1"), post(5, "2"), post("Three", "3"))))
    assert (answer.status, statuses(answer)) == (200, [400])
    assert (named(bc, "One"), named(bc, "Three")) == (0, 0)
    answer = send(bc, joined(change_set(post("One", "1"), post("Two", "2"))))
    assert statuses(answer) == [201, 201]
    assert b"multipart/mixed; boundary=changesetresponse_" in answer.body
    assert [f"Content-ID: {number}".encode() in answer.body for number in (1, 2)] == [True, True]


def test_snapshot_goes_over_all_parts(bc: Client) -> None:
    answer = send(bc, joined(post("One"), post(5), post("Three")), Isolation="snapshot")
    assert statuses(answer) == [424, 400]
    assert (named(bc, "One"), named(bc, "Three")) == (0, 0)


def test_conditions_are_those_of_each_part(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")

    def patch(match: str) -> str:
        part = request_part("PATCH", f"{CUSTOMERS}({row['id']})", {"name2": "A"})
        return part.replace("HTTP/1.1\r\n", f"HTTP/1.1\r\nIf-Match: {match}\r\n")

    text = joined(patch(row["@odata.etag"]), patch(row["@odata.etag"]), patch("*"))
    answer = send(bc, text, Prefer="odata.continue-on-error")
    assert statuses(answer) == [200, 409, 200]


def test_at_most_100_parts(bc: Client) -> None:
    read = request_part("GET", f"{COMPANY}/items?$top=1&$select=no")
    two = change_set(post("One", "1"), post("Two", "2"))
    assert len(statuses(send(bc, joined(*[read] * 98, two)))) == 100
    refused = send(bc, joined(*[read] * 99, two))
    assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        joined(request_part("BREW", CUSTOMERS)),
        joined(request_part("POST", "$batch", {})),
        joined(change_set(request_part("GET", CUSTOMERS, None, "1"))),
    ],
)
def test_batches_that_cannot_be_read(bc: Client, text: str) -> None:
    answer = send(bc, text)
    assert (answer.status, answer.code) == (400, "BadRequest")


def test_faults_strike_single_parts(bc: Client) -> None:
    rule: dict[str, Any] = {"method": "POST", "path": "/customers$", "nth": 2, "action": "status"}
    bc.control("faults", {"rules": [rule | {"status": 429}]})
    assert statuses(send(bc, joined(post("One"), post("Two")))) == [201, 429]
    assert (named(bc, "One"), named(bc, "Two")) == (1, 0)
