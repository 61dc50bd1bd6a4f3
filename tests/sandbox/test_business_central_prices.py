"""Aim: price groups, sales prices, price lists and their lines keep Business Central's rules.

Method: plain HTTP on the extension's route with the demo company; prices are made for items of the tests.
"""

from typing import Any

import pytest
from tests.sandbox.bc_support import Client

GROUP = "Customer_x0020_Price_x0020_Group"
ALL = "All_x0020_Customers"
DIALOG = (400, "Application_DialogException")


def item_of(bc: Client, number: str = "PRICED") -> str:
    """The number of a new item that is sold in boxes of six."""
    item = bc.created("items", no=number, baseUnitOfMeasure="PCS", description="Lampe", unitPrice=50)
    bc.created("itemUnitsOfMeasure", itemNo=number, code="BOX", qtyPerUnitOfMeasure=6)
    bc.changed("items", item["id"], salesUnitOfMeasure="BOX")
    return number


def price(bc: Client, item: str, **values: Any) -> dict[str, Any]:
    """The body of a sales price for all customers."""
    return {"itemNo": item, "salesType": ALL, "unitPrice": 45, **values}


def refusal(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status, answer.code


def test_a_price_is_known_by_all_parts_of_its_key(bc: Client) -> None:
    item = item_of(bc)
    body = price(bc, item)
    first = bc.created("salesPrices", **body)
    assert refusal(bc.post("salesPrices", body)) == (400, "Internal_EntityWithSameKeyExists")
    for change in (
        {"minimumQuantity": 10},
        {"currencyCode": "USD"},
        {"unitOfMeasureCode": "BOX"},
        {"startingDate": "2026-01-01"},
        {"variantCode": "RED"},
    ):
        assert bc.created("salesPrices", **body, **change)["id"] != first["id"]
    clash = bc.patch("salesPrices", first["id"], {"minimumQuantity": 10})
    assert refusal(clash) == (400, "Internal_EntityWithSameKeyExists")
    assert bc.changed("salesPrices", first["id"], unitPrice=44)["unitPrice"] == 44


def test_rows_are_found_by_their_sales_type(bc: Client) -> None:
    item = item_of(bc)
    bc.created("customerPriceGroups", code="VIP")
    bc.created("salesPrices", **price(bc, item))
    grouped = bc.created("salesPrices", **price(bc, item, salesType=GROUP, salesCode="VIP"))
    (found,) = bc.rows("salesPrices", f"$filter=salesType eq 'Customer Price Group' and itemNo eq '{item}'")
    assert found["id"] == grouped["id"]


def test_the_sales_code_belongs_to_the_sales_type(bc: Client) -> None:
    item = item_of(bc)
    bc.created("customerPriceGroups", code="VIP")
    for kind, code in ((GROUP, "VIP"), ("Customer", "C00010"), (ALL, "")):
        bc.created("salesPrices", **price(bc, item, salesType=kind, salesCode=code))
    for kind, code in ((GROUP, "C00010"), ("Customer", "VIP")):
        refused = bc.post("salesPrices", price(bc, item, salesType=kind, salesCode=code))
        assert refusal(refused) == (400, "Internal_InvalidTableRelation")
    assert refusal(bc.post("salesPrices", price(bc, item, salesCode="C00010"))) == DIALOG
    assert refusal(bc.post("salesPrices", price(bc, item, salesType=GROUP))) == DIALOG


def test_a_price_takes_what_group_or_customer_give(bc: Client) -> None:
    item = item_of(bc)
    group = bc.created("customerPriceGroups", code="VIP", priceIncludesVAT=True, allowLineDisc=False)
    assert (group["allowLineDisc"], group["allowInvoiceDisc"]) == (False, True)
    grouped = bc.created("salesPrices", **price(bc, item, salesType=GROUP, salesCode="VIP"))
    assert (grouped["priceIncludesVAT"], grouped["allowLineDisc"], grouped["allowInvoiceDisc"]) == (
        True,
        False,
        True,
    )
    own = bc.created("salesPrices", **price(bc, item, salesType="Customer", salesCode="C00010"))
    assert own["currencyCode"] == "NOK"


def test_unit_and_dates_of_a_price_make_sense(bc: Client) -> None:
    item = item_of(bc)
    foreign = bc.post("salesPrices", price(bc, item, unitOfMeasureCode="KG"))
    assert refusal(foreign) == (400, "Internal_InvalidTableRelation")
    dates = {"startingDate": "2026-02-01", "endingDate": "2026-01-01"}
    assert refusal(bc.post("salesPrices", price(bc, item, **dates))) == DIALOG
    kept = bc.created("salesPrices", **price(bc, item, startingDate="2026-02-01"))
    assert refusal(bc.patch("salesPrices", kept["id"], {"endingDate": "2026-01-31"})) == DIALOG


def test_prices_go_with_their_group_and_their_item(bc: Client) -> None:
    item = item_of(bc)
    group = bc.created("customerPriceGroups", code="VIP")
    bc.created("salesPrices", **price(bc, item, salesType=GROUP, salesCode="VIP"))
    kept = bc.created("salesPrices", **price(bc, item))
    renamed = bc.changed("customerPriceGroups", group["id"], code="GOLD")
    assert len(bc.rows("salesPrices", "$filter=salesCode eq 'GOLD'")) == 1
    assert bc.delete("customerPriceGroups", renamed["id"]).status == 204
    (left,) = bc.rows("salesPrices", f"$filter=itemNo eq '{item}'")
    assert left["id"] == kept["id"]
    assert bc.delete("items", bc.one("items", "no", item)["id"]).status == 204
    assert bc.rows("salesPrices", f"$filter=itemNo eq '{item}'") == []


def test_a_customers_price_group_must_exist(bc: Client) -> None:
    customer = bc.one("customers", "no", "C00010")
    refused = bc.patch("customers", customer["id"], {"customerPriceGroup": "NONE"})
    assert refusal(refused) == (400, "Internal_InvalidTableRelation")
    bc.created("customerPriceGroups", code="VIP")
    assert bc.changed("customers", customer["id"], customerPriceGroup="VIP")["customerPriceGroup"] == "VIP"


def line(bc: Client, header: dict[str, Any], item: str, **values: Any) -> dict[str, Any]:
    """A new line of a price list."""
    return bc.created(
        "priceListLines", priceListCode=header["code"], assetType="Item", assetNo=item, **values
    )


def test_a_price_list_is_numbered_and_begins_as_a_draft_for_all_customers(bc: Client) -> None:
    first, second = bc.created("priceListHeaders"), bc.created("priceListHeaders")
    assert second["code"] == f"S{int(first['code'][1:]) + 1:05}"
    assert (first["status"], first["priceType"], first["sourceType"], first["sourceGroup"]) == (
        "Draft",
        "Sale",
        ALL,
        "Customer",
    )


def test_a_price_list_names_whom_it_is_for(bc: Client) -> None:
    for kind, code, expected in (
        ("Customer", "C00010", 201),
        ("Vendor", "V00010", 201),
        ("Customer", "V00010", 400),
        ("Customer", "", 400),
        (ALL, "C00010", 400),
    ):
        body = {"sourceType": kind, "sourceNo": code}
        assert bc.post("priceListHeaders", body).status == expected, body


def test_lines_go_with_their_product(bc: Client) -> None:
    header, item, other = bc.created("priceListHeaders"), item_of(bc), item_of(bc, "KEPT")
    line(bc, header, item)
    kept = line(bc, header, other)
    assert bc.delete("items", bc.one("items", "no", item)["id"]).status == 204
    (left,) = bc.rows("priceListLines", f"$filter=priceListCode eq '{header['code']}'")
    assert left["id"] == kept["id"]


def test_dates_of_a_price_list_and_of_its_lines_are_in_order(bc: Client) -> None:
    dates = {"startingDate": "2026-02-01", "endingDate": "2026-01-01"}
    assert refusal(bc.post("priceListHeaders", dates)) == DIALOG
    header = bc.created("priceListHeaders", startingDate="2026-02-01")
    assert refusal(bc.patch("priceListHeaders", header["id"], {"endingDate": "2026-01-31"})) == DIALOG
    body = {"priceListCode": header["code"], "assetType": "Item", "assetNo": item_of(bc), **dates}
    assert refusal(bc.post("priceListLines", body)) == DIALOG


def test_a_line_takes_from_its_header_and_its_product(bc: Client) -> None:
    item = item_of(bc)
    header = bc.created("priceListHeaders", currencyCode="USD", startingDate="2026-01-01", amountType="Price")
    first, second = line(bc, header, item), line(bc, header, item, unitOfMeasureCode="PCS", unitPrice=9)
    assert (first["lineNo"], second["lineNo"]) == (10_000, 20_000)
    shared = (
        "currencyCode",
        "startingDate",
        "priceType",
        "sourceType",
        "status",
        "amountType",
        "sourceGroup",
    )
    assert {key: first[key] for key in shared} == {key: header[key] for key in shared}
    assert first["assetID"] == bc.one("items", "no", item)["id"]
    assert (first["description"], first["unitOfMeasureCode"], first["unitPrice"]) == ("Lampe", "BOX", 50)
    assert (second["unitOfMeasureCode"], second["unitPrice"]) == ("PCS", 9)


def test_a_line_of_a_list_for_prices_and_discounts_is_what_it_holds(bc: Client) -> None:
    item, header = item_of(bc), bc.created("priceListHeaders")
    assert line(bc, header, item)["amountType"] == "Price"
    assert line(bc, header, item, lineDiscount=10, unitPrice=0)["amountType"] == "Discount"


def test_products_and_units_of_lines_must_exist(bc: Client) -> None:
    item, header = item_of(bc), bc.created("priceListHeaders")
    resource = bc.created("resources", name="Kari", baseUnitOfMeasure="HOUR")
    base = {"priceListCode": header["code"]}
    good = base | {"assetType": "Resource", "assetNo": resource["no"], "unitOfMeasureCode": "HOUR"}
    made = bc.created("priceListLines", **good)
    assert (made["description"], made["assetID"]) == ("Kari", resource["id"])
    for wrong in (
        {"assetType": "Item"},
        {"assetNo": item},
        {"unitOfMeasureCode": "BOX"},
        {"priceListCode": "S99999"},
    ):
        refused = bc.post("priceListLines", good | wrong)
        assert refusal(refused) == (400, "Internal_InvalidTableRelation"), wrong


def test_an_active_price_list_is_fixed(bc: Client) -> None:
    item, header = item_of(bc), bc.created("priceListHeaders", description="Vår")
    kept = line(bc, header, item, unitPrice=9)
    active = bc.changed("priceListHeaders", header["id"], status="Active")
    assert bc.rows("priceListLines", f"$filter=priceListCode eq '{header['code']}'")[0]["status"] == "Active"
    for values in ({"currencyCode": "USD"}, {"startingDate": "2026-01-01"}, {"amountType": "Price"}):
        assert refusal(bc.patch("priceListHeaders", header["id"], values)) == DIALOG, values
    assert bc.changed("priceListHeaders", header["id"], description="Vår 2026")["status"] == active["status"]
    assert refusal(bc.patch("priceListLines", kept["id"], {"unitPrice": 8})) == DIALOG
    another = {"priceListCode": header["code"], "assetType": "Item", "assetNo": item}
    assert refusal(bc.post("priceListLines", another)) == DIALOG
    assert refusal(bc.delete("priceListLines", kept["id"])) == DIALOG
    assert refusal(bc.delete("priceListHeaders", header["id"])) == DIALOG


def test_active_prices_may_be_edited_where_the_setup_allows_it(bc: Client) -> None:
    item, header = item_of(bc), bc.created("priceListHeaders")
    kept = line(bc, header, item, unitPrice=9)
    (setup,) = bc.rows("salesReceivablesSetup")
    bc.changed("salesReceivablesSetup", setup["id"], allowEditingActivePrice=True)
    bc.changed("priceListHeaders", header["id"], status="Active")
    assert bc.changed("priceListLines", kept["id"], unitPrice=8)["unitPrice"] == 8
    bc.changed("priceListHeaders", header["id"], status="Inactive")
    assert refusal(bc.patch("priceListLines", kept["id"], {"unitPrice": 7})) == DIALOG


def test_a_list_becomes_active_only_with_complete_lines(bc: Client) -> None:
    header = bc.created("priceListHeaders")
    bare = bc.created("priceListLines", priceListCode=header["code"], assetType="Item")
    assert refusal(bc.patch("priceListHeaders", header["id"], {"status": "Active"})) == DIALOG
    bc.changed("priceListLines", bare["id"], assetNo=item_of(bc))
    assert bc.changed("priceListHeaders", header["id"], status="Active")["status"] == "Active"


def test_lines_follow_their_header_and_go_with_it(bc: Client) -> None:
    item, header = item_of(bc), bc.created("priceListHeaders")
    kept = line(bc, header, item)
    bc.changed("priceListHeaders", header["id"], currencyCode="SEK", endingDate="2026-12-31")
    (followed,) = bc.rows("priceListLines", f"$filter=priceListCode eq '{header['code']}'")
    assert (followed["currencyCode"], followed["endingDate"]) == ("SEK", "2026-12-31")
    assert followed["systemRowVersion"] > kept["systemRowVersion"]
    assert bc.delete("priceListHeaders", header["id"]).status == 204
    assert bc.rows("priceListLines", f"$filter=priceListCode eq '{header['code']}'") == []


@pytest.mark.parametrize(("kind", "number"), [("Item", "1000"), ("Resource", "1000")])
def test_the_write_in_product_must_exist_as_what_it_is(bc: Client, kind: str, number: str) -> None:
    (setup,) = bc.rows("salesReceivablesSetup")
    answer = bc.patch(
        "salesReceivablesSetup", setup["id"], {"writeInProductType": kind, "writeInProductNo": number}
    )
    assert answer.status == (200 if kind == "Item" else 400)
    assert bc.delete("salesReceivablesSetup", setup["id"]).status == 405
