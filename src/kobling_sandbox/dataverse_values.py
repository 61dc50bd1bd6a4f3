"""Values that clients send: one checker a column, made once, from the metadata.

A checker takes the JSON value and answers the value to store (None for null), or raises DataverseError with
the code that Dataverse gives.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, payload
from kobling_sandbox.store import format_time
from kobling_sandbox.tables import CHOICE_TYPES, TEXT_TYPES, Column, Table

Checker = Callable[[Any], Any]

GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INTEGER_MAX = 2**31 - 1
_BIG_MAX = 2**63 - 1
_FIRST_YEAR = 1753
_EDM = {
    "boolean": "Edm.Boolean",
    "decimal": "Edm.Decimal",
    "money": "Edm.Decimal",
    "double": "Edm.Double",
    "bigint": "Edm.Int64",
    "datetime": "Edm.DateTimeOffset",
    "date": "Edm.Date",
    "guid": "Edm.Guid",
}


def checker(table: Table, column: Column) -> Checker:
    """The checker of a column that is no look-up."""
    if column.type in TEXT_TYPES:
        return _text(table, column)
    if column.type in CHOICE_TYPES:
        return _choice(table, column)
    if column.type in ("integer", "bigint"):
        return _integer(table, column)
    if column.type in ("decimal", "money", "double"):
        return _decimal(table, column)
    if column.type == "boolean":
        return _boolean(table, column)
    return _moment(table, column) if column.type in ("datetime", "date") else _guid(table, column)


def _wrong_type(table: Table, column: Column, value: Any) -> DataverseError:
    edm = "Edm.String" if column.type in TEXT_TYPES else _EDM.get(column.type, "Edm.Int32")
    text = f"Cannot convert the literal '{str(value)[:80]}' to the expected type '{edm}'."
    return payload(table.set_name, f"Microsoft.OData.ODataException: {text} Property: {column.name}")


def _out_of_range(table: Table, column: Column, code: str, detail: str = "") -> DataverseError:
    text = f"A validation error occurred.  The value of '{column.name}' on record of type '{table.name}' is"
    return DataverseError(400, code, f"{text} outside the valid range.{detail}")


def _text(table: Table, column: Column) -> Checker:
    maximum = column.maximum_length or _INTEGER_MAX
    message = (
        f"A validation error occurred.  The length of the '{column.name}' attribute of the '{table.name}' "
        f"entity exceeded the maximum allowed length of '{maximum}'."
    )

    def check(value: Any) -> Any:
        if type(value) is not str:
            if value is None:
                return None
            raise _wrong_type(table, column, value)
        # The server counts UTF-16 units; only a text past half of its length can be over.
        if len(value) > maximum or (
            2 * len(value) > maximum and len(value.encode("utf-16-le")) > 2 * maximum
        ):
            raise DataverseError(400, "0x80044331", message)
        return value or None

    return check


def _choice(table: Table, column: Column) -> Checker:
    allowed = frozenset(map(int, column.options))
    return choice(table, column, lambda value: not allowed or value in allowed, lambda: column.options)


def choice(
    table: Table, column: Column, allows: Callable[[int], bool], options: Callable[[], Mapping[str, Any]]
) -> Checker:
    """The checker of a choice whose values `allows` knows; `options` are named in the refusal."""

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not int:
            raise _wrong_type(table, column, value)
        if not allows(value):
            raise _out_of_range(table, column, "0x8004431A", f" Accepted Values: {','.join(options())}")
        return value

    return check


def _integer(table: Table, column: Column) -> Checker:
    limit = _BIG_MAX if column.type == "bigint" else _INTEGER_MAX
    minimum = int(column.minimum) if column.minimum is not None else -limit - 1
    maximum = int(column.maximum) if column.maximum is not None else limit

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not int:
            raise _wrong_type(table, column, value)
        if not minimum <= value <= maximum:
            raise _out_of_range(table, column, "0x80044330")
        return value

    return check


def _decimal(table: Table, column: Column) -> Checker:
    minimum = Decimal(column.minimum if column.minimum is not None else "-100000000000")
    maximum = Decimal(column.maximum if column.maximum is not None else "100000000000")
    step = Decimal(1).scaleb(-(column.precision if column.precision is not None else 2))

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not int and type(value) is not Decimal:
            raise _wrong_type(table, column, value)
        number = Decimal(value)
        if not minimum <= number <= maximum:
            raise _out_of_range(table, column, "0x8004432F")
        try:
            return number.quantize(step, ROUND_HALF_UP)
        except InvalidOperation:
            raise _out_of_range(table, column, "0x8004432F") from None

    return check


def _boolean(table: Table, column: Column) -> Checker:
    def check(value: Any) -> Any:
        if value is None or type(value) is bool:
            return value
        raise _wrong_type(table, column, value)

    return check


def _guid(table: Table, column: Column) -> Checker:
    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not str or not GUID.fullmatch(value):
            raise _wrong_type(table, column, value)
        return value.lower()

    return check


def _moment(table: Table, column: Column) -> Checker:
    read = _read_date if column.type == "date" else _read_time

    def check(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not str:
            raise _wrong_type(table, column, value)
        try:
            moment = read(value)
        except (ValueError, OverflowError):
            raise _wrong_type(table, column, value) from None
        if int(moment[:4]) < _FIRST_YEAR:
            raise _out_of_range(table, column, "0x80044330")
        return moment

    return check


def _read_date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text).isoformat()


def _read_time(text: str) -> str:
    if _DATE.fullmatch(text):
        return f"{date.fromisoformat(text).isoformat()}T00:00:00Z"
    if not _DATE.match(text) or "T" not in text:
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return format_time(moment.astimezone(UTC), 0)
