"""Aim: the data sets hold what a first synchronization is promised, on both sides.

Method: both services are served and read by plain HTTP; values that one side holds are sent to the other,
which must take them. Nothing here knows how a synchronization works.
"""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from tests.sandbox.bc_support import EXTENSION, Client, served_both

from kobling_sandbox.datasets import build
from kobling_sandbox.datasets.setup import user_id

CRM = "/api/data/v9.2"
OPTION_CODES = {
    "paymentTermsCode": {"NET30", "2%10NET30", "NET45", "NET60"},
    "shipmentMethodCode": {"FOB", "NOCHARGE"},
    "shippingAgentCode": {"AIRBORNE", "DHL", "FEDEX", "UPS", "POSTALMAIL", "FULLLOAD", "WILLCALL"},
}
ACCOUNT_OF = {
    "name": "name",
    "contact": "address1_primarycontactname",
    "address": "address1_line1",
    "address2": "address1_line2",
    "postCode": "address1_postalcode",
    "city": "address1_city",
    "countryRegionCode": "address1_country",
    "county": "address1_stateorprovince",
    "eMail": "emailaddress1",
    "faxNo": "fax",
    "homePage": "websiteurl",
    "phoneNo": "telephone1",
    "creditLimitLCY": "creditlimit",
}
CONTACT_OF = {
    "firstName": "firstname",
    "middleName": "middlename",
    "surname": "lastname",
    "jobTitle": "jobtitle",
    "address": "address1_line1",
    "postCode": "address1_postalcode",
    "city": "address1_city",
    "county": "address1_stateorprovince",
    "eMail": "emailaddress1",
    "phoneNo": "telephone1",
    "mobilePhoneNo": "mobilephone",
}


CHECKED_SETS = (
    *("customers", "vendors", "contacts", "currencies", "salespeoplePurchasers", "unitsOfMeasure"),
    *("items", "itemUnitsOfMeasure", "resources", "resourceUnitsOfMeasure", "unitGroups"),
    *("customerPriceGroups", "salesPrices", "priceListHeaders", "opportunities", "salesReceivablesSetup"),
)
READ_ONLY = {
    *("id", "contactBusinessRelation", "dateOfLastInteraction", "lastDateModified", "inventory", "capacity"),
    *("sourceId", "sourceID", "sourceGroup", "creationDate", "status", "closed", "dateClosed", "completed"),
    *("currentSalesCycleStage", "estimatedValueLCY", "probability", "calcdCurrentValueLCY"),
    *("chancesOfSuccess", "contactName", "contactCompanyName", "estimatedClosingDate"),
}


def rows(crm: Client, set_name: str) -> list[dict[str, Any]]:
    """All rows of a Dataverse set."""
    answer = crm.send("GET", f"{CRM}/{set_name}")
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.body["value"]
    return found


def sellers(crm: Client) -> list[dict[str, Any]]:
    """The users whom the salespeople mapping lets through."""
    return [
        user
        for user in rows(crm, "systemusers")
        if user["islicensed"] and not user["isdisabled"] and not user["isintegrationuser"]
    ]


def is_customer(account: dict[str, Any]) -> bool:
    """Whether the customer mapping lets the account through."""
    return account["customertypecode"] == 3 and account["statecode"] == 0


def test_every_salesperson_but_one_has_exactly_one_user(bc: Client, crm: Client) -> None:
    emails = Counter(user["internalemailaddress"] for user in sellers(crm))
    people = bc.rows("salespeoplePurchasers")
    assert len({each["eMail"] for each in people}) == len(people) >= 5
    (alone,) = (each["code"] for each in people if emails[each["eMail"]] == 0)
    assert all(emails[each["eMail"]] == 1 for each in people if each["code"] != alone)
    assert len(bc.rows("customers", f"$filter=salespersonCode eq '{alone}' and blocked eq ' '")) == 1
    assert bc.rows("contacts", f"$filter=salespersonCode eq '{alone}' and type eq 'Person'") == []


def test_the_waiting_customer_is_nobodys_company_and_has_no_account(bc: Client, crm: Client) -> None:
    (customer,) = bc.rows("customers", "$filter=salespersonCode eq 'BK'")
    (relation,) = bc.rows("contactBusinessRelations", f"$filter=no eq '{customer['no']}'")
    people = f"$filter=companyNo eq '{relation['contactNo']}' and type eq 'Person'"
    assert bc.rows("contacts", people) == []
    assert customer["name"] not in {account["name"] for account in rows(crm, "accounts")}


def test_every_customer_names_a_salesperson_who_is_there(bc: Client) -> None:
    known = {each["code"] for each in bc.rows("salespeoplePurchasers")}
    assert {each["salespersonCode"] for each in bc.rows("customers")} <= known
    people = bc.rows("contacts", "$filter=type eq 'Person'")
    assert {each["salespersonCode"] for each in people} <= known


def test_currencies_are_matchable_by_iso_code_and_have_rates_at_several_dates(
    bc: Client, crm: Client
) -> None:
    currencies = bc.rows("currencies")
    assert 3 <= len(currencies) <= 4
    assert all(each["isoCode"] == each["code"] for each in currencies)
    in_sales = {each["isocurrencycode"]: each for each in rows(crm, "transactioncurrencies")}
    (setup,) = bc.rows("generalLedgerSetup")
    assert setup["lcyCode"] in in_sales
    assert in_sales[setup["lcyCode"]]["exchangerate"] == 1
    for currency in currencies:
        condition = f"$filter=currencyCode eq '{currency['code']}'&$orderby=startingDate"
        rates = bc.rows("currencyExchangeRates", condition)
        assert len({each["startingDate"] for each in rates}) > 1
        assert rates[-1]["startingDate"] <= bc.control("state", method="GET")["now"][:10]
        assert rates[-1]["relationalExchRateAmount"] > 0
        twin = in_sales.get(currency["code"])
        if twin:
            assert (twin["currencyname"], twin["currencysymbol"]) == (
                currency["description"],
                currency["symbol"],
            )
            newest = Decimal(str(rates[-1]["relationalExchRateAmount"]))
            assert abs(Decimal(str(twin["exchangerate"])) - 100 / newest) < Decimal("1e-9")
    assert {each["currencyCode"] for each in bc.rows("customers")} <= {""} | {c["code"] for c in currencies}
    assert any(currency["code"] not in in_sales for currency in currencies)


def test_the_organization_knows_its_base_currency_and_the_company(bc: Client, crm: Client) -> None:
    (organization,) = rows(crm, "organizations")
    bases = {
        each["transactioncurrencyid"]: each["isocurrencycode"] for each in rows(crm, "transactioncurrencies")
    }
    assert bases[organization["_basecurrencyid_value"]] == "EUR"
    (company,) = bc.send("GET", f"{EXTENSION}/companies").body["value"]
    (row,) = rows(crm, "bcbi_companies")
    assert row["bcbi_externalid"] == company["id"]


def test_the_numbers_of_records(bc: Client, crm: Client) -> None:
    customers, accounts = bc.rows("customers"), rows(crm, "accounts")
    assert len(customers) == 40
    assert sum(each["blocked"] != "_x0020_" for each in customers) == 3
    assert sum(map(is_customer, accounts)) == 25
    assert sum(not is_customer(account) for account in accounts) == 8
    assert len(bc.rows("contacts", "$filter=type eq 'Person'")) == 28
    assert len(bc.rows("items")) == 22
    assert bc.rows("vendors")


def test_twenty_accounts_match_customers_by_number_or_by_name(bc: Client, crm: Client) -> None:
    customers = {each["no"]: each for each in bc.rows("customers")}
    names = Counter(each["name"] for each in customers.values())
    by_number, by_name = 0, 0
    for account in filter(is_customer, rows(crm, "accounts")):
        if account["accountnumber"]:
            by_number += customers[account["accountnumber"]]["name"] == account["name"]
        else:
            by_name += names[account["name"]] == 1
    assert (by_number, by_name) == (12, 9)  # one of the nine is a look-alike at another address


def test_values_of_customers_are_acceptable_to_sales(bc: Client, crm: Client) -> None:
    for customer in bc.rows("customers"):
        body = {ACCOUNT_OF[key]: customer[key] for key in ACCOUNT_OF}
        answer = crm.send("POST", f"{CRM}/accounts", body)
        assert answer.status == 204, (customer, answer)
    for person in bc.rows("contacts", "$filter=type eq 'Person'"):
        body = {CONTACT_OF[key]: person[key] for key in CONTACT_OF}
        assert crm.send("POST", f"{CRM}/contacts", body).status == 204, person


def test_values_of_accounts_are_acceptable_to_business_central(bc: Client, crm: Client) -> None:
    countries = {each["name"]: each["code"] for each in bc.rows("countriesRegions")}
    for account in filter(is_customer, rows(crm, "accounts")):
        body = {key: account[ACCOUNT_OF[key]] for key in ACCOUNT_OF}
        country = body["countryRegionCode"]
        body["countryRegionCode"] = countries.get(country, country)
        answer = bc.post("customers", body)
        assert answer.status == 201, (account, answer)
        kept = {key: answer.body[key] for key in body}
        assert kept == {key: value if value is not None else kept[key] for key, value in body.items()}
    for person in rows(crm, "contacts"):
        body = {key: person[CONTACT_OF[key]] for key in CONTACT_OF}
        answer = bc.post("contacts", body | {"type": "Person"})
        assert answer.status == 201, (person, answer)


def test_every_demo_row_passes_the_checks_of_its_own_side(bc: Client) -> None:
    for set_name in CHECKED_SETS:
        for row in bc.rows(set_name):
            body = {
                key: value
                for key, value in row.items()
                if key not in READ_ONLY and not key.startswith(("@", "system", "balance"))
            }
            answer = bc.patch(set_name, row["id"], body)
            assert answer.status == 200, (row, answer)
            assert {key: answer.body[key] for key in body} == body


def test_options_in_use_are_those_that_both_sides_know(bc: Client) -> None:
    for customer in bc.rows("customers"):
        for key, codes in OPTION_CODES.items():
            assert customer[key] in codes | {""}
    for key, set_name in zip(
        OPTION_CODES, ("paymentTerms", "shipmentMethods", "shippingAgents"), strict=True
    ):
        assert {row["code"] for row in bc.rows(set_name)} == OPTION_CODES[key]


def test_people_belong_to_companies_that_are_synchronized(bc: Client, crm: Client) -> None:
    open_customers = {row["no"] for row in bc.rows("customers", "$filter=blocked eq ' '")}
    relations = bc.rows("contactBusinessRelations", "$filter=linkToTable eq 'Customer'")
    customer_of = {each["contactNo"]: each["no"] for each in relations}
    people = {each["companyNo"] for each in bc.rows("contacts", "$filter=type eq 'Person'")}
    assert len(people) > 5
    assert {customer_of[one] for one in people} <= open_customers
    accounts = {each["accountid"]: each for each in rows(crm, "accounts")}
    for person in rows(crm, "contacts"):
        if person["_parentcustomerid_value"]:
            assert is_customer(accounts[person["_parentcustomerid_value"]])


def test_primary_contacts_belong_to_the_same_company(bc: Client, crm: Client) -> None:
    people = {each["no"]: each for each in bc.rows("contacts")}
    relations = {each["no"]: each["contactNo"] for each in bc.rows("contactBusinessRelations")}
    with_primary = [each for each in bc.rows("customers") if each["primaryContactNo"]]
    assert len(with_primary) >= 20
    for customer in with_primary:
        person = people[customer["primaryContactNo"]]
        assert (person["companyNo"], person["name"]) == (relations[customer["no"]], customer["contact"])
    contacts = {each["contactid"]: each for each in rows(crm, "contacts")}
    for account in rows(crm, "accounts"):
        if account["_primarycontactid_value"]:
            contact = contacts[account["_primarycontactid_value"]]
            assert contact["_parentcustomerid_value"] == account["accountid"]
            assert contact["fullname"] == account["address1_primarycontactname"]


def test_data_was_last_written_by_persons(bc: Client, crm: Client) -> None:
    integration = user_id("kobling")
    for set_name in ("customers", "contacts", "currencies", "vendors", "salespeoplePurchasers"):
        writers = {row["systemModifiedBy"] for row in bc.rows(set_name)}
        assert writers
        assert integration not in writers
    for set_name in ("accounts", "contacts", "transactioncurrencies", "bcbi_companies"):
        writers = {row["_modifiedby_value"] for row in rows(crm, set_name)}
        assert writers
        assert integration not in writers
    assert all(row["modifiedon"].startswith("2025-") for row in rows(crm, "accounts"))
    assert all(row["systemModifiedAt"].startswith("2025-") for row in bc.rows("customers"))


def test_names_have_accents_blanks_limits_and_look_alikes(bc: Client, crm: Client) -> None:
    customers = bc.rows("customers")
    names = [each["name"] for each in customers]
    assert max(map(len, names)) >= 95
    assert any(not each["phoneNo"] and not each["eMail"] for each in customers)
    assert {"Ålesund Fiskeeksport AS", "Alesund Fiskeeksport AS", "Müller & Söhne GmbH"} <= set(names)
    assert len(set(names)) == len(names)


def test_reset_brings_both_sides_back(bc: Client, crm: Client) -> None:
    before = json.dumps([bc.rows("customers"), rows(crm, "accounts")])
    bc.created("customers", name="X")
    assert crm.send("POST", f"{CRM}/accounts", {"name": "X"}).status == 204
    bc.control("reset")
    assert json.dumps([bc.rows("customers"), rows(crm, "accounts")]) == before


def test_synthetic_customers_are_distinct_unblocked_and_without_accounts() -> None:
    with served_both("synthetic:1000") as (bc, crm):
        customers = bc.rows("customers")
        assert len({each["no"] for each in customers}) == len({each["name"] for each in customers}) == 1000
        assert {each["blocked"] for each in customers} == {"_x0020_"}
        assert rows(crm, "accounts") == []
        emails = Counter(user["internalemailaddress"] for user in sellers(crm))
        people = bc.rows("salespeoplePurchasers")
        assert {each["salespersonCode"] for each in customers} == {each["code"] for each in people}
        assert all(emails[each["eMail"]] == 1 for each in people)
        currencies = bc.rows("currencies")
        assert len(currencies) == 3
        assert all(each["isoCode"] == each["code"] for each in currencies)
        used = {each["currencyCode"] for each in customers}
        assert used == {""} | {each["code"] for each in currencies}
        for key, codes in OPTION_CODES.items():
            assert {each[key] for each in customers} == codes | {""}
        for customer in customers[::10]:
            body = {ACCOUNT_OF[key]: customer[key] for key in ACCOUNT_OF}
            assert crm.send("POST", f"{CRM}/accounts", body).status == 204


def test_empty_holds_the_set_up_and_no_business() -> None:
    with served_both("empty") as (bc, crm):
        for set_name in ("customers", "vendors", "contacts", "currencies", "salespeoplePurchasers", "items"):
            assert bc.rows(set_name) == []
        for set_name in ("generalLedgerSetup", "marketingSetup", "companyInformation"):
            assert len(bc.rows(set_name)) == 1
        assert bc.rows("paymentTerms")
        assert rows(crm, "accounts") == rows(crm, "contacts") == sellers(crm) == []
        assert len(rows(crm, "organizations")) == len(rows(crm, "businessunits")) == 1


@pytest.mark.parametrize("dataset", ["demo", "synthetic:50", "empty"])
def test_each_company_has_its_own_data(dataset: str) -> None:
    with served_both(dataset, companies=3) as (bc, crm):
        companies = bc.send("GET", f"{EXTENSION}/companies").body["value"]
        assert len({each["name"] for each in companies}) == 3
        external = {row["bcbi_externalid"] for row in rows(crm, "bcbi_companies")}
        assert external == {each["id"] for each in companies}
        identifiers, counts = set(), []
        for company in companies:
            found = bc.send("GET", f"{EXTENSION}/companies({company['id']})/customers").body["value"]
            identifiers |= {row["id"] for row in found}
            counts.append(len(found))
        assert len(identifiers) == sum(counts)
        expected = {"demo": [5, 5, 40], "synthetic:50": [5, 5, 50], "empty": [0, 0, 0]}[dataset]
        assert sorted(counts) == expected


def test_the_same_name_gives_the_same_rows() -> None:
    for name in ("demo", "synthetic:200"):
        assert repr(build(name, companies=2)) == repr(build(name, companies=2))


@pytest.mark.parametrize(
    ("name", "companies"),
    [
        *((name, 1) for name in ("", "nothing", "demo:5", "synthetic", "synthetic:", "synthetic:-1")),
        *((name, 1) for name in ("synthetic:1e3", "synthetic:99999999", "synthetic:٣")),
        ("demo", 0),
        ("demo", 301),
    ],
)
def test_names_that_make_no_sense_are_refused_with_a_text(name: str, companies: int) -> None:
    with pytest.raises(ValueError, match=r"companies|data set|synthetic"):
        build(name, companies=companies)
