"""How many records each side of a mapping holds, as a run would meet them."""

from __future__ import annotations

from kobling.algebra.filters import outside
from kobling.engine.task import Context, record_of
from kobling.model.full_synchronization import Census
from kobling.model.mapping import Mapping, Side


async def census(context: Context, name: str, side: Side) -> Census:
    """Counts the records of one side inside the filter, which is bound, and those of them with a partner."""
    mapping, store = context.mappings[name], context.stores[name]
    records = coupled = 0
    async for rows in context.services[side].inside(mapping.table(side), _asked(mapping, side)):
        table = mapping.table(side)
        ids = [row["id"] for row in rows if outside(table, record_of(mapping, side, row).values) is None]
        known = await store.couplings(*((ids, []) if side is Side.LEFT else ([], ids)))
        records, coupled = records + len(ids), coupled + len(known)
        context.progress(f"{name}: {table.caption}", records)
    return Census(records=records, coupled=coupled)


def _asked(mapping: Mapping, side: Side) -> list[str]:
    """The columns that the filter reads; more is not needed to count."""
    table = mapping.table(side)
    places = {one.position for one in table.conditions} or {table.title or 0}
    return [table.columns[at].name for at in sorted(places)]
