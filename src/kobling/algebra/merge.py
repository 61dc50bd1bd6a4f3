"""Settling the fields of one coupled pair, one by one."""

from __future__ import annotations

from kobling.algebra.resolve import FIELD, FLOW, FieldVerdict, Verdict
from kobling.algebra.transform import convert
from kobling.model.look_up import Answer, Keep, LookUps, Rejected
from kobling.model.mapping import Direction, FieldRow, Mapping, Moment, Side, UpdateConflict
from kobling.model.pair import Action, Base, Choice, Kind, Missing, Pair, Record, Trouble, Write
from kobling.model.values import UNSET, Value, is_blank, same_value

_WINNER = {UpdateConflict.SEND: FieldVerdict.TO_RIGHT, UpdateConflict.GET: FieldVerdict.TO_LEFT}
_TO = {Side.RIGHT: FieldVerdict.TO_RIGHT, Side.LEFT: FieldVerdict.TO_LEFT}


def forward(row: FieldRow) -> Side:
    """The side for which `made` is kept in the base: the right one, unless the row only goes left."""
    return Side.LEFT if row.direction is Direction.TO_LEFT else Side.RIGHT


def position_of(row: FieldRow, side: Side) -> int:
    """The row's column on a side that has one."""
    position = row.column(side)
    assert position is not None
    return position


def same_for(row: FieldRow, side: Side, one: Value, other: Value, look_ups: LookUps) -> bool:
    """Whether two values of `side` mean the same; a source's answer for 'nothing' is another blank."""
    if same_value(one, other):
        return True
    if row.conversion.kind != "look_up" or not (is_blank(one) or is_blank(other)):
        return False
    if row.column(side.other) is None and row.conversion.key is None:
        # Its only key is '', so the answer is no other word for nothing.
        return False
    nothing = look_ups.get((row.conversion.source, side, ""))
    return nothing is not None and nothing in (one, other)


class Merge:
    """Settles one pair against its base and gathers what each side gets."""

    def __init__(self, mapping: Mapping, pair: Pair, left: Record, right: Record, look_ups: LookUps) -> None:
        assert pair.base is not None
        self.mapping = mapping
        self.pair = pair
        self.base = pair.base
        self.look_ups = look_ups
        self.now = {Side.LEFT: left.values, Side.RIGHT: right.values}
        self.next = {Side.LEFT: list(left.values), Side.RIGHT: list(right.values)}
        self.made = list(self.base.made)
        self.writes: dict[Side, dict[int, Value]] = {Side.LEFT: {}, Side.RIGHT: {}}
        self.contested: list[str] = []
        self.waiting: list[Trouble] = []
        self.rejected: list[Trouble] = []
        self.later: list[str] = []

    def action(self) -> Action:
        """The action of the pair, and the base that holds once it is done."""
        for index, row in enumerate(self.mapping.rows):
            if row.moment is Moment.ALWAYS:
                self._settle(index, row)
            elif row.moment is Moment.INSERT:
                self._compare(row)
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
            later=tuple(self.later),
            reason=str(Verdict.MERGE),
        )

    def _settle(self, index: int, row: FieldRow) -> None:
        changed = {side: self._changed(row, side) for side in Side}
        if not any(changed.values()):
            if self.pair.woken:
                changed[forward(row).other] = self._made_anew(index, row)
            if not any(changed.values()):
                return
        verdict = FIELD[row.direction, changed[Side.LEFT], changed[Side.RIGHT]]
        choice = self.pair.choices.get(row.name)
        if choice is not None and choice.winner is None:
            self._impose(index, row, choice)
            return
        if verdict is FieldVerdict.CONTEST:
            verdict = self._contest(row, choice)
        target = FLOW.get(verdict)
        if target is not None:
            self._flow(index, row, target)
        elif verdict is not FieldVerdict.KEEP:
            self._keep_base(row)
        if verdict is FieldVerdict.CONTEST:
            self.contested.append(row.name)

    def _made_anew(self, index: int, row: FieldRow) -> bool:
        """Whether another look-up or rate makes another value of the same source: a change of the source."""
        if row.conversion.kind == "plain":
            return False
        made = self._convert(row, forward(row))
        return not isinstance(made, Keep | Missing | Rejected) and not same_value(made, self.base.made[index])

    def _compare(self, row: FieldRow) -> None:
        """A field that can be written only at creation: a later difference is named, never sent."""
        target = forward(row)
        if row.column(target.other) is None or not self._changed(row, target.other):
            return
        made = self._convert(row, target)
        if isinstance(made, Keep | Missing | Rejected):
            return
        if not same_value(made, self.now[target][position_of(row, target)]):
            reason = f"{row.name} cannot change after creation ({made!r} was to be written)"
            self.rejected.append(Trouble(field=row.name, reason=reason))
            self._keep_base(row)

    def _convert(self, row: FieldRow, target: Side) -> Answer:
        return convert(self.mapping, row, self.now[target.other], target, self.look_ups)

    def _changed(self, row: FieldRow, side: Side) -> bool:
        now, base = self.now[side], self.base.values(side)
        own = row.column(side)
        if own is not None and base[own] is not UNSET and not same_value(now[own], base[own]):
            return True
        if side is forward(row):
            return False
        return any(
            base[one] is not UNSET and not same_value(now[one], base[one]) for one in row.conversion.reads
        )

    def _contest(self, row: FieldRow, choice: Choice | None) -> FieldVerdict:
        """Both changed: settled if one already is what the other would become, else by choice or policy."""
        for target, verdict in _TO.items():
            made = self._convert(row, target)
            held = self.now[target][position_of(row, target)]
            if not isinstance(made, Keep | Missing | Rejected) and same_for(
                row, target, made, held, self.look_ups
            ):
                return verdict
        if choice is not None and choice.winner is not None:
            return _TO[choice.winner.other]
        return _WINNER.get(row.conflict or self.mapping.update_conflict, FieldVerdict.CONTEST)

    def _impose(self, index: int, row: FieldRow, choice: Choice) -> None:
        """A person's own value goes to both sides."""
        left = position_of(row, Side.LEFT)
        values = list(self.now[Side.LEFT])
        values[left] = choice.value
        made = convert(self.mapping, row, tuple(values), Side.RIGHT, self.look_ups)
        if isinstance(made, Keep | Missing | Rejected):
            reason = "the value cannot be written" if isinstance(made, Keep) else made.reason
            self.rejected.append(Trouble(field=row.name, reason=reason))
            self._keep_base(row)
            return
        for side, value in ((Side.LEFT, choice.value), (Side.RIGHT, made)):
            self._put(row, side, value)
        self.made[index] = made

    def _flow(self, index: int, row: FieldRow, target: Side) -> None:
        if self.pair.target not in {None, target}:
            self.later.append(row.name)
            self._keep_base(row)
            return
        made = self._convert(row, target)
        if isinstance(made, Missing):
            self._wait(row, target, made)
        elif isinstance(made, Rejected):
            self.rejected.append(Trouble(field=row.name, reason=made.reason, waits=made.waits))
            self._keep_base(row)
        elif not isinstance(made, Keep):
            self._put(row, target, made)
            self.made[index] = self._made_after(row, made, target)

    def _put(self, row: FieldRow, side: Side, value: Value) -> None:
        position = position_of(row, side)
        if not same_for(row, side, value, self.now[side][position], self.look_ups):
            self.writes[side][position] = value
            self.next[side][position] = value

    def _wait(self, row: FieldRow, target: Side, missing: Missing) -> None:
        """The field keeps its base and so stays a change; what may be cleared is sent as blank meanwhile."""
        self._keep_base(row)
        if row.clear_on_failed:
            position = position_of(row, target)
            blank = self.mapping.table(target).columns[position].blank
            self._put(row, target, blank)
            self.next[target][position] = self.writes[target].get(position, self.now[target][position])
        trouble = Trouble(
            field=row.name, reason=missing.reason, missing=missing, clearable=row.clear_on_failed
        )
        self.waiting.append(trouble)

    def _made_after(self, row: FieldRow, made: Value, target: Side) -> Value:
        """What the forward direction makes of the settled source, so that the next run sees it unchanged."""
        ahead = forward(row)
        if target is ahead:
            return made
        settled = convert(self.mapping, row, tuple(self.next[target]), ahead, self.look_ups)
        return None if isinstance(settled, Keep | Missing | Rejected) else settled

    def _keep_base(self, row: FieldRow) -> None:
        for side in Side:
            position = row.column(side)
            if position is not None:
                self.next[side][position] = self.base.values(side)[position]
