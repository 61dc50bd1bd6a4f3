"""The plan: one action for each pair, from values alone. Run, preview and explanation all use it."""

from __future__ import annotations

from kobling.algebra.filters import outside
from kobling.algebra.resolve import FIELD, FLOW, PAIR, FieldVerdict, Verdict
from kobling.algebra.transform import convert
from kobling.model.look_up import Answer, Keep, LookUps, Rejected
from kobling.model.mapping import DeletionConflict, Direction, FieldRow, Mapping, Moment, Side, UpdateConflict
from kobling.model.pair import Action, Base, Kind, Missing, Pair, Record, SideState, Trouble, Write
from kobling.model.values import Value, Values, same_value

_NOTHING = Action(kind=Kind.NOTHING)
_DELETION = {
    DeletionConflict.ASK: Kind.ASK,
    DeletionConflict.RESTORE: Kind.RESTORE,
    DeletionConflict.REMOVE_COUPLING: Kind.UNCOUPLE,
    DeletionConflict.DELETE: Kind.DELETE,
}
_WINNER = {UpdateConflict.SEND: FieldVerdict.TO_RIGHT, UpdateConflict.GET: FieldVerdict.TO_LEFT}


def plan_pair(mapping: Mapping, pair: Pair, look_ups: LookUps) -> Action:
    """The action for a coupled pair with a base."""
    left, right, base = pair.left, pair.right, pair.base
    assert base is not None, "a pair without a base is planned by first contact"
    if (
        left is not None
        and right is not None
        and left.values == base.left
        and right.values == base.right
        and not pair.woken
    ):
        return _NOTHING
    verdict = PAIR[state(mapping, pair, Side.LEFT), state(mapping, pair, Side.RIGHT)]
    if verdict is Verdict.MERGE:
        assert left is not None
        assert right is not None
        return _Merge(mapping, left, right, base, look_ups).action()
    kind = {
        Verdict.NOTHING: Kind.NOTHING,
        Verdict.OUTSIDE: Kind.OUTSIDE,
        Verdict.DELETION: _DELETION[mapping.deletion_conflict],
        Verdict.ASK_DELETION: Kind.ASK,
        Verdict.BOTH_DELETED: Kind.UNCOUPLE,
        Verdict.READ: Kind.READ,
    }[verdict]
    return Action(kind=kind, reason=str(verdict))


def state(mapping: Mapping, pair: Pair, side: Side) -> SideState:
    """What is known of that side of the pair."""
    if pair.deleted(side):
        return SideState.DELETED
    record = pair.record(side)
    if record is None:
        return SideState.UNKNOWN
    if outside(mapping.table(side), record.values) is not None:
        return SideState.OUTSIDE
    assert pair.base is not None
    changed = pair.woken or record.values != pair.base.values(side)
    return SideState.CHANGED if changed else SideState.UNCHANGED


def plan_create(mapping: Mapping, source: Record, target: Side, look_ups: LookUps) -> Action:
    """The action that creates the counterpart of an uncoupled record on the target side.

    A look-up that is not coupled and may not be cleared makes the record wait as a whole.
    """
    values: dict[int, Value] = {}
    made: list[Value] = [None] * len(mapping.rows)
    waiting: list[Trouble] = []
    for index, row in enumerate(mapping.rows):
        if row.column(target) is None or not row.direction.allows(target):
            continue
        result = convert(mapping, row, source.values, target, look_ups)
        if isinstance(result, Keep):
            continue
        if isinstance(result, Rejected):
            trouble = Trouble(field=row.name, reason=result.reason)
            return Action(kind=Kind.REJECT, rejected=(trouble,), reason=result.reason)
        if isinstance(result, Missing):
            waiting.append(Trouble(field=row.name, reason=result.reason, missing=result))
            if not row.clear_on_failed:
                return Action(kind=Kind.WAIT, waiting=tuple(waiting), reason=result.reason)
            continue
        made[index] = result
        values[_position(row, target)] = result
    values.update((one.position, one.value) for one in mapping.table(target).template)
    base = _created_base(mapping, source, target, values, tuple(made))
    write = Write(side=target, values=tuple(sorted(values.items(), key=lambda item: item[0])))
    return Action(
        kind=Kind.CREATE, writes=(write,), base=base, waiting=tuple(waiting), reason="not coupled yet"
    )


def _created_base(
    mapping: Mapping, source: Record, target: Side, values: dict[int, Value], made: Values
) -> Base:
    columns = mapping.table(target).columns
    held = tuple(values.get(position, column.blank) for position, column in enumerate(columns))
    if target is Side.RIGHT:
        return Base(left=source.values, right=held, made=made)
    return Base(left=held, right=source.values, made=made)


def _position(row: FieldRow, side: Side) -> int:
    position = row.column(side)
    assert position is not None
    return position


class _Merge:
    """Settles the fields of one pair, one by one, and gathers what each side gets."""

    def __init__(self, mapping: Mapping, left: Record, right: Record, base: Base, look_ups: LookUps) -> None:
        self.mapping = mapping
        self.base = base
        self.look_ups = look_ups
        self.now = {Side.LEFT: left.values, Side.RIGHT: right.values}
        self.next = {Side.LEFT: list(left.values), Side.RIGHT: list(right.values)}
        self.made = list(base.made)
        self.writes: dict[Side, dict[int, Value]] = {Side.LEFT: {}, Side.RIGHT: {}}
        self.contested: list[str] = []
        self.waiting: list[Trouble] = []
        self.rejected: list[Trouble] = []

    def action(self) -> Action:
        for index, row in enumerate(self.mapping.rows):
            if row.moment is Moment.ALWAYS:
                self._settle(index, row)
        writes = tuple(
            Write(side=side, values=tuple(sorted(values.items(), key=lambda item: item[0])))
            for side, values in self.writes.items()
            if values
        )
        base = Base(
            left=tuple(self.next[Side.LEFT]), right=tuple(self.next[Side.RIGHT]), made=tuple(self.made)
        )
        return Action(
            kind=Kind.WRITE if writes else Kind.NOTHING,
            writes=writes,
            base=base,
            contested=tuple(self.contested),
            waiting=tuple(self.waiting),
            rejected=tuple(self.rejected),
            reason=str(Verdict.MERGE),
        )

    def _settle(self, index: int, row: FieldRow) -> None:
        forward = self._forward(row)
        source, made = forward.other, self._convert(row, forward)
        changed = {side: self._changed(row, side) for side in Side}
        # Another look-up or rate makes another value of the same source: a change of the source.
        if not isinstance(made, Keep | Missing | Rejected) and not any(changed.values()):
            changed[source] = not same_value(made, self.base.made[index])
        verdict = FIELD[row.direction, changed[Side.LEFT], changed[Side.RIGHT]]
        if verdict is FieldVerdict.CONTEST:
            verdict = self._contest(row)
        if verdict is FieldVerdict.KEEP and isinstance(made, Missing):
            self.waiting.append(Trouble(field=row.name, reason=made.reason, missing=made))
        target = FLOW.get(verdict)
        if target is not None:
            self._flow(index, row, target)
        elif verdict is not FieldVerdict.KEEP:
            self._keep_base(row)
        if verdict is FieldVerdict.CONTEST:
            self.contested.append(row.name)

    def _forward(self, row: FieldRow) -> Side:
        return Side.LEFT if row.direction is Direction.TO_LEFT else Side.RIGHT

    def _convert(self, row: FieldRow, target: Side) -> Answer:
        return convert(self.mapping, row, self.now[target.other], target, self.look_ups)

    def _changed(self, row: FieldRow, side: Side) -> bool:
        position = row.column(side)
        if position is None:
            return False
        return not same_value(self.now[side][position], self.base.values(side)[position])

    def _contest(self, row: FieldRow) -> FieldVerdict:
        """Both changed: settled if one already is what the other would become, else by the policy."""
        for target, verdict in ((Side.RIGHT, FieldVerdict.TO_RIGHT), (Side.LEFT, FieldVerdict.TO_LEFT)):
            made = self._convert(row, target)
            if not isinstance(made, Keep | Missing | Rejected) and same_value(
                made, self.now[target][_position(row, target)]
            ):
                return verdict
        return _WINNER.get(row.conflict or self.mapping.update_conflict, FieldVerdict.CONTEST)

    def _flow(self, index: int, row: FieldRow, target: Side) -> None:
        made = self._convert(row, target)
        position = _position(row, target)
        if isinstance(made, Missing):
            self.waiting.append(Trouble(field=row.name, reason=made.reason, missing=made))
            self._keep_base(row)
        elif isinstance(made, Rejected):
            self.rejected.append(Trouble(field=row.name, reason=made.reason))
            self._keep_base(row)
        elif not isinstance(made, Keep):
            if not same_value(made, self.now[target][position]):
                self.writes[target][position] = made
                self.next[target][position] = made
            self.made[index] = self._made_after(row, made, target)

    def _made_after(self, row: FieldRow, made: Value, target: Side) -> Value:
        """What the forward direction makes of the settled source, so that the next run sees it unchanged."""
        forward = self._forward(row)
        if target is forward:
            return made
        settled = convert(self.mapping, row, tuple(self.next[target]), forward, self.look_ups)
        return None if isinstance(settled, Keep | Missing | Rejected) else settled

    def _keep_base(self, row: FieldRow) -> None:
        for side in Side:
            position = row.column(side)
            if position is not None:
                self.next[side][position] = self.base.values(side)[position]
