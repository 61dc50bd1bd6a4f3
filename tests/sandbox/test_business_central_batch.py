"""Aim: `$batch` of Business Central: order, limits, what stops it, what is undone.

Method: plain HTTP against a served sandbox with the demo company.
"""

import json
from typing import Any

import pytest
from tests.sandbox.bc_support import COMPANY, EXTENSION, STANDARD, Client, part, served

ITEMS = {"method": "GET", "url": "items"}


def statuses(answer: Any) -> list[int]:
    """The status of each operation answered."""
    return [each["status"] for each in answer.body["responses"]]


def test_operations_are_answered_in_order(bc: Client) -> None:
    answer = bc.batch(
        [
            part("POST", "customers", {"name": "One"}, id="a"),
            part("GET", "customers?$filter=name eq 'One'&$select=name".replace(" ", "%20")),
            part("POST", "items", {"description": "Thing"}, headers={"Prefer": "return-no-content"}),
        ]
    )
    assert (answer.status, statuses(answer)) == (200, [201, 200, 204])
    created, read, quiet = answer.body["responses"]
    assert created["headers"]["etag"] == created["body"]["@odata.etag"]
    assert created["headers"]["location"].endswith(f"/customers({created['body']['id']})")
    assert [row["name"] for row in read["body"]["value"]] == ["One"]
    assert "body" not in quiet


def test_the_id_is_null_when_it_was_left_out(bc: Client) -> None:
    answer = bc.batch([part("GET", "items?$top=1", id="x"), part("GET", "items?$top=1")])
    assert [each["id"] for each in answer.body["responses"]] == ["x", None]


def test_the_first_failure_stops_the_batch(bc: Client) -> None:
    answer = bc.batch(
        [
            part("POST", "customers", {"name": "Before"}),
            part("POST", "customers", {"name": 5}),
            part("POST", "customers", {"name": "After"}),
        ]
    )
    assert (answer.status, statuses(answer)) == (200, [201, 400])
    assert answer.body["responses"][1]["body"]["error"]["code"] == "BadRequest"
    assert bc.rows("customers", "$filter=name eq 'After'") == []
    assert len(bc.rows("customers", "$filter=name eq 'Before'")) == 1


def test_continue_on_error_carries_out_the_rest(bc: Client) -> None:
    operations = [part("POST", "customers", {"name": 5}), part("POST", "customers", {"name": "After"})]
    answer = bc.batch(operations, Prefer="odata.continue-on-error")
    assert (answer.status, statuses(answer)) == (200, [400, 201])


def test_snapshot_is_all_or_nothing(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00010")
    before = json.dumps([bc.rows("customers"), bc.rows("contacts")])
    operations = [
        part("POST", "customers", {"name": "One"}),
        part("PATCH", f"customers({customer['id']})", {"name": "Two"}, headers={"If-Match": "*"}),
        part("DELETE", f"items({bc.one('items', 'no', '1016')['id']})"),
        part("POST", "customers", {"name": 5}),
        part("POST", "customers", {"name": "Three"}),
    ]
    answer = bc.batch(operations, Isolation="snapshot", Prefer="odata.continue-on-error")
    assert statuses(answer) == [424, 424, 424, 400]
    assert json.dumps([bc.rows("customers"), bc.rows("contacts")]) == before
    assert bc.one("items", "no", "1016")
    done = bc.batch(operations[:3], Isolation="snapshot")
    assert statuses(done) == [201, 200, 204]
    assert bc.get(f"customers({customer['id']})").body["name"] == "Two"


def test_without_isolation_what_was_done_stays(bc: Client) -> None:
    bc.batch([part("POST", "customers", {"name": "Stays"}), part("POST", "customers", {"name": 5})])
    assert len(bc.rows("customers", "$filter=name eq 'Stays'")) == 1


def test_if_match_is_that_of_each_operation(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    path = f"customers({row['id']})"
    answer = bc.batch(
        [
            part("PATCH", path, {"name2": "A"}, headers={"If-Match": row["@odata.etag"]}),
            part("PATCH", path, {"name2": "B"}, headers={"If-Match": row["@odata.etag"]}),
            part("PATCH", path, {"name2": "C"}),
        ],
        Prefer="odata.continue-on-error",
    )
    codes = [each["body"].get("error", {}).get("code") for each in answer.body["responses"]]
    assert statuses(answer) == [200, 409, 400]
    assert codes == [None, "Request_EntityChanged", "BadRequest_InvalidToken"]


def test_an_operation_waits_for_the_one_it_depends_on(bc: Client) -> None:
    operations = [
        part("POST", "customers", {"name": 5}, id="a"),
        part("POST", "customers", {"name": "Depends"}, id="b", dependsOn=["a"]),
        part("POST", "customers", {"name": "Depends too"}, id="c", dependsOn=["b"]),
        part("POST", "customers", {"name": "Free"}, id="d"),
    ]
    answer = bc.batch(operations, Prefer="odata.continue-on-error")
    assert statuses(answer) == [400, 424, 424, 201]


def test_urls_may_be_relative_rooted_or_absolute(bc: Client) -> None:
    paths = [
        f"{COMPANY}/items?$top=1",
        f"/{COMPANY}/items?$top=1",
        f"{EXTENSION}/{COMPANY}/items?$top=1",
        f"http://127.0.0.1:{bc.port}{EXTENSION}/{COMPANY}/items?$top=1",
    ]
    answer = bc.batch([{"method": "GET", "url": path} for path in paths])
    assert statuses(answer) == [200, 200, 200, 200]


def test_standard_route_has_its_batch(bc: Client) -> None:
    answer = bc.batch([part("POST", "customers", {"displayName": "By API"})], route=STANDARD)
    assert answer.body["responses"][0]["body"]["displayName"] == "By API"


def test_at_most_100_operations(bc: Client) -> None:
    operation = part("GET", "items?$top=1&$select=no")
    assert len(statuses(bc.batch([operation] * 100))) == 100
    refused = bc.batch([operation] * 101)
    assert (refused.status, refused.code) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        {},
        {"requests": 5},
        {"requests": [5]},
        {"requests": [{"method": "GET"}]},
        {"requests": [{"method": "BREW", "url": "items"}]},
        {"requests": [{"method": "POST", "url": "$batch", "body": {}}]},
        {"requests": [{"id": "1", "method": "GET", "url": "items"}] * 2},
        {"requests": [{"method": "GET", "url": "items", "headers": 5}]},
        {"requests": [{"method": "GET", "url": "items", "dependsOn": "1"}]},
        {"requests": [{"method": "GET", "url": "items", "dependsOn": ["1"]}, {"id": "1", **ITEMS}]},
        {"requests": [{"id": str(n), **ITEMS, "atomicityGroup": name} for n, name in enumerate("aba")]},
    ],
)
def test_batches_that_cannot_be_read(bc: Client, body: Any) -> None:
    answer = bc.send("POST", f"{EXTENSION}/$batch", body)
    assert (answer.status, answer.code) == (400, "BadRequest")


def test_a_batch_is_sent_by_post(bc: Client) -> None:
    assert bc.send("GET", f"{EXTENSION}/$batch").status == 405


def test_a_fault_may_strike_one_part(bc: Client) -> None:
    rule = {"method": "POST", "path": "/items$", "action": "status", "status": 429, "times": 1}
    bc.control("faults", {"rules": [rule]})
    operations = [part("POST", "customers", {"name": "X"}), part("POST", "items", {"description": "X"})]
    answer = bc.batch(operations)
    assert statuses(answer) == [201, 429]
    assert answer.body["responses"][1]["body"]["error"]["code"] == "Application_TooManyRequests"
    assert bc.rows("items", "$filter=description eq 'X'") == []


def test_parts_are_recorded_apart_from_requests(bc: Client) -> None:
    bc.control("requests/reset")
    bc.batch([part("GET", "items?$top=1"), part("GET", "items?$top=1")])
    record = bc.control("requests", method="GET")
    assert [(each["method"], each["count"]) for each in record["outer"]] == [("POST", 1)]
    assert record["parts"] == [{"method": "GET", "path": f"{EXTENSION}/{COMPANY}/items", "count": 2}]


def test_an_answer_names_its_headers_in_lower_case(bc: Client) -> None:
    (created,) = bc.batch([part("POST", "customers", {"name": "One"})]).body["responses"]
    assert {"location", "content-type", "odata-version", "etag"} <= set(created["headers"])
    assert set(created) == {"id", "status", "headers", "body"}


@pytest.mark.parametrize("wish", ["return-no-content", "return=minimal"])
def test_a_part_may_ask_for_no_content(bc: Client, wish: str) -> None:
    quiet = part("POST", "customers", {"name": "One"}, headers={"Prefer": wish})
    answers = bc.batch([quiet, part("POST", "customers", {"name": "Two"})]).body["responses"]
    assert [(each["status"], "body" in each) for each in answers] == [(204, False), (201, True)]
    assert bc.one("customers", "name", "One")["id"] in answers[0]["headers"]["location"]


def test_a_part_may_name_its_company_in_a_header() -> None:
    with served("empty", companies=2) as client:
        names = [row["name"] for row in client.send("GET", f"{EXTENSION}/companies").body["value"]]
        operations = [
            {"method": "POST", "url": "items", "headers": {"Company": name}, "body": {"description": name}}
            for name in names
        ]
        operations.append({"method": "GET", "url": "items", "headers": {"Company": "Nobody"}})
        answer = client.batch(operations, Prefer="odata.continue-on-error")
        assert statuses(answer) == [201, 201, 404]
        read = [{"method": "GET", "url": "items", "headers": {"Company": name}} for name in names]
        found = [each["body"]["value"] for each in client.batch(read).body["responses"]]
        assert [[row["description"] for row in rows] for rows in found] == [[name] for name in names]


def test_an_atomicity_group_stands_or_falls_as_one(bc: Client) -> None:
    group = {"atomicityGroup": "g"}
    operations = [
        part("POST", "customers", {"name": "Alone"}),
        part("POST", "customers", {"name": "First"}, **group),
        part("POST", "customers", {"name": 5}, id="bad", **group),
        part("POST", "customers", {"name": "Third"}, **group),
        part("POST", "customers", {"name": "After"}),
    ]
    answer = bc.batch(operations)
    assert statuses(answer) == [201, 424, 400, 424]
    assert [each.get("atomicityGroup") for each in answer.body["responses"]] == [None, "g", "g", "g"]
    answer = bc.batch(operations, Prefer="odata.continue-on-error")
    assert statuses(answer) == [201, 424, 400, 424, 201]
    names = ("Alone", "First", "Third", "After")
    assert [len(bc.rows("customers", f"$filter=name eq '{name}'")) for name in names] == [2, 0, 0, 1]
    good = [operations[1], operations[3]]
    assert statuses(bc.batch(good)) == [201, 201]


def test_an_operation_may_wait_for_a_group(bc: Client) -> None:
    operations = [
        part("POST", "customers", {"name": 5}, id="1", atomicityGroup="g"),
        part("POST", "customers", {"name": "Waits"}, id="2", dependsOn=["g"]),
        part("POST", "customers", {"name": "Waits too"}, id="3", atomicityGroup="h", dependsOn=["2"]),
        part("POST", "customers", {"name": "Free"}, id="4"),
    ]
    answer = bc.batch(operations, Prefer="odata.continue-on-error")
    assert statuses(answer) == [400, 424, 424, 201]


def test_a_fault_on_one_of_a_group_is_that_of_all(bc: Client) -> None:
    rule = {"method": "POST", "path": "/items$", "action": "status", "status": 503}
    bc.control("faults", {"rules": [rule]})
    group = {"atomicityGroup": "g"}
    operations = [
        part("POST", "customers", {"name": "X"}, **group),
        part("POST", "items", {"description": "X"}, **group),
    ]
    assert statuses(bc.batch(operations)) == [503, 424]
    assert bc.rows("customers", "$filter=name eq 'X'") == []
