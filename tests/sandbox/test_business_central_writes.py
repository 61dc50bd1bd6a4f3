"""Aim: creating, changing and deleting rows answers as Business Central does, refusals included.

Method: plain HTTP against a served sandbox with the demo company; each refusal is checked by status, code and
the documented text, and that nothing was stored.
"""

import uuid
from typing import Any

import pytest
from tests.sandbox.bc_support import COMPANY, EXTENSION, STANDARD, Client


def test_create_answers_201_with_the_row(bc: Client) -> None:
    answer = bc.post("customers", {"name": "Ny Kunde AS", "creditLimitLCY": 10.5, "blocked": "Ship"})
    assert answer.status == 201
    assert answer.headers["etag"] == answer.body["@odata.etag"]
    assert answer.headers["location"].endswith(f"/{COMPANY}/customers({answer.body['id']})")
    stored = bc.get(f"customers({answer.body['id']})").body
    assert stored == answer.body
    assert (stored["name"], stored["creditLimitLCY"], stored["blocked"]) == ("Ny Kunde AS", 10.5, "Ship")


@pytest.mark.parametrize("wish", ["return-no-content", "return=minimal"])
def test_create_without_content_answers_204(bc: Client, wish: str) -> None:
    answer = bc.post("customers", {"name": "Quiet"}, Prefer=wish)
    assert (answer.status, answer.body) == (204, b"")
    assert bc.one("customers", "name", "Quiet")["id"] in answer.headers["location"]


def test_the_client_may_choose_the_id(bc: Client) -> None:
    identifier = str(uuid.uuid4())
    row = bc.created("customers", id=f"{{{identifier.upper()}}}", name="Chosen")
    assert row["id"] == identifier
    again = bc.post("customers", {"id": identifier, "name": "Twice"})
    assert (again.status, again.code) == (400, "Internal_EntityWithSameKeyExists")
    assert again.message.startswith(
        "The Customer already exists. Identification fields and values: SystemId="
    )
    assert bc.rows("customers", "$filter=name eq 'Twice'") == []


def test_a_number_in_use_is_the_same_key_too(bc: Client) -> None:
    answer = bc.post("customers", {"no": "c00010", "name": "Twice"})
    assert (answer.status, answer.code) == (400, "Internal_EntityWithSameKeyExists")
    assert "No.='C00010'" in answer.message
    rate = {"currencyCode": "USD", "startingDate": "2026-01-01"}
    assert bc.post("currencyExchangeRates", rate).code == "Internal_EntityWithSameKeyExists"
    assert bc.post("currencyExchangeRates", rate | {"startingDate": "2026-02-01"}).status == 201


def test_the_id_cannot_be_changed(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    answer = bc.patch("customers", row["id"], {"id": str(uuid.uuid4())})
    assert (answer.status, answer.message.partition("  ")[0]) == (400, "The id cannot be changed.")
    assert bc.patch("customers", row["id"], {"id": row["id"], "name2": "same"}).status == 200


def test_change_touches_only_the_fields_sent(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    changed = bc.changed("customers", row["id"], name2="Avdeling")
    volatile = {"name2", "@odata.etag", "@odata.context", "lastDateModified"}
    volatile |= {"systemModifiedAt", "systemModifiedBy", "systemRowVersion"}
    assert {key for key in row if row[key] != changed[key]} <= volatile
    assert changed["systemRowVersion"] > row["systemRowVersion"]
    assert changed["systemCreatedBy"] == row["systemCreatedBy"]
    assert changed["systemModifiedBy"] != row["systemModifiedBy"]


def test_change_needs_if_match(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    answer = bc.patch("customers", row["id"], {"name": "Blind"}, match="")
    assert (answer.status, answer.code) == (400, "BadRequest_InvalidToken")
    assert answer.message.startswith(
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request."
    )
    assert bc.get(f"customers({row['id']})").body["name"] == row["name"]


def test_change_with_the_present_etag_or_a_star_is_taken(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    answer = bc.patch("customers", row["id"], {"name2": "A"}, match=row["@odata.etag"])
    assert answer.status == 200
    assert bc.patch("customers", row["id"], {"name2": "B"}, match="*").status == 200


def test_a_stale_etag_is_409_and_changes_nothing(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    bc.changed("customers", row["id"], name2="First")
    for answer in (
        bc.patch("customers", row["id"], {"name2": "Second"}, match=row["@odata.etag"]),
        bc.delete("customers", row["id"], If_Match=row["@odata.etag"]),
    ):
        assert (answer.status, answer.code) == (409, "Request_EntityChanged")
        assert answer.message.startswith("Another user has already changed the record.")
    assert bc.get(f"customers({row['id']})").body["name2"] == "First"


def test_delete_is_204_with_or_without_etag_and_then_404(bc: Client) -> None:
    one, two = bc.rows("items", "$filter=type eq 'Service'")
    assert bc.delete("items", one["id"]).status == 204
    assert bc.delete("items", two["id"], If_Match=two["@odata.etag"]).status == 204
    again = bc.delete("items", one["id"])
    assert (again.status, again.code) == (404, "Internal_RecordNotFound")
    assert again.message.startswith("The Item does not exist. Identification fields and values: ")


@pytest.mark.parametrize("route", [STANDARD, EXTENSION])
def test_a_change_does_not_reach_into_other_rows(bc: Client, route: str) -> None:
    row = bc.one("customers", "no", "C00010")
    currency = bc.one("currencies", "code", row["currencyCode"])
    answer = bc.patch("customers", row["id"], {"currency": {"symbol": "?"}}, route=route)
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert bc.one("currencies", "code", row["currencyCode"]) == currency


def test_a_change_does_not_create(bc: Client) -> None:
    answer = bc.patch("customers", str(uuid.uuid4()), {"name": "Upsert"})
    assert (answer.status, answer.code) == (404, "Internal_RecordNotFound")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("PATCH", "customers", "Collection"),
        ("DELETE", "customers", "Collection"),
        ("PUT", "customers", "Collection"),
        ("POST", "rowVersions", "Collection"),
        ("POST", "generalLedgerSetup", "Collection"),
        ("PUT", "customers(7b0c4f0e-6f9b-4c8e-9d53-8c4c54a3b5a1)", "Entity"),
        ("POST", "customers(7b0c4f0e-6f9b-4c8e-9d53-8c4c54a3b5a1)", "Entity"),
    ],
)
def test_wrong_methods_are_405_with_the_documented_text(
    bc: Client, method: str, path: str, kind: str
) -> None:
    answer = bc.send(method, f"{EXTENSION}/{COMPANY}/{path}", {}, If_Match="*")
    assert (answer.status, answer.code) == (405, "BadRequest_MethodNotAllowed")
    name = path.partition("(")[0]
    assert answer.message.startswith(
        f"'{method}' requests for '{name}' of EdmType '{kind}' are not allowed within "
        "Dynamics 365 Business Central OData web services."
    )


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        (
            {"name": "x" * 101},
            "Application_StringExceededLength",
            "The length of the string is 101, but it must be less than or equal to 100 characters. Value: x",
        ),
        ({"name2": "😀" * 26}, "Application_StringExceededLength", "The length of the string is 52"),
        (
            {"currencyCode": "TOOLONGCODE"},
            "Application_StringExceededLength",
            "The length of the string is 11",
        ),
        (
            {"currencyCode": "XXX"},
            "Internal_InvalidTableRelation",
            "The field Currency Code of table Customer contains a value (XXX) that cannot be found in the "
            "related table (Currency).",
        ),
        ({"countryRegionCode": "XX"}, "Internal_InvalidTableRelation", "The field Country/Region Code of"),
        ({"salespersonCode": "NOBODY"}, "Internal_InvalidTableRelation", "The field Salesperson Code of"),
        ({"primaryContactNo": "NOBODY"}, "Internal_InvalidTableRelation", "The field Primary Contact No. of"),
        (
            {"blocked": "Invalid Type"},
            "Unknown",
            "'Invalid Type' is not an option. The existing options are:  ,Ship,Invoice,All",
        ),
        ({"phoneNo": "ring the bell"}, "Application_DialogException", "Phone No. must not contain letters"),
        ({"mobilePhoneNo": "+47 OO"}, "Application_DialogException", "Mobile Phone No. must not"),
        ({"eMail": "nobody"}, "Application_DialogException", 'The email address "nobody" is not valid.'),
        ({"eMail": "a@b.no; @x.no"}, "Application_DialogException", 'The email address "@x.no" is not'),
        (
            {"nothing": 1},
            "BadRequest",
            "The property 'nothing' does not exist on type 'Microsoft.NAV.customer'.",
        ),
        ({"name": 5}, "BadRequest", "Cannot convert"),
        ({"creditLimitLCY": "5"}, "BadRequest", "Cannot convert"),
        ({"creditLimitLCY": True}, "BadRequest", "Cannot convert"),
        ({"creditLimitLCY": 10**18}, "Application_EvaluateException", "The decimal value"),
        ({"taxLiable": "yes"}, "BadRequest", "Cannot convert"),
        ({"id": "no guid"}, "Application_InvalidGUID", "Invalid GUID"),
        ({"balanceLCY": 1}, "BadRequest_InvalidOperation", "Control 'balanceLCY' is read-only"),
        ({"systemModifiedAt": "2024-01-01T00:00:00Z"}, "BadRequest_InvalidOperation", "Control 'systemModi"),
    ],
)
def test_values_that_are_refused(bc: Client, values: dict[str, Any], code: str, text: str) -> None:
    created = bc.post("customers", {"name": "Refused"} | values)
    row = bc.one("customers", "no", "C00010")
    changed = bc.patch("customers", row["id"], values)
    answers = [created] if "id" in values else [created, changed]
    for answer in answers:
        assert (answer.status, answer.code) == (400, code), answer
        assert answer.message.startswith(text)
        assert answer.message.partition("  CorrelationId:  ")[2]
    assert bc.get(f"customers({row['id']})").body == row | {
        "@odata.context": bc.get(f"customers({row['id']})").body["@odata.context"]
    }
    assert len(bc.rows("customers")) == 40


@pytest.mark.parametrize("body", ["", "{", "[]", "5", '{"name": NaN}', b'{"name": "\xff"}', '"text"'])
def test_bodies_that_cannot_be_read(bc: Client, body: str | bytes) -> None:
    headers = {"Authorization": f"Bearer {bc.token()}"}
    answer = bc.raw("POST", f"{EXTENSION}/{COMPANY}/customers", body, headers)
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert answer.message.startswith("Invalid Request Body")


def test_codes_are_upper_cased_and_trimmed_and_texts_are_not(bc: Client) -> None:
    row = bc.created("customers", no=" ny1 ", name=" Ny ", currencyCode=" nok", paymentTermsCode="net30 ")
    assert (row["no"], row["name"]) == ("NY1", " Ny ")
    assert (row["currencyCode"], row["paymentTermsCode"]) == ("NOK", "NET30")


def test_null_and_blank_are_the_same_blank(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    changed = bc.changed("customers", row["id"], name2=None, currencyCode=None, creditLimitLCY=None, eMail="")
    assert [changed[key] for key in ("name2", "currencyCode", "creditLimitLCY", "eMail")] == ["", "", 0, ""]


def test_options_are_taken_by_member_name_and_by_text(bc: Client) -> None:
    row = bc.one("customers", "no", "C00380")
    assert bc.changed("customers", row["id"], blocked="_x0020_")["blocked"] == "_x0020_"
    assert bc.changed("customers", row["id"], blocked="Invoice")["blocked"] == "Invoice"
    assert bc.changed("customers", row["id"], blocked=" ")["blocked"] == "_x0020_"
    item = bc.one("items", "no", "1000")
    assert bc.changed("items", item["id"], type="Non-Inventory")["type"] == "Non_x002D_Inventory"


def test_a_text_at_its_limit_is_taken(bc: Client) -> None:
    assert bc.created("customers", name="å" * 100, name2="😀" * 25)["name2"] == "😀" * 25


def test_dates_keep_their_form(bc: Client) -> None:
    rate = bc.created("currencyExchangeRates", currencyCode="USD", startingDate="2026-03-01")
    assert rate["startingDate"] == "2026-03-01"
    for date in ("2026-13-01", "yesterday", 20260301):
        answer = bc.post("currencyExchangeRates", {"currencyCode": "NOK", "startingDate": date})
        assert (answer.status, answer.code) == (400, "BadRequest")


def test_a_number_left_out_comes_from_the_series(bc: Client) -> None:
    assert [bc.created("customers", name="N")["no"] for _ in range(3)] == ["C00410", "C00420", "C00430"]
    assert bc.created("vendors", name="N")["no"] == "V00070"
    bc.created("customers", no="C00440", name="By hand")
    assert bc.created("customers", name="N")["no"] == "C00450"


def test_a_code_is_mandatory_where_there_is_no_series(bc: Client) -> None:
    answer = bc.post("currencies", {"description": "Nameless"})
    assert (answer.status, answer.code) == (400, "Application_DialogException")
    assert answer.message.startswith("Code must have a value in Currency")


def test_a_changed_number_is_changed_where_it_is_referred_to(bc: Client) -> None:
    term = bc.one("paymentTerms", "code", "NET45")
    before = len(bc.rows("customers", "$filter=paymentTermsCode eq 'NET45'"))
    bc.changed("paymentTerms", term["id"], code="MONTH")
    assert len(bc.rows("customers", "$filter=paymentTermsCode eq 'MONTH'")) == before > 0
    customer = bc.one("customers", "no", "C00010")
    bc.changed("customers", customer["id"], no="K1")
    assert len(bc.rows("contactBusinessRelations", "$filter=no eq 'K1' and linkToTable eq 'Customer'")) == 1
    assert bc.rows("contactBusinessRelations", "$filter=no eq 'C00010'") == []


def test_annotations_in_a_body_are_ignored(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    body = {"@odata.etag": row["@odata.etag"], "name2": "X"}
    assert bc.patch("customers", row["id"], body).status == 200


def test_read_only_intent_forbids_writing(bc: Client) -> None:
    answer = bc.post("customers", {"name": "X"}, Data_Access_Intent="ReadOnly")
    assert (answer.status, answer.code) == (400, "BadRequest")
    assert bc.get("customers", "$top=1", Data_Access_Intent="ReadOnly").status == 200


def test_times_and_users_are_those_of_the_write(bc: Client) -> None:
    other = Client(bc.port, "kobling")
    bc.control("clock", {"offset_seconds": 86400})
    row = bc.created("customers", name="Tomorrow")
    bc.control("clock", {"offset_seconds": 2 * 86400})
    changed = other.changed("customers", row["id"], name2="X")
    assert changed["systemCreatedAt"] == row["systemCreatedAt"] < changed["systemModifiedAt"]
    assert changed["systemModifiedBy"] != row["systemModifiedBy"] == changed["systemCreatedBy"]


def test_standard_route_writes_by_its_names(bc: Client) -> None:
    usd = bc.one("currencies", "code", "USD")
    body = {"displayName": "By API", "addressLine1": "Street", "currencyId": usd["id"], "blocked": " "}
    answer = bc.post("customers", body, route=STANDARD)
    assert answer.status == 201
    row = bc.get(f"customers({answer.body['id']})").body
    assert (row["name"], row["address"], row["currencyCode"]) == ("By API", "Street", "USD")
    changed = bc.patch("customers", row["id"], {"currencyCode": "EUR"}, route=STANDARD)
    assert (changed.status, changed.body["currencyCode"]) == (200, "EUR")
    assert bc.get(f"customers({row['id']})").body["currencyCode"] == ""


@pytest.mark.parametrize(
    ("set_name", "body", "code"),
    [
        ("customers", {"phoneNumber": "1"}, "BadRequest_RequiredParamNotProvided"),
        ("customers", {"displayName": "X", "name": "X"}, "BadRequest"),
        ("customers", {"displayName": "X", "currencyId": str(uuid.uuid4())}, "Application_DialogException"),
        ("customers", {"displayName": "X", "balanceDue": 1}, "BadRequest_InvalidOperation"),
    ],
)
def test_standard_route_refuses(bc: Client, set_name: str, body: dict[str, Any], code: str) -> None:
    answer = bc.post(set_name, body, route=STANDARD)
    assert (answer.status, answer.code) == (400, code)


def test_standard_route_only_reads_exchange_rates(bc: Client) -> None:
    body = {"currencyCode": "USD", "startingDate": "2026-03-01"}
    assert bc.post("currencyExchangeRates", body, route=STANDARD).status == 405


def test_a_row_in_another_open_transaction_is_locked(bc: Client) -> None:
    row = bc.one("customers", "no", "C00010")
    bc.control("transactions", {"action": "open", "table": "Customer"})
    bc.changed("customers", row["id"], name2="Uncommitted")
    answer = bc.patch("customers", row["id"], {"name2": "Second"})
    assert (answer.status, answer.code) == (503, "Internal_ServerError")
    bc.control("transactions", {"action": "commit", "table": "Customer"})
    assert bc.get(f"customers({row['id']})").body["name2"] == "Uncommitted"
