"""Filters as people write them: `Blocked = '' AND City = Oslo|Bergen`.

A condition names a column, by caption or by its name on the wire, and one or several values with `|` between.
`<>` takes one value. A value stands in `'` where it holds anything but a plain text (`''` in it is `'`, `''`
alone is blank). Two values are known only when a run begins: `<company>` and `<base_currency>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NoReturn

from kobling.catalogue.definition import Column, ColumnType, FilterCondition, Plain
from kobling.model.errors import ConfigurationError
from kobling.model.values import is_blank

CONSTANTS: Final = ("company", "base_currency")
_OPERATOR: Final = re.compile(r"<>|=")
_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'")
_CONSTANT: Final = re.compile(rf"<({'|'.join(CONSTANTS)})>")
_BARE: Final = re.compile(r"(?:(?!\s+AND(?:\s|$)|\s*\|)[^'|])+", re.IGNORECASE)
_AND: Final = re.compile(r"\s+AND(?:\s+|$)", re.IGNORECASE)
_RESERVED: Final = re.compile(r"[*?@&<>=()]|\.\.")
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEMBER: Final = re.compile(r"[^0-9A-Za-z_]")
_BOOLEANS: Final = {"true": True, "false": False}


def parse_filter(text: str, columns: Mapping[str, Column]) -> tuple[FilterCondition, ...]:
    """The conditions of a filter; none for a blank text. Raises ConfigurationError with the position."""
    reader = _Reader(text, columns)
    return reader.conditions() if text.strip() else ()


def filter_text(conditions: Iterable[FilterCondition], columns: Mapping[str, Column] | None = None) -> str:
    """The filter as text that `parse_filter` reads; by caption where `columns` are given."""
    return " AND ".join(part for one in conditions for part in _written(one, columns or {}))


def _written(one: FilterCondition, columns: Mapping[str, Column]) -> list[str]:
    column = columns.get(one.column)
    name = one.column if column is None else column.caption
    values = [_value_text(value) for value in one.values]
    values += [f"<{one.source}>"] if one.source else []
    return [f"{name} <> {value}" for value in values] if one.negated else [f"{name} = {'|'.join(values)}"]


def _value_text(value: Plain) -> str:
    if is_blank(value):
        return "''"
    text = value_text(value)
    plain = _BARE.fullmatch(text) and text == text.strip() and not _RESERVED.search(text)
    return text if plain else "'" + text.replace("'", "''") + "'"


def value_text(value: Plain) -> str:
    """A value as people write it, without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    """Reads one filter from left to right."""

    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self._text = text
        self._columns = columns
        self._at = 0

    def conditions(self) -> tuple[FilterCondition, ...]:
        found = [self._condition()]
        while self._at < len(self._text):
            joined = _AND.match(self._text, self._at)
            if joined is None:
                if not self._text[self._at :].strip():
                    break
                self._refuse("AND or | is missing here")
            self._at = joined.end()
            found.append(self._condition())
        return tuple(found)

    def _condition(self) -> FilterCondition:
        start = self._at
        operator = _OPERATOR.search(self._text, start)
        if operator is None:
            self._refuse("a condition is a field, = or <>, and a value")
        name = self._column(self._text[start : operator.start()].strip())
        self._at = operator.end()
        negated = operator[0] == "<>"
        values, source = self._values(name, negated)
        column = self._columns[name]
        return FilterCondition(
            column=name,
            values=values,
            negated=negated,
            source=source,
            text=_words(column, values, source, negated),
        )

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
        self._refuse(f"the mapping reads no field {name!r}", cure=f"Use one of: {known}.")

    def _values(self, name: str, negated: bool) -> tuple[tuple[Plain, ...], str]:
        values: list[Plain] = []
        source = ""
        while True:
            self._skip()
            start = self._at
            constant = _CONSTANT.match(self._text, start)
            if constant is not None and not source and self._columns[name].type is ColumnType.ID:
                source, self._at = constant[1], constant.end()
            else:
                values.append(self._value(self._columns[name], start))
            self._skip()
            if not self._text.startswith("|", self._at):
                # The space before AND is part of it.
                self._at = len(self._text[: self._at].rstrip())
                return tuple(values), source
            if negated:
                self._refuse(f"<> takes one value; write {name} <> a AND {name} <> b")
            self._at += 1

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _value(self, column: Column, start: int) -> Plain:
        quoted = _QUOTED.match(self._text, start)
        if quoted is not None:
            self._at = quoted.end()
            return self._typed(column, quoted[1].replace("''", "'"), start)
        bare = _BARE.match(self._text, start)
        text = "" if bare is None else bare[0].strip()
        if not text:
            self._refuse("a value is missing here; blank is ''")
        reserved = _RESERVED.search(text)
        if reserved is not None:
            self._at = start + reserved.start()
            self._refuse(
                f"{reserved[0]!r} has no meaning in a value; put the value in '' if it is part of it"
            )
        assert bare is not None
        self._at = bare.end()
        return self._typed(column, text, start)

    def _typed(self, column: Column, text: str, start: int) -> Plain:
        """The value as the service holds it."""
        self._at, end = start, self._at
        value = self._converted(column, text)
        self._at = end
        return value

    def _converted(self, column: Column, text: str) -> Plain:
        if column.type is ColumnType.BOOLEAN:
            if text.casefold() not in _BOOLEANS:
                self._refuse(f"{column.caption} is true or false, not {text!r}")
            return _BOOLEANS[text.casefold()]
        if not text.strip():
            return column.nothing
        if column.type in {ColumnType.INTEGER, ColumnType.DECIMAL}:
            if not re.fullmatch(r"-?[0-9]{1,18}", text):
                self._refuse(f"{column.caption} is compared with a whole number, not {text!r}")
            return int(text)
        if column.type is ColumnType.ID:
            found = text.strip("{}").lower()
            if not _GUID.fullmatch(found.rpartition("/")[2]):
                self._refuse(f"{column.caption} is compared with a GUID, not {text!r}")
            return found
        if column.type is ColumnType.OPTION:
            return _MEMBER.sub(lambda one: f"_x{ord(one[0]):04X}_", text)
        return text.strip(" ").upper() if column.upper else text

    def _refuse(self, message: str, *, cure: str = "") -> NoReturn:
        place = f"The filter {self._text!r} is wrong at position {self._at + 1}"
        example = "Write conditions like: City = Oslo|Bergen AND Name <> ''."
        raise ConfigurationError(f"{place}: {message}.", cure=cure or example)


def _words(column: Column, values: tuple[Plain, ...], source: str, negated: bool) -> str:
    said = ["blank" if is_blank(one) else value_text(one) for one in values]
    said += [f"the {source.replace('_', ' ')}"] if source else []
    return f"{column.caption} is {'not ' if negated else ''}{' or '.join(said)}"
