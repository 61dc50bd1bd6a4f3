"""Match-based coupling: both tables read once, and what belongs together coupled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import msgspec

from kobling.algebra.filters import outside
from kobling.algebra.match import Criterion, Matches, Miss, match
from kobling.engine.couple import store_couplings
from kobling.engine.task import Context, columns_of, coupled_among, record_of
from kobling.engine.words import text_at
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import First, Record
from kobling.model.state import Change

_PAGE: Final = 1000
# What a record without a partner is created for: nothing on the right could be meant.
_NOBODY: Final = frozenset({Miss.NONE, Miss.BLANK})


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two columns by their names on the wire that must be equal; else as `algebra.match.Criterion`."""

    left: str
    right: str
    priority: int = 0
    case: bool = False


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """What matching found; of a selection, of that alone. titles: what the left records are called.

    created: left records that are taken up for creation. coupled: selected records that are coupled already.
    outside: selected records that take no part for the filter, with the condition.
    """

    found: Matches
    titles: dict[str, tuple[str, str]] = {}
    created: tuple[str, ...] = ()
    coupled: tuple[str, ...] = ()
    outside: dict[str, str] = {}


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record inside the filter, and what of it is compared."""

    record: Record
    keyed: Record
    coupled: bool


async def match_records(
    context: Context,
    name: str,
    on: Sequence[Compared],
    first: First,
    *,
    create: bool,
    rehearse: bool,
    selected: Collection[str] | None = None,
) -> Matching:
    """Couples the uncoupled records of both tables that match uniquely.

    create: left records that nothing matches are taken up for creation. rehearse: nothing is stored.
    selected: left records; only these are coupled and told of, but all are compared, so what is found of
    one does not depend on what else is selected.
    """
    mapping = context.mappings[name]
    lefts = {one.record.id: one async for one in _rows(context, mapping, Side.LEFT, [one.left for one in on])}
    rights = {
        one.record.id: one async for one in _rows(context, mapping, Side.RIGHT, [one.right for one in on])
    }
    found = match(
        [one.keyed for one in lefts.values() if not one.coupled],
        [one.keyed for one in rights.values() if not one.coupled],
        [Criterion(left=at, right=at, priority=one.priority, case=one.case) for at, one in enumerate(on)],
        [one.keyed for one in rights.values() if one.coupled],
    )
    if selected is not None:
        found = found.of(set(selected))
    created = [one.id for one in found.unmatched if one.reason in _NOBODY] if create else []
    if not rehearse:
        pairs = [(lefts[left].record, rights[right].record) for left, right in found.matched]
        for start in range(0, len(pairs), _PAGE):
            await store_couplings(context, mapping, pairs[start : start + _PAGE], first)
        await _take_up(context, name, [lefts[one].record for one in created])
    return Matching(
        found=found,
        titles={one: _title(mapping, each.record) for one, each in lefts.items()},
        created=tuple(created),
        coupled=tuple(one for one in selected or () if one in lefts and lefts[one].coupled),
        outside=await _outside(context, mapping, [one for one in selected or () if one not in lefts]),
    )


async def _take_up(context: Context, name: str, records: Sequence[Record]) -> None:
    changes = [
        Change(id=one.id, side=Side.LEFT, version=one.version, values=one.values, wanted=True)
        for one in records
    ]
    await context.stores[name].put(changes)


async def _rows(context: Context, mapping: Mapping, side: Side, keys: Sequence[str]) -> AsyncIterator[_Row]:
    """The records inside the filter: as the mapping reads them, and with what is compared only."""
    table, columns = mapping.table(side), columns_of(mapping, side)
    wanted = list(dict.fromkeys([*columns, *keys]))
    async for rows in context.services[side].inside(table, wanted):
        coupled = await coupled_among(context, mapping.name, side, [row["id"] for row in rows])
        for row in rows:
            record = record_of(mapping, side, row)
            if outside(table, record.values) is None:
                keyed = Record(id=record.id, values=tuple(row.get(key) for key in keys))
                yield _Row(record=record, keyed=keyed, coupled=record.id in coupled)


async def _outside(context: Context, mapping: Mapping, ids: Sequence[str]) -> dict[str, str]:
    """Why each of these left records takes no part."""
    if not ids:
        return {}
    columns, table = columns_of(mapping, Side.LEFT), mapping.left
    rows = await context.services[Side.LEFT].read(table.route, columns, ids)
    found = {}
    for one, row in rows.items():
        condition = outside(table, record_of(mapping, Side.LEFT, row).values)
        found[one] = "" if condition is None else condition.text
    return found


def _title(mapping: Mapping, record: Record) -> tuple[str, str]:
    """Number and name."""
    table = mapping.left
    return text_at(table.number, record.values), text_at(table.title, record.values)
