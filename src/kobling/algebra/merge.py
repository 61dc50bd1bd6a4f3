"""Settling the fields of one coupled pair, one by one."""

from __future__ import annotations

from itertools import compress, count
from operator import ne

from kobling.algebra.compiled import CompiledRow, compiled, forward
from kobling.algebra.cuts import rests_at_stake
from kobling.algebra.finish import unfinished
from kobling.algebra.held import held_rows
from kobling.algebra.oscillation import oscillation_words
from kobling.algebra.resolve import FIELD, FLOW, FieldVerdict, Verdict
from kobling.algebra.transform import convert, is_open
from kobling.model.look_up import Answer, Keep, LookUps, Rejected
from kobling.model.mapping import Direction, FieldRow, Mapping, Moment, Side, UpdateConflict
from kobling.model.pair import Action, Base, Choice, Kind, Missing, Pair, Record, Trouble, Write
from kobling.model.values import UNSET, Value, Values, is_blank, same_value

_WINNER = {UpdateConflict.SEND: FieldVerdict.TO_RIGHT, UpdateConflict.GET: FieldVerdict.TO_LEFT}
_TO = {Side.RIGHT: FieldVerdict.TO_RIGHT, Side.LEFT: FieldVerdict.TO_LEFT}
_MERGED = str(Verdict.MERGE)


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
    return nothing is not None and nothing == (other if is_blank(one) else one)


def settled(made: Value | Keep) -> Value:
    """What a base keeps of a value that was made; None is for what could not be made yet."""
    return "" if made is None or isinstance(made, Keep) else made


def made_now(mapping: Mapping, row: FieldRow, values: Values, look_ups: LookUps) -> Value:
    """What a base keeps of a row that is left alone: what it makes of its source, so that only a later
    difference is a change. values: of the source's side. UNSET where it makes nothing yet."""
    answer = convert(mapping, row, values, forward(row), look_ups)
    return UNSET if isinstance(answer, Missing | Rejected) else settled(answer)


class Merge:
    """Settles one pair against its base and gathers what each side gets.

    Only rows that a changed column concerns are looked at; with `woken` those with a look-up as well.
    """

    def __init__(self, mapping: Mapping, pair: Pair, left: Record, right: Record, look_ups: LookUps) -> None:
        assert pair.base is not None
        self.compiled = compiled(mapping)
        self.mapping = mapping
        self.pair = pair
        self.base = pair.base
        self.look_ups = look_ups
        self.now = {Side.LEFT: left.values, Side.RIGHT: right.values}
        self.next = {Side.LEFT: list(left.values), Side.RIGHT: list(right.values)}
        self.made: list[Value] | None = None
        self.writes: dict[Side, dict[int, Value]] = {}
        self.contested: list[str] = []
        self.waiting: list[Trouble] = []
        self.rejected: list[Trouble] = []
        self.later: list[str] = []
        self.held: list[str] = []
        self.holding = held_rows(mapping, pair.held) if pair.held and not pair.imposed else {}
        self._unfinished = unfinished(mapping, pair.base)

    def action(self, left_changed: bool = True, right_changed: bool = True) -> Action:
        """The action of the pair, and the base that holds once it is done. left_changed, right_changed:
        whether that side may differ from its base."""
        left = self._changed(Side.LEFT, self.compiled.left_watch) if left_changed else set()
        right = self._changed(Side.RIGHT, self.compiled.right_watch) if right_changed else set()
        if self.pair.imposed:
            left, right = self._imposed(left, right)
        else:
            left, right = left | self._at_stake(Side.RIGHT, right), right | self._at_stake(Side.LEFT, left)
        touched = left | right
        if self.pair.woken:
            touched.update(self.compiled.wakeable)
        touched.update(self._unfinished)
        rows, derived = self.compiled.by_index, self.compiled.derived
        grouped = self._contested_groups(left, right) if left and right else ()
        for index in sorted(touched.difference(derived, grouped)):
            one = rows[index]
            if one.row.moment is Moment.INSERT:
                self._compare(one, index in (left if one.forward is Side.RIGHT else right))
            else:
                self._settle(one, index in left, index in right)
        # Derived rows come last: they read what the others write.
        for index in derived:
            one = rows[index]
            if index in touched or self.base.made[index] is None or self._reads_a_write(one):
                self._settle(one, index in left, index in right)
        return self._decided()

    def _imposed(self, left: set[int], right: set[int]) -> tuple[set[int], set[int]]:
        """The changes of both sides where one is to hold: what may flow that way has changed there alone."""
        target = self.pair.target
        rows = {
            one.index
            for one in self.compiled.rows
            if target in one.targets and one.row.moment is not Moment.INSERT
        }
        return (left | rows, right - rows) if target is Side.RIGHT else (left - rows, right | rows)

    def _at_stake(self, side: Side, changed: set[int]) -> set[int]:
        """The rows that this side changed and that count as changed on both, as a rest would be lost."""
        return rests_at_stake(self.compiled.cuts[side], self.base, side, changed) if changed else set()

    def _contested_groups(self, left: set[int], right: set[int]) -> set[int]:
        """Settles the merge groups that both sides changed, each as one; their rows."""
        done: set[int] = set()
        for name, members in self.compiled.groups.items():
            rows = [self.compiled.by_index[at] for at in members if at in left or at in right]
            rows = [one for one in rows if self._stands(one, one.index in left, one.index in right)]
            if any(one.index in left for one in rows) and any(one.index in right for one in rows):
                self._settle_group(name, rows)
                done.update(one.index for one in rows)
        return done

    def _stands(self, one: CompiledRow, left: bool, right: bool) -> bool:
        """Whether a changed row has a part in what its group comes to: it is not held, what it holds can be
        written, and the sides do not agree on it already."""
        if one.index in self.holding:
            return False
        for side, changed in ((Side.LEFT, left), (Side.RIGHT, right)):
            if changed and is_open(self._convert(one, side.other)):
                return False
        return self._agreement(one) is None

    def _settle_group(self, name: str, rows: list[CompiledRow]) -> None:
        policy = next((one.row.conflict for one in rows if one.row.conflict), self.mapping.update_conflict)
        target = FLOW.get(self._decision(self.pair.choices.get(name), policy))
        for one in rows:
            if target is None:
                self._keep_base(one)
            else:
                self._flow(one, target)
        if target is None:
            self.contested.append(name)

    def _decision(self, choice: Choice | None, policy: UpdateConflict) -> FieldVerdict:
        """What a person says of a conflict, else the policy."""
        if choice is not None and choice.winner is not None:
            return _TO[choice.winner.other]
        return _WINNER.get(policy, FieldVerdict.CONTEST)

    def _reads_a_write(self, one: CompiledRow) -> bool:
        written = self.writes.get(one.source)
        return written is not None and not written.keys().isdisjoint(one.row.conversion.reads)

    def _decided(self) -> Action:
        writes = tuple(
            [Write(side=side, values=tuple(sorted(values.items()))) for side, values in self.writes.items()]
        )
        base = Base(
            left=tuple(self.next[Side.LEFT]),
            right=tuple(self.next[Side.RIGHT]),
            made=self.base.made if self.made is None else tuple(self.made),
        )
        return Action(
            kind=Kind.WRITE if writes else Kind.NOTHING,
            writes=writes,
            base=base,
            contested=tuple(self.contested),
            waiting=tuple(self.waiting),
            rejected=tuple(self.rejected),
            later=tuple(self.later),
            held=tuple(self.held),
            reason=self._reason(),
        )

    def _reason(self) -> str:
        parked = [self.mapping.rows[at].name for at in sorted(self.pair.parked)]
        return oscillation_words(parked) if parked and self.contested else _MERGED

    def _changed(self, side: Side, watch: tuple[tuple[int, ...], ...]) -> set[int]:
        """The rows that a changed column of this side concerns."""
        now, base = self.now[side], self.base.values(side)
        touched: set[int] = set()
        differing = compress(count(), map(ne, now, base))
        for position in differing:
            before, watching = base[position], watch[position]
            if watching and before is not UNSET and not same_value(now[position], before):
                touched.update(watching)
        return touched

    def _settle(self, one: CompiledRow, left: bool, right: bool) -> None:
        if one.index in self._unfinished:
            self._flow(one, one.forward)
            return
        if one.index in self.holding and self._agreement(one) is None:
            self._hold(one)
            return
        row = one.row
        source, destination = (left, right) if one.forward is Side.RIGHT else (right, left)
        if one.derived:
            source = self._derived_anew(one, source)
        elif self.pair.woken and not source and (row.direction is not Direction.BOTH or not destination):
            source = one.made_anew and self._made_anew(one)
        if not source and not destination:
            return
        left, right = (source, destination) if one.forward is Side.RIGHT else (destination, source)
        verdict = FIELD[row.direction, left, right]
        choice = self.pair.choices.get(row.name)
        if choice is not None and choice.winner is None and row.direction is Direction.BOTH:
            self._impose(one, choice)
            return
        if verdict is FieldVerdict.CONTEST:
            verdict = self._contest(one, choice)
        if one.index in self.pair.parked and choice is None and not self.pair.imposed:
            verdict = FieldVerdict.CONTEST
        target = FLOW.get(verdict)
        if target is not None:
            self._flow(one, target)
        elif verdict is not FieldVerdict.KEEP:
            self._keep_base(one)
        if verdict is FieldVerdict.CONTEST:
            self.contested.append(row.name)

    def _made_anew(self, one: CompiledRow) -> bool:
        """Whether another look-up or rate makes another value of the same source: a change of the source."""
        made, before = self._convert(one, one.forward), self.base.made[one.index]
        if isinstance(made, Keep | Missing | Rejected):
            return False
        if before is UNSET:
            # The row came into the mapping later: what it makes now counts as settled.
            self._remember(one, made)
            return False
        return not same_value(made, before)

    def _derived_anew(self, one: CompiledRow, touched: bool) -> bool:
        """Whether a derived row's source changed: its own column, or what is made of all that it reads."""
        source, before = one.forward.other, self.base.made[one.index]
        own = one.column(source)
        if touched and own >= 0 and not same_value(self.now[source][own], self.base.values(source)[own]):
            return True
        made = self._convert(one, one.forward)
        if isinstance(made, Keep):
            return False
        if before is None or (touched and (before is UNSET or isinstance(made, Missing | Rejected))):
            return True
        return self._made_anew(one)

    def _compare(self, one: CompiledRow, changed: bool) -> None:
        """A field that can be written only at creation: a later difference is named, never sent."""
        target, row = one.forward, one.row
        if one.column(target.other) < 0 or not changed:
            return
        made = self._convert(one, target)
        if is_open(made):
            return
        if not same_value(made, self.now[target][one.column(target)]):  # type: ignore[arg-type]
            reason = f"{row.name} cannot change after creation ({made!r} was to be written)"
            self.rejected.append(Trouble(field=row.name, reason=reason))
            self._keep_base(one)

    def _convert(self, one: CompiledRow, target: Side, source: Values | None = None) -> Answer:
        convert = one.to_right if target is Side.RIGHT else one.to_left
        assert convert is not None
        if source is None:
            source = self.now[target.other]
            written = self.writes.get(target.other) if one.derived else None
            if written:
                source = tuple(written.get(position, value) for position, value in enumerate(source))
        return convert(source, self.look_ups)

    def _contest(self, one: CompiledRow, choice: Choice | None) -> FieldVerdict:
        """Both changed: settled if one already is what the other would become, else by choice or policy."""
        row = one.row
        agreement = self._agreement(one)
        if agreement is not None:
            return agreement
        return self._decision(choice, row.conflict or self.mapping.update_conflict)

    def _agreement(self, one: CompiledRow) -> FieldVerdict | None:
        """The direction in which there is nothing to write, as the target holds it already."""
        for target in one.targets:
            made = self._convert(one, target)
            held = self.now[target][one.column(target)]
            if not is_open(made) and same_for(one.row, target, made, held, self.look_ups):  # type: ignore[arg-type]
                return _TO[target]
        return None

    def _hold(self, one: CompiledRow) -> None:
        """What the integration user changed stays a change of the right side, and nothing of it flows."""
        self._keep_base(one)
        self._unsettle(one)
        for position in self.holding[one.index]:
            self.next[Side.RIGHT][position] = self.base.right[position]
        self.held.append(one.row.name)

    def _impose(self, one: CompiledRow, choice: Choice) -> None:
        """A person's own value goes to both sides."""
        row = one.row
        values = list(self.now[Side.LEFT])
        values[position_of(row, Side.LEFT)] = choice.value
        made = self._convert(one, Side.RIGHT, tuple(values))
        if isinstance(made, Keep | Missing | Rejected):
            reason = "the value cannot be written" if isinstance(made, Keep) else made.reason
            self.rejected.append(Trouble(field=row.name, reason=reason))
            self._keep_base(one)
            return
        for side, value in ((Side.LEFT, choice.value), (Side.RIGHT, made)):
            self._put(one, side, value)
        self._remember(one, made)

    def _flow(self, one: CompiledRow, target: Side) -> None:
        row = one.row
        if self.pair.target is not None and self.pair.target is not target:
            self.later.append(row.name)
            self._keep_base(one)
            self._unsettle(one)
            return
        made = self._convert(one, target)
        if isinstance(made, Missing):
            self._wait(one, target, made)
        elif isinstance(made, Rejected):
            self.rejected.append(Trouble(field=row.name, reason=made.reason, waits=made.waits))
            self._keep_base(one)
            self._unsettle(one)
        elif not isinstance(made, Keep):
            self._put(one, target, made)
            if one.made_anew:
                self._remember(one, self._made_after(one, made, target))

    def _remember(self, one: CompiledRow, made: Value) -> None:
        if self.made is None:
            self.made = list(self.base.made)
        self.made[one.index] = settled(made)

    def _unsettle(self, one: CompiledRow) -> None:
        """A derived row stays a change by what was made of it, as others settle the columns that it reads."""
        if one.derived:
            if self.made is None:
                self.made = list(self.base.made)
            self.made[one.index] = None

    def _put(self, one: CompiledRow, side: Side, value: Value) -> None:
        position = one.column(side)
        if not same_for(one.row, side, value, self.now[side][position], self.look_ups):
            self.writes.setdefault(side, {})[position] = value
            self.next[side][position] = value

    def _wait(self, one: CompiledRow, target: Side, missing: Missing) -> None:
        """The field keeps its base and so stays a change; what may be cleared is sent as blank meanwhile."""
        row = one.row
        self._keep_base(one)
        self._unsettle(one)
        if row.clear_on_failed:
            if not one.derived:
                # With its target cleared, even what the base held is a change.
                own = one.column(target.other)
                self.next[target.other][own] = self.compiled.blanks[target.other][own]
            position = one.column(target)
            self._put(one, target, self.compiled.blanks[target][position])
            written = self.writes.get(target, {})
            self.next[target][position] = written.get(position, self.now[target][position])
        trouble = Trouble(
            field=row.name, reason=missing.reason, missing=missing, clearable=row.clear_on_failed
        )
        self.waiting.append(trouble)

    def _made_after(self, one: CompiledRow, made: Value, target: Side) -> Value:
        """What the forward direction makes of the settled source, so that the next run sees it unchanged."""
        if target is one.forward:
            return made
        back = self._convert(one, one.forward, tuple(self.next[target]))
        return None if isinstance(back, Keep | Missing | Rejected) else back

    def _keep_base(self, one: CompiledRow) -> None:
        """The field stays as it was settled last, and so a change of the side that changed it."""
        left, right, base = one.left, one.right, self.base
        if left >= 0 and base.left[left] is not UNSET:
            self.next[Side.LEFT][left] = base.left[left]
        if right >= 0 and base.right[right] is not UNSET:
            self.next[Side.RIGHT][right] = base.right[right]
