"""Whether the two records of a coupled pair are in step, from values alone.

It judges by the converters that the planner uses, but not by the planner: what stands on one side is compared
with what the other side's value makes, and only where these differ is the base asked why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from enum import IntEnum
from typing import Final

import msgspec

from kobling.algebra.compiled import CompiledRow, compiled
from kobling.algebra.cuts import cut_now
from kobling.algebra.filters import outside
from kobling.algebra.gates import shut_out
from kobling.algebra.merge import same_for
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import Direction, Mapping, Moment, Side
from kobling.model.pair import First, Missing, Pair
from kobling.model.values import UNSET, Value, Values, is_blank, same_value

Reason = tuple["Verdict", str]


class Verdict(IntEnum):
    """How a field or a pair stands; a pair stands as its worst field does.

    NORMALISED: differs only as a service holds it. ACCEPTED: differs, and nothing is to be done. WAITING: for
    a look-up that may not be cleared.
    """

    IN_STEP = 0
    NORMALISED = 1
    ACCEPTED = 2
    WAITING = 3
    DIFFERENT = 4


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A field that is not in step. field: '' for the pair as a whole. A base is None where there is none."""

    field: str
    verdict: Verdict
    reason: str
    left: Value = None
    right: Value = None
    left_base: Value = None
    right_base: Value = None


_ANOTHER_FORM: Final = (Verdict.NORMALISED, "held in another form")
_AS_SETTLED: Final = (Verdict.NORMALISED, "as it was when it was settled; a service holds it in its own way")
_LEFT_APART: Final = (
    Verdict.ACCEPTED,
    "as it was when it was settled, after an undo or by a service's own rule",
)
_CLEARED: Final = (Verdict.NORMALISED, "blank until what it points to is coupled")
_LEFT_ALONE: Final = (Verdict.ACCEPTED, "left as it was when the records were coupled")
_DRIFT: Final = (Verdict.ACCEPTED, "has a value of its own; the next change of its source overwrites it")
_ONCE: Final = (Verdict.ACCEPTED, "written at creation only")
_HELD: Final = (Verdict.ACCEPTED, "changed by the integration user, and held")
NOT_MET: Final = "coupled, and not synchronized since"
CONTESTED: Final = "changed on both sides"
SINCE: Final = "changed since it was settled"
_NOT_MET: Final = (Verdict.DIFFERENT, NOT_MET)
_CONTESTED: Final = (Verdict.DIFFERENT, CONTESTED)
_INPUT: Final = (Verdict.DIFFERENT, f"what it is made from has {SINCE}")


def verify_pair(
    mapping: Mapping, pair: Pair, look_ups: LookUps, stays: Collection[str] = (), held: Collection[str] = ()
) -> tuple[Finding, ...]:
    """What of a coupled pair is not in step. stays: the reasons for which it is in the inbox. held: columns
    of the right side that are held."""
    for side in Side:
        if pair.record(side) is None:
            words = f"the record of {mapping.table(side).caption} is deleted or cannot be read"
            return (Finding(field="", verdict=Verdict.DIFFERENT, reason=words),)
    found = tuple(_Rows(mapping, pair, look_ups, stays, held).findings())
    condition = _outside(mapping, pair, look_ups)
    if not found or not condition:
        return found
    return (Finding(field="", verdict=Verdict.ACCEPTED, reason=condition),)


def verdict_of(findings: Collection[Finding]) -> Verdict:
    """How the pair stands."""
    return max((one.verdict for one in findings), default=Verdict.IN_STEP)


def _outside(mapping: Mapping, pair: Pair, look_ups: LookUps) -> str:
    for side in Side:
        record, table = pair.record(side), mapping.table(side)
        condition = None if record is None else outside(table, record.values)
        if condition is not None:
            return f"{table.caption} is outside the filter: not {condition.text}"
        shut = None if record is None else shut_out(mapping, record.values, side, look_ups)
        if shut is not None:
            return f"{table.caption} is outside: {shut.reason}"
    return ""


class _Rows:
    """The rows of one pair whose records are both there."""

    def __init__(
        self,
        mapping: Mapping,
        pair: Pair,
        look_ups: LookUps,
        stays: Collection[str],
        held: Collection[str],
    ) -> None:
        assert pair.left is not None
        assert pair.right is not None
        self._mapping = mapping
        self._rows = compiled(mapping).rows
        self._pair = pair
        self._now: dict[Side, Values] = {Side.LEFT: pair.left.values, Side.RIGHT: pair.right.values}
        self._look_ups = look_ups
        self._stays = stays
        names = [column.name for column in mapping.right.columns]
        self._holds = frozenset(at for at, name in enumerate(names) if name in held)

    def findings(self) -> Iterator[Finding]:
        for one in self._rows:
            reason = self._judge(one)
            if reason is not None:
                yield self._finding(one, *reason)

    def _finding(self, one: CompiledRow, verdict: Verdict, words: str) -> Finding:
        return Finding(
            field=one.row.name,
            verdict=verdict,
            reason=words,
            left=self._held(one, Side.LEFT),
            right=self._held(one, Side.RIGHT),
            left_base=self._before(one, Side.LEFT),
            right_base=self._before(one, Side.RIGHT),
        )

    def _judge(self, one: CompiledRow) -> Reason | None:
        """None for a row that is in step."""
        row, agreed, open_reason = one.row, [], None
        if row.moment is Moment.INSERT and (-1 in (one.left, one.right) or self._is_old(one)):
            # Made anew it would be another value; there is nothing to hold it against.
            return None
        for target in Side:
            convert = one.converter(target)
            if convert is None or not row.direction.allows(target):
                continue
            made = convert(self._now[target.other], self._look_ups)
            if isinstance(made, Missing | Rejected):
                open_reason = open_reason or self._open(one, target, made)
            elif not isinstance(made, Keep):
                held = self._now[target][one.column(target)]
                agreed.append(same_for(row, target, made, held, self._look_ups))
        if open_reason is not None and not any(agreed):
            return open_reason
        if all(agreed):
            return None
        if row.moment is Moment.INSERT:
            return _ONCE
        return self._form(one) if any(agreed) else self._why(one)

    def _is_old(self, one: CompiledRow) -> bool:
        """Whether a look-up of the create is asked no more, as what it was made of is the same."""
        asks = bool(one.row.conversion.source) and not one.row.gate
        return asks and not self._changed(one, one.source)

    def _form(self, one: CompiledRow) -> Reason:
        """Of a field that one side holds in a form of its own: cut, in other letters, or rounded."""
        for side in Side:
            cut = compiled(self._mapping).cuts[side].get(one.index)
            if cut is not None and cut_now([cut], self._now[side], self._now[side.other]):
                where = self._mapping.table(side).caption
                return Verdict.NORMALISED, f"{where} holds the first {cut.maximum} characters only"
        return _ANOTHER_FORM

    def _open(self, one: CompiledRow, target: Side, made: Missing | Rejected) -> Reason | None:
        """Of a value that cannot be made; None where what is held there needs another explanation."""
        if isinstance(made, Rejected):
            # A pair that waits anyway is told as waiting, whatever else is to be filled in.
            return Verdict.WAITING if "waiting" in self._stays else Verdict.DIFFERENT, made.reason
        if not one.row.clear_on_failed:
            return Verdict.WAITING, made.reason
        return _CLEARED if is_blank(self._now[target][one.column(target)]) else None

    def _why(self, one: CompiledRow) -> Reason:
        """Neither side's value is what the other's makes: what has become of it since it was settled."""
        if self._pair.base is None:
            return _CONTESTED if "conflict" in self._stays else _NOT_MET
        changed = {side: self._changed(one, side) for side in Side}
        if changed[Side.RIGHT] and one.right in self._holds:
            return _HELD
        if one.row.direction is not Direction.BOTH:
            return self._one_way(one, changed)
        if all(changed.values()):
            return _CONTESTED
        for side in Side:
            if changed[side]:
                return self._since(side)
        return _INPUT if self._made_anew(one) else self._settled(one, First.LEAVE)

    def _one_way(self, one: CompiledRow, changed: dict[Side, bool]) -> Reason:
        source = one.forward.other
        if changed[source]:
            return self._since(source)
        if self._made_anew(one):
            return _INPUT
        if changed[source.other] or not self._alike(one):
            return _DRIFT
        return self._settled(one, First(str(source.other)))

    def _alike(self, one: CompiledRow) -> bool:
        """Whether a service may hold what was written as this: in other letters, cut or rounded."""
        convert = one.converter(one.forward)
        assert convert is not None
        made, held = convert(self._now[one.forward.other], self._look_ups), self._held(one, one.forward)
        if isinstance(made, str) and isinstance(held, str):
            long, short = made.strip().casefold(), held.strip().casefold()
            return bool(short) and long.startswith(short)
        numbers = [Decimal(each) for each in (made, held) if isinstance(each, int | Decimal)]
        return len(numbers) == 2 and abs(numbers[0] - numbers[1]) < 1

    def _since(self, side: Side) -> Reason:
        return Verdict.DIFFERENT, f"{self._mapping.table(side).caption} was {SINCE}"

    def _settled(self, one: CompiledRow, other_way: First) -> Reason:
        if self._pair.first in {First.LEAVE, other_way}:
            return _LEFT_ALONE
        return _AS_SETTLED if self._alike(one) else _LEFT_APART

    def _made_anew(self, one: CompiledRow) -> bool:
        """Whether another look-up or rate makes another value of a source that has not changed."""
        base, convert = self._pair.base, one.converter(one.forward)
        if base is None or convert is None or not one.made_anew:
            return False
        before = base.made[one.index]
        if before is UNSET:
            return False
        made = convert(self._now[one.forward.other], self._look_ups)
        if isinstance(made, Keep | Missing | Rejected):
            return False
        return before is None or not same_value(made, before)

    def _changed(self, one: CompiledRow, side: Side) -> bool:
        if one.column(side) < 0 or self._pair.base is None:
            return False
        before = self._pair.base.values(side)[one.column(side)]
        return before is not UNSET and not same_value(self._now[side][one.column(side)], before)

    def _held(self, one: CompiledRow, side: Side) -> Value:
        return None if one.column(side) < 0 else self._now[side][one.column(side)]

    def _before(self, one: CompiledRow, side: Side) -> Value:
        if one.column(side) < 0 or self._pair.base is None:
            return None
        before = self._pair.base.values(side)[one.column(side)]
        return None if before is UNSET else before
