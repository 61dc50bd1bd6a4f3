"""Aim: Dataverse in the sandbox creates, changes and deletes rows, and refuses, as the Web API does.

Method: plain HTTP against a served sandbox; each refusal is compared by status and code.
"""

import uuid
from typing import Any

import pytest
from crm_support import ROOT, Client

UNKNOWN = "00000000-0000-4000-8000-000000000001"


def currency(sales: Client, code: str = "NOK", rate: float = 10, **more: Any) -> str:
    values = {"isocurrencycode": code, "currencyname": code, "currencysymbol": code, "currencyprecision": 2}
    return sales.create("transactioncurrencies", exchangerate=rate, **(values | more))


def test_create_answers_204_with_the_address_of_the_row(sales: Client) -> None:
    answer = sales.send("POST", "accounts", {"name": "Fjell AS"})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["odata-entityid"] == answer.headers["location"]
    assert answer.headers["odata-entityid"].startswith(f"{sales.base}api/data/v9.2/accounts(")
    assert sales.read(answer.headers["odata-entityid"])["name"] == "Fjell AS"


def test_create_with_representation_answers_the_selected_columns(sales: Client) -> None:
    prefer = "return=representation"
    answer = sales.send("POST", "accounts?$select=name", {"name": "Fjell AS"}, Prefer=prefer)
    assert (answer.status, answer.headers["preference-applied"]) == (201, prefer)
    assert set(answer.body) == {"@odata.context", "@odata.etag", "name", "accountid"}
    assert answer.headers["etag"] == answer.body["@odata.etag"]


def test_the_client_may_choose_the_id_once(sales: Client) -> None:
    identifier = str(uuid.uuid4())
    assert sales.create("accounts", name="One", accountid=identifier.upper()) == identifier
    again = sales.send("POST", "accounts", {"name": "Two", "accountid": identifier})
    assert again.error == (412, "0x80040237")


def test_deep_insert_is_one_transaction(sales: Client) -> None:
    body: dict[str, Any] = {"name": "Fjell", "primarycontactid": {"lastname": "Berg"}}
    answer = sales.send("POST", "accounts", body)
    row = sales.read(f"accounts({answer.id})?$expand=primarycontactid($select=lastname)")
    assert row["primarycontactid"]["lastname"] == "Berg"
    # The inner row comes first in the body, so it is there when the outer one is refused.
    bad = {"primarycontactid": {"lastname": "Berg"}, "name": "x" * 161}
    assert sales.send("POST", "accounts", bad).error == (400, "0x80044331")
    assert sales.send("PATCH", f"accounts({UNKNOWN})", bad).error == (400, "0x80044331")
    assert sales.read("contacts/$count") == b"1"


@pytest.mark.parametrize("match", ["*", "", "null"])
def test_update_of_a_row_that_is_there(sales: Client, match: str) -> None:
    identifier = sales.create("accounts", name="Old", telephone1="1")
    answer = sales.send("PATCH", f"accounts({identifier})", {"name": "New"}, If_Match=match)
    assert (answer.status, answer.id) == (204, identifier)
    row = sales.read(f"accounts({identifier})?$select=name,telephone1")
    assert (row["name"], row["telephone1"]) == ("New", "1")


def test_update_with_representation(sales: Client) -> None:
    identifier = sales.create("accounts", name="Old")
    answer = sales.send(
        "PATCH", f"accounts({identifier})?$select=name", {"name": "New"}, Prefer="return=representation"
    )
    assert (answer.status, answer.body["name"]) == (200, "New")


def test_update_only_and_create_only(sales: Client) -> None:
    path = f"accounts({UNKNOWN})"
    assert sales.send("PATCH", path, {"name": "A"}, If_Match="*").error == (404, "0x80040217")
    assert sales.send("PATCH", path, {"name": "A"}, If_None_Match="null").status == 204
    assert sales.send("PATCH", path, {"name": "B"}, If_None_Match="*").error == (412, "0x80040237")
    assert sales.read(path)["name"] == "A"


def test_a_stale_version_is_refused_for_update_and_delete(sales: Client) -> None:
    identifier = sales.create("accounts", name="A")
    old = sales.read(f"accounts({identifier})")["@odata.etag"]
    assert sales.send("PATCH", f"accounts({identifier})", {"name": "B"}, If_Match=old).status == 204
    assert sales.send("PATCH", f"accounts({identifier})", {"name": "C"}, If_Match=old).error == (
        412,
        "0x80060882",
    )
    assert sales.send("DELETE", f"accounts({identifier})", If_Match=old).error == (412, "0x80060882")
    new = sales.read(f"accounts({identifier})")["@odata.etag"]
    assert sales.send("DELETE", f"accounts({identifier})", If_Match=new).status == 204


def test_upsert_with_representation_tells_created_from_updated(sales: Client) -> None:
    path, prefer = f"accounts({UNKNOWN})?$select=name", "return=representation"
    assert sales.send("PATCH", path, {"name": "A"}, Prefer=prefer).status == 201
    assert sales.send("PATCH", path, {"name": "B"}, Prefer=prefer).status == 200


def test_delete_and_delete_again(sales: Client) -> None:
    identifier = sales.create("accounts", name="A")
    assert sales.send("DELETE", f"accounts({identifier})").status == 204
    assert sales.send("DELETE", f"accounts({identifier})").error == (404, "0x80040217")
    assert sales.send("GET", f"accounts({identifier})").error == (404, "0x80040217")


def test_one_property(sales: Client) -> None:
    identifier = sales.create("accounts", name="A", telephone1="1")
    assert sales.send("PUT", f"accounts({identifier})/telephone1", {"value": "2"}).status == 204
    assert sales.read(f"accounts({identifier})/telephone1")["value"] == "2"
    assert sales.send("DELETE", f"accounts({identifier})/telephone1").status == 204
    assert sales.send("GET", f"accounts({identifier})/telephone1").status == 204


def test_associate_and_disassociate(sales: Client) -> None:
    account, contact = sales.create("accounts", name="A"), sales.create("contacts", lastname="B")
    url = f"{sales.base}api/data/v9.2/contacts({contact})"
    path = f"accounts({account})"
    collection = f"{path}/contact_customer_accounts"
    assert sales.send("POST", f"{collection}/$ref", {"@odata.id": url}).status == 204
    assert [row["contactid"] for row in sales.read(collection)["value"]] == [contact]
    assert sales.send("PUT", f"{path}/primarycontactid/$ref", {"@odata.id": url}).status == 204
    assert sales.read(f"{path}/primarycontactid/$ref")["@odata.id"] == url
    assert sales.send("DELETE", f"{path}/primarycontactid/$ref").status == 204
    assert sales.read(path)["_primarycontactid_value"] is None


def test_methods_that_a_collection_does_not_take(sales: Client) -> None:
    assert sales.send("PATCH", "accounts", {"name": "A"}).status == 405
    assert sales.send("DELETE", "accounts").status == 405


def test_alternate_key_reads_writes_and_creates(sales: Client) -> None:
    path = "accounts(accountnumber='A-1''x/%C3%B8')"
    assert sales.send("GET", path).error == (404, "0x80060891")
    assert sales.send("PATCH", path, {"name": "A"}, If_Match="*").error == (404, "0x80060891")
    created = sales.send("PATCH", path, {"name": "A"})
    assert created.status == 204
    row = sales.read(path)
    assert (row["accountid"], row["accountnumber"]) == (created.id, "A-1'x/ø")
    assert sales.send("PATCH", path, {"name": "B", "accountnumber": "A-1'x/ø"}).id == created.id
    assert sales.send("POST", "accounts", {"accountnumber": "a-1'x/Ø"}).error == (412, "0x80060892")


def test_a_key_that_is_not_defined(sales: Client) -> None:
    assert sales.send("GET", "accounts(name='A')").error == (400, "0x80060890")
    assert sales.send("GET", "accounts(accountnumber=5)").error == (400, "0x80060888")
    assert sales.send("GET", "accounts(nonsense)").error == (400, "0x80060888")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"name": "x" * 161}, "0x80044331"),
        ({"name": "😀" * 81}, "0x80044331"),
        ({"nosuchcolumn": 1}, "0x80048d19"),
        ({"Name": "wrong case"}, "0x80048d19"),
        ({"_ownerid_value": UNKNOWN}, "0x80048d19"),
        ({"name": 5}, "0x80048d19"),
        ({"creditonhold": "yes"}, "0x80048d19"),
        ({"numberofemployees": 1.5}, "0x80048d19"),
        ({"numberofemployees": -1}, "0x80044330"),
        ({"creditlimit": -0.01}, "0x8004432F"),
        ({"creditlimit": "5"}, "0x80048d19"),
        ({"customertypecode": 99}, "0x8004431A"),
        ({"customertypecode": "3"}, "0x80048d19"),
        ({"lastusedincampaign": "31.12.2024"}, "0x80048d19"),
        ({"accountid": "nonsense"}, "0x80048d19"),
        ({"statecode": 0, "statuscode": 2}, "0x80048408"),
        ({"nosuch@odata.bind": "/contacts(00000000-0000-4000-8000-000000000001)"}, "0x80048d19"),
        ({"primarycontactid@odata.bind": "/accounts(00000000-0000-4000-8000-000000000001)"}, "0x80040217"),
        ({"primarycontactid@odata.bind": 5}, "0x80048d19"),
        ({"primarycontactid@odata.bind": "/nosuchset(00000000-0000-4000-8000-000000000001)"}, "0x80048d19"),
    ],
)
def test_values_that_are_refused(sales: Client, values: dict[str, Any], code: str) -> None:
    status = 404 if code == "0x80040217" else 400
    assert sales.send("POST", "accounts", {"name": "A", **values}).error == (status, code)
    assert sales.read("accounts/$count") == b"0"
    identifier = sales.create("accounts", name="A")
    changed = sales.send("PATCH", f"accounts({identifier})", {"telephone1": "1", **values})
    assert changed.error == (status, code)
    assert sales.read(f"accounts({identifier})")["telephone1"] is None


def test_a_text_may_be_as_long_as_the_column(sales: Client) -> None:
    identifier = sales.create("accounts", name="😀" * 80)
    assert sales.read(f"accounts({identifier})")["name"] == "😀" * 80


@pytest.mark.parametrize("body", [b"{", b"[1]", b'"text"', b'{"name": NaN}', b"\xff"])
def test_bodies_that_are_no_row(sales: Client, body: bytes) -> None:
    assert sales.send("POST", "accounts", body).error == (400, "0x80048d19")


def test_values_on_the_wire(sales: Client) -> None:
    identifier = sales.create(
        "accounts",
        name="A",
        description="",
        creditlimit=12.345,
        customertypecode=3,
        creditonhold=True,
        lastusedincampaign="2024-01-31",
        overriddencreatedon="2020-02-03T04:05:06.789+01:00",
    )
    row = sales.read(f"accounts({identifier})")
    assert row["description"] is None
    assert (row["creditlimit"], row["customertypecode"], row["creditonhold"]) == (12.35, 3, True)
    assert (row["donotphone"], row["lastusedincampaign"]) == (False, "2024-01-31")
    assert row["createdon"] == "2020-02-03T03:05:06Z"
    assert (row["statecode"], row["statuscode"]) == (0, 1)
    assert len(row["modifiedon"]) == len("2024-01-31T12:00:00Z")
    assert row["@odata.etag"] == f'W/"{row["versionnumber"]}"'


def test_columns_that_a_client_may_not_write_are_passed_over(sales: Client) -> None:
    identifier = sales.create("accounts", name="A", versionnumber=5, creditlimit_base=7)
    row = sales.read(f"accounts({identifier})")
    assert (row["versionnumber"] > 5, row["creditlimit_base"]) == (True, None)


def test_the_state_and_its_status(sales: Client) -> None:
    identifier = sales.create("accounts", name="A")
    path = f"accounts({identifier})"
    assert sales.send("PATCH", path, {"statecode": 1}).status == 204
    assert sales.read(path)["statuscode"] == 2
    assert sales.send("PATCH", path, {"statuscode": 1}).error == (400, "0x80048408")
    assert sales.send("PATCH", path, {"statecode": 0, "statuscode": 1}).status == 204
    assert sales.read(path)["statecode"] == 0


def test_look_ups_are_bound_by_id_key_and_absolute_url_and_cleared_by_null(sales: Client) -> None:
    company = sales.read("bcbi_companies")["value"][0]
    parent = sales.create("accounts", name="P", accountnumber="P/1")
    identifier = sales.create(
        "accounts",
        parentaccountid__bind="accounts(accountnumber='P/1')",
        bcbi_CompanyId__bind=f"{sales.base}api/data/v9.2/bcbi_companies({company['bcbi_companyid']})",
    )
    row = sales.read(f"accounts({identifier})")
    assert row["_parentaccountid_value"] == parent
    assert row["_bcbi_companyid_value"] == company["bcbi_companyid"]
    assert sales.send("PATCH", f"accounts({identifier})", {"parentaccountid": None}).status == 204
    assert sales.read(f"accounts({identifier})")["_parentaccountid_value"] is None
    wrong = {"bcbi_companyid@odata.bind": f"/bcbi_companies({company['bcbi_companyid']})"}
    assert sales.send("PATCH", f"accounts({identifier})", wrong).error == (400, "0x80048d19")


def test_a_customer_look_up_has_a_property_for_each_table(sales: Client) -> None:
    account, other = sales.create("accounts", name="A"), sales.create("contacts", lastname="O")
    contact = sales.create("contacts", lastname="C", parentcustomerid_account__bind=f"/accounts({account})")
    wrong = {"parentcustomerid_account@odata.bind": f"/contacts({other})"}
    assert sales.send("PATCH", f"contacts({contact})", wrong).error == (400, "0x80048d19")
    note = "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"
    prefer = 'odata.include-annotations="*"'
    assert sales.read(f"contacts({contact})", Prefer=prefer)[note] == "account"
    right = {"parentcustomerid_contact@odata.bind": f"/contacts({other})"}
    assert sales.send("PATCH", f"contacts({contact})", right).status == 204
    assert sales.read(f"contacts({contact})", Prefer=prefer)[note] == "contact"


def test_amounts_have_a_twin_in_the_base_currency(sales: Client) -> None:
    krone = currency(sales, rate=8)
    identifier = sales.create("accounts", name="A", creditlimit=100)
    base = sales.read("organizations")["value"][0]["_basecurrencyid_value"]
    row = sales.read(f"accounts({identifier})")
    assert (row["_transactioncurrencyid_value"], row["creditlimit_base"]) == (base, 100)
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({krone})"}
    assert sales.send("PATCH", f"accounts({identifier})", bind).status == 204
    row = sales.read(f"accounts({identifier})")
    assert (row["creditlimit"], row["creditlimit_base"], row["exchangerate"]) == (100, 12.5, 8)


def test_a_currency_needs_its_columns_and_keeps_its_code(sales: Client) -> None:
    assert sales.send("POST", "transactioncurrencies", {"isocurrencycode": "NOK"}).error == (
        400,
        "0x80040203",
    )
    krone = currency(sales)
    path = f"transactioncurrencies({krone})"
    assert sales.send("PATCH", path, {"isocurrencycode": "SEK", "currencyname": "Krone"}).status == 204
    row = sales.read(path)
    assert (row["isocurrencycode"], row["currencyname"]) == ("NOK", "Krone")
    assert sales.send("PATCH", path, {"currencyname": None}).error == (400, "0x80040203")
    again = {name: row[name] for name in ("isocurrencycode", "currencyname", "currencysymbol")}
    again |= {"exchangerate": 1, "currencyprecision": 2}
    assert sales.send("POST", "transactioncurrencies", again).error == (412, "0x80040237")
    assert sales.send("PATCH", path, {"currencyprecision": 5}).error == (400, "0x80044330")


def test_a_row_that_others_need_is_not_deleted(sales: Client) -> None:
    krone = currency(sales)
    account = sales.create(
        "accounts", name="A", transactioncurrencyid__bind=f"/transactioncurrencies({krone})"
    )
    path = f"transactioncurrencies({krone})"
    assert sales.send("DELETE", path).error == (405, "0x80040227")
    assert sales.send("PATCH", f"accounts({account})", {"transactioncurrencyid": None}).status == 204
    assert sales.send("DELETE", path).status == 204


def test_deleting_takes_dependent_rows_and_clears_loose_references(sales: Client) -> None:
    main = sales.create("contacts", lastname="M")
    account = sales.create("accounts", name="A", primarycontactid__bind=f"/contacts({main})")
    bind = f"/accounts({account})"
    contact = sales.create("contacts", lastname="C", parentcustomerid_account__bind=bind)
    assert sales.send("DELETE", f"contacts({main})").status == 204
    assert sales.read(f"accounts({account})")["_primarycontactid_value"] is None
    assert sales.send("DELETE", f"accounts({account})").status == 204
    assert sales.send("GET", f"contacts({contact})").error == (404, "0x80040217")


def test_the_owner_is_an_enabled_user_or_a_team(sales: Client) -> None:
    me = sales.read("WhoAmI()")["UserId"]
    identifier = sales.create("accounts", name="A")
    path = f"accounts({identifier})"
    row = sales.read(path)
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (me, me, None)
    team = sales.read("teams")["value"][0]["teamid"]
    assert sales.send("PATCH", path, {"ownerid@odata.bind": f"/teams({team})"}).status == 204
    row = sales.read(path)
    assert (row["_ownerid_value"], row["_owninguser_value"], row["_owningteam_value"]) == (team, None, team)
    Client(sales.base, "leaver").read("WhoAmI")
    leaver = Client(sales.base, "leaver").read("WhoAmI")["UserId"]
    assert sales.send("PATCH", f"systemusers({leaver})", {"isdisabled": True}).status == 204
    bind = {"ownerid@odata.bind": f"/systemusers({leaver})"}
    assert sales.send("PATCH", path, bind).error == (403, "0x80040225")
    gone = {"ownerid@odata.bind": f"/systemusers({UNKNOWN})"}
    assert sales.send("PATCH", path, gone).error == (404, "0x80040217")


def test_full_names_follow_their_parts(sales: Client) -> None:
    identifier = sales.create("contacts", firstname="Kari", lastname="Berg", fullname="Other")
    assert sales.read(f"contacts({identifier})")["fullname"] == "Kari Berg"
    assert sales.send("PATCH", f"contacts({identifier})", {"middlename": "M."}).status == 204
    assert sales.read(f"contacts({identifier})")["fullname"] == "Kari M. Berg"


def test_who_wrote_is_kept(sales: Client) -> None:
    identifier = sales.create("accounts", name="A")
    person = Client(sales.base, "kari")
    assert person.send("PATCH", f"accounts({identifier})", {"name": "B"}).status == 204
    row = sales.read(f"accounts({identifier})?$expand=modifiedby($select=fullname)")
    assert row["modifiedby"]["fullname"] == "kari"
    assert row["_createdby_value"] == sales.read("WhoAmI")["UserId"]


def test_orders_and_their_lines_keep_the_numbers_of_business_central(sales: Client) -> None:
    order = sales.document("salesorders", name="A", bcbi_businesscentralordernumber="S-ORD101")
    path = f"salesorders({order})"
    assert sales.read(path)["bcbi_businesscentralordernumber"] == "S-ORD101"
    too_long = {"bcbi_businesscentralordernumber": "x" * 21}
    assert sales.send("PATCH", path, too_long).error == (400, "0x80044331")
    bind = {"salesorderid@odata.bind": f"/{path}", "bcbi_businesscentrallinenumber": 10000}
    line = sales.send(
        "POST", "salesorderdetails", {**bind, "isproductoverridden": True, "productdescription": "Free text"}
    )
    assert sales.read(f"salesorderdetails({line.id})")["bcbi_businesscentrallinenumber"] == 10000


def test_bulk_messages_do_all_or_nothing(sales: Client) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    path = "accounts/Microsoft.Dynamics.CRM."
    bad = {"Targets": [{**kind, "name": "A"}, {**kind, "name": "x" * 161}]}
    assert sales.send("POST", f"{path}CreateMultiple", bad).error == (400, "0x80044331")
    assert sales.read("accounts/$count") == b"0"
    good = {"Targets": [{**kind, "name": "A"}, {**kind, "name": "B"}]}
    answer = sales.send("POST", f"{path}CreateMultiple", good)
    first, second = answer.body["Ids"]
    assert sales.read(f"accounts({second})")["name"] == "B"
    update = {"Targets": [{**kind, "accountid": first, "name": "C"}]}
    assert sales.send("POST", f"{path}UpdateMultiple", update).status == 204
    assert sales.read(f"accounts({first})")["name"] == "C"
    upsert = {"Targets": [{**kind, "@odata.id": "accounts(accountnumber='N')", "name": "D"}]}
    assert sales.send("POST", f"{path}UpsertMultiple", upsert).status == 204
    assert sales.read("accounts(accountnumber='N')")["name"] == "D"
    missing = {"Targets": [{**kind, "accountid": UNKNOWN, "name": "C"}]}
    assert sales.send("POST", f"{path}UpdateMultiple", missing).error == (404, "0x80040217")
    assert sales.send("POST", f"{path}CreateMultiple", {"Targets": [{"name": "A"}]}).error[0] == 400
    assert sales.send("POST", f"{path}DeleteMultiple", good).status == 501
    other = f"{ROOT}transactioncurrencies/Microsoft.Dynamics.CRM.CreateMultiple"
    assert sales.send("POST", other, good).error == (404, "0x8006088a")
