"""Aim: tables can lack change tracking and alternate keys, and get them by the requests of a customizer."""

from __future__ import annotations

from typing import Any

import pytest
from crm_support import Client

DEFINITION = "EntityDefinitions(LogicalName='account')"


def whole(sales: Client) -> dict[str, Any]:
    return dict(sales.read(DEFINITION))


def tracks(sales: Client, path: str) -> int:
    return sales.send("GET", path, Prefer="odata.track-changes").status


def test_tracking_is_switched_on_by_the_whole_definition_and_never_off(sales: Client) -> None:
    sales.control("POST", "variants", {"untracked": ["account"]})
    assert whole(sales)["ChangeTrackingEnabled"] is False
    assert tracks(sales, "accounts?$select=name") == 400
    assert tracks(sales, "contacts?$select=fullname") == 200
    assert sales.send("PUT", DEFINITION, {"ChangeTrackingEnabled": True}).status == 400
    assert sales.send("PATCH", DEFINITION, {"ChangeTrackingEnabled": True}).status == 405
    assert sales.send("PUT", DEFINITION, whole(sales) | {"ChangeTrackingEnabled": True}).status == 204
    assert tracks(sales, "accounts?$select=name") == 200
    assert sales.send("PUT", DEFINITION, whole(sales) | {"ChangeTrackingEnabled": False}).status == 400


def test_a_key_is_made_once(sales: Client) -> None:
    sales.control("POST", "variants", {"keyless": ["account"]})
    assert sales.read(f"{DEFINITION}/Keys")["value"] == []
    assert sales.send("POST", f"{DEFINITION}/Keys", {"KeyAttributes": ["name"]}).status == 400
    assert sales.send("POST", f"{DEFINITION}/Keys", {"KeyAttributes": ["accountnumber"]}).status == 204
    [key] = sales.read(f"{DEFINITION}/Keys")["value"]
    assert key["KeyAttributes"] == ["accountnumber"]
    assert sales.send("POST", f"{DEFINITION}/Keys", {"KeyAttributes": ["accountnumber"]}).status == 400


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST"])
def test_other_changes_of_metadata_are_refused(sales: Client, method: str) -> None:
    assert sales.send(method, DEFINITION, {}).status == 405
