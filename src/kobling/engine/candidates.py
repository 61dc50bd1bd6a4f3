"""What a record may be coupled with: the records of the other side that are free and inside the filter."""

from __future__ import annotations

from kobling.algebra.expressions import folded
from kobling.algebra.filters import outside
from kobling.engine.task import Context, columns_of, coupled_among, record_of
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.model.values import Value, Values


async def candidates(
    context: Context, mapping: Mapping, side: Side, search: str, limit: int
) -> tuple[list[Record], bool]:
    """At most `limit` records of that side that nobody has coupled, in the order of the service, and whether
    there are more. search: text that one of their values holds, whatever its case and accents; '' for all.
    """
    table, wanted = mapping.table(side), folded(search)
    found: list[Record] = []
    async for rows in context.services[side].inside(table, columns_of(mapping, side)):
        records = [record_of(mapping, side, row) for row in rows]
        fitting = [
            one for one in records if outside(table, one.values) is None and _holds(one.values, wanted)
        ]
        coupled = await coupled_among(context, mapping.name, side, [one.id for one in fitting])
        found += [one for one in fitting if one.id not in coupled]
        if len(found) > limit:
            break
    return found[:limit], len(found) > limit


def _holds(values: Values, wanted: str) -> bool:
    return not wanted or any(_held(one, wanted) for one in values)


def _held(value: Value, wanted: str) -> bool:
    return isinstance(value, str) and wanted in folded(value)
