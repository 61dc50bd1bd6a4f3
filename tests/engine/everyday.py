"""What people do with any table of either system, for tests that look at many mappings."""

from __future__ import annotations

from typing import Any

from engine.world import Document, World

KEYS = {
    "accounts": "accountid",
    "contacts": "contactid",
    "invoices": "invoiceid",
    "opportunities": "opportunityid",
    "pricelevels": "pricelevelid",
    "productpricelevels": "productpricelevelid",
    "products": "productid",
    "systemusers": "systemuserid",
    "transactioncurrencies": "transactioncurrencyid",
    "uomschedules": "uomscheduleid",
    "uoms": "uomid",
}


def address(world: World, system: str, table: str) -> str:
    return world.bc(table) if system == "bc" else world.crm(table)


def read(world: World, system: str, table: str, identifier: str) -> Document:
    return world.get(system, f"{address(world, system, table)}({identifier})")


def rows(world: World, system: str, table: str, **values: Any) -> list[Document]:
    """The rows that hold all these values."""
    found = world.get(system, address(world, system, table))["value"]
    return [one for one in found if all(one[key] == value for key, value in values.items())]


def make(world: World, system: str, table: str, **values: Any) -> str:
    """The id of a new row; `__bind` at the end of a name stands for `@odata.bind`."""
    body = {key.replace("__bind", "@odata.bind"): value for key, value in values.items()}
    return str(world.create(system, table, **body)[KEYS[table] if system == "crm" else "id"])


def edit(world: World, system: str, table: str, identifier: str, **values: Any) -> None:
    world.send(system, "PATCH", f"{address(world, system, table)}({identifier})", values)


def partner(world: World, mapping: str, identifier: str) -> str:
    """The record that this one is coupled with; '' for none."""
    pairs = [(one["bc_id"], one["crm_id"]) for one in world.couplings(mapping)]
    found = dict(pairs) | {right: left for left, right in pairs}
    return str(found.get(identifier, ""))


def coupled(world: World, mapping: str, number: str) -> tuple[str, str]:
    """(record of Business Central, record of Sales) of the pair with that number."""
    [found] = [one for one in world.couplings(mapping) if one["number"] == number]
    return found["bc_id"], found["crm_id"]


def take_up(world: World, mapping: str, *identifiers: str) -> Document:
    """The job of a run that takes up these records, coupled or not."""
    job: Document = world.sync(mapping, full=True, records=identifiers)[mapping]
    return job


def unit_columns(world: World, group: str) -> dict[str, str]:
    """The columns of a product that name a unit group and its only unit."""
    [held] = rows(world, "crm", "uoms", _uomscheduleid_value=group)
    return {
        "defaultuomid__bind": f"/uoms({held['uomid']})",
        "defaultuomscheduleid__bind": f"/uomschedules({group})",
    }
