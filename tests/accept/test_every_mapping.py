"""Aim: records of every mapping, drawn at random, go to and fro between the served systems: what somebody
makes or edits on one side stands on the other after one run, `verify` finds no difference, and the ten runs
after it all write nothing.

The world is shared: each mapping works on what it has, and the quiet runs are for all of them together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from databases import databases
from engine.conftest import in_step
from engine.world import World, wrote
from kobling.catalogue.load import default_mappings
from kobling.model.mapping import Column, FieldRow, Mapping, Moment, Side
from kobling.service.verify import verify
from sandboxes import Sandbox
from stages import Stages

pytestmark = pytest.mark.accept
MAPPINGS = default_mappings()
# What a new record of Business Central needs beside what is drawn.
MAKES: dict[str, Callable[[World], dict[str, Any]]] = {
    "customers": lambda world: {"name": "Drawn"},
    "vendors": lambda world: {"name": "Drawn"},
    "contacts": lambda world: {"type": "Person", "companyNo": company_of(world), "surname": "Drawn"},
    "paymentTerms": lambda world: {"code": "DRAWN"},
    "shipmentMethods": lambda world: {"code": "DRAWN"},
    "shippingAgents": lambda world: {"code": "DRAWN"},
    "customerPriceGroups": lambda world: {"code": "DRAWN"},
    "items": lambda world: {"description": "Drawn", "baseUnitOfMeasure": "PCS"},
    "resources": lambda world: {"name": "Drawn", "baseUnitOfMeasure": "HOUR"},
}
# Columns that nobody writes, or that take the code of another record only, or 1 of a base unit.
OTHERS = frozenset({"inventory", "capacity", "vendorNo", "qtyPerUnitOfMeasure"})
# Documents that are posted: nobody edits them, and their states are told in tests/engine.
POSTED = frozenset({"salesInvoiceHeaders", "salesInvoiceLines"})
LETTERS = "aÅß1 -/.'&<€語😀"


@pytest.fixture(scope="module")
def common(
    served: Sandbox, postgres_server: str, stages: Stages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Demo data in step."""
    served.reset()
    with databases(postgres_server) as make:
        yield stages.reach(World(served, make(), tmp_path_factory.mktemp("every")), in_step)


def company_of(world: World) -> str:
    """The number of a company contact whose customer is coupled."""
    coupled = {one["number"] for one in world.couplings()}
    relations = world.get("bc", world.bc("contactBusinessRelations"))["value"]
    return str(min(one["contactNo"] for one in relations if one["no"] in coupled))


def drawn(dice: random.Random, column: Column) -> Any:
    """A value that the column may hold."""
    if column.kind == "decimal":
        return dice.randrange(1, 1_000_000) / 100
    if column.kind == "date":
        return f"2026-0{dice.randrange(1, 10)}-1{dice.randrange(10)}"
    name = column.name.casefold()
    if "mail" in name:
        return f"drawn{dice.randrange(10_000)}@example.com"
    if any(one in name for one in ("phone", "fax", "pager")):
        return f"+47 {dice.randrange(10_000_000)}"
    length = dice.randrange(1, min(column.maximum or 20, 20))
    return "x" + "".join(dice.choice(LETTERS) for _ in range(length // 2)).strip()


def rows_from(mapping: Mapping, side: Side) -> list[FieldRow]:
    """The rows by which an edit of that side flows, but for what a record is known by."""
    table = mapping.table(side)
    known = {table.number, *table.known_by, *(one[0 if side is Side.LEFT else 1] for one in mapping.finder)}
    return [
        row
        for row in mapping.rows
        if row.column(side) is not None
        and row.column(side) not in known
        and row.direction.allows(side.other)
        and row.moment is Moment.ALWAYS
        and row.conversion.kind in {"plain", "not_negative", "product"}
        and not row.group
        and mapping.table(side).columns[row.column(side) or 0].name not in OTHERS
    ]


def differences(world: World, name: str) -> list[Any]:
    document, _ = world.command(lambda one: verify(one, [name], progress=lambda what, count: None))
    return list(document["differences"])


def edit(world: World, mapping: Mapping, side: Side, identifier: str, values: dict[str, Any]) -> None:
    system, place = ("bc", world.bc) if side is Side.LEFT else ("crm", world.crm)
    if values and mapping.table(side).route not in POSTED:
        world.send(system, "PATCH", f"{place(mapping.table(side).route)}({identifier})", values)


def values_for(dice: random.Random, mapping: Mapping, side: Side) -> dict[str, Any]:
    columns = [mapping.table(side).columns[row.column(side) or 0] for row in rows_from(mapping, side)]
    some = dice.sample(columns, min(len(columns), 4))
    return {one.name: drawn(dice, one) for one in some}


@pytest.mark.parametrize("name", MAPPINGS)
def test_drawn_records_of_a_mapping_go_to_and_fro(common: World, name: str) -> None:
    mapping, dice = MAPPINGS[name], random.Random(name)
    if mapping.left.route in MAKES and mapping.direction.allows(Side.RIGHT):
        values = values_for(dice, mapping, Side.LEFT) | MAKES[mapping.left.route](common)
        made = common.create("bc", mapping.left.route, **values)
        run = common.sync("UNIT GROUP", "ITEM UOM", "RESOURCE UOM", name, full=True)
        assert [one["message"] for one in run[name]["errors"] if one["bc_id"] == made["id"]] == []
        assert made["id"] in {one["bc_id"] for one in common.couplings(name)}
    pairs = sorted(common.couplings(name), key=lambda one: str(one["bc_id"]))
    for side, key in ((Side.LEFT, "bc_id"), (Side.RIGHT, "crm_id")):
        if mapping.direction.allows(side.other):
            for one in dice.sample(pairs, min(len(pairs), 2)):
                edit(common, mapping, side, one[key], values_for(dice, mapping, side))
            run = common.sync(name)
            assert run[name]["errors"] == []
            assert differences(common, name) == []


def test_ten_more_runs_of_all_mappings_write_nothing(common: World) -> None:
    common.sync()
    assert [wrote(common.sync()) for _ in range(10)] == [0] * 10
    assert common.conflicts() == []
