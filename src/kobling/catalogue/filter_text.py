"""Filters as people write them: `Blocked = '' AND No. = 10000..20000|@*holding*`.

Conditions stand with `AND` between them. A condition is a field, by caption or by its name on the wire, and
after `=` a filter expression of Business Central; `<>`, `<`, `<=`, `>` and `>=` may stand in the place of
`=`. Business Central's own form is read as well: `Blocked: '', No.: 10000..20000`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, NoReturn

from kobling.catalogue.definition import Column, FilterCondition, Plain
from kobling.catalogue.filter_expression import Cursor, ExpressionReader
from kobling.catalogue.filter_values import value_text
from kobling.catalogue.filter_writing import expression_text
from kobling.model.expression import Expression, Not, OneOf
from kobling.model.values import is_blank

_AND: Final = r"\s+AND(?:\s+|$)"
_OPERATOR: Final = r"<>|<=|>=|<|>|=|:"
_ANY_OPERATOR: Final = re.compile(r"<>|<=|>=|<|>|=")
_ALONE: Final = re.compile(r"(<>|<=|>=|<|>)([^|&(]+)")


def parse_filter(text: str, columns: Mapping[str, Column]) -> tuple[FilterCondition, ...]:
    """The conditions of a filter; none for a blank text. Raises ConfigurationError with the position."""
    reader = _Reader(text, columns)
    return reader.conditions() if text.strip() else ()


def filter_text(conditions: Iterable[FilterCondition], columns: Mapping[str, Column] | None = None) -> str:
    """The filter as text that `parse_filter` reads; by caption where `columns` are given."""
    return " AND ".join(_written(one, columns or {}) for one in conditions)


def _written(one: FilterCondition, columns: Mapping[str, Column]) -> str:
    column = columns.get(one.column)
    name = one.column if column is None else column.caption
    listed = OneOf(one.values, one.source)
    text = one.expression or expression_text(Not(listed) if one.negated else listed)
    alone = _ALONE.fullmatch(text) if one.negated or one.expression else None
    return f"{name} = {text}" if alone is None else f"{name} {alone[1]} {alone[2]}"


class _Reader:
    """Reads one filter from left to right."""

    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self._cursor = Cursor(text)
        self._columns = columns
        names = {*columns, *(one.caption for one in columns.values())}
        known = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
        self._start = re.compile(rf"\s*({known})\s*({_OPERATOR})", re.IGNORECASE)
        self._ends = {
            "=": re.compile(_AND, re.IGNORECASE),
            ":": re.compile(rf"{_AND}|\s*,\s*(?=(?:{known})\s*:)", re.IGNORECASE),
        }

    def conditions(self) -> tuple[FilterCondition, ...]:
        """All of them."""
        cursor, found = self._cursor, []
        while True:
            condition, ends = self._condition()
            found.append(condition)
            cursor.what = ""
            joined = ends.match(cursor.text, cursor.at)
            if joined is None:
                cursor.skip()
                if cursor.at == len(cursor.text):
                    return tuple(found)
                cursor.refuse("AND, | or & is missing here")
            cursor.at = joined.end()

    def _condition(self) -> tuple[FilterCondition, re.Pattern[str]]:
        cursor = self._cursor
        start = self._start.match(cursor.text, cursor.at)
        if start is None:
            self._unknown()
        name, sign = self._column(start[1]), start[2]
        column, ends = self._columns[name], self._ends[":" if sign == ":" else "="]
        cursor.at = start.end() if sign in "=:" else start.start(2)
        reader = ExpressionReader(cursor, column, ends)
        expression = reader.read(one=sign not in "=:")
        if sign not in "=:" and cursor.takes("|"):
            cursor.at -= 1
            cursor.refuse(f"{sign} takes one value; write {name} {sign} a AND {name} {sign} b")
        return _condition(name, column, expression), ends

    def _unknown(self) -> NoReturn:
        """Refuses what begins with no field that there is."""
        cursor = self._cursor
        sign = _ANY_OPERATOR.search(cursor.text, cursor.at) or re.compile(":").search(cursor.text, cursor.at)
        if sign is None:
            cursor.refuse("a condition is a field, = or another operator, and a value")
        name = self._column(cursor.text[cursor.at : sign.start()].strip())
        cursor.refuse(f"{name} is not read here", cure=f"Write it as {name!r}.")

    def _column(self, name: str) -> str:
        if name in self._columns:
            return name
        wanted = name.casefold()
        by_caption = [key for key, one in self._columns.items() if one.caption.casefold() == wanted]
        by_name = [key for key in self._columns if key.casefold() == wanted]
        for found in (by_name, by_caption):
            if len(found) == 1:
                return found[0]
        known = ", ".join(f"{one.caption} ({key})" for key, one in self._columns.items())
        self._cursor.refuse(f"the mapping reads no field {name!r}", cure=f"Use one of: {known}.")


def _condition(name: str, column: Column, expression: Expression) -> FilterCondition:
    negated = isinstance(expression, Not)
    listed = expression.part if isinstance(expression, Not) else expression
    values = _plain(listed.values) if isinstance(listed, OneOf) else None
    if not isinstance(listed, OneOf) or values is None:
        text = expression_text(expression)
        return FilterCondition(column=name, expression=text, text=f"{column.caption} is {text}")
    words = _words(column, values, listed.source, negated)
    return FilterCondition(column=name, values=values, negated=negated, source=listed.source, text=words)


def _plain(values: Iterable[object]) -> tuple[Plain, ...] | None:
    """The values as a mapping file holds them; None for numbers with decimals, which it cannot hold."""
    found = tuple(values)
    return None if any(isinstance(one, Decimal) for one in found) else found  # type: ignore[return-value]


def _words(column: Column, values: tuple[Plain, ...], source: str, negated: bool) -> str:
    said = ["blank" if is_blank(one) else value_text(one) for one in values]
    said += [f"the {source.replace('_', ' ')}"] if source else []
    return f"{column.caption} is {'not ' if negated else ''}{' or '.join(said)}"
