"""What a side holds after a write: its base, what stands beside it, whether it is to be looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import ne
from typing import Any, NamedTuple

import msgspec

from kobling.algebra.compiled import compiled, forward
from kobling.engine.held import change_of
from kobling.engine.task import ETAG, Context, Task, values_of
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Kind
from kobling.model.state import Change
from kobling.model.values import Values, same_value
from kobling.ports import Row


class Received(NamedTuple):
    """One side of a pair that was planned through. seen: what it holds where that is not the base. again: its
    row, if it comes again in the next wave."""

    base: Values
    seen: Values | None
    version: str
    again: Change | None


class Receiver:
    """Judges what the services answered to the writes of one mapping."""

    def __init__(self, context: Context, mapping: Mapping) -> None:
        self._context = context
        self._mapping = mapping
        self._owned = {side: owned(mapping, side) for side in Side}
        self._inputs = {side: _inputs(mapping, side) for side in Side}
        self._finishes = bool(compiled(mapping).finishing)

    def after(self, task: Task, side: Side, row: Row | None) -> Received:
        """That side once the task is carried out. row: as the service answered it; None where nothing was
        written."""
        assert task.action.base is not None
        base, record = task.action.base.values(side), task.records[side]
        before = () if record is None else record.values
        if row is None:
            seen = None if before is base or before == base else before
            return Received(base, seen, task.version(side), self._to_finish(task, side))
        held, owned = values_of(self._mapping, side, row), self._owned[side]
        # What we sent settles as the service holds it; what no row owns is taken as it is.
        others = [at for at in compress(range(len(held)), map(ne, held, base)) if at in owned]
        creates = task.action.kind is Kind.CREATE
        # Most rows by far are just as they were created.
        sent = {} if creates and not others and not before else _sent(task, side)
        others = [at for at in others if at not in sent]
        after = _with(held, base, others) if others else held
        again = None
        if self._inputs[side] and not creates and self._inputs[side] & sent.keys():
            again = msgspec.structs.replace(self._change(side, row), reason="input")
        elif self._changed_more(side, held, sent, before) if before else _differ(held, base, others):
            again = self._change(side, row)
        return Received(after, held if others else None, row[ETAG], again)

    def _to_finish(self, task: Task, side: Side) -> Change | None:
        """The source of a creation that a second write is to finish: it is planned again upon what the
        service made of it."""
        record = task.records[side]
        if not self._finishes or task.action.kind is not Kind.CREATE or side is Side.RIGHT or record is None:
            return None
        return Change(id=record.id, side=side, version=record.version, values=record.values, reason="input")

    def _changed_more(self, side: Side, held: Values, sent: dict[int, Any], before: Values) -> bool:
        """Whether the service, or somebody else, changed more than we sent: then it is planned again."""
        return _differ(held, before, [at for at in self._owned[side] if at not in sent])

    def _change(self, side: Side, row: Row) -> Change:
        return change_of(self._context, self._mapping, side, row)


def _sent(task: Task, side: Side) -> dict[int, Any]:
    """What was sent to that side."""
    sent: dict[int, Any] = {}
    for write in task.action.writes:
        if write.side is side:
            sent.update(write.values)
    return sent


def _with(values: Values, other: Values, positions: Sequence[int]) -> Values:
    """`values`, with those of `other` at these positions."""
    mixed = list(values)
    for at in positions:
        mixed[at] = other[at]
    return tuple(mixed)


def _differ(held: Values, known: Values, positions: Sequence[int]) -> bool:
    """Whether the values at one of these positions do not mean the same."""
    return any(not same_value(held[at], known[at]) for at in positions)


def owned(mapping: Mapping, side: Side) -> frozenset[int]:
    """Positions that a row reads or writes."""
    return frozenset(at for one in mapping.rows if (at := one.column(side)) is not None)


def _inputs(mapping: Mapping, side: Side) -> frozenset[int]:
    """Positions on that side from which rows of other columns make values: what we write there is news."""
    return frozenset(at for row in mapping.rows if forward(row) is not side for at in row.conversion.reads)
