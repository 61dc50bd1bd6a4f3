"""Aim: Dataverse in the sandbox reads rows as the Web API does: queries, pages, annotations, tokens, errors.

Method: plain HTTP against a served sandbox.
"""

from typing import Any

import pytest
from crm_support import Client

IN = "Microsoft.Dynamics.CRM.In"
NAMES = ("Alfa", "Bravo", "alfa nord", "Ærlig", "Delta")


@pytest.fixture
def filled(sales: Client) -> Client:
    """Accounts with the names above; the numbers of employees count from 1, Delta has none."""
    for number, name in enumerate(NAMES, start=1):
        values: dict[str, Any] = {"name": name, "creditonhold": number % 2 == 0}
        if name != "Delta":
            values["numberofemployees"] = number
        sales.create("accounts", **values)
    return sales


def names(client: Client, query: str) -> list[str]:
    return [row["name"] for row in client.read(f"accounts?$select=name&{query}")["value"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'ALFA'", ["Alfa"]),
        ("name ne 'alfa'", ["Bravo", "alfa nord", "Ærlig", "Delta"]),
        ("startswith(name,'ALFA')", ["Alfa", "alfa nord"]),
        ("endswith(name,'ta')", ["Delta"]),
        ("contains(name,'ÆR')", ["Ærlig"]),
        ("not contains(name,'a')", ["Ærlig"]),
        ("numberofemployees gt 2", ["alfa nord", "Ærlig"]),
        ("numberofemployees ge 2 and numberofemployees lt 4", ["Bravo", "alfa nord"]),
        ("numberofemployees le 1 or numberofemployees eq null", ["Alfa", "Delta"]),
        ("(name eq 'Alfa' or name eq 'Bravo') and not (numberofemployees eq 1)", ["Bravo"]),
        ("name eq 'Alfa' or name eq 'Bravo' and numberofemployees eq 1", ["Alfa"]),
        ("creditonhold eq true", ["Bravo", "Ærlig"]),
        ("creditonhold", ["Bravo", "Ærlig"]),
        (f"{IN}(PropertyName='name',PropertyValues=['bravo','DELTA'])", ["Bravo", "Delta"]),
        (f"{IN}(PropertyName='numberofemployees',PropertyValues=['1','2'])", ["Alfa", "Bravo"]),
        ("createdon gt 1999-12-31T23:59:59Z and createdon lt 9999-01-01T00:00:00Z", list(NAMES)),
        ("createdon lt 1999-12-31T23:59:59.5Z", []),
        ("name eq 'O''Hara'", []),
        ("2 lt numberofemployees", ["alfa nord", "Ærlig"]),
    ],
)
def test_filters(filled: Client, text: str, expected: list[str]) -> None:
    query = f"$filter={text}".replace("Æ", "%C3%86")
    assert sorted(names(filled, query)) == sorted(expected)


def test_filters_by_look_up(filled: Client) -> None:
    me = filled.read("WhoAmI")["UserId"]
    assert len(names(filled, f"$filter=_ownerid_value eq {me.upper()}")) == len(NAMES)
    assert len(names(filled, f"$filter=ownerid/systemuserid eq {me}")) == len(NAMES)
    assert names(filled, "$filter=owninguser/fullname eq 'nobody'") == []
    assert names(filled, "$filter=_ownerid_value eq 00000000-0000-4000-8000-000000000001") == []
    identifier = filled.read("accounts?$filter=name eq 'Bravo'")["value"][0]["accountid"]
    assert names(filled, f"$filter=accountid eq {identifier} and name eq 'Alfa'") == []
    assert names(filled, f"$filter=accountid eq {identifier}") == ["Bravo"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("$filter=nosuch eq 1", 400),
        ("$filter=name eq 1", 400),
        ("$filter=name eq", 400),
        ("$filter=name eq 'a", 400),
        ("$filter=(name eq 'a'", 400),
        ("$filter=name = 'a'", 400),
        ("$filter=nosuch(name,'a')", 400),
        ("$filter=createdon gt 2024-13-01T00:00:00Z", 400),
        ("$filter=" + "(" * 300 + "name eq 'a'" + ")" * 300, 400),
        ("$filter=name", 400),
        ("$select=nosuch", 400),
        ("$orderby=nosuch", 400),
        ("$orderby=name sideways", 400),
        ("$expand=nosuch", 400),
        ("$expand=primarycontactid($select=nosuch)", 400),
        ("$top=-1", 400),
        ("$skip=1", 400),
        ("$nosuch=1", 400),
        ("$count=maybe", 400),
        ("$select=name&$select=name", 400),
        ("fetchXml=<fetch/>", 501),
    ],
)
def test_queries_that_are_refused(filled: Client, query: str, status: int) -> None:
    assert filled.send("GET", f"accounts?{query}").error == (status, "0x80060888")


def test_an_unknown_property_is_named(sales: Client) -> None:
    answer = sales.send("GET", "accounts?$select=nosuch")
    expected = "Could not find a property named 'nosuch' on type 'Microsoft.Dynamics.CRM.account'."
    assert answer.body["error"]["message"] == expected


def test_a_row_has_its_etag_its_key_and_nulls(filled: Client) -> None:
    body = filled.read("accounts?$select=name,telephone1&$filter=name eq 'Delta'")
    assert body["@odata.context"].endswith("/api/data/v9.2/$metadata#accounts(name,telephone1)")
    (row,) = body["value"]
    assert set(row) == {"@odata.etag", "name", "telephone1", "accountid"}
    assert row["telephone1"] is None
    assert row["@odata.etag"].startswith('W/"')


def test_order_and_top(filled: Client) -> None:
    assert names(filled, "$orderby=name desc&$top=2") == ["Ærlig", "Delta"]
    assert names(filled, "$orderby=numberofemployees,name") == [
        "Delta",
        "Alfa",
        "Bravo",
        "alfa nord",
        "Ærlig",
    ]
    body = filled.read("accounts?$top=2", Prefer="odata.maxpagesize=1")
    assert (len(body["value"]), "@odata.nextLink" in body) == (2, False)


def test_count(filled: Client) -> None:
    assert filled.read("accounts?$count=true&$filter=creditonhold eq true&$top=1")["@odata.count"] == 2
    assert filled.read("accounts/$count") == b"5"
    assert filled.read("accounts/$count?$filter=name eq 'Alfa'") == b"1"


@pytest.mark.parametrize(
    "query", ["$select=name", "$select=name&$orderby=name", "$filter=contains(name,'l')"]
)
def test_pages_show_every_row_once(filled: Client, query: str) -> None:
    whole = [row["accountid"] for row in filled.read(f"accounts?{query}")["value"]]
    seen, url = [], f"accounts?{query}"
    while url:
        body = filled.read(url, Prefer="odata.maxpagesize=2")
        assert len(body["value"]) <= 2
        seen += [row["accountid"] for row in body["value"]]
        url = body.get("@odata.nextLink", "")
    assert seen == whole


def test_rows_that_go_between_pages_hide_no_other(filled: Client) -> None:
    first = filled.read("accounts?$select=name", Prefer="odata.maxpagesize=2")
    gone = first["value"][0]["accountid"]
    assert filled.send("DELETE", f"accounts({gone})").status == 204
    second = filled.read(first["@odata.nextLink"], Prefer="odata.maxpagesize=5")
    assert len(second["value"]) == len(NAMES) - 2


def test_the_page_size_is_echoed_and_bounded(filled: Client) -> None:
    answer = filled.send("GET", "accounts", Prefer="odata.maxpagesize=2")
    assert answer.headers["preference-applied"] == "odata.maxpagesize=2"
    answer = filled.send("GET", "accounts", Prefer="odata.maxpagesize=9999")
    assert answer.headers["preference-applied"] == "odata.maxpagesize=5000"
    assert filled.send("GET", "accounts?$skiptoken=nonsense").error == (400, "0x80060888")


def test_annotations(filled: Client) -> None:
    query = "accounts?$select=name,statecode,creditonhold,_ownerid_value&$filter=name eq 'Bravo'"
    asked = 'odata.include-annotations="*"'
    answer = filled.send("GET", query, Prefer=asked)
    (row,) = answer.body["value"]
    formatted = "OData.Community.Display.V1.FormattedValue"
    assert answer.headers["preference-applied"] == asked
    assert row[f"statecode@{formatted}"] == "Active"
    assert row[f"creditonhold@{formatted}"] == "Yes"
    assert row[f"_ownerid_value@{formatted}"] == "# kobling"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "ownerid"
    only = 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'
    (row,) = filled.read(query, Prefer=only)["value"]
    assert [name for name in row if "@" in name] == [
        "@odata.etag",
        "_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname",
    ]


def test_not_modified(filled: Client) -> None:
    row = filled.read("accounts?$filter=name eq 'Alfa'")["value"][0]
    path, etag = f"accounts({row['accountid']})", row["@odata.etag"]
    assert filled.send("GET", path, If_None_Match=etag).status == 304
    assert filled.send("GET", path, If_None_Match="null").status == 200
    assert filled.send("GET", f"{path}?$expand=ownerid", If_None_Match=etag).status == 200
    notes = 'odata.include-annotations="*"'
    assert filled.send("GET", path, If_None_Match=etag, Prefer=notes).status == 200
    assert filled.send("PATCH", path, {"name": "New"}).status == 204
    assert filled.send("GET", path, If_None_Match=etag).status == 200


def test_expand_one_and_many(filled: Client) -> None:
    account = filled.read("accounts?$filter=name eq 'Alfa'")["value"][0]["accountid"]
    bind = f"/accounts({account})"
    for name in ("Ask", "Berg", "Carlsen"):
        filled.create("contacts", lastname=name, parentcustomerid_account__bind=bind)
    options = "$select=lastname;$orderby=lastname desc;$filter=lastname ne 'Ask';$top=1"
    row = filled.read(
        f"accounts({account})?$select=name&$expand=contact_customer_accounts({options}),ownerid"
    )
    assert [contact["lastname"] for contact in row["contact_customer_accounts"]] == ["Carlsen"]
    assert row["ownerid"]["fullname"] == "# kobling"
    inner = "$select=name;$expand=ownerid($select=fullname)"
    path = f"contacts?$select=lastname&$expand=parentcustomerid_account({inner})"
    for contact in filled.read(path)["value"]:
        assert contact["parentcustomerid_account"]["name"] == "Alfa"
        assert contact["parentcustomerid_account"]["ownerid"]["fullname"] == "# kobling"


def test_one_property_raw_and_related(filled: Client) -> None:
    identifier = filled.read("accounts?$filter=name eq 'Ærlig'".replace("Æ", "%C3%86"))["value"][0][
        "accountid"
    ]
    assert filled.read(f"accounts({identifier})/name/$value").decode() == "Ærlig"
    assert filled.read(f"accounts({identifier})/ownerid")["fullname"] == "# kobling"
    assert filled.send("GET", f"accounts({identifier})/primarycontactid").status == 204
    assert filled.send("GET", f"accounts({identifier})/nosuch").error == (404, "0x8006088a")


def test_who_am_i_and_the_service_document(sales: Client) -> None:
    for path in ("WhoAmI", "WhoAmI()"):
        body = sales.read(path)
        assert body["@odata.context"].endswith("$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse")
        assert {"BusinessUnitId", "UserId", "OrganizationId"} < set(body)
    user = sales.read(f"systemusers({sales.read('WhoAmI')['UserId']})")
    assert (user["accessmode"], user["islicensed"], user["isdisabled"]) == (4, False, False)
    sets = {each["name"] for each in sales.read("")["value"]}
    assert {"accounts", "contacts", "transactioncurrencies", "systemusers", "teams", "bcbi_companies"} <= sets


def test_always_present_headers(sales: Client) -> None:
    answer = sales.send("GET", "accounts")
    assert answer.headers["odata-version"] == "4.0"
    assert answer.headers["content-type"] == "application/json; odata.metadata=minimal"


def test_paths_that_lead_nowhere(sales: Client) -> None:
    assert sales.send("GET", "nosuch").error == (404, "0x8006088a")
    assert sales.send("GET", "/nosuch").error == (404, "0x8006088a")
    assert sales.send("GET", "accounts/nosuch").error == (404, "0x8006088a")
    identifier = "00000000-0000-4000-8000-000000000001"
    answer = sales.send("GET", f"accounts({identifier})")
    assert answer.body["error"]["message"] == f"account With Id = {identifier} Does Not Exist"
    assert sales.raw("GET", "/api/data/v9.0/accounts").status == 401


def test_tokens(sales: Client) -> None:
    answer = sales.log_in()
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 3599)
    assert sales.log_in(client_secret="wrong").body["error"] == "invalid_client"
    assert sales.log_in(client_secret="wrong").status == 401
    assert sales.log_in(scope="https://org.example").status == 400
    assert sales.log_in(grant_type="password").status == 400
    assert sales.log_in(client_id="").status == 400
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        refused = sales.raw("GET", "WhoAmI", None, headers)
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_any_other_client_is_a_person_from_the_first_token(sales: Client) -> None:
    path = "systemusers?$filter=fullname eq 'kari'"
    assert sales.read(path)["value"] == []
    assert Client(sales.base, "kari").log_in().status == 200
    (row,) = sales.read(path)["value"]
    assert (row["islicensed"], row["isdisabled"]) == (False, False)
    assert Client(sales.base, "kari").read("WhoAmI")["UserId"] == row["systemuserid"]
