"""Aim: items, resources, their units, groups and entries keep Business Central's rules.

Method: plain HTTP on the extension's route, and API v2.0 where it has the set, with the demo company.
"""

from typing import Any

import pytest
from tests.sandbox.bc_support import STANDARD, Client

KINDS = pytest.mark.parametrize(
    ("set_name", "units", "key", "kind"),
    [
        ("items", "itemUnitsOfMeasure", "itemNo", "Item"),
        ("resources", "resourceUnitsOfMeasure", "resourceNo", "Resource"),
    ],
)


def units_of(bc: Client, units: str, key: str, row: dict[str, Any]) -> dict[str, Any]:
    """Quantities by code of the units of an item or resource."""
    found = bc.rows(units, f"$filter={key} eq '{row['no']}'")
    return {unit["code"]: unit["qtyPerUnitOfMeasure"] for unit in found}


@KINDS
def test_a_new_one_makes_its_unit_group_and_its_base_unit(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="BOX")
    (group,) = bc.rows("unitGroups", f"$filter=sourceNo eq '{row['no']}'")
    assert (group["sourceType"], group["sourceId"]) == (kind, row["id"])
    assert units_of(bc, units, key, row) == {"BOX": 1}


@KINDS
def test_one_without_base_unit_has_a_group_and_no_unit(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name)
    assert len(bc.rows("unitGroups", f"$filter=sourceNo eq '{row['no']}'")) == 1
    assert units_of(bc, units, key, row) == {}


@KINDS
def test_a_new_base_unit_is_made_and_one_of_another_quantity_is_refused(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="PCS")
    bc.created(units, **{key: row["no"], "code": "BOX", "qtyPerUnitOfMeasure": 6})
    bc.changed(set_name, row["id"], baseUnitOfMeasure="KG")
    assert units_of(bc, units, key, row) == {"PCS": 1, "BOX": 6, "KG": 1}
    refused = bc.patch(set_name, row["id"], {"baseUnitOfMeasure": "BOX"})
    assert (refused.status, refused.code) == (400, "Application_DialogException")
    assert "must be 1. BOX is set up with 6" in refused.message
    assert bc.one(set_name, "no", row["no"])["baseUnitOfMeasure"] == "KG"


@KINDS
def test_the_base_unit_keeps_its_quantity_and_its_row(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="PCS")
    (base,) = bc.rows(units, f"$filter={key} eq '{row['no']}'")
    assert "must be equal to '1'" in bc.patch(units, base["id"], {"qtyPerUnitOfMeasure": 2}).message
    assert "cannot be renamed" in bc.patch(units, base["id"], {"code": "BOX"}).message
    assert "cannot be deleted" in bc.delete(units, base["id"]).message
    assert units_of(bc, units, key, row) == {"PCS": 1}


@KINDS
def test_a_unit_needs_a_quantity_a_known_code_and_is_there_once(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="PCS")
    assert bc.created(units, **{key: row["no"], "code": "BOX"})["qtyPerUnitOfMeasure"] == 1
    none = bc.post(units, {key: row["no"], "code": "KG", "qtyPerUnitOfMeasure": 0})
    assert "must be greater than 0" in none.message
    unknown = bc.post(units, {key: row["no"], "code": "CASE"})
    assert unknown.code == "Internal_InvalidTableRelation"
    again = bc.post(units, {key: row["no"], "code": "BOX", "qtyPerUnitOfMeasure": 3})
    assert again.code == "Internal_EntityWithSameKeyExists"


@KINDS
def test_units_and_group_go_with_it(bc: Client, set_name: str, units: str, key: str, kind: str) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="PCS")
    other = bc.created(set_name, baseUnitOfMeasure="PCS")
    assert bc.delete(set_name, row["id"]).status == 204
    assert units_of(bc, units, key, row) == {}
    assert bc.rows("unitGroups", f"$filter=sourceId eq {row['id']}") == []
    assert units_of(bc, units, key, other) == {"PCS": 1}


@KINDS
def test_a_new_number_is_carried_to_units_and_group(
    bc: Client, set_name: str, units: str, key: str, kind: str
) -> None:
    row = bc.created(set_name, baseUnitOfMeasure="PCS")
    renamed = bc.changed(set_name, row["id"], no="RENAMED")
    assert units_of(bc, units, key, renamed) == {"PCS": 1}
    (group,) = bc.rows("unitGroups", f"$filter=sourceId eq {row['id']}")
    assert group["sourceNo"] == "RENAMED"


def test_an_item_and_a_resource_of_one_number_do_not_share_a_group(bc: Client) -> None:
    item, resource = bc.created("items", no="SAME"), bc.created("resources", no="SAME")
    assert bc.delete("resources", resource["id"]).status == 204
    (group,) = bc.rows("unitGroups", "$filter=sourceNo eq 'SAME'")
    assert group["sourceId"] == item["id"]
    bc.created("resources", no="OTHER")
    bc.changed("items", item["id"], no="OTHER-ITEM")
    assert len(bc.rows("unitGroups", "$filter=sourceNo eq 'OTHER'")) == 1


def test_an_item_is_sold_and_bought_in_its_base_unit_until_another_is_chosen(bc: Client) -> None:
    item = bc.created("items", baseUnitOfMeasure="PCS", description="Lampe")
    assert (item["salesUnitOfMeasure"], item["purchUnitOfMeasure"]) == ("PCS", "PCS")
    assert item["searchDescription"] == "LAMPE"
    refused = bc.patch("items", item["id"], {"salesUnitOfMeasure": "BOX"})
    assert refused.code == "Internal_InvalidTableRelation", "the item has no such unit, though others have"
    unit = bc.created("itemUnitsOfMeasure", itemNo=item["no"], code="BOX", qtyPerUnitOfMeasure=4)
    assert bc.changed("items", item["id"], salesUnitOfMeasure="BOX")["salesUnitOfMeasure"] == "BOX"
    assert "in use" in bc.delete("itemUnitsOfMeasure", unit["id"]).message
    bc.changed("itemUnitsOfMeasure", unit["id"], code="KG")
    assert bc.one("items", "no", item["no"])["salesUnitOfMeasure"] == "KG"


def test_inventory_is_the_sum_of_the_entries_and_leaves_the_item_unchanged(bc: Client) -> None:
    item = bc.created("items", baseUnitOfMeasure="PCS")
    for quantity in (12, -4.5):
        bc.created("itemLedgerEntries", itemNo=item["no"], quantity=quantity, entryType="Purchase")
    now = bc.one("items", "no", item["no"])
    assert (item["inventory"], now["inventory"]) == (0, 7.5)
    assert now["systemRowVersion"] == item["systemRowVersion"], "the field holds nothing itself"
    found = bc.rows("items", f"$filter=inventory eq 7.5 and no eq '{item['no']}'&$select=no,inventory")
    assert [row["inventory"] for row in found] == [7.5]
    standard = bc.get(f"items({item['id']})", route=STANDARD).body
    assert standard["inventory"] == 7.5
    assert bc.patch("items", item["id"], {"inventory": 1}).code == "BadRequest_InvalidOperation"
    assert "ledger entry" in bc.delete("items", item["id"]).message


def test_capacity_is_the_sum_of_the_entries(bc: Client) -> None:
    resource = bc.created("resources", name="Kari", type="Person", baseUnitOfMeasure="HOUR")
    for day, hours in (("2026-01-05", 7.5), ("2026-01-06", 8)):
        bc.created("resCapacityEntries", resourceNo=resource["no"], date=day, capacity=hours)
    assert bc.one("resources", "no", resource["no"])["capacity"] == 15.5
    assert (resource["searchName"], resource["no"]) == ("KARI", resource["no"])


def test_entries_are_numbered_and_stay_as_they_are(bc: Client) -> None:
    item = bc.created("items")
    first, second = (bc.created("itemLedgerEntries", itemNo=item["no"], quantity=1) for _ in range(2))
    assert second["entryNo"] == first["entryNo"] + 1
    assert bc.patch("itemLedgerEntries", first["id"], {"quantity": 2}).status == 405
    assert bc.delete("itemLedgerEntries", first["id"]).status == 405


def test_an_items_vendor_must_exist(bc: Client) -> None:
    refused = bc.post("items", {"vendorNo": "V99999"})
    assert refused.code == "Internal_InvalidTableRelation"
    assert bc.created("items", vendorNo="V00010", vendorItemNo="a-1", unitVolume=0.25)["unitVolume"] == 0.25


def test_resources_and_units_of_items_are_not_in_the_standard_api(bc: Client) -> None:
    for set_name in ("resources", "itemUnitsOfMeasure", "unitGroups"):
        assert bc.get(set_name, route=STANDARD).status == 404
