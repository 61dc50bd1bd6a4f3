"""Aim: unit groups, units, products, price lists and their items keep Dataverse's rules.

Method: plain HTTP as the integration user on a sandbox with the set-up rows alone.
"""

from typing import Any

import pytest
from crm_support import Client, unit_columns

INVALID = (400, "0x80040203")
MISSING = (400, "0x80040200")


def bind(set_name: str, identifier: str) -> str:
    """The value of a bind."""
    return f"/{set_name}({identifier})"


def units_of(sales: Client, group: str) -> dict[str, Any]:
    """The units of a group by name."""
    found = sales.read(f"uoms?$filter=_uomscheduleid_value eq {group}")["value"]
    return {unit["name"]: unit for unit in found}


def group_of(columns: dict[str, str]) -> str:
    """The id of the unit group that a product's columns name."""
    return columns["defaultuomscheduleid@odata.bind"].partition("(")[2].rstrip(")")


def add_unit(sales: Client, group: str, name: str, **values: Any) -> str:
    """A further unit of a group."""
    return sales.create("uoms", name=name, uomscheduleid__bind=bind("uomschedules", group), **values)


def product(sales: Client, number: str = "1", **values: Any) -> str:
    """A new product with a unit group of its own."""
    columns = unit_columns(sales, f"U{number}") | {"name": f"P{number}", "productnumber": number, **values}
    return sales.create("products", **columns)


def test_a_unit_group_makes_its_base_unit(sales: Client) -> None:
    group = sales.create("uomschedules", name="ITEM 1000 UOM GR", baseuomname="PCS")
    base = units_of(sales, group)["PCS"]
    assert (base["quantity"], base["isschedulebaseuom"], base["_baseuom_value"]) == (1, True, None)
    assert base["_modifiedby_value"] == sales.read("WhoAmI")["UserId"]
    refused = sales.send("POST", "uomschedules", {"name": "Without"})
    assert refused.error == (400, "0x80043810")
    assert len(sales.read("uomschedules")["value"]) == 1


def test_the_base_unit_is_in_the_same_transaction_and_in_the_feed(sales: Client) -> None:
    link = sales.read("uoms", Prefer="odata.track-changes")["@odata.deltaLink"]
    sales.create("uomschedules", name="G", baseuomname="PCS")
    changed = sales.read(link)["value"]
    assert [row["name"] for row in changed] == ["PCS"]


def test_the_base_unit_stays(sales: Client) -> None:
    group = sales.create("uomschedules", name="G", baseuomname="PCS")
    base = f"uoms({units_of(sales, group)['PCS']['uomid']})"
    assert sales.send("DELETE", base).error == (400, "0x80043b03")
    assert sales.send("PATCH", base, {"quantity": 2}).error == INVALID
    box = add_unit(sales, group, "BOX", quantity=6)
    refused = sales.send("PATCH", base, {"baseuom@odata.bind": bind("uoms", box)})
    assert refused.error == (400, "0x80043b17")
    assert sales.send("PATCH", base, {"name": "PIECE", "quantity": 1}).status == 204
    assert sales.send("PATCH", f"uomschedules({group})", {"baseuomname": "X"}).status == 204
    assert sales.read(f"uomschedules({group})")["baseuomname"] == "PCS", "only set at the creation"


def test_a_unit_counts_base_units_of_its_own_group(sales: Client) -> None:
    group = sales.create("uomschedules", name="G", baseuomname="PCS")
    other = sales.create("uomschedules", name="H", baseuomname="KG")
    box = add_unit(sales, group, "BOX", quantity=12.5)
    row = sales.read(f"uoms({box})")
    assert (row["quantity"], row["isschedulebaseuom"]) == (12.5, False)
    assert row["_baseuom_value"] == units_of(sales, group)["PCS"]["uomid"]
    body = {"name": "X", "quantity": 1, "uomscheduleid@odata.bind": bind("uomschedules", group)}
    foreign = {"baseuom@odata.bind": bind("uoms", units_of(sales, other)["KG"]["uomid"])}
    assert sales.send("POST", "uoms", body | foreign).error == INVALID
    assert sales.send("POST", "uoms", body | {"quantity": 0}).error == INVALID
    assert sales.send("POST", "uoms", {"name": "X", "quantity": 1}).error == MISSING
    del body["quantity"]
    assert sales.send("POST", "uoms", body).error == MISSING


def test_an_inactive_unit_group_takes_no_unit(sales: Client) -> None:
    group = sales.create("uomschedules", name="G", baseuomname="PCS")
    sales.send("PATCH", f"uomschedules({group})", {"statecode": 1, "statuscode": 2})
    body = {"name": "X", "quantity": 2, "uomscheduleid@odata.bind": bind("uomschedules", group)}
    assert sales.send("POST", "uoms", body).error == INVALID


def test_a_unit_group_goes_with_its_units_unless_a_product_needs_it(sales: Client) -> None:
    group = sales.create("uomschedules", name="G", baseuomname="PCS")
    assert sales.send("DELETE", f"uomschedules({group})").status == 204
    assert sales.read("uoms")["value"] == []
    columns = unit_columns(sales)
    sales.create("products", name="P", productnumber="1", **columns)
    refused = sales.send("DELETE", columns["defaultuomscheduleid@odata.bind"].lstrip("/"))
    assert refused.error == (405, "0x80040227")


def test_a_product_is_a_draft_whatever_is_sent(sales: Client) -> None:
    row = sales.read(f"products({product(sales, statecode=0, statuscode=1)})")
    assert (row["statecode"], row["statuscode"]) == (2, 0)
    assert (row["producttypecode"], row["productstructure"], row["quantitydecimal"]) == (1, 1, 0)


@pytest.mark.parametrize("left_out", ["defaultuomid@odata.bind", "defaultuomscheduleid@odata.bind"])
def test_a_product_needs_unit_and_group(sales: Client, left_out: str) -> None:
    columns = unit_columns(sales) | {"name": "P", "productnumber": "1"}
    del columns[left_out]
    assert sales.send("POST", "products", columns).error == MISSING


def test_the_unit_of_a_product_is_one_of_its_group(sales: Client) -> None:
    first, second = unit_columns(sales, "PCS"), unit_columns(sales, "KG")
    mixed = first | {"defaultuomid@odata.bind": second["defaultuomid@odata.bind"]}
    assert sales.send("POST", "products", mixed | {"name": "P", "productnumber": "1"}).error == INVALID
    path = f"products({sales.create('products', name='P', productnumber='1', **first)})"
    foreign = {"defaultuomid@odata.bind": second["defaultuomid@odata.bind"]}
    assert sales.send("PATCH", path, foreign).error == INVALID
    assert sales.send("PATCH", path, second).status == 204, "a draft may change its group"
    sales.send("PATCH", path, {"statecode": 0, "statuscode": 1})
    assert sales.send("PATCH", path, first).error == (400, "0x8004F975")
    assert sales.send("PATCH", path, second | {"name": "Q"}).status == 204


def test_numbers_of_products_are_unique_and_decimals_limited(sales: Client) -> None:
    product(sales, "1")
    columns = unit_columns(sales) | {"name": "P", "productnumber": "1"}
    assert sales.send("POST", "products", columns).error == (412, "0x80040237")
    wrong = columns | {"productnumber": "2", "quantitydecimal": 6}
    assert sales.send("POST", "products", wrong).error == (400, "0x80044330")
    assert sales.send("POST", "products", wrong | {"quantitydecimal": 5}).status == 204


def test_a_product_goes_from_state_to_state(sales: Client) -> None:
    path = f"products({product(sales)})"
    revise, retire, publish = ({"statecode": n} for n in (3, 1, 0))
    assert sales.send("PATCH", path, revise).error == (400, "0x8004F883")
    assert sales.send("PATCH", path, retire).error == (400, "0x80040357")
    for change, status in ((publish, 1), (revise, 3), (publish, 1), (retire, 2), (publish, 1)):
        assert sales.send("PATCH", path, change).status == 204
        assert sales.read(path)["statuscode"] == status
    assert sales.send("PATCH", path, {"statecode": 2}).error == (400, "0x80040357")


def test_a_retired_product_is_read_only_until_it_is_active_again(sales: Client) -> None:
    path = f"products({product(sales)})"
    sales.send("PATCH", path, {"statecode": 0, "statuscode": 1})
    assert sales.send("PATCH", path, {"name": "Active may change"}).status == 204
    assert sales.send("PATCH", path, {"statecode": 1, "statuscode": 2, "price": 5}).status == 204
    assert sales.send("PATCH", path, {"name": "Retired"}).error == INVALID
    assert sales.send("PATCH", path, {"name": "Again", "statecode": 0, "statuscode": 1}).status == 204
    assert sales.read(path)["name"] == "Again"


def test_publish_takes_the_drafts_below_along(sales: Client) -> None:
    parent = product(sales, "1")
    child = product(sales, "2", parentproductid__bind=bind("products", parent))
    action = f"products({parent})/Microsoft.Dynamics.CRM.PublishProductHierarchy"
    assert sales.send("POST", action, {}).status == 204
    assert [sales.read(f"products({each})")["statecode"] for each in (parent, child)] == [0, 0]
    assert sales.send("POST", action, {}).error == INVALID
    assert sales.send("POST", f"products({parent})/Microsoft.Dynamics.CRM.Other", {}).error[0] == 404
    assert sales.send("POST", action.replace(parent, "0" * 8 + parent[8:]), {}).error[0] == 404


def test_a_price_list_has_a_currency_for_good_and_dates_in_order(sales: Client) -> None:
    base = sales.read("organizations")["value"][0]["_basecurrencyid_value"]
    kroner = sales.create(
        "transactioncurrencies", isocurrencycode="NOK", currencyname="K", currencysymbol="kr",
        exchangerate=11, currencyprecision=2,
    )  # fmt: skip
    path = f"pricelevels({sales.create('pricelevels', name='Retail', begindate='2026-01-01')})"
    assert sales.read(path)["_transactioncurrencyid_value"] == base
    other = {"transactioncurrencyid@odata.bind": bind("transactioncurrencies", kroner)}
    assert sales.send("PATCH", path, other).status == 204
    assert sales.read(path)["_transactioncurrencyid_value"] == base, "not valid for update"
    assert sales.send("PATCH", path, {"enddate": "2025-12-31"}).error == INVALID
    assert sales.send("PATCH", path, {"enddate": "2026-12-31", "statecode": 1}).status == 204
    assert sales.read(path)["statuscode"] == 100002


def item_body(sales: Client, price_list: str, number: str = "1", **values: Any) -> dict[str, Any]:
    """The body of a price list item for a new product in its base unit."""
    columns = unit_columns(sales, f"U{number}")
    identifier = sales.create("products", name="P", productnumber=number, **columns)
    return {
        "pricelevelid@odata.bind": bind("pricelevels", price_list),
        "productid@odata.bind": bind("products", identifier),
        "uomid@odata.bind": columns["defaultuomid@odata.bind"],
        "amount": 10,
        **values,
    }


def test_a_price_list_item_takes_what_it_can_from_list_and_product(sales: Client) -> None:
    kroner = sales.create(
        "transactioncurrencies", isocurrencycode="NOK", currencyname="K", currencysymbol="kr",
        exchangerate=4, currencyprecision=2,
    )  # fmt: skip
    binding = bind("transactioncurrencies", kroner)
    prices = sales.create("pricelevels", name="Retail", transactioncurrencyid__bind=binding)
    base = sales.read("organizations")["value"][0]["_basecurrencyid_value"]
    sent = {"transactioncurrencyid@odata.bind": bind("transactioncurrencies", base), "productnumber": "X"}
    body = item_body(sales, prices, "A-1") | sent
    row = sales.read(f"productpricelevels({sales.send('POST', 'productpricelevels', body).id})")
    assert (row["productnumber"], row["pricingmethodcode"], row["amount"]) == ("A-1", 1, 10)
    assert (row["_transactioncurrencyid_value"], row["amount_base"]) == (kroner, 2.5)
    group = sales.read(f"products({row['_productid_value']})")["_defaultuomscheduleid_value"]
    assert row["_uomscheduleid_value"] == group


@pytest.mark.parametrize("left_out", ["pricelevelid", "productid", "uomid"])
def test_a_price_list_item_needs_list_product_and_unit(sales: Client, left_out: str) -> None:
    body = item_body(sales, sales.create("pricelevels", name="Retail"))
    del body[f"{left_out}@odata.bind"]
    assert sales.send("POST", "productpricelevels", body).error == MISSING


def test_an_amount_needs_its_method_and_a_percentage_its_own(sales: Client) -> None:
    prices = sales.create("pricelevels", name="Retail")
    without = item_body(sales, prices, amount=None)
    assert sales.send("POST", "productpricelevels", without).error == MISSING
    assert sales.send("POST", "productpricelevels", without | {"pricingmethodcode": 2}).error == MISSING
    listed = without | {"pricingmethodcode": 2, "percentage": 90}
    assert sales.send("POST", "productpricelevels", listed).status == 204


def test_the_unit_of_a_price_is_one_of_the_products_group(sales: Client) -> None:
    prices = sales.create("pricelevels", name="Retail")
    body = item_body(sales, prices) | {
        "uomid@odata.bind": unit_columns(sales, "KG")["defaultuomid@odata.bind"]
    }
    assert sales.send("POST", "productpricelevels", body).error == INVALID


def test_a_product_and_unit_have_one_price_in_a_list(sales: Client) -> None:
    prices = sales.create("pricelevels", name="Retail")
    body = item_body(sales, prices)
    first = sales.send("POST", "productpricelevels", body)
    assert sales.send("POST", "productpricelevels", body).error == (412, "0x80040237")
    assert sales.send("PATCH", f"productpricelevels({first.id})", {"amount": 11}).status == 204
    product_id = body["productid@odata.bind"].partition("(")[2].rstrip(")")
    group = sales.read(f"products({product_id})")["_defaultuomscheduleid_value"]
    box = add_unit(sales, group, "BOX", quantity=6)
    second = sales.send("POST", "productpricelevels", body | {"uomid@odata.bind": bind("uoms", box)})
    assert second.status == 204
    back = {"uomid@odata.bind": body["uomid@odata.bind"]}
    assert sales.send("PATCH", f"productpricelevels({second.id})", back).error == (412, "0x80040237")


@pytest.mark.parametrize(
    ("needed", "error"),
    [
        ("pricelevelid", (405, "0x80040227")),
        ("productid", (405, "0x80040227")),
        ("uomid", (400, "0x80043b03")),
    ],
)
def test_what_a_price_needs_cannot_be_deleted(sales: Client, needed: str, error: tuple[int, str]) -> None:
    body = item_body(sales, sales.create("pricelevels", name="Retail"))
    assert sales.send("POST", "productpricelevels", body).status == 204
    refused = sales.send("DELETE", body[f"{needed}@odata.bind"].lstrip("/"))
    assert refused.error == error


@pytest.mark.parametrize("name", ["uomschedule", "uom", "product", "pricelevel", "productpricelevel"])
def test_the_tables_are_tracked(sales: Client, name: str) -> None:
    found = sales.read(f"EntityDefinitions(LogicalName='{name}')?$select=ChangeTrackingEnabled,EntitySetName")
    assert found["ChangeTrackingEnabled"] is True
    assert "@odata.deltaLink" in sales.read(found["EntitySetName"], Prefer="odata.track-changes")
