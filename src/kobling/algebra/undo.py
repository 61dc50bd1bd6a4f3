"""The inverse of what a job did to a pair: what is put back field by field, and what may be deleted again.

What is put back counts as settled together with what the other side holds: an accepted difference, as if a
person had said so. Nothing of it flows until somebody changes the field again on either side. Whatever
anybody has touched since is refused, each field for itself.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.compiled import forward
from kobling.algebra.filters import outside, outside_words
from kobling.algebra.gates import shut_out
from kobling.algebra.held import held_words
from kobling.algebra.merge import made_now
from kobling.model.look_up import LookUps
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.pair import Action, Base, Kind, Pair, Record, Trouble, Write
from kobling.model.values import UNSET, Value, same_value

_CHANGED: Final = "it was changed since"
_PENDING: Final = "a later change of it has not been synchronized yet, or is in conflict"
# What a job wrote into one record: (before, after) by position.
Written: TypeAlias = Table[int, tuple[Value, Value]]


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan decided: the action, and what it refuses to take back, by field; '' for the whole pair."""

    action: Action = Action(kind=Kind.NOTHING)
    refused: tuple[Trouble, ...] = ()


def _refusal(reason: str, field: str = "") -> Undone:
    return Undone(refused=(Trouble(field=field, reason=reason),))


def plan_undo(
    mapping: Mapping, pair: Pair, written: Table[Side, Written], look_ups: LookUps, job: str
) -> Undone:
    """Puts back what a job wrote into the two records of a coupled pair, where they still hold it."""
    refusal = _why_not(mapping, pair, look_ups)
    if refusal or pair.base is None:
        return _refusal(refusal)
    back: dict[Side, dict[int, Value]] = {side: {} for side in Side}
    refused = []
    for side, values in written.items():
        for position, (before, after) in values.items():
            reason = _why_stays(mapping, pair, side, position, (before, after))
            if reason:
                caption = mapping.table(side).columns[position].caption
                refused.append(Trouble(field=caption, reason=reason))
            elif not same_value(_held(pair, side)[position], before):
                back[side][position] = before
    writes = tuple(
        Write(side=side, values=tuple(sorted(values.items()))) for side, values in back.items() if values
    )
    action = Action(
        kind=Kind.WRITE if writes else Kind.NOTHING,
        writes=writes,
        base=_settled(mapping, pair.base, pair, back, look_ups),
        reason=_words(job),
        undoes=job,
    )
    return Undone(action=action, refused=tuple(refused))


def plan_uncreation(
    mapping: Mapping, pair: Pair, side: Side, version: str, written: Table[Side, Written], job: str
) -> Undone:
    """Deletes the record of `side` that a job created, if nobody has touched it since, and takes its mark off
    the record that it was made of. version: the one that our last write left it in."""
    record, source = pair.record(side), pair.record(side.other)
    words = f"{_words(job)}, which created it"
    if pair.deleted(side):
        return Undone(action=Action(kind=Kind.UNCOUPLE, reason=words, undoes=job))
    if record is None or source is None:
        return _refusal("one of the two records is deleted or cannot be read")
    if not mapping.direction.allows(side):
        return _refusal("the mapping no longer writes to that side")
    if record.version != version:
        return _refusal("the record was changed since it was created")
    marks = {
        at: before
        for at, (before, after) in written.get(side.other, {}).items()
        if same_value(source.values[at], after) and not same_value(before, after)
    }
    writes = [Write(side=side, values=())]
    if marks:
        writes.append(Write(side=side.other, values=tuple(sorted(marks.items()))))
    return Undone(action=Action(kind=Kind.DELETE, writes=tuple(writes), reason=words, undoes=job))


def _words(job: str) -> str:
    return f"undoes job {job}"


def _why_not(mapping: Mapping, pair: Pair, look_ups: LookUps) -> str:
    """Why nothing of the pair can be put back; '' where it can."""
    for side in Side:
        record = pair.record(side)
        if record is None:
            return "one of the two records is deleted or cannot be read"
        condition = outside(mapping.table(side), record.values)
        if condition is not None:
            return outside_words(mapping.table(side), condition)
        shut = shut_out(mapping, record.values, side, look_ups)
        if shut is not None:
            return shut.reason
    if pair.base is None:
        return "the two records have not been compared yet"
    columns = mapping.right.columns
    return held_words([columns[at].caption for at in sorted(pair.held)]) if pair.held else ""


def _why_stays(mapping: Mapping, pair: Pair, side: Side, position: int, values: tuple[Value, Value]) -> str:
    """Why one field is not put back; '' where it is, or where it holds the value of before already."""
    held, (before, after) = _held(pair, side)[position], values
    rows = [one for one in mapping.rows if one.column(side) == position]
    if same_value(held, before):
        return ""
    if not same_value(held, after):
        return _CHANGED
    if not any(one.direction.allows(side) for one in rows):
        return "the mapping no longer writes it"
    return _PENDING if any(_is_pending(pair, one) for one in rows) else ""


def _held(pair: Pair, side: Side) -> tuple[Value, ...]:
    record: Record | None = pair.record(side)
    assert record is not None
    return record.values


def _is_pending(pair: Pair, row: FieldRow) -> bool:
    """Whether either side of the row holds something that is not settled."""
    assert pair.base is not None
    for side in Side:
        at, base = row.column(side), pair.base.values(side)
        if at is not None and base[at] is not UNSET and not same_value(base[at], _held(pair, side)[at]):
            return True
    return False


def _settled(
    mapping: Mapping, base: Base, pair: Pair, back: Table[Side, Table[int, Value]], look_ups: LookUps
) -> Base:
    """The base with what is put back in it, and with what the rows make of that."""
    sides, now = {}, {}
    for side in Side:
        values = back[side]
        sides[side] = tuple(values.get(at, value) for at, value in enumerate(base.values(side)))
        now[side] = tuple(values.get(at, value) for at, value in enumerate(_held(pair, side)))
    made = list(base.made)
    for index, row in enumerate(mapping.rows):
        source = forward(row).other
        inputs = {row.column(source), *row.conversion.reads}
        if row.column(forward(row)) is not None and not inputs.isdisjoint(back[source]):
            made[index] = made_now(mapping, row, now[source], look_ups)
    return Base(left=sides[Side.LEFT], right=sides[Side.RIGHT], made=tuple(made))
