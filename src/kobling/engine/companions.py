"""Records that the left service makes along with one that a run creates, as an item has its unit at once.

They are coupled with what the record's partner has on the right, before the pair itself is settled: a run
that dies in between finds the creation again, and them coupled already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from kobling.algebra.transform import key_reader
from kobling.engine.couple import couple_many
from kobling.engine.task import Context, Task, rows_of, values_of
from kobling.engine.through import known_as
from kobling.model.look_up import Through
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.pair import First, Kind
from kobling.model.values import Values, is_blank

# Where a look-up goes on: mapping and key on the left.
_Place: TypeAlias = tuple[str, str]


async def couple_companions(context: Context, mapping: Mapping, tasks: Sequence[Task]) -> None:
    """Couples what came along with the left records of these pairs. What is coupled otherwise stays so."""
    rows = [one for one in mapping.rows if one.couples]
    if not rows or context.rehearse:
        return
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        for (name, key), right in _asked(context, mapping, row, tasks).items():
            if name in context.mappings:
                wanted[name][key] = right
    for name, partners in wanted.items():
        found = await known_as(context, context.mappings[name], Side.LEFT, sorted(partners))
        pairs = [(one.id, partners[key]) for key, one in found.items()]
        await couple_many(context, name, pairs, First.LEFT)


def _asked(context: Context, mapping: Mapping, row: FieldRow, tasks: Sequence[Task]) -> dict[_Place, str]:
    """What the right records hold, by what the row goes on to ask for on the left."""
    source, read = context.sources[row.conversion.source], key_reader(mapping, row, Side.RIGHT)
    assert row.right is not None, f"{row.name} couples, so it has a column on the right"
    held: dict[str, str] = {}
    for task in tasks:
        made, partner = _made(mapping, task), task.records[Side.RIGHT]
        if made is None or partner is None or is_blank(partner.values[row.right]):
            continue
        held[read(made)] = str(partner.values[row.right])
    places = source.resolve(context.facts, Side.RIGHT, sorted(held)) if held else {}
    ahead = {key: one for key, one in places.items() if isinstance(one, Through)}
    return {(name, one.key): held[key] for key, one in ahead.items() for name in one.via}


def _made(mapping: Mapping, task: Task) -> Values | None:
    """The left record as it was created by this run, or by one that died over it."""
    row = rows_of(task).get(Side.LEFT)
    if task.action.kind is Kind.CREATE and row is not None and not _is_source(task, Side.LEFT):
        return values_of(mapping, Side.LEFT, row)
    record = task.records[Side.LEFT]
    found = task.created is not None and task.created.side is Side.LEFT
    return record.values if found and record is not None else None


def _is_source(task: Task, side: Side) -> bool:
    """Whether the record of that side was there before, and what was written to it is a claim."""
    return task.records[side] is not None
