"""A look-up of a record that may be cleared never keeps another record from being written.

Where a service refuses a record, such a look-up may be why: Business Central takes as a customer's primary
contact only one of the customer's own company, Sales none that is deleted. So the record is tried once more
in the same run with those look-ups blank. They then wait, with the service's words, for the next change.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kobling.algebra.transform import key_of
from kobling.engine.task import ETAG, Context, Task, rows_of, values_of
from kobling.engine.words import refusal
from kobling.model.look_up import Answer, LookUps
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.pair import Missing
from kobling.model.state import Change
from kobling.model.values import is_blank
from kobling.ports import Outcome, RowResult


def clear(context: Context, mapping: Mapping, task: Task, side: Side, result: RowResult) -> bool:
    """Notes that a refused pair is tried again without the look-ups that were just sent to that side.

    False where there were none, or it has been tried without them before.
    """
    key = (mapping.name, task.key)
    if result.outcome is not Outcome.REJECTED or key in context.cleared:
        return False
    if not any(_sent(context, mapping, task, side)):
        return False
    context.cleared[key] = refusal(side, result)
    return True


def as_it_is(mapping: Mapping, task: Task) -> Change:
    """The row that brought the pair, with what the record holds now."""
    first, row = task.changes[0], rows_of(task).get(task.changes[0].side)
    if row is None:
        return first
    values = values_of(mapping, first.side, row)
    return msgspec.structs.replace(first, version=row[ETAG], values=values, by_us=False)


def cleared(context: Context, mapping: Mapping, task: Task, look_ups: LookUps) -> LookUps:
    """The answers for this pair: those that a service refused are missing."""
    words = context.cleared.get((mapping.name, task.key))
    if words is None:
        return look_ups
    missing: dict[tuple[str, Side, str], Answer] = {}
    for row in _clearable(context, mapping):
        for side in Side:
            record = task.records[side.other]
            key = "" if record is None else key_of(mapping, row, record.values, side)
            if key and row.column(side) is not None:
                source = row.conversion.source
                missing[source, side, key] = Missing(mapping=source, key="", reason=f"{row.name}: {words}")
    return {**look_ups, **missing}


def _sent(context: Context, mapping: Mapping, task: Task, side: Side) -> Iterator[FieldRow]:
    values = {at: value for write in task.action.writes if write.side is side for at, value in write.values}
    for row in _clearable(context, mapping):
        position = row.column(side)
        if position is not None and not is_blank(values.get(position)):
            yield row


def _clearable(context: Context, mapping: Mapping) -> list[FieldRow]:
    """Those that lead to another record; an option of a record's own is no reason to refuse it."""
    return [one for one in mapping.rows if one.clear_on_failed and one.conversion.source in context.mappings]
