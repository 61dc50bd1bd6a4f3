"""Match-based coupling: which uncoupled records of both sides belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.transform import Converter, converter, is_open
from kobling.model.look_up import LookUps
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.model.values import Value, Values, is_blank

_DIGITS_MAX: Final = 300
_Key: TypeAlias = tuple[str, ...]
_Group: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """Two positions that must hold equal values. priority: criteria of one priority must all be met; lower
    ones go first, and each priority is a search of its own. case: upper and lower case are told apart."""

    left: int
    right: int
    priority: int = 0
    case: bool = False


class Miss(StrEnum):
    """Why a record has no partner; the first that fits of: coupled, none, blank."""

    COUPLED = "coupled"
    NONE = "none"
    BLANK = "blank"


class Unmatched(msgspec.Struct, frozen=True, kw_only=True):
    """A left record without a partner. COUPLED: what has its values is coupled already. BLANK: it has no
    value to be compared by."""

    id: str
    reason: Miss


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """matched: (left id, right id). ambiguous: (left ids, right ids) that share their values. unmatched: left
    records without a partner. Each left record stands in one of them."""

    matched: tuple[tuple[str, str], ...]
    ambiguous: tuple[_Group, ...]
    unmatched: tuple[Unmatched, ...]

    def of(self, lefts: Collection[str]) -> Matches:
        """What was found of these left records."""
        groups = ((tuple(one for one in ones if one in lefts), others) for ones, others in self.ambiguous)
        return Matches(
            matched=tuple(one for one in self.matched if one[0] in lefts),
            ambiguous=tuple(one for one in groups if one[0]),
            unmatched=tuple(one for one in self.unmatched if one.id in lefts),
        )


def match(
    left: Iterable[Record],
    right: Iterable[Record],
    on: Sequence[Criterion],
    coupled: Iterable[Record] = (),
) -> Matches:
    """Pairs records whose values are equal by all criteria of one priority, where each has one partner only.

    A record with a blank among its values takes no part in that search. What one search leaves takes part in
    the next. coupled: right records that are coupled already. Order does not matter.
    """
    search = _Search(left, right, coupled)
    ordered = sorted(on, key=lambda one: one.priority)
    for _, criteria in groupby(ordered, key=lambda one: one.priority):
        search.go(list(criteria))
    return search.found()


class _Search:
    """What the searches so far have left and found."""

    def __init__(self, left: Iterable[Record], right: Iterable[Record], coupled: Iterable[Record]) -> None:
        self._left = {one.id: one for one in left}
        self._right = {one.id: one for one in right}
        self._coupled = list(coupled)
        self._matched: list[tuple[str, str]] = []
        self._groups: list[_Group] = []
        self._misses: dict[str, Miss] = dict.fromkeys(self._left, Miss.BLANK)

    def go(self, criteria: Sequence[Criterion]) -> None:
        """One search among what is left."""
        case = [one.case for one in criteria]
        lefts = _by_key(self._left.values(), [one.left for one in criteria], case)
        positions = [one.right for one in criteria]
        rights = _by_key(self._right.values(), positions, case)
        taken = _by_key(self._coupled, positions, case)
        for key, here in lefts.items():
            there = rights.get(key, [])
            if len(here) == len(there) == 1:
                self._pair(here[0], there[0])
            elif there:
                self._groups.append((tuple(sorted(here)), tuple(sorted(there))))
            else:
                self._miss(here, Miss.COUPLED if key in taken else Miss.NONE)

    def _pair(self, left: str, right: str) -> None:
        self._matched.append((left, right))
        del self._left[left], self._right[right]

    def _miss(self, lefts: Sequence[str], reason: Miss) -> None:
        for one in lefts:
            if self._misses[one] is not Miss.COUPLED:
                self._misses[one] = reason

    def found(self) -> Matches:
        """Everything found; a left record that is ambiguous stands in the first group that it shared."""
        told: set[str] = set()
        ambiguous = []
        for lefts, rights in self._groups:
            ones = tuple(one for one in lefts if one in self._left and one not in told)
            told.update(ones)
            if ones:
                ambiguous.append((ones, rights))
        missed = [Unmatched(id=one, reason=self._misses[one]) for one in sorted(self._left.keys() - told)]
        return Matches(
            matched=tuple(sorted(self._matched)), ambiguous=tuple(sorted(ambiguous)), unmatched=tuple(missed)
        )


def sought(mapping: Mapping, side: Side) -> Callable[[Values, LookUps], tuple[str, ...] | None]:
    """Reads, of a record of that side, what finds its partner; None where a part of it is open or blank.

    Where a look-up joins the two columns of a finder, the partner holds what it answers; else the same value.
    """
    readers = [_reader(mapping, side, *pair) for pair in mapping.finder]

    def read(values: Values, look_ups: LookUps) -> tuple[str, ...] | None:
        answers = [one(values, look_ups) for one in readers]
        return None if any(map(is_open, answers)) else match_key(answers)  # type: ignore[arg-type]

    return read


def _reader(mapping: Mapping, side: Side, left: int, right: int) -> Converter:
    here, there = (left, right) if side is Side.LEFT else (right, left)
    for row in mapping.rows:
        joined = row.column(side.other) == there and here in (row.column(side), row.conversion.key)
        if joined and row.conversion.kind == "look_up" and row.direction.allows(side.other):
            return converter(mapping, row, side.other)
    return lambda values, look_ups: values[here]


def match_key(values: Sequence[Value], case: Sequence[bool] = ()) -> _Key | None:
    """What records are compared by; None where one of the values is blank. case: by value, whether upper and
    lower case are told apart; nowhere if it is empty."""
    if any(is_blank(one) or not str(one).strip() for one in values):
        return None
    texts = [_text(one).strip() for one in values]
    exact = case or [False] * len(texts)
    return tuple(one if kept else one.casefold() for one, kept in zip(texts, exact, strict=True))


def _text(value: Value) -> str:
    """The value in digits, as equal numbers are written in several ways; one out of all bounds as it is."""
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _DIGITS_MAX:
        return str(value)
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"


def _by_key(
    records: Iterable[Record], positions: Sequence[int], case: Sequence[bool]
) -> dict[_Key, list[str]]:
    found: dict[_Key, list[str]] = defaultdict(list)
    for record in records:
        key = match_key([record.values[position] for position in positions], case)
        if key is not None:
            found[key].append(record.id)
    return found
