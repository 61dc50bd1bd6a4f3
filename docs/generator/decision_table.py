"""Every case of a pair and of a field, planned as a run plans it, with what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import msgspec

from kobling.algebra.plan import plan_pair
from kobling.algebra.resolve import PAIR, Verdict
from kobling.model.mapping import (
    Column,
    Condition,
    DeletionConflict,
    Direction,
    FieldRow,
    Mapping,
    Side,
    Table,
    UpdateConflict,
)
from kobling.model.pair import Action, Base, Kind, Pair, Record, SideState

from .markdown import code, page, table

_HEAD = """\
A coupled pair is decided by what is known of its two records since they were last settled, and by four
settings of its mapping. Here are all cases. The tables are not written by hand: each line is planned by
the function that runs, dry runs and `kobling why` use, and the answer is told.

*Unchanged* and *changed* are against what the side itself held when it was last settled, never against
the other side. *Outside* is a record that the filter of its side does not let through. *Deleted* is
proved. *Unknown* is a record that could be neither read nor proved to be deleted."""
_ROWS = """\
A pair whose records are both inside the filter is settled field by field. A field has *changed* where
the side's value is another than when it was last settled, or where a look-up or rate that it is made of
comes to something else."""
_DELETED = """\
`deletion_conflict` decides, unless a person says something of that very pair (`kobling skipped
restore`, `remove-coupling`, `delete`). Nothing is restored or deleted against the direction of the
mapping. Where the other record is outside the filter, a person decides, whatever the policy."""
_STATES: Final = {
    SideState.UNCHANGED: "unchanged",
    SideState.CHANGED: "changed",
    SideState.DELETED: "deleted",
    SideState.OUTSIDE: "outside the filter",
    SideState.UNKNOWN: "unknown",
}
_DIRECTIONS: Final = {
    Direction.BOTH: "both ways",
    Direction.TO_RIGHT: "to Sales only",
    Direction.TO_LEFT: "to Business Central only",
}
_NAMES: Final = {Side.LEFT: "Business Central", Side.RIGHT: "Sales"}
_KINDS: Final = {
    Kind.NOTHING: "nothing",
    Kind.WRITE: "the changed fields are written",
    Kind.READ: "it waits until the record can be read",
    Kind.OUTSIDE: "nothing; it rests until both are inside, and is merged then",
    Kind.ASK: "a person decides",
    Kind.RESTORE: "the deleted record is created anew",
    Kind.UNCOUPLE: "the coupling goes, and what is left stays as it is",
    Kind.DELETE: "the record that is left is deleted",
}
_INSIDE: Final = "in"


def decision_table_page() -> str:
    """The page."""
    titles = ("In Business Central", "In Sales", "What happens", "Why")
    parted = ("Deleted in", "Mapping flows", "`deletion_conflict`", "What happens")
    fields = ("Field flows", "Changed in Business Central", "Changed in Sales", "`update_conflict`", "Then")
    return page(
        "Every case of a pair",
        _HEAD,
        "## The pair",
        table(titles, _pairs()),
        "## One record is deleted",
        _DELETED,
        table(parted, _partings()),
        "## The field",
        _ROWS,
        table(fields, _fields()),
    )


def _mapping(
    direction: Direction = Direction.BOTH,
    deletion: DeletionConflict = DeletionConflict.ASK,
    update: UpdateConflict = UpdateConflict.ASK,
    row: Direction = Direction.BOTH,
) -> Mapping:
    """One field, and a filter on another column."""
    columns = (Column(name="name", caption="Name"), Column(name="state", caption="State"))
    condition = Condition(position=1, name="state", values=(_INSIDE,), text="State is in")
    side = Table(name="one", caption="One", route="ones", columns=columns, conditions=(condition,))
    return Mapping(
        name="ONE",
        left=side,
        right=side,
        direction=direction,
        rows=(FieldRow(name="Name", left=0, right=0, direction=row),),
        deletion_conflict=deletion,
        update_conflict=update,
    )


def _pair(left: SideState, right: SideState) -> Pair:
    before = ("before", _INSIDE)
    records = {
        SideState.UNCHANGED: before,
        SideState.CHANGED: ("changed", _INSIDE),
        SideState.OUTSIDE: ("before", "out"),
    }
    found = {
        side: Record(id=str(side), values=records[state]) if state in records else None
        for side, state in ((Side.LEFT, left), (Side.RIGHT, right))
    }
    return Pair(
        left=found[Side.LEFT],
        right=found[Side.RIGHT],
        base=Base(left=before, right=before, made=("",)),
        left_deleted=left is SideState.DELETED,
        right_deleted=right is SideState.DELETED,
    )


def _pairs() -> Iterator[tuple[str, ...]]:
    for (left, right), verdict in PAIR.items():
        pair = _pair(left, right)
        if left is right is SideState.CHANGED:
            # To the same value there is nothing to decide: the field table has the rest.
            yield _STATES[left], _STATES[right], "the fields are settled one by one", str(verdict)
            continue
        said = _KINDS[plan_pair(_mapping(), pair, {}).kind]
        yield (
            _STATES[left],
            _STATES[right],
            "see below" if verdict is Verdict.DELETION else said,
            str(verdict),
        )


def _partings() -> Iterator[tuple[str, ...]]:
    for side, direction, policy in product(Side, Direction, DeletionConflict):
        states = {side: SideState.DELETED, side.other: SideState.UNCHANGED}
        pair = _pair(states[Side.LEFT], states[Side.RIGHT])
        action = plan_pair(_mapping(direction, policy), pair, {})
        yield _NAMES[side], _DIRECTIONS[direction], code(policy), _KINDS[action.kind]


def _fields() -> Iterator[tuple[str, ...]]:
    for row, left, right in product(Direction, (False, True), (False, True)):
        told = {policy: _then(_field_action(row, left, right, policy), row) for policy in UpdateConflict}
        words = list(dict.fromkeys(told.values()))
        changed = ["yes" if one else "no" for one in (left, right)]
        for policy, then in told.items() if len(words) > 1 else [(None, words[0])]:
            yield _DIRECTIONS[row], *changed, "any" if policy is None else code(policy), then


def _field_action(row: Direction, left: bool, right: bool, policy: UpdateConflict) -> Action:
    pair = _pair(SideState.UNCHANGED, SideState.UNCHANGED)
    changes = {
        "left": Record(id="l", values=("left", _INSIDE)) if left else pair.left,
        "right": Record(id="r", values=("right", _INSIDE)) if right else pair.right,
    }
    return plan_pair(_mapping(update=policy, row=row), msgspec.structs.replace(pair, **changes), {})


def _then(action: Action, row: Direction) -> str:
    if action.contested:
        return "it is in conflict: both sides keep theirs, and a person decides"
    if action.writes:
        [write] = action.writes
        return f"the value of {_NAMES[write.side.other]} goes to {_NAMES[write.side]}"
    if action.base is not None and row is not Direction.BOTH:
        source = Side.LEFT if row is Direction.TO_RIGHT else Side.RIGHT
        return f"nothing; it is overwritten at the next change in {_NAMES[source]}"
    return "nothing"
