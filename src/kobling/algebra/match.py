"""Match-based coupling: which uncoupled records of both sides belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from kobling.model.pair import Record
from kobling.model.values import Value, is_blank

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
