"""The part of a pair that is known to be written although the pair as a whole is not settled.

One side may take a write that the other refuses, and a run may die between a write and its outcome. The
fields that were written settle all the same: else they would read as changes of both sides, and the next edit
as a conflict with what we wrote ourselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from kobling.engine.task import Task
from kobling.model.mapping import Mapping as TableMapping
from kobling.model.mapping import Side
from kobling.model.pair import Base, Kind, Record, Write
from kobling.model.state import Coupling, Intent
from kobling.model.values import UNSET, Value, Values, same_value
from kobling.ports import Method

SENT: Final = "sent"
_OF: Final = "of"
BESIDE: Final = "beside"
_MADE: Final = "made"
_UNDOES: Final = "undoes"


def half_done(mapping: TableMapping, task: Task, base: Base, held: Mapping[Side, Values]) -> Base:
    """`base`, with the fields settled that the sides of `held` took; held: what these sides hold now."""
    planned = task.action.base
    if planned is None:
        return base
    for write in task.action.writes:
        if write.side in held:
            sides = {side: planned.values(side) for side in Side} | {write.side: held[write.side]}
            base = _settled(mapping, base, write.side, {at for at, _ in write.values}, sides, planned.made)
    return base


def intents_of(mapping: TableMapping, task: Task) -> list[Intent]:
    """What the task is about to write."""
    return [
        Intent(
            side=write.side,
            id=task.ids[write.side],
            partner=task.ids[write.side.other],
            method=task.method(write),
            body=_noted(mapping, task, write),
            version=task.version(write.side),
        )
        for write in task.action.writes
    ]


def _noted(mapping: TableMapping, task: Task, write: Write) -> dict[str, Any]:
    """The body of an intent: what is sent, by column, and what the other side held that it was made of."""
    sent = task.body(mapping, write)
    if task.method(write) is Method.DELETE:
        return {SENT: sent, _UNDOES: task.action.undoes}
    if task.action.kind is Kind.CREATE and not write.claim:
        # Whether its source has changed since is seen by what it would make now.
        return {SENT: sent, _OF: {}}
    source = task.records[write.side.other]
    if source is None or write.claim:
        return {SENT: sent}
    written = {at for at, _ in write.values}
    origin = write.side.other
    at_origin = [row.column(origin) for row in mapping.rows if row.column(write.side) in written]
    columns = mapping.table(origin).columns
    noted = {SENT: sent, _OF: {columns[at].name: source.values[at] for at in at_origin if at is not None}}
    return noted | _known(mapping, task, write.side)


def _known(mapping: TableMapping, task: Task, side: Side) -> dict[str, Any]:
    """What else the plan knew: what somebody had changed beside it, and what rows make of their sources."""
    beside, action = _beside(mapping, task, side), task.action
    base = None if task.coupling is None else task.coupling.base
    noted: dict[str, Any] = {BESIDE: beside} if beside else {}
    if base is None or action.base is None or action.base.made is base.made:
        return noted
    pairs = zip(mapping.rows, base.made, action.base.made, strict=True)
    made = {row.name: now for row, before, now in pairs if now is not UNSET and now != before}
    return noted | {_MADE: made} if made else noted


def _beside(mapping: TableMapping, task: Task, side: Side) -> dict[str, Value]:
    """What the plan knew somebody to have changed there that has not flowed yet. Once we have written the
    record, its version no longer says that it was not us."""
    record, coupling = task.records[side], task.coupling
    if record is None or coupling is None or coupling.base is None:
        return {}
    base = coupling.base.values(side)
    if record.values == base:
        return {}
    held = task.held if side is Side.RIGHT else frozenset()
    return {
        one.name: record.values[at]
        for at, one in enumerate(mapping.table(side).columns)
        if at not in held and record.values[at] != base[at]
    }


def has_arrived(intent: Mapping[str, Any], held: Mapping[str, Value]) -> bool:
    """Whether a record that holds these values holds all that was sent to it."""
    return all(same_value(held.get(name), value) for name, value in intent[SENT].items())


def is_made(intent: Intent) -> bool:
    """Whether the intent on an uncoupled record is its own creation, and not our mark on it."""
    return _OF in intent.body


def recalled(
    mapping: TableMapping,
    side: Side,
    coupling: Coupling,
    record: Record,
    intents: Sequence[Intent],
) -> Coupling:
    """`coupling`, with the fields settled that dead runs had sent to that side and that it holds. intents:
    theirs, oldest first: each run planned upon what it took the one before to have written."""
    base = coupling.base
    assert base is not None
    beside: dict[str, Value] = {}
    for one in intents:
        base = _arrived(mapping, side, base, record, one.body)
        beside |= one.body.get(BESIDE, {})
    found = msgspec.structs.replace(coupling, base=base)
    if not beside or side is Side.LEFT:
        return found
    known = found.values(side)
    assert known is not None
    names = [one.name for one in mapping.table(side).columns]
    seen = tuple(beside.get(name, value) for name, value in zip(names, known, strict=True))
    return msgspec.structs.replace(found, right_seen=seen)


def _arrived(
    mapping: TableMapping, side: Side, base: Base, record: Record, intent: Mapping[str, Any]
) -> Base:
    """`base`, with the fields settled that were sent to that side and that it holds."""
    sent, of = intent[SENT], intent.get(_OF, {})
    columns = mapping.table(side).columns
    arrived = {
        at
        for at, one in enumerate(columns)
        if one.name in sent and same_value(record.values[at], sent[one.name])
    }
    origin = tuple(
        of.get(one.name, value)
        for one, value in zip(mapping.table(side.other).columns, base.values(side.other), strict=True)
    )
    known = intent.get(_MADE, {})
    made = tuple(known.get(row.name, value) for row, value in zip(mapping.rows, base.made, strict=True))
    return _settled(mapping, base, side, arrived, {side: record.values, side.other: origin}, made)


def undone_by(opened: Mapping[tuple[Side, str], Sequence[Intent]], task: Task) -> str:
    """The job whose creation a run that died was taking back, where the created record is gone; else ''."""
    for side in Side:
        for one in opened.get((side, task.ids[side]), ()) if task.deleted[side] else ():
            if one.body.get(_UNDOES):
                return str(one.body[_UNDOES])
    return ""


def _settled(
    mapping: TableMapping,
    base: Base,
    side: Side,
    arrived: Collection[int | None],
    values: Mapping[Side, Values],
    made: Values,
) -> Base:
    """`base`, but the rows of these columns of `side` are as in `values` and `made`."""
    sides = {one: list(base.values(one)) for one in Side}
    inputs = list(base.made)
    for index, row in enumerate(mapping.rows):
        if row.column(side) not in arrived:
            continue
        inputs[index] = made[index]
        for one in Side:
            at = row.column(one)
            if at is not None:
                sides[one][at] = values[one][at]
    return Base(left=tuple(sides[Side.LEFT]), right=tuple(sides[Side.RIGHT]), made=tuple(inputs))
