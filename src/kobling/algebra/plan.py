"""The plan: one action for each pair, from values alone. Run, preview and explanation all use it."""

from __future__ import annotations

import msgspec

from kobling.algebra.compiled import compiled, forward, is_derived
from kobling.algebra.deletion import plan_deletion
from kobling.algebra.filters import holds, outside, outside_words
from kobling.algebra.finish import closed, returns
from kobling.algebra.gates import refused, returning, shut_out
from kobling.algebra.held import held_words, turned_by_hold
from kobling.algebra.merge import Merge, made_now, position_of, same_for, settled
from kobling.algebra.resolve import PAIR, Verdict
from kobling.algebra.transform import convert
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import (
    LASTING,
    DeletionConflict,
    Direction,
    FieldRow,
    Mapping,
    Moment,
    Side,
    UpdateConflict,
)
from kobling.model.pair import (
    Action,
    Base,
    Choice,
    First,
    Kind,
    Missing,
    Pair,
    SideState,
    Write,
)
from kobling.model.values import UNSET, Value, Values, is_blank, same_value

_NOTHING = Action(kind=Kind.NOTHING)
_FIRST = {UpdateConflict.SEND: First.LEFT, UpdateConflict.GET: First.RIGHT}


def plan_pair(mapping: Mapping, pair: Pair, look_ups: LookUps) -> Action:
    """The action for a coupled pair."""
    left, right, base = pair.left, pair.right, pair.base
    if base is None:
        return plan_first(mapping, pair, look_ups)
    woken = pair.woken or pair.imposed or None in base.made
    left_changed = left is None or left.values != base.left
    right_changed = right is None or right.values != base.right
    if not (woken or left_changed or right_changed):
        return _NOTHING
    verdict = _verdict(mapping, pair, look_ups, woken or left_changed, woken or right_changed)
    if pair.held and verdict in {Verdict.MERGE, Verdict.OUTSIDE} and turned_by_hold(mapping, pair):
        return _held_filter(mapping, pair)
    if verdict is Verdict.MERGE and compiled(mapping).gates:
        refusal = _refusal(mapping, pair, look_ups)
        if refusal is not None:
            return refusal
    if verdict is Verdict.MERGE:
        assert left is not None
        assert right is not None
        if compiled(mapping).met_later and (UNSET in base.left or UNSET in base.right):
            pair = _met_later(mapping, pair, base, look_ups)
        return Merge(mapping, pair, left, right, look_ups).action(left_changed, right_changed)
    if verdict is Verdict.OUTSIDE:
        return _left_filter(mapping, pair, look_ups)
    return _unmerged(mapping, pair, verdict, look_ups)


def _refusal(mapping: Mapping, pair: Pair, look_ups: LookUps) -> Action | None:
    """A pair of which a gate refuses one record rests as a whole; None where none is refused."""
    records = [(side, pair.record(side)) for side in Side]
    found = [refused(mapping, one.values, side, look_ups) for side, one in records if one is not None]
    troubles = tuple(one for one in found if one is not None)
    return Action(kind=Kind.REJECT, rejected=troubles, reason=troubles[0].reason) if troubles else None


def _held_filter(mapping: Mapping, pair: Pair) -> Action:
    """The integration user moved the record across the filter: the pair rests until a person says so."""
    names = [mapping.right.columns[at].caption for at in turned_by_hold(mapping, pair)]
    return Action(kind=Kind.HOLD, held=tuple(names), reason=held_words(names))


def _unmerged(mapping: Mapping, pair: Pair, verdict: Verdict, look_ups: LookUps) -> Action:
    if verdict is Verdict.NOTHING:
        return Action(kind=Kind.NOTHING, reason=str(verdict))
    if verdict is Verdict.READ:
        return Action(kind=Kind.READ, reason=str(verdict))
    return plan_deletion(mapping, pair, verdict, look_ups)


def _verdict(mapping: Mapping, pair: Pair, look_ups: LookUps, left: bool, right: bool) -> Verdict:
    """What the table of pairs says. left, right: whether something of that side is new."""
    return PAIR[
        SideState.DELETED if pair.left_deleted else _state(mapping, pair, Side.LEFT, look_ups, left),
        SideState.DELETED if pair.right_deleted else _state(mapping, pair, Side.RIGHT, look_ups, right),
    ]


def _state(mapping: Mapping, pair: Pair, side: Side, look_ups: LookUps, changed: bool) -> SideState:
    record = pair.left if side is Side.LEFT else pair.right
    if record is None:
        return SideState.UNKNOWN
    table = mapping.left if side is Side.LEFT else mapping.right
    if outside(table, record.values) is not None and not returns(mapping, pair, side, look_ups):
        return SideState.OUTSIDE
    if _asks_gates(mapping, pair) and shut_out(mapping, record.values, side, look_ups) is not None:
        return SideState.OUTSIDE
    return SideState.CHANGED if changed else SideState.UNCHANGED


def _asks_gates(mapping: Mapping, pair: Pair) -> bool:
    """Whether a record may be outside by a gate. A coupling that only goes may go without the place that the
    record had: the lines of an order that is deleted have none."""
    parts = (pair.left_deleted or pair.right_deleted) and (
        mapping.deletion_conflict is DeletionConflict.REMOVE_COUPLING
    )
    return bool(compiled(mapping).gates) and not parts


def _left_filter(mapping: Mapping, pair: Pair, look_ups: LookUps) -> Action:
    """Outside the filter nothing is written, but for the rows of the moment at which it is left."""
    reasons = [_why_outside(mapping, pair, side) for side in Side]
    records = [(side, pair.record(side)) for side in Side]
    found = [shut_out(mapping, one.values, side, look_ups) for side, one in records if one is not None]
    shut = [one for one in found if one is not None]
    reason = "; ".join([*(one for one in reasons if one), *(one.reason for one in shut)])
    leaving = [row for row in mapping.rows if row.moment is Moment.EXIT and _leaves_now(mapping, pair, row)]
    if leaving:
        return _exit(mapping, pair, leaving, reason)
    stays = Action(kind=Kind.OUTSIDE, waits=returning(mapping, shut), reason=reason)
    return closed(mapping, pair, look_ups, reason) or stays


def _why_outside(mapping: Mapping, pair: Pair, side: Side) -> str:
    record = pair.record(side)
    if record is None:
        return ""
    condition = outside(mapping.table(side), record.values)
    return "" if condition is None else outside_words(mapping.table(side), condition)


def _leaves_now(mapping: Mapping, pair: Pair, row: FieldRow) -> bool:
    """Whether the other side has just left by the row's condition while the target is still inside."""
    target = forward(row)
    here, there = pair.record(target), pair.record(target.other)
    if here is None or there is None or pair.base is None or pair.target not in {None, target}:
        return False
    if outside(mapping.table(target), here.values) is not None:
        return False
    before = pair.base.values(target.other)
    return any(
        one.name == row.when
        and before[one.position] is not UNSET
        and not holds(one, there.values)
        and holds(one, before)
        for one in mapping.table(target.other).conditions
    )


def _exit(mapping: Mapping, pair: Pair, rows: list[FieldRow], reason: str) -> Action:
    """Only one side can leave while the other is still inside, so all rows have the same target."""
    assert pair.base is not None
    target = forward(rows[0])
    here, there = pair.record(target), pair.record(target.other)
    assert here is not None
    assert there is not None
    sides = {side: list(pair.base.values(side)) for side in Side}
    values: dict[int, Value] = {}
    for row in rows:
        position, value = position_of(row, target), row.conversion.constant
        sides[target][position] = value
        if not same_value(value, here.values[position]):
            values[position] = value
        for one in mapping.table(target.other).conditions:
            # The base keeps the moment of leaving, so that the row is written once.
            if one.name == row.when:
                sides[target.other][one.position] = there.values[one.position]
    base = Base(left=tuple(sides[Side.LEFT]), right=tuple(sides[Side.RIGHT]), made=pair.base.made)
    writes = (Write(side=target, values=tuple(sorted(values.items()))),) if values else ()
    return Action(kind=Kind.OUTSIDE, writes=writes, base=base, reason=reason)


def plan_first(mapping: Mapping, pair: Pair, look_ups: LookUps) -> Action:
    """First contact: a coupling made by hand or by matching. A blank never beats a value."""
    verdict = _verdict(mapping, pair, look_ups, True, True)
    if verdict is Verdict.OUTSIDE:
        return _left_filter(mapping, pair, look_ups)
    if verdict is not Verdict.MERGE or pair.left is None or pair.right is None:
        return _unmerged(mapping, pair, verdict, look_ups)
    refusal = _refusal(mapping, pair, look_ups)
    if refusal is not None:
        return refusal
    otherwise = First.LEAVE if mapping.leave_first else _FIRST.get(mapping.update_conflict, First.POLICY)
    first = pair.first or otherwise
    sides = {Side.LEFT: list(pair.left.values), Side.RIGHT: list(pair.right.values)}
    made: list[Value] = []
    contested = []
    for row in mapping.rows:
        source = _first_source(mapping, pair, row, first, look_ups)
        made.append(_made_now(mapping, pair, row, look_ups) if source is First.LEAVE else settled(None))
        if source is First.POLICY:
            contested.append(row.name)
        elif source is not First.LEAVE:
            # A blank base makes the source's value the change that flows.
            _blank(mapping, row, Side(source), sides[Side(source)])
            if is_derived(row):
                made[-1] = None
    if contested:
        reason = "the records differ and nobody has said yet which side is right"
        return Action(kind=Kind.CONFLICT, contested=tuple(contested), reason=reason)
    base = Base(left=tuple(sides[Side.LEFT]), right=tuple(sides[Side.RIGHT]), made=tuple(made))
    # What belongs together comes from one record, as half of each would be neither.
    whole: dict[str, Choice] = {}
    if first in {First.LEFT, First.RIGHT}:
        whole = dict.fromkeys(compiled(mapping).groups, Choice(winner=Side(first)))
    met = msgspec.structs.replace(pair, base=base, woken=True, choices=whole | pair.choices)
    return Merge(mapping, met, pair.left, pair.right, look_ups).action()


def _met_later(mapping: Mapping, pair: Pair, base: Base, look_ups: LookUps) -> Pair:
    """First contact of the rows that came into the mapping after the pair was settled and are to be met as a
    new pair is: their columns have no base, so that left is compared with right, by the mapping's policy."""
    sides = {side: list(base.values(side)) for side in Side}
    made = list(base.made)
    for index in compiled(mapping).met_later:
        row = mapping.rows[index]
        own = [(side, at) for side in Side if (at := row.column(side)) is not None]
        new = [(side, at) for side, at in own if base.values(side)[at] is UNSET]
        if not new:
            continue
        first = _FIRST.get(row.conflict or mapping.update_conflict, First.POLICY)
        source = _first_source(mapping, pair, row, first, look_ups)
        if source is First.LEAVE:
            continue
        for side, at in new:
            if source is First.POLICY or source == str(side):
                sides[side][at] = mapping.table(side).columns[at].blank
        if is_derived(row):
            made[index] = None
    met = Base(left=tuple(sides[Side.LEFT]), right=tuple(sides[Side.RIGHT]), made=tuple(made))
    return msgspec.structs.replace(pair, base=met)


def _made_now(mapping: Mapping, pair: Pair, row: FieldRow, look_ups: LookUps) -> Value:
    """What a row that is left alone makes of its source now."""
    source = pair.record(forward(row).other)
    if source is None or row.column(forward(row)) is None:
        return settled(None)
    return made_now(mapping, row, source.values, look_ups)


def _first_source(mapping: Mapping, pair: Pair, row: FieldRow, first: First, look_ups: LookUps) -> First:
    """Whose value flows at first contact: LEAVE for nobody's, POLICY for 'a person must say'."""
    assert pair.left is not None
    assert pair.right is not None
    now = {Side.LEFT: pair.left.values, Side.RIGHT: pair.right.values}
    if row.moment not in LASTING:
        return First.LEAVE
    if _agree(mapping, row, now, look_ups):
        return First.LEAVE
    if row.direction is not Direction.BOTH:
        source = forward(row).other
        wanted = row.column(source) is None or (first is not First.LEAVE and first != str(source.other))
        made = convert(mapping, row, now[source], source.other, look_ups)
        empty = not isinstance(made, Keep | Missing | Rejected) and is_blank(made)
        return First(str(source)) if wanted and not empty else First.LEAVE
    blank = {side: is_blank(now[side][position_of(row, side)]) for side in Side}
    for side in Side:
        if blank[side]:
            return First.LEAVE if blank[side.other] or first is First.LEAVE else First(str(side.other))
    return first


def _agree(mapping: Mapping, row: FieldRow, now: dict[Side, Values], look_ups: LookUps) -> bool:
    for target in Side:
        if row.column(target) is None or not row.direction.allows(target):
            continue
        made = convert(mapping, row, now[target.other], target, look_ups)
        if isinstance(made, Keep):
            return True
        if not isinstance(made, Missing | Rejected) and same_for(
            row, target, made, now[target][position_of(row, target)], look_ups
        ):
            return True
    return False


def _blank(mapping: Mapping, row: FieldRow, side: Side, values: list[Value]) -> None:
    """A blank base makes a column's value a change; of a derived row, that nothing was made of it yet."""
    position = row.column(side)
    if position is not None:
        values[position] = mapping.table(side).columns[position].blank
