"""Making one side's value out of the other's.

`convert` is total: every source value becomes a value, or says why not (KEEP: the destination keeps its own;
Missing: a look-up without an answer yet; Rejected: no value can be made of it).
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Final, TypeAlias

import msgspec

from kobling.model.mapping import Column, FieldRow, Mapping, Side
from kobling.model.pair import Missing
from kobling.model.values import Value, Values, is_blank


class Keep(msgspec.Struct, frozen=True):
    """The destination keeps what it holds."""


class Rejected(msgspec.Struct, frozen=True):
    """No value can be made; the reason is written for a person."""

    reason: str


KEEP: Final = Keep()
Converted: TypeAlias = Value | Keep | Missing | Rejected
# (mapping or table, side that is asked for, key on the other side) -> value on the side asked for
LookUps: TypeAlias = Table[tuple[str, Side, str], Value]


def fit(value: Value, column: Column) -> Value:
    """The value as `column` can hold it: blank in its own form, codes upper-cased, text cut to length."""
    if is_blank(value):
        return column.blank
    if not isinstance(value, str):
        return value
    if column.upper:
        value = value.strip(" ").upper()
    return value if column.maximum is None else _cut(value, column.maximum)


def _cut(text: str, maximum: int) -> str:
    """The longest beginning of at most `maximum` UTF-16 units, as both services count, never half a sign."""
    if len(text) * 2 <= maximum:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= maximum * 2:
        return text
    return units[: maximum * 2].decode("utf-16-le", "ignore")


def convert(mapping: Mapping, row: FieldRow, source: Values, target: Side, look_ups: LookUps) -> Converted:
    """What `row` makes of the other side's values for `target`."""
    position = row.column(target)
    assert position is not None, f"{row.name} has no column on the {target} side"
    column = mapping.table(target).columns[position]
    origin = row.column(target.other)
    value = row.conversion.constant if origin is None else source[origin]
    if is_blank(value) and row.not_null:
        return KEEP
    if row.conversion.kind == "plain":
        return fit(value, column)
    return _KINDS[row.conversion.kind](row, value, column, target, look_ups)


def _look_up(row: FieldRow, value: Value, column: Column, target: Side, look_ups: LookUps) -> Converted:
    if is_blank(value):
        return look_ups.get((row.conversion.mapping, target, ""), column.blank)
    key = str(value)
    found = look_ups.get((row.conversion.mapping, target, key))
    if found is not None:
        return found
    where = row.conversion.mapping
    return Missing(mapping=where, key=key, reason=f"{row.name} {key!r} is not coupled in {where}")


_KINDS = {"look_up": _look_up}
