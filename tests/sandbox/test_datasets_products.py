"""Aim: the demo has products, prices and opportunities on both sides, as each side would have made them.

Method: both services are served and read by plain HTTP.
"""

from collections import Counter
from typing import Any

from tests.sandbox.bc_support import Client

CRM = "/api/data/v9.2"


def in_sales(crm: Client, entity_set: str) -> list[dict[str, Any]]:
    """The rows of a set of Dataverse."""
    rows: list[dict[str, Any]] = crm.send("GET", f"{CRM}/{entity_set}").body["value"]
    return rows


def test_items_and_resources_have_units_groups_and_one_blocked(bc: Client) -> None:
    for set_name, units, key, kind in (
        ("items", "itemUnitsOfMeasure", "itemNo", "Item"),
        ("resources", "resourceUnitsOfMeasure", "resourceNo", "Resource"),
    ):
        rows = bc.rows(set_name)
        assert sum(row["blocked"] for row in rows) == 1
        quantities = {(unit[key], unit["code"]): unit["qtyPerUnitOfMeasure"] for unit in bc.rows(units)}
        assert {quantities[row["no"], row["baseUnitOfMeasure"]] for row in rows} == {1}
        assert len(quantities) > len(rows)
        groups = {group["sourceId"] for group in bc.rows("unitGroups") if group["sourceType"] == kind}
        assert groups == {row["id"] for row in rows}
    assert (len(bc.rows("items")), len(bc.rows("resources"))) == (22, 4)
    assert bc.one("items", "no", "1014")["inventory"] == 412.25
    assert bc.one("resources", "no", "R0010")["capacity"] == 1650


def test_the_write_in_product_is_an_item(bc: Client) -> None:
    (setup,) = bc.rows("salesReceivablesSetup")
    assert setup["writeInProductType"] == "Item"
    assert bc.one("items", "no", setup["writeInProductNo"])["description"] == "Free text"


def test_prices_are_of_all_kinds_and_name_what_is_there(bc: Client) -> None:
    kinds = Counter(price["salesType"] for price in bc.rows("salesPrices"))
    assert set(kinds) == {"Customer", "All_x0020_Customers", "Customer_x0020_Price_x0020_Group"}
    groups = {group["code"] for group in bc.rows("customerPriceGroups")}
    grouped = bc.rows("salesPrices", "$filter=salesType eq 'Customer Price Group'")
    assert {price["salesCode"] for price in grouped} == groups
    assert all(len({p["currencyCode"] for p in grouped if p["salesCode"] == code}) == 1 for code in groups)


def test_lines_agree_with_their_price_list(bc: Client) -> None:
    headers = {header["code"]: header for header in bc.rows("priceListHeaders")}
    assert {header["status"] for header in headers.values()} == {"Draft", "Active", "Inactive"}
    lines = bc.rows("priceListLines")
    shared = ("status", "currencyCode", "startingDate", "sourceType", "sourceNo", "amountType")
    for line in lines:
        header = headers[line["priceListCode"]]
        assert {key: line[key] for key in shared} == {key: header[key] for key in shared}
    assert {line["priceListCode"] for line in lines} == set(headers)
    units = {(unit["itemNo"], unit["code"]) for unit in bc.rows("itemUnitsOfMeasure")}
    units |= {(unit["resourceNo"], unit["code"]) for unit in bc.rows("resourceUnitsOfMeasure")}
    assert {(line["assetNo"], line["unitOfMeasureCode"]) for line in lines} <= units


def test_opportunities_are_open_and_won_on_both_sides(bc: Client, crm: Client) -> None:
    ours = {row["no"]: row for row in bc.rows("opportunities")}
    assert {row["status"] for row in ours.values()} == {"Not_x0020_Started", "In_x0020_Progress", "Won"}
    contacts = {row["no"]: row for row in bc.rows("contacts")}
    for row in ours.values():
        contact = contacts[row["contactNo"]]
        assert (row["contactCompanyNo"], row["salespersonCode"]) == (
            contact["companyNo"],
            contact["salespersonCode"],
        )
    assert ours["OP000001"]["estimatedValueLCY"] == 125000
    theirs = in_sales(crm, "opportunities")
    assert {row["statecode"] for row in theirs} == {0, 1}
    accounts = {row["accountid"] for row in in_sales(crm, "accounts")}
    assert {row["_parentaccountid_value"] for row in theirs} <= accounts


def test_sales_has_products_and_a_price_list_of_its_own(bc: Client, crm: Client) -> None:
    products = in_sales(crm, "products")
    assert {row["statecode"] for row in products} == {0, 1, 2}
    numbers = {row["no"] for row in (*bc.rows("items"), *bc.rows("resources"))}
    assert numbers.isdisjoint(row["productnumber"] for row in products)
    units = {row["uomid"]: row for row in in_sales(crm, "uoms")}
    for row in products:
        assert units[row["_defaultuomid_value"]]["_uomscheduleid_value"] == row["_defaultuomscheduleid_value"]
    lists = {row["name"]: row for row in in_sales(crm, "pricelevels")}
    price_list = lists.pop("Messepriser")
    assert list(lists) == ["Price List in USD"], "which invoices need"
    prices = in_sales(crm, "productpricelevels")
    assert {row["_pricelevelid_value"] for row in prices} == {price_list["pricelevelid"]}
    assert len(prices) == 2


def test_vendors_have_purchasers_and_some_have_accounts(bc: Client, crm: Client) -> None:
    vendors = {row["no"]: row for row in bc.rows("vendors")}
    people = {row["code"]: row for row in bc.rows("salespeoplePurchasers")}
    users = {row["systemuserid"]: row for row in in_sales(crm, "systemusers")}
    accounts = [row for row in in_sales(crm, "accounts") if row["customertypecode"] == 11]
    assert len(accounts) == 3
    for account in accounts:
        vendor = vendors[account["accountnumber"]]
        user = users[account["_ownerid_value"]]
        assert user["internalemailaddress"] == people[vendor["purchaserCode"]]["eMail"]
