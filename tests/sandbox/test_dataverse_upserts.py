"""Aim: what decides between creating, changing and refusing a row of Dataverse, and what counts as a change.

Method: plain HTTP against a served sandbox; the clock control tells one time of writing from another.
"""

import uuid

import pytest
from crm_support import Answer, Client, unit_columns

UNKNOWN = "00000000-0000-4000-8000-000000000001"
REFUSED = (400, "0x80048408")
REPRESENTATION = "return=representation"


def patch(sales: Client, path: str, name: str, **headers: str) -> Answer:
    return sales.send("PATCH", path, {"name": name}, **headers)


@pytest.mark.parametrize("address", [f"accounts({UNKNOWN})", "accounts(accountnumber='A-1')"])
def test_a_change_without_condition_creates_or_updates(sales: Client, address: str) -> None:
    created = patch(sales, address, "A")
    assert (created.status, created.body, sales.read(address)["name"]) == (204, b"", "A")
    updated = patch(sales, address, "B")
    assert (updated.status, updated.id, sales.read(address)["name"]) == (204, created.id, "B")
    assert sales.read("accounts/$count") == b"1"


@pytest.mark.parametrize("address", [f"accounts({UNKNOWN})", "accounts(accountnumber='A-1')"])
def test_a_representation_tells_a_creation_from_an_update(sales: Client, address: str) -> None:
    created = patch(sales, address, "A", Prefer=REPRESENTATION)
    updated = patch(sales, address, "B", Prefer=REPRESENTATION)
    assert [(each.status, each.body["name"]) for each in (created, updated)] == [(201, "A"), (200, "B")]
    assert created.headers["preference-applied"] == updated.headers["preference-applied"] == REPRESENTATION
    assert created.headers["odata-entityid"] == updated.headers["odata-entityid"]


def test_create_only_creates_once(sales: Client) -> None:
    path = f"accounts({UNKNOWN})"
    assert patch(sales, path, "A", If_None_Match="*").status == 204
    assert patch(sales, path, "B", If_None_Match="*").error == (412, "0x80040237")
    assert sales.read(path)["name"] == "A"


def test_the_version_read_last_is_taken_and_then_old(sales: Client) -> None:
    path = f"accounts({sales.create('accounts', name='A')})"
    version = sales.read(path)["@odata.etag"]
    updated = patch(sales, path, "B", If_Match=version, Prefer=REPRESENTATION)
    assert (updated.status, updated.body["name"]) == (200, "B")
    assert updated.body["@odata.etag"] != version
    assert patch(sales, path, "C", If_Match=version).error == (412, "0x80060882")
    assert patch(sales, path, "D", If_Match=updated.body["@odata.etag"]).status == 204


def test_a_condition_on_a_row_that_is_gone_creates_nothing(sales: Client) -> None:
    for path, code in (
        (f"accounts({UNKNOWN})", "0x80040217"),
        ("accounts(accountnumber='A')", "0x80060891"),
    ):
        assert patch(sales, path, "A", If_Match='W/"1"').error == (404, code)
        assert patch(sales, path, "A", If_Match="*").error == (404, code)
    assert sales.read("accounts/$count") == b"0"


def test_a_column_sent_counts_as_changed_whatever_its_value(sales: Client) -> None:
    identifier = sales.create("accounts", name="A", telephone1="1")
    path = f"accounts({identifier})"
    before = sales.read(path)
    link = sales.read("accounts?$select=name", Prefer="odata.track-changes")["@odata.deltaLink"]
    sales.control("POST", "clock", {"offset_seconds": 3600})
    person = Client(sales.base, "kari")
    assert person.send("PATCH", path, {"name": "A"}).status == 204
    after = sales.read(path)
    assert after["versionnumber"] > before["versionnumber"]
    assert after["modifiedon"] > before["modifiedon"]
    assert (after["createdon"], after["telephone1"]) == (before["createdon"], "1")
    assert after["_modifiedby_value"] == person.read("WhoAmI")["UserId"] != before["_modifiedby_value"]
    assert [row["accountid"] for row in sales.read(link)["value"]] == [identifier]


def test_the_historic_date_is_set_at_creation_only(sales: Client) -> None:
    path = f"accounts({sales.create('accounts', name='A', overriddencreatedon='2020-02-03T04:05:06Z')})"
    assert sales.send("PATCH", path, {"overriddencreatedon": "2010-01-01T00:00:00Z"}).status == 204
    row = sales.read(path)
    assert (row["createdon"], row["overriddencreatedon"]) == ("2020-02-03T04:05:06Z",) * 2


def test_a_key_over_a_look_up_is_addressed_by_its_value(sales: Client) -> None:
    groups = [sales.create("uomschedules", name=name, baseuomname="G") for name in ("Pieces", "Weight")]
    first, second = (f"uoms(name='KG',_uomscheduleid_value={group})" for group in groups)
    kilo = {"name": "KG", "quantity": 1000}
    created = sales.send("PATCH", first, kilo)
    assert created.status == 204
    row = sales.read(first)
    assert (row["uomid"], row["name"], row["_uomscheduleid_value"]) == (created.id, "KG", groups[0])
    assert sales.send("GET", second).error == (404, "0x80060891")
    assert sales.send("PATCH", second, kilo).id != created.id
    assert sales.send("PATCH", first, kilo).id == created.id
    assert sales.send("GET", f"uoms(name='KG',uomscheduleid={groups[0]})").error == (400, "0x80060890")
    assert sales.send("GET", f"uoms(name='KG',_uomscheduleid_value='{groups[0]}')").error[0] == 400
    same = {"name": "KG", "quantity": 9, "uomscheduleid@odata.bind": f"/uomschedules({groups[0]})"}
    assert sales.send("POST", "uoms", same).error == (412, "0x80060892")


def test_states_are_columns_and_each_has_its_status(sales: Client) -> None:
    """Account, contact, product and price list; see the rows of states and status codes."""
    tables = [
        ("accounts", {"name": "A"}, 1, 2, 1),
        ("contacts", {"lastname": "B"}, 1, 2, 1),
        ("pricelevels", {"name": "P"}, 1, 100002, 100001),
        ("products", unit_columns(sales) | {"name": "P", "productnumber": "1"}, 0, 1, 2),
    ]
    for entity_set, values, state, status, wrong in tables:
        path = f"{entity_set}({sales.create(entity_set, **values)})"
        assert sales.send("PATCH", path, {"statecode": state, "statuscode": wrong}).error == REFUSED
        assert sales.send("PATCH", path, {"statecode": state, "statuscode": status}).status == 204
        row = sales.read(path)
        assert (row["statecode"], row["statuscode"]) == (state, status)


def test_ids_given_by_an_address_are_kept_in_lower_case(sales: Client) -> None:
    identifier = str(uuid.uuid4())
    assert patch(sales, f"accounts({identifier.upper()})", "A").id == identifier
