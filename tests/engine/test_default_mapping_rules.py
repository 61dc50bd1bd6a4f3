"""Aim: each rule of the default mappings holds, and what a rule keeps out stays out.

Method: people make records in one service, a run takes them up, and the other service is asked.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.everyday import coupled, edit, make, partner, read, rows, take_up, unit_columns
from engine.test_default_mapping_rows import posted
from engine.test_switches import turn
from engine.world import World

LICENSED = {"islicensed": True, "isdisabled": False}
PRICES = "productpricelevels"
HOTEL = {"salesType": "Customer_x0020_Price_x0020_Group", "salesCode": "HOTEL"}
CUSTOMER = {"salesType": "Customer", "salesCode": "C00020"}
ALL = {"salesType": "All_x0020_Customers", "salesCode": ""}


def stays_out(world: World, mapping: str, identifier: str, other: tuple[str, str]) -> None:
    """Nothing is made of the record. other: system and table of the other side."""
    before = rows(world, *other)
    take_up(world, mapping, identifier)
    assert partner(world, mapping, identifier) == ""
    assert len(rows(world, *other)) == len(before)


def salesperson(world: World, code: str) -> str:
    """A new salesperson, whom no user stands for."""
    return make(world, "bc", "salespeoplePurchasers", code=code, name=f"Salesperson {code}")


def user(world: World, name: str, **values: Any) -> str:
    """A new user."""
    address = f"{name.lower()}@x.example"
    given = {"firstname": name, "lastname": "Moe", "internalemailaddress": address} | LICENSED
    return make(world, "crm", "systemusers", **given | values)


def users(world: World) -> dict[str, str]:
    """The users by the codes of their salespeople."""
    return {str(one["number"]): str(one["crm_id"]) for one in world.couplings("SALESPEOPLE")}


# Customers


def test_the_salesperson_of_a_customer_is_coupled_first(common: World) -> None:
    salesperson(common, "RULE1")
    customer = make(common, "bc", "customers", name="Regel AS", salespersonCode="RULE1")
    job = take_up(common, "CUSTOMER", customer)
    assert (job["counts"]["to"]["waiting"], job["counts"]["to"]["failed"]) == (1, 0)
    assert partner(common, "CUSTOMER", customer) == ""
    owner = user(common, "Ada")
    common.couple("SALESPEOPLE", "RULE1", f"crm:{owner}", use="leave")
    common.sync("CUSTOMER")
    account = common.account(partner(common, "CUSTOMER", customer))
    assert (account["name"], account["_ownerid_value"]) == ("Regel AS", owner)


@pytest.mark.parametrize("kind", [None, 1, 11], ids=["none", "competitor", "vendor"])
def test_an_account_that_is_no_customer_is_none(common: World, kind: int | None) -> None:
    account = make(common, "crm", "accounts", name=f"Ingen kunde {kind} AS", customertypecode=kind)
    stays_out(common, "CUSTOMER", account, ("bc", "customers"))
    common.edit_account(account, customertypecode=3)
    take_up(common, "CUSTOMER", account)
    assert common.customer(partner(common, "CUSTOMER", account))["name"] == f"Ingen kunde {kind} AS"


# Contacts


def test_a_contact_of_sales_without_an_account_is_not_created(common: World) -> None:
    contact = make(common, "crm", "contacts", firstname="Uten", lastname="Firma")
    stays_out(common, "CONTACT", contact, ("bc", "contacts"))
    _, account = coupled(common, "CUSTOMER", "C00010")
    edit(
        common, "crm", "contacts", contact, **{"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    )
    common.sync("CONTACT")
    take_up(common, "CONTACT", contact)
    assert read(common, "bc", "contacts", partner(common, "CONTACT", contact))["surname"] == "Firma"


def test_a_person_without_a_company_and_a_company_are_no_contacts_of_sales(common: World) -> None:
    person = make(common, "bc", "contacts", type="Person", firstName="Uten", surname="Firma")
    company = make(common, "bc", "contacts", type="Company", name="Firma AS")
    for one in (person, company):
        stays_out(common, "CONTACT", one, ("crm", "contacts"))


def test_the_salesperson_of_a_contact_owns_it(common: World) -> None:
    [relation] = rows(common, "bc", "contactBusinessRelations", no="C00010")
    values = {"type": "Person", "companyNo": relation["contactNo"], "surname": "Eid"}
    one, other = sorted(users(common))[:2]
    contact = make(common, "bc", "contacts", **values, salespersonCode=one)
    take_up(common, "CONTACT", contact)
    there = partner(common, "CONTACT", contact)
    assert read(common, "crm", "contacts", there)["_ownerid_value"] == users(common)[one]
    edit(common, "bc", "contacts", contact, salespersonCode=other)
    common.sync("CONTACT")
    assert read(common, "crm", "contacts", there)["_ownerid_value"] == users(common)[other]


# Currencies


def test_a_currency_is_coupled_by_its_iso_code(common: World) -> None:
    names = {"isocurrencycode": "PLN", "currencyname": "Polish złoty", "currencysymbol": "zł"}
    there = make(common, "crm", "transactioncurrencies", **names, exchangerate=4, currencyprecision=2)
    here = make(common, "bc", "currencies", code="PLN", isoCode="PLN", description="Złoty")
    rate = {"startingDate": "2025-01-01", "exchangeRateAmount": 4, "relationalExchRateAmount": 1}
    make(common, "bc", "currencyExchangeRates", currencyCode="PLN", **rate)
    take_up(common, "CURRENCY", here)
    assert partner(common, "CURRENCY", here) == there
    assert len(rows(common, "crm", "transactioncurrencies", isocurrencycode="PLN")) == 1


def test_a_currency_without_an_iso_code_stays_in_business_central(common: World) -> None:
    here = make(common, "bc", "currencies", code="POINTS", description="Bonus points")
    rate = {"startingDate": "2025-01-01", "exchangeRateAmount": 4, "relationalExchRateAmount": 1}
    make(common, "bc", "currencyExchangeRates", currencyCode="POINTS", **rate)
    stays_out(common, "CURRENCY", here, ("crm", "transactioncurrencies"))
    edit(common, "bc", "currencies", here, isoCode="XPF")
    common.sync("CURRENCY")
    there = read(common, "crm", "transactioncurrencies", partner(common, "CURRENCY", here))
    assert (there["isocurrencycode"], there["currencyprecision"]) == ("XPF", 0)


# Units


def test_a_unit_group_has_one_unit_only(common: World) -> None:
    """A group of Sales with a second unit is refused until that is gone."""
    turn(common, "unit_groups=off")
    try:
        unit = make(common, "bc", "unitsOfMeasure", code="SACK", description="Sack")
        group = make(common, "crm", "uomschedules", name="NAV SACK", baseuomname="SACK")
        second = {"name": "PALLET", "quantity": 40, "uomscheduleid__bind": f"/uomschedules({group})"}
        too_many = make(common, "crm", "uoms", **second)
        [error] = take_up(common, "UNIT OF MEASURE", unit)["errors"]
        assert "NAV SACK has 2 units in Sales (PALLET, SACK)" in error["message"]
        assert partner(common, "UNIT OF MEASURE", unit) == ""
        common.delete("crm", "uoms", too_many)
        take_up(common, "UNIT OF MEASURE", unit)
        assert partner(common, "UNIT OF MEASURE", unit) == group
    finally:
        turn(common, "unit_groups=on")


# Items and resources


def test_with_the_items_comes_a_price_list_that_is_mended(common: World) -> None:
    """Nobody is to edit it; what somebody changed there is put right with the next change of the item."""
    [price_list] = [
        one for one in rows(common, "crm", "pricelevels") if "Default Price List" in str(one["name"])
    ]
    item, product = coupled(common, "ITEM-PRODUCT", "1003")
    held = read(common, "crm", "products", product)
    assert held["_pricelevelid_value"] == price_list["pricelevelid"]
    [price] = rows(
        common,
        "crm",
        "productpricelevels",
        _pricelevelid_value=price_list["pricelevelid"],
        _productid_value=product,
        _uomid_value=held["_defaultuomid_value"],
    )
    assert price["amount"] == held["price"]
    edit(common, "crm", "productpricelevels", price["productpricelevelid"], amount=1)
    edit(common, "bc", "items", item, unitPrice=held["price"] + 2)
    common.sync("ITEM-PRODUCT", "DEFAULT-PRICE", "ITEM-PRICE")
    now = read(common, "crm", "productpricelevels", price["productpricelevelid"])
    assert now["amount"] == held["price"] + 2


@pytest.mark.parametrize(
    ("mapping", "table", "kind"), [("ITEM-PRODUCT", "items", 3), ("RESOURCE-PRODUCT", "resources", 1)]
)
def test_a_product_of_another_type_is_neither_item_nor_resource(
    common: World, mapping: str, table: str, kind: int
) -> None:
    group = make(common, "crm", "uomschedules", name=f"Kind {kind}", baseuomname="PIECE")
    values = {"name": "Another", "productnumber": f"KIND-{kind}", "producttypecode": kind}
    there = make(common, "crm", "products", **values, productstructure=1, **unit_columns(common, group))
    edit(common, "crm", "products", there, statecode=0, statuscode=1)
    stays_out(common, mapping, there, ("bc", table))


# Salespeople


@pytest.mark.parametrize(
    "values",
    [{"islicensed": False}, {"isdisabled": True}, {"isintegrationuser": True}],
    ids=["unlicensed", "disabled", "integration"],
)
def test_a_user_who_is_no_licensed_person_is_no_salesperson(common: World, values: dict[str, bool]) -> None:
    name = f"No{next(iter(values))}"
    there = user(common, name, **values)
    stays_out(common, "SALESPEOPLE", there, ("bc", "salespeoplePurchasers"))
    assert rows(common, "bc", "salespeoplePurchasers", eMail=f"{name.lower()}@x.example") == []


def test_a_salesperson_is_coupled_with_the_user_of_the_same_address(common: World) -> None:
    make(common, "bc", "salespeoplePurchasers", code="RULE2", name="Bo Moe", eMail="bo@x.example")
    there = user(common, "Bo")
    take_up(common, "SALESPEOPLE", there)
    assert users(common)["RULE2"] == there


# Prices


def test_a_customer_price_group_is_a_price_list(common: World) -> None:
    group, price_list = coupled(common, "CUSTPRCGRP-PRICE", "HOTEL")
    code = read(common, "bc", "customerPriceGroups", group)["code"]
    assert read(common, "crm", "pricelevels", price_list)["name"] == code


def test_a_price_of_another_sales_type_stays_in_business_central(common: World) -> None:
    values = {"itemNo": "1004", "unitPrice": 5}
    for other in (CUSTOMER, ALL):
        price = make(common, "bc", "salesPrices", **values, **other)
        stays_out(common, "SALESPRC-PRODPRICE", price, ("crm", PRICES))
    take_up(common, "SALESPRC-PRODPRICE", make(common, "bc", "salesPrices", **values, **HOTEL))
    _, product = coupled(common, "ITEM-PRODUCT", "1004")
    assert len(rows(common, "crm", PRICES, _productid_value=product, amount=5)) == 1


# Opportunities


def test_the_salesperson_of_an_opportunity_owns_it(common: World) -> None:
    one, other = sorted(users(common))[:2]
    values = {"description": "Nye lamper", "contactNo": "CT000101", "salespersonCode": one}
    here = make(common, "bc", "opportunities", **values)
    take_up(common, "OPPORTUNITY", here)
    there = partner(common, "OPPORTUNITY", here)
    assert read(common, "crm", "opportunities", there)["_ownerid_value"] == users(common)[one]
    edit(common, "bc", "opportunities", here, salespersonCode=other)
    common.sync("OPPORTUNITY")
    assert read(common, "crm", "opportunities", there)["_ownerid_value"] == users(common)[other]


# Posted invoices


def test_the_salesperson_of_a_posted_invoice_owns_it(common: World) -> None:
    [code, *_] = sorted(users(common))
    header = posted(common, salespersonCode=code)
    take_up(common, "POSTEDSALESINV-INV", header)
    made = read(common, "crm", "invoices", partner(common, "POSTEDSALESINV-INV", header))
    assert made["_ownerid_value"] == users(common)[code]


def test_a_posted_invoice_waits_for_the_customer_that_it_is_for(common: World) -> None:
    customer, account = coupled(common, "CUSTOMER", "C00060")
    common.uncouple("CUSTOMER", customer)
    header = posted(common)
    job = take_up(common, "POSTEDSALESINV-INV", header)
    assert (job["counts"]["to"]["waiting"], partner(common, "POSTEDSALESINV-INV", header)) == (1, "")
    common.couple("CUSTOMER", customer, account, use="leave")
    common.sync("POSTEDSALESINV-INV")
    made = read(common, "crm", "invoices", partner(common, "POSTEDSALESINV-INV", header))
    assert made["_customerid_value"] == account


# Options of accounts


@pytest.mark.parametrize(
    ("table", "field", "code", "column"),
    [
        ("paymentTerms", "paymentTermsCode", "NET45", "paymenttermscode"),
        ("shipmentMethods", "shipmentMethodCode", "FOB", "address1_freighttermscode"),
        ("shippingAgents", "shippingAgentCode", "DHL", "address1_shippingmethodcode"),
    ],
)
def test_a_code_without_an_option_is_blank_in_sales(
    common: World, table: str, field: str, code: str, column: str
) -> None:
    customer = make(common, "bc", "customers", name=f"Valg {field} AS", **{field: code})
    take_up(common, "CUSTOMER", customer)
    account = partner(common, "CUSTOMER", customer)
    assert common.account(account)[column] is not None
    make(common, "bc", table, code="NOOPTION")
    common.edit_customer(customer, **{field: "NOOPTION"})
    assert common.sync("CUSTOMER")["CUSTOMER"]["errors"] == []
    assert common.account(account)[column] is None
    common.edit_account(account, fax="55 11 22 35")
    common.sync("CUSTOMER")
    assert common.customer(customer)[field] == "NOOPTION"


# The integration user


def test_what_the_integration_user_changed_in_sales_is_not_synchronized(
    common: World, pair: tuple[str, str]
) -> None:
    customer, account = pair
    before = common.customer(customer)["homePage"]
    common.send(
        "crm", "PATCH", common.crm(f"accounts({account})"), {"websiteurl": "us.example"}, client="kobling"
    )
    run = common.sync("CUSTOMER")
    assert common.customer(customer)["homePage"] == before
    assert run["CUSTOMER"]["open"]["held"] == 1
    common.edit_account(account, websiteurl="person.example")
    common.sync("CUSTOMER")
    assert common.customer(customer)["homePage"] == "person.example"
