"""Records that are parts of others, as lines are of a document: who names a document means its lines, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kobling.algebra.order import whole
from kobling.engine.held import change_of
from kobling.engine.task import Context, columns_of
from kobling.model.mapping import Side


async def take_up_parts(context: Context, name: str, ids: Mapping[Side, Collection[str]]) -> list[str]:
    """Makes the parts of these records of Business Central due; their ids. They go by the number of what they
    are parts of."""
    parts = [one for one in whole([name], context.mappings) if context.mappings[one].part_of == name]
    numbers = await _numbers(context, name, ids) if parts else []
    taken: list[str] = []
    for one in parts if numbers else ():
        mapping = context.mappings[one]
        table, columns = mapping.left, columns_of(mapping, Side.LEFT)
        assert table.number is not None, "parts have the number of what they belong to"
        by = table.columns[table.number].name
        rows = await context.services[Side.LEFT].find(table.route, columns, by, numbers)
        await context.stores[one].put([change_of(context, mapping, Side.LEFT, row) for row in rows])
        taken += [str(row["id"]) for row in rows]
    return taken


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
