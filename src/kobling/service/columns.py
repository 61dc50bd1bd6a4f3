"""Columns that a person names: known to the mapping already, or to the service that is asked then."""

from __future__ import annotations

from typing import Final

import msgspec

from kobling.adapters.dataverse.options import is_option_table
from kobling.catalogue.definition import Column, ColumnType, Field, Plain, Table
from kobling.catalogue.field_lookups import lookups_in
from kobling.catalogue.read import with_blank
from kobling.catalogue.transformation_text import parse_transformation
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.service.criteria import column_of
from kobling.service.mappings import one_of, switch
from kobling.service.metadata import column_in, describe
from kobling.service.session import Session

_NUMBERS: Final = frozenset({ColumnType.INTEGER, ColumnType.DECIMAL})
NO_COLUMN: Final = "none"


async def column_of_service(
    session: Session, table: Table, text: str, kind: str, side: Side
) -> tuple[str | None, dict[str, Column]]:
    """The name of a column, and what is to be known of it if the mapping does not know it yet."""
    if text in {"", NO_COLUMN}:
        return None, {}
    try:
        return column_of(table, text), {}
    except ConfigurationError as error:
        if is_option_table(table.route):
            raise error from None
    named = table.route if side is Side.LEFT else table.table
    described = await describe(session.configuration, side, named)
    described = msgspec.structs.replace(described, table=table.table)
    name, column = column_in(described, text, wire_name(text) if side is Side.LEFT else text, side)
    if kind:
        given = _typed(column.caption, kind)
        column = with_blank(msgspec.structs.replace(given, targets=column.targets), side)
    if name in described.fixed:
        column = msgspec.structs.replace(column, fixed=True)
    return name, {name: column}


async def check_lookups(session: Session, row: Field) -> None:
    """Whether Business Central has the tables and columns that the row's transformation looks up in.

    Raises ConfigurationError.
    """
    if not row.transformation:
        return
    for one in lookups_in(parse_transformation(row.transformation, row.direction)):
        if one is not None:
            described = await describe(session.configuration, Side.LEFT, one.table)
            for name in (one.source, one.target):
                column_in(described, name, name, Side.LEFT)


def wire_name(caption: str) -> str:
    """A Business Central field as the extension's API calls it: `Phone No.` is `phoneNo`."""
    words = "".join(one if one.isalnum() else " " for one in caption.replace(".", "")).split()
    if not words:
        raise ConfigurationError(f"{caption!r} is no field name.", cure="Give its caption.")
    joined = words[0] + "".join(one[:1].upper() + one[1:] for one in words[1:])
    return joined[:1].lower() + joined[1:]


def _typed(caption: str, kind: str) -> Column:
    word, _, length = kind.partition(":")
    if length and not (length.isascii() and length.isdigit() and len(length) < 8 and int(length)):
        raise ConfigurationError(f"{kind!r} has no length.", cure="Write for example text:50.")
    found = ColumnType(one_of(ColumnType, "type", word))
    return Column(caption=caption, type=found, maximum=int(length) if length else None)


def plain_of(column: Column, key: str, value: str) -> Plain:
    """The value as the column holds it. key: what a person set, for words. Raises ConfigurationError."""
    if column.type is ColumnType.BOOLEAN:
        return switch(key, value)
    if column.type not in _NUMBERS:
        return value
    try:
        return int(value)
    except ValueError:
        words = f"{key}={value} is no whole number, and {column.caption} is {column.type}."
        raise ConfigurationError(words, cure="Give it a number.") from None
