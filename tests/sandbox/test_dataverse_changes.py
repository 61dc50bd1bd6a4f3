"""Aim: change tracking of the sandbox tells every change and deletion once, as the Web API does.

Method: plain HTTP against a served sandbox; the clock control makes tokens old.
"""

import re

import pytest
from crm_support import Client

TRACK = "odata.track-changes"


def pages(client: Client, url: str, size: int = 5000) -> tuple[list[dict[str, str]], str]:
    """All rows from a first or delta request on, and the delta link of the last page."""
    rows: list[dict[str, str]] = []
    while True:
        answer = client.send("GET", url, Prefer=f"{TRACK},odata.maxpagesize={size}")
        assert answer.status == 200, answer
        assert TRACK in answer.headers["preference-applied"]
        assert len(answer.body["value"]) <= size
        rows += answer.body["value"]
        if "@odata.nextLink" not in answer.body:
            return rows, answer.body["@odata.deltaLink"]
        assert "@odata.deltaLink" not in answer.body
        url = answer.body["@odata.nextLink"]


def test_first_read_then_changes_then_nothing(sales: Client) -> None:
    one, two, three = (sales.create("accounts", name=name) for name in ("One", "Two", "Three"))
    rows, link = pages(sales, "accounts?$select=name")
    assert {row["accountid"] for row in rows} == {one, two, three}
    assert all(set(row) == {"@odata.etag", "name", "accountid"} for row in rows)
    sales.send("PATCH", f"accounts({two})", {"telephone1": "1"})
    four = sales.create("accounts", name="Four")
    sales.send("PATCH", f"accounts({one})", {"name": "Uno"})
    sales.send("DELETE", f"accounts({three})")
    body = sales.read(link, Prefer=TRACK)
    assert body["@odata.context"].endswith("$metadata#accounts(name)/$delta")
    changed, deleted = body["value"][:3], body["value"][3:]
    assert [(row["accountid"], row["name"]) for row in changed] == [
        (two, "Two"),
        (four, "Four"),
        (one, "Uno"),
    ]
    context = f"{sales.base}api/data/v9.2/$metadata#accounts/$deletedEntity"
    assert deleted == [{"@odata.context": context, "id": three, "reason": "deleted"}]
    rows, link = pages(sales, body["@odata.deltaLink"])
    assert rows == []
    assert pages(sales, link)[0] == []


def test_a_row_created_and_deleted_in_between_shows_as_deleted(sales: Client) -> None:
    _, link = pages(sales, "accounts?$select=name")
    identifier = sales.create("accounts", name="Short")
    sales.send("DELETE", f"accounts({identifier})")
    rows, _ = pages(sales, link)
    assert [(row["id"], row["reason"]) for row in rows] == [(identifier, "deleted")]


def test_a_row_that_is_there_again_shows_as_changed_only(sales: Client) -> None:
    identifier = sales.create("accounts", name="Old")
    _, link = pages(sales, "accounts?$select=name")
    sales.send("DELETE", f"accounts({identifier})")
    sales.create("accounts", name="New", accountid=identifier)
    rows, _ = pages(sales, link)
    assert [(row["accountid"], row["name"]) for row in rows] == [(identifier, "New")]


def test_a_first_read_tells_no_deletions(sales: Client) -> None:
    identifier = sales.create("accounts", name="Gone")
    sales.send("DELETE", f"accounts({identifier})")
    assert pages(sales, "accounts?$select=name")[0] == []


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_changes_tell_each_change_once(sales: Client, size: int) -> None:
    _, link = pages(sales, "accounts?$select=name")
    kept = [sales.create("accounts", name=str(number)) for number in range(3)]
    gone = [sales.create("accounts", name=str(number)) for number in range(2)]
    for identifier in gone:
        sales.send("DELETE", f"accounts({identifier})")
    rows, _ = pages(sales, link, size)
    assert [row.get("accountid", row.get("id")) for row in rows] == kept + gone


def test_what_changes_during_a_first_read_comes_with_the_next_delta(sales: Client) -> None:
    ids = sorted(sales.create("accounts", name=str(number)) for number in range(4))
    first = sales.read("accounts?$select=name", Prefer=f"{TRACK},odata.maxpagesize=2")
    sales.send("PATCH", f"accounts({ids[0]})", {"name": "late"})
    rest, link = pages(sales, first["@odata.nextLink"], 2)
    assert [row["accountid"] for row in first["value"] + rest] == ids
    assert [row["name"] for row in pages(sales, link)[0]] == ["late"]


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("$filter=name eq 'A'", "filter"),
        ("$orderby=name", "orderby"),
        ("$expand=ownerid", "expand"),
        ("$top=1", "top"),
    ],
)
def test_options_that_are_refused(sales: Client, option: str, name: str) -> None:
    answer = sales.send("GET", f"accounts?$select=name&{option}", Prefer=TRACK)
    assert answer.error == (400, "0x80060888")
    expected = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    assert answer.body["error"]["message"] == expected


def test_an_old_token_is_refused(sales: Client) -> None:
    _, link = pages(sales, "accounts?$select=name")
    sales.control("POST", "clock", {"offset_seconds": 7 * 86_400 - 60})
    assert pages(sales, link)[0] == []
    sales.control("POST", "clock", {"offset_seconds": 7 * 86_400 + 60})
    assert sales.send("GET", link, Prefer=TRACK).error == (400, "0x80044352")


def test_tokens_that_are_none(sales: Client) -> None:
    for token in ("nonsense", "5", "x%2101%2F01%2F2024%2000%3A00%3A00"):
        answer = sales.send("GET", f"accounts?$select=name&$deltatoken={token}", Prefer=TRACK)
        assert answer.status == 400


def test_a_table_that_is_not_tracked(sales: Client) -> None:
    assert sales.send("GET", "businessunits", Prefer=TRACK).error == (400, "0x80044351")


def test_the_number_of_changes(sales: Client) -> None:
    _, link = pages(sales, "accounts?$select=name")
    identifier = sales.create("accounts", name="A")
    sales.create("accounts", name="B")
    sales.send("DELETE", f"accounts({identifier})")
    token = link.partition("$deltatoken=")[2]
    assert sales.read(f"accounts/$count?$deltatoken={token}") == b"2"


def test_annotations_in_a_delta(sales: Client) -> None:
    _, link = pages(sales, "accounts?$select=_ownerid_value")
    sales.create("accounts", name="A")
    prefer = f'{TRACK},odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
    (row,) = sales.read(link, Prefer=prefer)["value"]
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"


def test_the_delta_link_is_the_request_with_a_version_and_a_time(sales: Client) -> None:
    sales.create("accounts", name="A")
    body = sales.read("accounts?$select=name,telephone1", Prefer=TRACK)
    address, _, token = body["@odata.deltaLink"].partition("&$deltatoken=")
    assert address == f"{sales.base}api/data/v9.2/accounts?$select=name,telephone1"
    version = sales.read("accounts?$select=versionnumber")["value"][0]["versionnumber"]
    assert re.fullmatch(rf"{version}%21\d\d%2F\d\d%2F\d{{4}}%20\d\d%3A\d\d%3A\d\d", token)


def test_each_answer_renews_the_token(sales: Client) -> None:
    sales.create("accounts", name="A")
    _, first = pages(sales, "accounts?$select=name")
    sales.control("POST", "clock", {"offset_seconds": 5 * 86_400})
    rows, second = pages(sales, first)
    assert rows == []
    sales.control("POST", "clock", {"offset_seconds": 10 * 86_400})
    assert pages(sales, second)[0] == []
    assert sales.send("GET", first, Prefer=TRACK).error == (400, "0x80044352")


def test_the_organization_says_when_tokens_expire(sales: Client) -> None:
    (organization,) = sales.read("organizations?$select=name")["value"]
    path = f"organizations({organization['organizationid']})"
    assert sales.send("PATCH", path, {"expirechangetrackingindays": 3}).status == 204
    _, link = pages(sales, "accounts?$select=name")
    sales.control("POST", "clock", {"offset_seconds": 4 * 86_400})
    assert sales.send("GET", link, Prefer=TRACK).error == (400, "0x80044352")


def test_a_page_holds_at_most_5000_rows(sales: Client) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    _, start = pages(sales, "accounts?$select=name")
    targets = {"Targets": [{**kind, "name": str(number)} for number in range(5001)]}
    assert sales.send("POST", "accounts/Microsoft.Dynamics.CRM.CreateMultiple", targets).status == 200
    for url in ("accounts?$select=name", start):
        body = sales.read(url, Prefer=f"{TRACK},odata.maxpagesize=9999")
        assert (len(body["value"]), "@odata.deltaLink" in body) == (5000, False)
        rest = sales.read(body["@odata.nextLink"], Prefer=TRACK)
        assert (len(rest["value"]), "@odata.deltaLink" in rest) == (1, True)


def test_times_of_change_miss_deletions(sales: Client) -> None:
    sales.create("accounts", name="Old")
    gone = sales.create("accounts", name="Gone")
    sales.control("POST", "clock", {"offset_seconds": 3600})
    late = sales.create("accounts", name="Late")
    since = sales.read(f"accounts({late})")["modifiedon"]
    sales.control("POST", "clock", {"offset_seconds": 7200})
    sales.create("accounts", name="Later")
    sales.send("DELETE", f"accounts({gone})")
    query = f"accounts?$select=name&$filter=modifiedon ge {since}&$orderby=modifiedon asc"
    assert [row["name"] for row in sales.read(query)["value"]] == ["Late", "Later"]
