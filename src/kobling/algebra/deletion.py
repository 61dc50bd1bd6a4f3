"""A pair that parts: one of its records is deleted, or its coupling is removed."""

from __future__ import annotations

from typing import Final

import msgspec

from kobling.algebra.compiled import compiled
from kobling.algebra.filters import outside
from kobling.algebra.merge import position_of
from kobling.algebra.resolve import Verdict
from kobling.algebra.transform import convert
from kobling.model.look_up import LookUps
from kobling.model.mapping import DeletionConflict, Mapping, Side
from kobling.model.pair import Action, Kind, Pair, Record, Write
from kobling.model.values import Value, is_blank, same_value

_KINDS: Final = {
    DeletionConflict.ASK: Kind.ASK,
    DeletionConflict.RESTORE: Kind.RESTORE,
    DeletionConflict.REMOVE_COUPLING: Kind.UNCOUPLE,
    DeletionConflict.DELETE: Kind.DELETE,
}


def plan_deletion(mapping: Mapping, pair: Pair, verdict: Verdict, look_ups: LookUps) -> Action:
    """The action for a pair of which a record is proved to be deleted: what a person says of this very pair,
    else the mapping's policy. Against a direction a person decides."""
    survivor = next((side for side in Side if not pair.deleted(side)), None)
    if survivor is None:
        return Action(kind=Kind.UNCOUPLE, reason=str(verdict))
    policy = DeletionConflict.ASK if verdict is Verdict.ASK_DELETION else mapping.deletion_conflict
    action = Action(kind=_KINDS[pair.deletion or policy], reason=str(verdict))
    if action.kind is Kind.ASK:
        return action
    if action.kind is Kind.UNCOUPLE:
        return plan_uncoupling(mapping, pair.record(survivor), survivor, look_ups, action.reason)
    target = survivor if action.kind is Kind.DELETE else survivor.other
    if not mapping.direction.allows(target) or pair.target not in {None, target}:
        return msgspec.structs.replace(action, kind=Kind.ASK)
    if action.kind is Kind.DELETE:
        return msgspec.structs.replace(action, writes=(Write(side=survivor, values=()),))
    record = pair.record(survivor)
    left = None if record is None else outside(mapping.table(survivor), record.values)
    if left is None:
        return action
    words = f"one record is deleted, and the other cannot restore it: not {left.text}"
    return msgspec.structs.replace(action, kind=Kind.ASK, reason=words)


def plan_uncoupling(
    mapping: Mapping, record: Record | None, side: Side, look_ups: LookUps, reason: str
) -> Action:
    """The action that removes a coupling; the record that is left no longer carries our mark."""
    write = None if record is None else unclaim(mapping, record, side, look_ups)
    return Action(kind=Kind.UNCOUPLE, writes=(write,) if write else (), reason=reason)


def unclaim(mapping: Mapping, record: Record, side: Side, look_ups: LookUps) -> Write | None:
    """The write that takes our mark off a record that is uncoupled; None where it carries none."""
    blanks: dict[int, Value] = {}
    for row in compiled(mapping).claims[side]:
        position = position_of(row, side)
        made = convert(mapping, row, record.values, side, look_ups)
        if not is_blank(record.values[position]) and same_value(made, record.values[position]):  # type: ignore[arg-type]
            blanks[position] = mapping.table(side).columns[position].blank
    return Write(side=side, values=tuple(blanks.items())) if blanks else None


def marked_by_another(mapping: Mapping, record: Record, side: Side, look_ups: LookUps) -> bool:
    """Whether a record carries the mark of somebody else than us."""
    for row in compiled(mapping).claims[side]:
        held = record.values[position_of(row, side)]
        made = convert(mapping, row, record.values, side, look_ups)
        if isinstance(made, str) and not is_blank(made) and not is_blank(held) and not same_value(made, held):
            return True
    return False
