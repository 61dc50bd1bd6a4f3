"""How many records each side of a mapping holds, as a run would meet them."""

from __future__ import annotations

from kobling.algebra.filters import outside
from kobling.engine.task import Context, coupled_among, record_of
from kobling.model.full_synchronization import Census
from kobling.model.mapping import Mapping, Side, Table
from kobling.model.values import Values


async def census(context: Context, name: str, side: Side) -> Census:
    """Counts the records of one side inside the filter, which is bound, and those of them with a partner.

    What a service brings itself does not count: it is nobody's data, and has no twin on the other side.
    """
    mapping = context.mappings[name]
    records = coupled = 0
    async for rows in context.services[side].inside(mapping.table(side), _asked(mapping, side)):
        table = mapping.table(side)
        ids = [row["id"] for row in rows if _counts(table, record_of(mapping, side, row).values)]
        known = await coupled_among(context, name, side, ids)
        records, coupled = records + len(ids), coupled + len(known)
        context.progress(f"{name}: {table.caption}", records)
    return Census(records=records, coupled=coupled)


def _counts(table: Table, values: Values) -> bool:
    own = table.title is None or values[table.title] not in table.shipped
    return own and outside(table, values) is None


def _asked(mapping: Mapping, side: Side) -> list[str]:
    """The columns that the filter reads; more is not needed to count."""
    table = mapping.table(side)
    places = {one.position for one in table.conditions} | {table.title or 0}
    return [table.columns[at].name for at in sorted(places)]
