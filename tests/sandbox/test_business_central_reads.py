"""Aim: a client reads Business Central's sets as it would at the vendor's: options, pages, refusals.

Method: plain HTTP against a served sandbox with the demo company.
"""

import json

import pytest
from tests.sandbox.bc_support import COMPANY, EXTENSION, ROOT, STANDARD, Client, served

ZERO = "00000000-0000-0000-0000-000000000000"


def test_companies_are_listed_on_both_routes(bc: Client) -> None:
    for route in (EXTENSION, STANDARD):
        (company,) = bc.send("GET", f"{route}/companies").body["value"]
        assert company["name"] == "Fjordlys"
        assert bc.send("GET", f"{route}/companies({company['id']})").body["displayName"] == "Fjordlys AS"
    assert bc.send("POST", f"{EXTENSION}/companies", {"name": "Another"}).status == 405


def test_the_tenant_may_be_left_out_and_a_wrong_one_is_not_found(bc: Client) -> None:
    assert bc.send("GET", "/v2.0/production/api/v2.0/companies").status == 200
    for path in ("/v2.0/other/production/api/v2.0/companies", "/v2.0/sandbox/other/api/v2.0/companies"):
        assert (bc.send("GET", path).status, bc.send("GET", path).code) == (404, "BadRequest_NotFound")


def test_company_by_header_by_parameter_or_the_first(bc: Client) -> None:
    name = bc.send("GET", f"{EXTENSION}/companies").body["value"][0]["name"]
    assert len(bc.send("GET", f"{EXTENSION}/customers").body["value"]) == 40
    assert bc.send("GET", f"{EXTENSION}/customers?company={name}").status == 200
    assert bc.send("GET", f"{EXTENSION}/customers", Company=name).status == 200
    refused = bc.send("GET", f"{EXTENSION}/customers", Company="Nobody")
    assert (refused.status, refused.code) == (404, "Internal_CompanyNotFound")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{EXTENSION}/{COMPANY}/nothing", "BadRequest_NotFound"),
        (f"{EXTENSION}/companies({ZERO})/customers", "Internal_CompanyNotFound"),
        (f"{EXTENSION}/{COMPANY}/customers({ZERO})", "Internal_RecordNotFound"),
        (f"{EXTENSION}/{COMPANY}/customers({ZERO})/nothing", "BadRequest_NotFound"),
        (f"{STANDARD}/{COMPANY}/shippingAgents", "BadRequest_NotFound"),
    ],
)
def test_what_is_not_there_answers_404_with_its_code(bc: Client, path: str, code: str) -> None:
    answer = bc.send("GET", path)
    assert (answer.status, answer.code) == (404, code)
    assert "  CorrelationId:  " in answer.message
    assert answer.message.endswith(".")


def test_a_key_that_is_no_guid_is_refused(bc: Client) -> None:
    answer = bc.get("customers(C00010)")
    assert (answer.status, answer.code) == (400, "Application_InvalidGUID")


def test_no_token_is_refused(bc: Client) -> None:
    answer = bc.raw("GET", f"{EXTENSION}/companies", None, {})
    assert (answer.status, answer.code) == (401, "Authentication_InvalidCredentials")


def test_rows_show_blanks_options_and_an_etag(bc: Client) -> None:
    row = bc.one("customers", "no", "C00220")
    assert row["@odata.etag"].startswith('W/"')
    assert (row["eMail"], row["blocked"], row["creditLimitLCY"]) == ("", "_x0020_", 0)
    assert row["systemModifiedAt"].endswith("Z")
    assert isinstance(row["systemRowVersion"], int)
    assert bc.one("contacts", "no", "CT000101")["dateOfLastInteraction"] == "0001-01-01"
    single = bc.get(f"customers({row['id']})")
    assert single.headers["etag"] == row["@odata.etag"]
    assert single.body["@odata.context"].endswith("customers/$entity")


def test_decimals_come_out_as_they_went_in(bc: Client) -> None:
    body = (
        '{"code": "XAU", "amountRoundingPrecision": 0.00001, "unitAmountRoundingPrecision": 12345678901.55}'
    )
    headers = {"Authorization": f"Bearer {bc.token()}"}
    created = bc.raw("POST", f"{EXTENSION}/{COMPANY}/currencies", body, headers)
    assert created.status == 201
    assert created.body["unitAmountRoundingPrecision"] == 12345678901.55
    assert created.body["amountRoundingPrecision"] == 0.00001


def test_select_order_top_skip_and_count(bc: Client) -> None:
    everything = [row["no"] for row in bc.rows("customers", "$orderby=no&$select=no")]
    assert everything == sorted(everything)
    assert len(everything) == 40
    answer = bc.get("customers", "$orderby=no desc&$select=no,name&$top=3&$skip=2&$count=true")
    assert [row["no"] for row in answer.body["value"]] == everything[::-1][2:5]
    assert set(answer.body["value"][0]) == {"@odata.etag", "no", "name"}
    assert answer.body["@odata.count"] == 40
    assert bc.get("customers/$count", "$filter=blocked eq ' '").body == b"37"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("no eq 'C00010' or no eq 'C00020'", 2),
        ("startswith(name,'Thames') and endswith(no,'0')", 2),
        ("contains(name,'lesund')", 4),
        ("contains(tolower(name),'ålesund')", 2),
        ("blocked eq 'All'", 1),
        ("blocked ne ' ' and creditLimitLCY gt 0", 2),
        ("blocked eq '_x0020_'", 37),
        ("currencyCode eq ''", 24),
        ("systemModifiedAt lt 2001-01-01T00:00:00Z", 0),
        ("systemRowVersion gt 0 and systemModifiedAt gt 2001-01-01T00:00:00Z", 40),
        ("not (countryRegionCode eq 'NO')", 30),
        ("name eq 'nordlys møbler as'", 0),
    ],
)
def test_filters(bc: Client, condition: str, expected: int) -> None:
    rows = bc.rows("customers", f"$filter={condition}")
    assert len(rows) == expected
    assert bc.get("customers/$count", f"$filter={condition}").body == str(expected).encode()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("$filter=no eq 'A' or name eq 'B'", 501, "BadRequest_MethodNotImplemented"),
        ("$filter=nothing eq 1", 400, "BadRequest"),
        ("$filter=no eq", 400, "BadRequest_InvalidRequestUrl"),
        ("$filter=no eq 5", 400, "BadRequest_InvalidRequestUrl"),
        ("$select=nothing", 400, "BadRequest"),
        ("$orderby=nothing", 400, "BadRequest"),
        ("$expand=nothing", 400, "BadRequest"),
        ("$top=some", 400, "BadRequest_InvalidRequestUrl"),
        ("$deltatoken=1", 400, "BadRequest"),
        ("$skiptoken=zzz", 400, "BadRequest_InvalidRequestUrl"),
        ("$apply=nothing", 400, "BadRequest"),
    ],
)
def test_queries_that_are_refused(bc: Client, query: str, status: int, code: str) -> None:
    answer = bc.get("customers", query)
    assert (answer.status, answer.code) == (status, code)


def test_or_over_distinct_fields_has_the_documented_text(bc: Client) -> None:
    answer = bc.get("customers", "$filter=no eq 'A' or name eq 'B'")
    text = "The 'OR' operator is not supported on distinct fields on an OData filter."
    assert answer.message.startswith(text)


def test_expand_follows_a_code_to_its_row(bc: Client) -> None:
    (row,) = bc.rows("customers", "$filter=no eq 'C00010'&$expand=currency($select=code),paymentTerm")
    assert row["currency"]["code"] == "NOK"
    assert set(row["currency"]) == {"@odata.etag", "code"}
    assert row["paymentTerm"]["dueDateCalculation"] == "30D"
    (row,) = bc.rows("customers", "$filter=no eq 'C00030'&$expand=currency")
    assert row["currency"] is None


@pytest.mark.parametrize("order", ["", "&$orderby=systemRowVersion", "&$orderby=name desc"])
def test_pages_follow_each_other_without_gap_or_repetition(bc: Client, order: str) -> None:
    expected = [row["no"] for row in bc.rows("customers", f"$select=no{order}")]
    found, url = [], f"{EXTENSION}/{COMPANY}/customers?$select=no{order.replace(' ', '%20')}"
    pages = 0
    while url:
        answer = bc.send("GET", url, Prefer="odata.maxpagesize=7")
        assert len(answer.body["value"]) <= 7
        found += [row["no"] for row in answer.body["value"]]
        url = answer.body.get("@odata.nextLink", "").partition(str(bc.port))[2]
        pages += 1
    assert (found, pages) == (expected, 6)


def test_top_goes_over_pages(bc: Client) -> None:
    answer = bc.get("customers", "$top=9", Prefer="odata.maxpagesize=7")
    url = answer.body["@odata.nextLink"].partition(str(bc.port))[2]
    rest = bc.send("GET", url, Prefer="odata.maxpagesize=7").body
    assert len(answer.body["value"]) + len(rest["value"]) == 9
    assert "@odata.nextLink" not in rest


def test_a_row_that_goes_between_two_pages_shifts_no_other(bc: Client) -> None:
    everything = [row["id"] for row in bc.rows("customers", "$select=id")]
    first = bc.get("customers", "$select=id", Prefer="odata.maxpagesize=20").body
    assert bc.delete("customers", everything[3]).status == 204
    second = bc.send("GET", first["@odata.nextLink"].partition(str(bc.port))[2]).body
    assert [row["id"] for row in second["value"]] == everything[20:]


def test_a_page_larger_than_the_service_gives_is_refused(bc: Client) -> None:
    assert bc.get("customers", Prefer="odata.maxpagesize=20001").status == 413
    assert bc.get("customers", Prefer="odata.maxpagesize=20000").status == 200


def test_server_pages_hold_at_most_20000_rows() -> None:
    with served("synthetic:20010") as client:
        first = client.get("customers", "$select=no&$count=true").body
        assert (len(first["value"]), first["@odata.count"]) == (20000, 20010)
        url = first["@odata.nextLink"].partition(str(client.port))[2]
        assert len(client.send("GET", url).body["value"]) == 10


def test_standard_route_has_its_own_names(bc: Client) -> None:
    (row,) = bc.rows("customers", "$filter=number eq 'C00010'", route=STANDARD)
    assert row["displayName"] == "Ålesund Fiskeeksport AS"
    assert row["lastModifiedDateTime"] == bc.one("customers", "no", "C00010")["systemModifiedAt"]
    (currency,) = bc.rows("currencies", f"$filter=id eq {row['currencyId']}", route=STANDARD)
    assert (row["currencyCode"], currency["code"]) == ("NOK", "NOK")
    assert "name2" not in row


def test_standard_route_shows_the_local_currency_where_the_table_is_blank(bc: Client) -> None:
    (row,) = bc.rows("customers", "$filter=number eq 'C00030'", route=STANDARD)
    assert (row["currencyCode"], row["currencyId"]) == ("EUR", ZERO)
    assert bc.one("customers", "no", "C00030")["currencyCode"] == ""


def test_service_document_lists_the_sets(bc: Client) -> None:
    names = {each["name"] for each in bc.send("GET", EXTENSION).body["value"]}
    promised = """companies companyInformation contactBusinessRelations contacts countriesRegions currencies
        currencyExchangeRates customers deletedRecords generalLedgerSetup items marketingSetup paymentTerms
        postCodes rowVersions salespeoplePurchasers shipmentMethods shippingAgents unitsOfMeasure vendors"""
    assert set(promised.split()) <= names
    for name in names - {"companies"}:
        assert bc.get(name).status == 200, name


def test_row_versions_and_the_log_of_deletions(bc: Client) -> None:
    (before,) = bc.rows("rowVersions")
    assert before["minimumActiveRowVersion"] == before["lastUsedRowVersion"] + 1
    customer = bc.created("customers", name="Short lived")
    bc.delete("customers", customer["id"])
    query = f"$filter=systemRowVersion gt {before['lastUsedRowVersion']} and tableId eq 18"
    (entry,) = bc.rows("deletedRecords", query)
    assert entry["recordId"] == customer["id"]
    assert entry["deletedBy"] == customer["systemModifiedBy"]
    assert entry["systemRowVersion"] > customer["systemRowVersion"]
    (after,) = bc.rows("rowVersions")
    assert after["lastUsedRowVersion"] >= entry["systemRowVersion"]
    assert bc.post("deletedRecords", {"tableId": 18}).status == 405


def test_an_open_transaction_is_invisible_and_holds_the_minimum(bc: Client) -> None:
    bc.control("transactions", {"action": "open", "table": "Customer"})
    row = bc.one("customers", "no", "C00010")
    held = bc.changed("customers", row["id"], name="Not yet")
    later = bc.created("currencies", code="CHF")
    assert bc.get(f"customers({row['id']})").body["name"] == row["name"]
    (versions,) = bc.rows("rowVersions")
    assert versions["minimumActiveRowVersion"] <= held["systemRowVersion"] < later["systemRowVersion"]
    bc.control("transactions", {"action": "commit"})
    now = bc.get(f"customers({row['id']})").body
    assert (now["name"], now["systemRowVersion"]) == ("Not yet", held["systemRowVersion"])
    (versions,) = bc.rows("rowVersions")
    assert versions["minimumActiveRowVersion"] > later["systemRowVersion"]


def test_reset_brings_back_the_data(bc: Client) -> None:
    before = json.dumps(bc.rows("customers"))
    bc.created("customers", name="Gone soon")
    bc.control("reset")
    assert json.dumps(bc.rows("customers")) == before
    assert bc.created("customers", name="Next number")["no"] == "C00410"


def test_paths_outside_both_routes(bc: Client) -> None:
    assert bc.send("GET", f"{ROOT}/api/v1.0/companies").status == 404
