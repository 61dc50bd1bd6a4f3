"""Aim: each row of the table of default mappings holds: these two tables, in these directions, this filter.

Method: a record is made and edited by a person in one service, a run passes, and the other service is asked.
A row of one direction is also edited on its destination, and nothing comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.everyday import coupled, edit, make, partner, read, rows, take_up, unit_columns
from engine.test_switches import turn
from engine.world import World

LICENSED = {"islicensed": True, "isdisabled": False}


def test_salesperson_and_user(common: World) -> None:
    """From Sales; users who are enabled and licensed, and not the integration user."""
    values = {"firstname": "Ida", "lastname": "Moe", "internalemailaddress": "ida@x.example"}
    user = make(common, "crm", "systemusers", **values, **LICENSED)
    take_up(common, "SALESPEOPLE", user)
    salesperson = partner(common, "SALESPEOPLE", user)
    made = read(common, "bc", "salespeoplePurchasers", salesperson)
    assert (made["name"], made["eMail"]) == ("Ida Moe", "ida@x.example")
    edit(common, "crm", "systemusers", user, mobilephone="+47 22 11 22 33")
    common.sync("SALESPEOPLE")
    assert read(common, "bc", "salespeoplePurchasers", salesperson)["phoneNo"] == "+47 22 11 22 33"
    edit(common, "bc", "salespeoplePurchasers", salesperson, name="Somebody else")
    common.sync("SALESPEOPLE")
    assert read(common, "crm", "systemusers", user)["fullname"] == "Ida Moe"


def test_customer_and_account(common: World) -> None:
    """Both ways; accounts that are customers and active."""
    customer = make(common, "bc", "customers", name="Rad og Rekke AS")
    account = make(common, "crm", "accounts", name="Konto og Kunde AS", customertypecode=3)
    take_up(common, "CUSTOMER", customer, account)
    there, here = partner(common, "CUSTOMER", customer), partner(common, "CUSTOMER", account)
    assert common.account(there)["name"] == "Rad og Rekke AS"
    assert common.account(there)["customertypecode"] == 3
    assert common.customer(here)["name"] == "Konto og Kunde AS"
    common.edit_customer(customer, city="Bergen")
    common.edit_account(account, fax="55 11 22 33")
    common.sync("CUSTOMER")
    assert common.account(there)["address1_city"] == "Bergen"
    assert common.customer(here)["faxNo"] == "55 11 22 33"
    common.edit_account(there, statecode=1, statuscode=2)
    common.edit_customer(customer, city="Oslo")
    common.sync("CUSTOMER")
    assert common.account(there)["address1_city"] == "Bergen"


def test_contact_and_contact(common: World) -> None:
    """Both ways; persons of a company, and contacts of an account."""
    _, account = coupled(common, "CUSTOMER", "C00010")
    [relation] = rows(common, "bc", "contactBusinessRelations", no="C00010")
    company = relation["contactNo"]
    values = {"type": "Person", "companyNo": company, "firstName": "Rut", "surname": "Lie"}
    contact = make(common, "bc", "contacts", **values)
    parent = {"parentcustomerid_account__bind": f"/accounts({account})"}
    other = make(common, "crm", "contacts", firstname="Per", lastname="Bø", **parent)
    take_up(common, "CONTACT", contact, other)
    there, here = partner(common, "CONTACT", contact), partner(common, "CONTACT", other)
    made = read(common, "crm", "contacts", there)
    assert (made["lastname"], made["_parentcustomerid_value"]) == ("Lie", account)
    made = read(common, "bc", "contacts", here)
    assert (made["surname"], made["companyNo"], made["type"]) == ("Bø", company, "Person")
    edit(common, "bc", "contacts", contact, pager="1881")
    edit(common, "crm", "contacts", other, fax="55 11 22 34")
    common.sync("CONTACT")
    assert read(common, "crm", "contacts", there)["pager"] == "1881"
    assert read(common, "bc", "contacts", here)["faxNo"] == "55 11 22 34"


def test_currency_and_transaction_currency(common: World) -> None:
    """Into Sales."""
    currency = make(common, "bc", "currencies", code="CHF", isoCode="CHF", description="Swiss franc")
    rate = {"startingDate": "2025-01-01", "exchangeRateAmount": 4, "relationalExchRateAmount": 5}
    make(common, "bc", "currencyExchangeRates", currencyCode="CHF", **rate)
    take_up(common, "CURRENCY", currency)
    there = partner(common, "CURRENCY", currency)
    made = read(common, "crm", "transactioncurrencies", there)
    assert (made["isocurrencycode"], made["currencyname"]) == ("CHF", "Swiss franc")
    assert Decimal(str(made["exchangerate"])) == Decimal("0.8")
    edit(common, "crm", "transactioncurrencies", there, currencyname="Franken")
    common.sync("CURRENCY")
    assert read(common, "bc", "currencies", currency)["description"] == "Swiss franc"
    edit(common, "bc", "currencies", currency, description="Franc suisse")
    common.sync("CURRENCY")
    assert read(common, "crm", "transactioncurrencies", there)["currencyname"] == "Franc suisse"


@pytest.fixture
def without_groups(common: World) -> Iterator[World]:
    """Units of measure are unit groups meanwhile."""
    turn(common, "unit_groups=off")
    yield common
    turn(common, "unit_groups=on")


def unit_group(world: World, code: str) -> dict[str, str]:
    """The columns of a product that name the unit group of a unit of measure, which gets one."""
    [unit] = rows(world, "bc", "unitsOfMeasure", code=code)
    take_up(world, "UNIT OF MEASURE", unit["id"])
    return unit_columns(world, partner(world, "UNIT OF MEASURE", unit["id"]))


def test_unit_of_measure_and_unit_group(without_groups: World) -> None:
    """Into Sales."""
    unit = make(without_groups, "bc", "unitsOfMeasure", code="CRATE", description="Crate")
    take_up(without_groups, "UNIT OF MEASURE", unit)
    there = partner(without_groups, "UNIT OF MEASURE", unit)
    made = read(without_groups, "crm", "uomschedules", there)
    assert (made["name"], made["baseuomname"]) == ("NAV CRATE", "CRATE")
    held = rows(without_groups, "crm", "uoms", _uomscheduleid_value=there)
    assert [one["name"] for one in held] == ["CRATE"]
    edit(without_groups, "crm", "uomschedules", there, description="Not from here")
    without_groups.sync("UNIT OF MEASURE")
    assert read(without_groups, "bc", "unitsOfMeasure", unit)["description"] == "Crate"


def test_unit_of_an_item_and_unit_of_its_group(common: World) -> None:
    """Into Sales, while each item and resource has a unit group."""
    item, product = coupled(common, "ITEM-PRODUCT", "1000")
    number = read(common, "bc", "items", item)["no"]
    values = {"itemNo": number, "code": "PALLET", "qtyPerUnitOfMeasure": 48}
    unit = make(common, "bc", "itemUnitsOfMeasure", **values)
    take_up(common, "ITEM UOM", unit)
    made = read(common, "crm", "uoms", partner(common, "ITEM UOM", unit))
    assert (made["name"], made["quantity"]) == ("PALLET", 48)
    group = read(common, "crm", "products", product)["_defaultuomscheduleid_value"]
    assert made["_uomscheduleid_value"] == group


@pytest.mark.parametrize(
    ("mapping", "table", "name", "kind", "unit"),
    [
        ("ITEM-PRODUCT", "items", "description", 1, "PCS"),
        ("RESOURCE-PRODUCT", "resources", "name", 3, "HOUR"),
    ],
    ids=["item", "resource"],
)
def test_item_or_resource_and_product(
    without_groups: World, mapping: str, table: str, name: str, kind: int, unit: str
) -> None:
    """Both ways; products of the type Sales Inventory are items, those of the type Services resources."""
    world, columns = without_groups, unit_group(without_groups, unit)
    here = make(world, "bc", table, no=f"ROW-{kind}", baseUnitOfMeasure=unit, **{name: "Made here"})
    values = {"name": "Made there", "productnumber": f"ROW-{kind}-B", "producttypecode": kind}
    there = make(world, "crm", "products", **values, productstructure=1, **columns)
    edit(world, "crm", "products", there, statecode=0, statuscode=1)
    assert take_up(world, mapping, here, there)["errors"] == []
    product, record = partner(world, mapping, here), partner(world, mapping, there)
    made = read(world, "crm", "products", product)
    assert (made["productnumber"], made["name"]) == (f"ROW-{kind}", "Made here")
    assert (made["producttypecode"], made["statecode"]) == (kind, 0)
    assert read(world, "bc", table, record)[name] == "Made there"
    edit(world, "bc", table, here, unitPrice=12)
    edit(world, "crm", "products", there, name="Made there again")
    world.sync(mapping)
    assert read(world, "crm", "products", product)["price"] == 12
    assert read(world, "bc", table, record)[name] == "Made there again"


def test_customer_price_group_and_price_list(common: World) -> None:
    """Into Sales."""
    group = make(common, "bc", "customerPriceGroups", code="ROWS", description="Rader")
    take_up(common, "CUSTPRCGRP-PRICE", group)
    there = partner(common, "CUSTPRCGRP-PRICE", group)
    made = read(common, "crm", "pricelevels", there)
    assert (made["name"], made["description"]) == ("ROWS", "Rader")
    edit(common, "crm", "pricelevels", there, description="Lines")
    common.sync("CUSTPRCGRP-PRICE")
    assert read(common, "bc", "customerPriceGroups", group)["description"] == "Rader"
    edit(common, "bc", "customerPriceGroups", group, description="Rekker")
    common.sync("CUSTPRCGRP-PRICE")
    assert read(common, "crm", "pricelevels", there)["description"] == "Rekker"


def test_sales_price_and_product_price_list(common: World) -> None:
    """Into Sales; prices of the sales type customer price group with a sales code."""
    _, price_list = coupled(common, "CUSTPRCGRP-PRICE", "HOTEL")
    _, product = coupled(common, "ITEM-PRODUCT", "1002")
    kind = "Customer_x0020_Price_x0020_Group"
    values = {"salesType": kind, "salesCode": "HOTEL", "itemNo": "1002", "unitPrice": 5}
    price = make(common, "bc", "salesPrices", **values)
    take_up(common, "SALESPRC-PRODPRICE", price)
    there = partner(common, "SALESPRC-PRODPRICE", price)
    made = read(common, "crm", "productpricelevels", there)
    assert (made["_pricelevelid_value"], made["_productid_value"]) == (price_list, product)
    assert made["amount"] == 5
    edit(common, "crm", "productpricelevels", there, amount=6)
    common.sync("SALESPRC-PRODPRICE")
    assert read(common, "bc", "salesPrices", price)["unitPrice"] == 5
    edit(common, "bc", "salesPrices", price, unitPrice=7)
    common.sync("SALESPRC-PRODPRICE")
    assert read(common, "crm", "productpricelevels", there)["amount"] == 7


def test_opportunity_and_opportunity(common: World) -> None:
    """Both ways."""
    here = make(common, "bc", "opportunities", description="Nye bord", contactNo="CT000101")
    there = make(common, "crm", "opportunities", name="Nye stoler")
    take_up(common, "OPPORTUNITY", here, there)
    made, other = partner(common, "OPPORTUNITY", here), partner(common, "OPPORTUNITY", there)
    assert read(common, "crm", "opportunities", made)["name"] == "Nye bord"
    assert read(common, "bc", "opportunities", other)["description"] == "Nye stoler"
    edit(common, "bc", "opportunities", here, description="Nye benker")
    edit(common, "crm", "opportunities", there, name="Nye skap")
    common.sync("OPPORTUNITY")
    assert read(common, "crm", "opportunities", made)["name"] == "Nye benker"
    assert read(common, "bc", "opportunities", other)["description"] == "Nye skap"


def posted(world: World, **values: object) -> str:
    """A posted invoice of one table for customer C00060."""
    header = make(world, "bc", "salesInvoiceHeaders", sellToCustomerNo="C00060", **values)
    table = {"type": "Item", "no": "1000", "quantity": 2, "unitPrice": 100, "unitOfMeasureCode": "PCS"}
    number = read(world, "bc", "salesInvoiceHeaders", header)["no"]
    make(world, "bc", "salesInvoiceLines", documentNo=number, description="Table", **table)
    return header


def test_sales_invoice_header_and_invoice(common: World) -> None:
    """Into Sales."""
    header = posted(common, dueDate="2026-06-30", workDescription="Ny spisestue")
    take_up(common, "POSTEDSALESINV-INV", header)
    there = partner(common, "POSTEDSALESINV-INV", header)
    made, given = read(common, "crm", "invoices", there), read(common, "bc", "salesInvoiceHeaders", header)
    assert (made["name"], made["duedate"]) == (given["no"], "2026-06-30")
    assert Decimal(str(made["totalamount"])) == Decimal(str(given["amountIncludingVAT"])) > 0
    assert made["_customerid_value"] == coupled(common, "CUSTOMER", "C00060")[1]
    edit(common, "crm", "invoices", there, description="Not from here")
    common.sync("POSTEDSALESINV-INV")
    assert read(common, "bc", "salesInvoiceHeaders", header)["workDescription"] == "Ny spisestue"


def test_sales_invoice_line_and_invoice_product(common: World) -> None:
    """Into Sales, with their invoice."""
    header = posted(common)
    take_up(common, "POSTEDSALESINV-INV", header)
    there = partner(common, "POSTEDSALESINV-INV", header)
    [made] = rows(common, "crm", "invoicedetails", _invoiceid_value=there)
    assert made["_productid_value"] == coupled(common, "ITEM-PRODUCT", "1000")[1]
    assert (made["quantity"], made["priceperunit"]) == (2, 100)
