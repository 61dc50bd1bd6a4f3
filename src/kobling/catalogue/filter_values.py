"""Single values of a filter: from what people write to what the service holds, and back."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from kobling.catalogue.definition import Column, ColumnType
from kobling.model.values import Value

# A word for 'nothing' where a service knows null.
NULL: Final = "null"
_BOOLEANS: Final = {"true": True, "yes": True, "false": False, "no": False}
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MEMBER: Final = re.compile(r"[^0-9A-Za-z_]")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)
_KINDS: Final = {
    ColumnType.INTEGER: (_WHOLE, "a whole number"),
    ColumnType.DECIMAL: (_NUMBER, "a number such as 1000 or 0.5"),
    ColumnType.DATE: (_DAY, "a day such as 2026-01-31"),
}


class UnfitError(ValueError):
    """The text is no value of the column; says what would be."""


def read_value(column: Column, text: str) -> Value:
    """The value as the service holds it. Raises UnfitError."""
    if column.type is ColumnType.BOOLEAN:
        if text.casefold() not in _BOOLEANS:
            raise UnfitError(f"{column.caption} is true or false, not {text!r}")
        return _BOOLEANS[text.casefold()]
    if not text.strip():
        return column.nothing
    if column.type in _KINDS:
        pattern, words = _KINDS[column.type]
        if not pattern.fullmatch(text):
            raise UnfitError(f"{column.caption} is compared with {words}, not {text!r}")
        return text if column.type is ColumnType.DATE else _number(text)
    if column.type is ColumnType.ID:
        found = text.strip("{}").lower()
        if not _GUID.fullmatch(found.rpartition("/")[2]):
            raise UnfitError(f"{column.caption} is compared with a GUID, not {text!r}")
        return found
    if column.type is ColumnType.OPTION:
        return _MEMBER.sub(lambda one: f"_x{ord(one[0]):04X}_", text)
    return read_text(column, text)


def read_text(column: Column, text: str) -> str:
    """A text as the column holds it: a code is upper case, without blanks around it."""
    return text.strip(" ").upper() if column.upper else text


def _number(text: str) -> Value:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number.normalize()


def value_text(value: Value) -> str:
    """A value as people write it, without quotes."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value).lower() if isinstance(value, bool) else str(value)
