"""Couplings that are broken, and records that stand beside them though they belong to one."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.deletion import marked_by_another
from kobling.algebra.filters import outside
from kobling.engine.couple import other_tables, read_records
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.rebuild import strangers
from kobling.engine.task import Context, coupled_among, created_id
from kobling.engine.words import text_at
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.model.state import Change, Coupling

_PAGE: Final = 1000
_Faulty: TypeAlias = tuple[Coupling, "Fault", str]


class Fault(StrEnum):
    """What is wrong with a coupling. BOTH: neither record is there. LEFT, RIGHT: that one is not. MARK: the
    right record carries the mark of another company. TABLE: a record stands in another table. SHARED: it is
    coupled in another mapping that writes it, too."""

    BOTH = "both records are gone"
    LEFT = "the record of Business Central is gone"
    RIGHT = "the record of Sales is gone"
    MARK = "the record of Sales belongs to another company"
    TABLE = "a record is one of another table"
    SHARED = "a record is coupled in another mapping, too"


REMOVED: Final = frozenset({Fault.BOTH, Fault.MARK, Fault.TABLE})


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A record without a coupling that should have one. double_of: the coupled record that it was made of;
    '' where it carries our mark and nothing tells whose it is."""

    side: Side
    id: str
    title: str
    double_of: str = ""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """How many couplings there are, the broken ones with the mapping or table that the fault is about, and
    records beside them."""

    checked: int
    broken: tuple[_Faulty, ...]
    beside: tuple[Beside, ...]


async def repair(context: Context, name: str, *, rehearse: bool) -> Examined:
    """What is wrong with the couplings of a mapping; rehearse: nothing is stored.

    A coupling of which nothing is left, or whose record another company or table has, is removed. Where one
    record is gone, the next run asks for proof and does what the mapping says of deleted records.
    """
    store, checked, after = context.stores[name], 0, ""
    found: list[_Faulty] = []
    beside: list[Beside] = []
    while page := await store.page(after, _PAGE):
        checked, after = checked + len(page), page[-1].left
        found += await _faults(context, name, page)
        beside += await _doubles(context, name, page)
    beside += await _strays(context, name, {one.id for one in beside})
    if not rehearse:
        hints = [
            Change(id=one.id(side), side=side, deleted=True)
            for one, fault, _ in found
            for side in Side
            if fault is (Fault.LEFT if side is Side.LEFT else Fault.RIGHT)
        ]
        await store.uncouple([one for one, fault, _ in found if fault in REMOVED])
        await store.put(hints)
    return Examined(checked=checked, broken=tuple(found), beside=tuple(beside))


async def _faults(context: Context, name: str, page: Sequence[Coupling]) -> list[_Faulty]:
    mapping = context.mappings[name]
    look_ups = await answers(context, wanted_by(mapping, []))
    records = {
        side: await read_records(context, mapping, side, [one.id(side) for one in page]) for side in Side
    }
    missing = {side: [one.id(side) for one in page if one.id(side) not in records[side]] for side in Side}
    tables = {side: await other_tables(context, mapping, side, missing[side]) for side in Side}
    shared = {side: await _shared(context, mapping, side, list(records[side])) for side in Side}
    found: list[_Faulty] = []
    for one in page:
        there = [one.id(side) in records[side] for side in Side]
        table = next((tables[side][one.id(side)] for side in Side if one.id(side) in tables[side]), "")
        other = next((shared[side][one.id(side)] for side in Side if one.id(side) in shared[side]), "")
        if table:
            found.append((one, Fault.TABLE, table))
        elif not all(there):
            # A table of which nothing is told, as a right may be missing, is no proof of anything.
            fault = Fault.BOTH if not any(there) else Fault.RIGHT if there[0] else Fault.LEFT
            if fault is not Fault.BOTH or all(records.values()):
                found.append((one, fault, ""))
        elif marked_by_another(mapping, records[Side.RIGHT][one.right], Side.RIGHT, look_ups):
            found.append((one, Fault.MARK, ""))
        elif other:
            found.append((one, Fault.SHARED, other))
    return found


async def _shared(context: Context, mapping: Mapping, side: Side, ids: Sequence[str]) -> dict[str, str]:
    """The other mapping that is coupled with each of these records, where both write it."""
    found: dict[str, str] = {}
    for other in context.mappings.values():
        same = other.name != mapping.name and other.table(side).route == mapping.table(side).route
        if same and ids and other.direction.allows(side) and mapping.direction.allows(side):
            found |= dict.fromkeys(await coupled_among(context, other.name, side, ids), other.name)
    return found


async def _doubles(context: Context, name: str, page: Sequence[Coupling]) -> list[Beside]:
    """Records that were made of a record that is coupled with another one. What a person uncoupled has been
    given another generation, and is none."""
    generations = await context.stores[name].generations([one.id(side) for one in page for side in Side])
    found: list[Beside] = []
    for side in Side:
        made = {
            created_id(context, name, side.other, source, generations.get(source, 0)): source
            for one in page
            if (source := one.id(side.other))
        }
        for partner in (one.id(side) for one in page):
            made.pop(partner, None)
        found += [
            _beside(context.mappings[name], side, one, made[one.id])
            for one in await _loose(context, name, side, list(made))
        ]
    return found


async def _strays(context: Context, name: str, known: set[str]) -> list[Beside]:
    """Right records inside the filter that carry our mark though no mapping has them coupled."""
    mapping, found = context.mappings[name], []
    ids = sorted({*await strangers(context, name)} - known)
    for start in range(0, len(ids), _PAGE):
        page = await _loose(context, name, Side.RIGHT, ids[start : start + _PAGE])
        inside = [one for one in page if outside(mapping.right, one.values) is None]
        found += [_beside(mapping, Side.RIGHT, one, "") for one in inside]
    return found


async def _loose(context: Context, name: str, side: Side, ids: Sequence[str]) -> list[Record]:
    """Those of these records that are there and not coupled."""
    records = await read_records(context, context.mappings[name], side, ids)
    coupled = await coupled_among(context, name, side, list(records)) if records else set()
    return [one for one in records.values() if one.id not in coupled]


def _beside(mapping: Mapping, side: Side, record: Record, double_of: str) -> Beside:
    title = text_at(mapping.table(side).title, record.values)
    return Beside(side=side, id=record.id, title=title, double_of=double_of)
