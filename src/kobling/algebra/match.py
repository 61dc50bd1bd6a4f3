"""Match-based coupling: which uncoupled records of both sides belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from kobling.algebra.transform import Converter, converter, is_open
from kobling.model.look_up import LookUps
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.model.values import Value, Values, is_blank

_DIGITS_MAX: Final = 300


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """matched: (left id, right id). ambiguous: (left ids, right ids) that share their values. unmatched: left
    ids without a partner."""

    matched: tuple[tuple[str, str], ...]
    ambiguous: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    unmatched: tuple[str, ...]


def match(left: Iterable[Record], right: Iterable[Record], on: Sequence[tuple[int, int]]) -> Matches:
    """Pairs records whose values are equal at all positions of `on`; case and outer blanks do not count.

    A record with a blank among its values matches nothing. Order does not matter.
    """
    lefts, keyless = _by_key(left, [one for one, _ in on])
    rights, _ = _by_key(right, [other for _, other in on])
    matched, ambiguous, unmatched = [], [], list(keyless)
    for key in sorted(lefts):
        here, there = lefts[key], rights.get(key, [])
        if len(here) == len(there) == 1:
            matched.append((here[0], there[0]))
        elif there:
            ambiguous.append((tuple(sorted(here)), tuple(sorted(there))))
        else:
            unmatched += here
    return Matches(matched=tuple(matched), ambiguous=tuple(ambiguous), unmatched=tuple(sorted(unmatched)))


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


def match_key(values: Sequence[Value]) -> tuple[str, ...] | None:
    """What records are compared by; None where one of the values is blank."""
    if any(is_blank(one) or not str(one).strip() for one in values):
        return None
    return tuple(_text(one).strip().casefold() for one in values)


def _text(value: Value) -> str:
    """The value in digits, as equal numbers are written in several ways; one out of all bounds as it is."""
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _DIGITS_MAX:
        return str(value)
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"


def _by_key(
    records: Iterable[Record], positions: Sequence[int]
) -> tuple[dict[tuple[str, ...], list[str]], list[str]]:
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    keyless = []
    for record in records:
        key = match_key([record.values[position] for position in positions])
        if key is None:
            keyless.append(record.id)
        else:
            found[key].append(record.id)
    return found, keyless
