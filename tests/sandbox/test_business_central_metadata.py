"""Aim: `$metadata` of Business Central names every set with what its rows hold, as clients read it.

Method: plain HTTP against a served sandbox; the document is read as XML.
"""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from tests.sandbox.bc_support import COMPANY, EXTENSION, STANDARD, Client

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


def document(bc: Client, route: str) -> ElementTree.Element:
    answer = bc.send("GET", f"{route}/$metadata")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/xml")
    return ElementTree.fromstring(answer.body)


@pytest.mark.parametrize("route", [EXTENSION, STANDARD])
def test_every_set_of_the_service_document_is_described(bc: Client, route: str) -> None:
    sets = {one["name"] for one in bc.send("GET", route).body["value"]}
    found = document(bc, route)
    described = {one.get("Name"): one.get("EntityType", "") for one in found.iter(f"{EDM}EntitySet")}
    types = {one.get("Name") for one in found.iter(f"{EDM}EntityType")}
    assert described.keys() == sets
    assert {one.rpartition(".")[2] for one in described.values()} == types


def test_properties_say_type_length_and_whether_they_can_be_written(bc: Client) -> None:
    found = document(bc, EXTENSION)
    vehicle = next(one for one in found.iter(f"{EDM}EntityType") if one.get("Name") == "serviceVehicle")
    properties = {one.get("Name"): one for one in vehicle.iter(f"{EDM}Property")}
    row = bc.send(
        "POST",
        f"{EXTENSION}/{COMPANY}/serviceVehicles",
        {"no": "VH1", "kind": "Van", "boughtOn": "2025-03-01"},
    ).body
    assert {one for one in row if "@" not in one} == properties.keys()
    kinds = {name: one.get("Type") for name, one in properties.items()}
    assert kinds["description"] == "Edm.String"
    assert properties["description"].get("MaxLength") == "100"
    assert (kinds["mileage"], kinds["value"]) == ("Edm.Int32", "Edm.Decimal")
    assert (kinds["inService"], kinds["boughtOn"], kinds["id"]) == ("Edm.Boolean", "Edm.Date", "Edm.Guid")
    choice = next(
        one for one in found.iter(f"{EDM}EnumType") if f"Microsoft.NAV.{one.get('Name')}" == kinds["kind"]
    )
    assert {one.get("Name") for one in choice} == {"_x0020_", "Car", "Van", "Truck"}
    fixed = {name for name, one in properties.items() if list(one)}
    assert "inspections" in fixed
    assert "mileage" not in fixed
