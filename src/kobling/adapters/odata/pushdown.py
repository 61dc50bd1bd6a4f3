"""The part of a mapping's filter that a service can judge itself, as an OData condition.

It lets through every record that the filter lets through, and perhaps more: what comes is judged once more
on our side. So only that is pushed whose answer no service may give more narrowly: no `<>` of a text, as a
service may not tell its cases apart, no order of texts, no `@`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from kobling.adapters.odata.filters import quoted
from kobling.algebra.expressions import pieces
from kobling.model.expression import AllOf, AnyOf, Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.mapping import Column, Condition, Table
from kobling.model.values import Value, guid, is_blank

# With the columns, the address stays short enough for every proxy.
_LENGTH_MAX: Final = 1500
_OPERATOR: Final = {Order.BELOW: "lt", Order.UP_TO: "le", Order.ABOVE: "gt", Order.FROM: "ge"}
_NUMBERS: Final = frozenset({"integer", "decimal"})
# Of these, a service has one form for one value, so that `ne` shuts out what we shut out.
_EXACT: Final = frozenset({*_NUMBERS, "boolean", "id", "option"})
# Signs that neither service takes for part of a pattern.
_HARMLESS: Final = re.compile(r"\w[\w .,/-]*")
_MEMBER: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How a service differs. nulls: nothing is null there. name: what a column is called in a filter."""

    nulls: bool
    name: Callable[[Column], str]


def pushed(table: Table, dialect: Dialect) -> str:
    """The condition for the rows that may be inside the table's filter; '' where nothing can be pushed."""
    found = [_condition(one, table.columns[one.position], dialect) for one in table.conditions]
    parts: list[str] = []
    for one in found:
        if one is not None and sum(map(len, parts)) + len(one) <= _LENGTH_MAX:
            parts.append(one)
    return " and ".join(f"({one})" for one in parts)


def _condition(condition: Condition, column: Column, dialect: Dialect) -> str | None:
    if condition.entity:
        return None
    listed = OneOf(condition.values)
    asked = condition.test or (Not(listed) if condition.negated else listed)
    return _Pushing(column, dialect).expression(asked)


class _Pushing:
    """Makes the condition about one column; None is what cannot be pushed."""

    def __init__(self, column: Column, dialect: Dialect) -> None:
        self._column = column
        self._name = dialect.name(column)
        self._nulls = dialect.nulls

    def expression(self, asked: Expression) -> str | None:
        match asked:
            case OneOf(values):
                return _every([self._equal(one) for one in values], " or ")
            case Not(OneOf(values)):
                return _some([self._unequal(one) for one in values])
            case Compare(order, value) if order in _OPERATOR:
                return self._compare(_OPERATOR[order], value)
            case Range(low, high):
                ends = [("ge", low), ("le", high)]
                return _some([self._compare(sign, end) for sign, end in ends if end is not None])
            case Like(pattern, False):
                return self._like(pieces(pattern))
            case AllOf(parts):
                return _some([self.expression(one) for one in parts])
            case AnyOf(parts):
                return _every([self.expression(one) for one in parts], " or ")
        return None

    def _equal(self, value: Value) -> str | None:
        if is_blank(value) and self._nulls:
            # An empty text is blank, too, and both may stand there.
            return None if self._column.kind == "text" else f"{self._name} eq null"
        literal = self._literal(value)
        return None if literal is None else f"{self._name} eq {literal}"

    def _unequal(self, value: Value) -> str | None:
        if is_blank(value):
            blank = "null" if self._nulls else "''" if self._column.kind == "text" else self._literal(value)
            return None if blank is None else f"{self._name} ne {blank}"
        # The value of a look-up to several tables names its table, which no plain id is equal to.
        exact = self._column.kind in _EXACT and len(self._column.targets) <= 1
        literal = self._literal(value) if exact else None
        if literal is None:
            return None
        return f"{self._name} ne {literal}" + (f" or {self._name} eq null" if self._nulls else "")

    def _compare(self, sign: str, value: Value) -> str | None:
        literal = self._literal(value) if self._column.kind in _NUMBERS else None
        return None if literal is None else f"{self._name} {sign} {literal}"

    def _like(self, parts: Sequence[tuple[str, str]]) -> str | None:
        last = len(parts) - 1
        tests = []
        for at, (kind, text) in enumerate(parts):
            if kind == "literal" and _HARMLESS.fullmatch(text):
                name = "startswith" if at == 0 else "endswith" if at == last else "contains"
                tests.append(f"{name}({self._name},{quoted(text)})")
        return _some(tests) if self._column.kind == "text" else None

    def _literal(self, value: Value) -> str | None:
        kind = self._column.kind
        if kind in _NUMBERS and not isinstance(value, str | None):
            return str(value) if isinstance(value, int) else f"{value:f}"
        if kind == "boolean" and isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str):
            return None
        if kind == "id":
            return guid(value) or None
        if kind == "option":
            return quoted(_MEMBER.sub(lambda one: chr(int(one[1], 16)), value))
        return quoted(value) if kind == "text" and not is_blank(value) else None


def _every(parts: Sequence[str | None], sign: str) -> str | None:
    known = [one for one in parts if one is not None]
    return _joined(known, sign) if len(known) == len(parts) else None


def _some(parts: Sequence[str | None]) -> str | None:
    return _joined([one for one in parts if one is not None], " and ")


def _joined(parts: Sequence[str], sign: str) -> str | None:
    return sign.join(f"({one})" for one in parts) if len(parts) > 1 else next(iter(parts), None)
