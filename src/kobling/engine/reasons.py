"""Why a field is written, in words for a person: what changed, or what else made the plan write it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kobling.algebra.compiled import forward
from kobling.algebra.templates import template_of
from kobling.engine.task import Task
from kobling.engine.words import SYSTEMS
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.pair import Kind, Write
from kobling.model.values import UNSET, is_blank, same_value

_CLAIM: Final = "marks whose record it is, before its counterpart is created"
_PARTING: Final = "takes off the mark of the coupling"
_TEMPLATE: Final = "is set in every new record"
_CHOSEN: Final = "is set by a template"
_INPUT: Final = "what its look-up, rate or rule comes to has changed"


def why_written(mapping: Mapping, task: Task, write: Write, position: int, chosen: Collection[str]) -> str:
    """Why this column of the written side gets a value. chosen: rows of which a person said what holds."""
    kind = task.action.kind
    if task.action.undoes:
        return task.action.reason
    if write.claim:
        return _CLAIM
    if kind is Kind.UNCOUPLE:
        return _PARTING
    row = _row_of(mapping, task, write.side, position)
    if kind is Kind.OUTSIDE or row is None:
        given = kind is Kind.CREATE and position in _given(mapping, task, write.side)
        always = {one.position for one in mapping.table(write.side).template}
        return (_TEMPLATE if position in always else _CHOSEN) if given else task.action.reason
    cleared = next((one for one in task.action.waiting if one.field == row.name and one.clearable), None)
    if cleared is not None and is_blank(dict(write.values)[position]):
        return f"is blank while it waits: {cleared.reason}"
    if row.name in chosen or row.group in chosen:
        return "a person decided it"
    return _of_source(mapping, task, row, write.side)


def _row_of(mapping: Mapping, task: Task, side: Side, position: int) -> FieldRow | None:
    """The row that writes the column: of several, one whose source has changed."""
    if task.action.kind is Kind.CREATE and position in _given(mapping, task, side):
        return None
    rows = [one for one in mapping.rows if one.column(side) == position and one.direction.allows(side)]
    changed = [one for one in rows if _changed(mapping, task, side.other, _inputs(one, side))]
    return next(iter([*changed, *rows]), None)


def _given(mapping: Mapping, task: Task, side: Side) -> set[int]:
    """The columns that a record created on that side gets from its template."""
    source = task.records[side.other]
    return set() if source is None else {one.position for one in template_of(mapping, side, source.values)}


def _inputs(row: FieldRow, target: Side) -> list[int]:
    """The columns of the source that the row's value for `target` is made of."""
    own = row.column(target.other)
    reads = row.conversion.reads if forward(row) is target else ()
    return [*(() if own is None else (own,)), *reads]


def _changed(mapping: Mapping, task: Task, side: Side, positions: Collection[int]) -> list[str]:
    """The captions of those of these columns that differ from what was settled last."""
    record, base = task.records[side], None if task.coupling is None else task.coupling.base
    if record is None or base is None:
        return []
    before = base.values(side)
    return [
        mapping.table(side).columns[at].caption
        for at in dict.fromkeys(positions)
        if before[at] is not UNSET and not same_value(before[at], record.values[at])
    ]


def _of_source(mapping: Mapping, task: Task, row: FieldRow, target: Side) -> str:
    source, inputs = SYSTEMS[target.other], _inputs(row, target)
    if not inputs:
        return "is always this value" if not row.conversion.source else "is what the rule looks up"
    if task.action.kind is Kind.CREATE:
        columns = mapping.table(target.other).columns
        return f"is made of {' and '.join(columns[at].caption for at in dict.fromkeys(inputs))} in {source}"
    if task.coupling is not None and task.coupling.base is None:
        return f"the records meet for the first time, and what {source} has holds"
    changed = _changed(mapping, task, target.other, inputs)
    here = row.column(target)
    there = () if here is None else (here,)
    if not changed and row.group and _changed(mapping, task, target, there):
        return f"{row.group} was changed on both sides, and what {source} has holds as a whole"
    if not changed:
        return _INPUT
    if _changed(mapping, task, target, there):
        return f"was changed on both sides, and what {source} has holds"
    return f"{' and '.join(changed)} changed in {source}"
