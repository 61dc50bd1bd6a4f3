"""Records that are parts of others, as lines are of a document: who names a document means its lines, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kobling.algebra.order import whole
from kobling.engine.held import change_of
from kobling.engine.task import Context, columns_of
from kobling.model.mapping import Side
from kobling.ports import Row


async def take_up_parts(context: Context, name: str, ids: Mapping[Side, Collection[str]]) -> list[str]:
    """Makes the parts of these records due; their ids. On the left they go by the number of what they belong
    to, on the right by the look-up to it."""
    parts = [one for one in whole([name], context.mappings) if context.mappings[one].part_of == name]
    taken: list[str] = []
    for one in parts:
        side = Side.LEFT if context.mappings[one].direction.allows(Side.RIGHT) else Side.RIGHT
        by, keys = await _known_by(context, one, side, name, ids)
        rows = await _rows(context, one, side, by, keys) if keys else []
        mapping = context.mappings[one]
        await context.stores[one].put([change_of(context, mapping, side, row) for row in rows])
        taken += [str(row["id"]) for row in rows]
    return taken


async def _known_by(
    context: Context, part: str, side: Side, name: str, ids: Mapping[Side, Collection[str]]
) -> tuple[str, list[str]]:
    """The column by which parts on that side are found, and what it holds."""
    mapping = context.mappings[part]
    if side is Side.LEFT:
        assert mapping.left.number is not None, "parts have the number of what they belong to"
        return mapping.left.columns[mapping.left.number].name, await _numbers(context, name, ids)
    assert mapping.parts_with is not None, "parts point to what they belong to"
    couplings = await context.stores[name].couplings(list(ids[Side.LEFT]), list(ids[Side.RIGHT]))
    owners = sorted({*ids[Side.RIGHT], *(one.right for one in couplings)})
    return mapping.right.columns[mapping.parts_with].name, owners


async def _rows(context: Context, part: str, side: Side, by: str, keys: list[str]) -> list[Row]:
    mapping = context.mappings[part]
    service, columns = context.services[side], columns_of(mapping, side)
    return await service.find(mapping.table(side).route, columns, by, keys)


async def _numbers(context: Context, name: str, ids: Mapping[Side, Collection[str]]) -> list[str]:
    """The numbers of these records, and of what they are coupled with."""
    mapping, store = context.mappings[name], context.stores[name]
    couplings = await store.couplings(list(ids[Side.LEFT]), list(ids[Side.RIGHT]))
    lefts = sorted({*ids[Side.LEFT], *(one.left for one in couplings)})
    service, columns = context.services[Side.LEFT], columns_of(mapping, Side.LEFT)
    rows = await service.read(mapping.left.route, columns, lefts) if lefts else {}
    at = mapping.left.number
    names = [] if at is None else [mapping.left.columns[at].name]
    return sorted({str(row[one]) for row in rows.values() for one in names if row[one]})
