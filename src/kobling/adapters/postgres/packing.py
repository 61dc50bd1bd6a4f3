"""Values as text and back, decimals exact; stored values are put in the order of the present layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg

from kobling.model.mapping import Mapping, Side
from kobling.model.values import UNSET, Values

encoder: Final = msgspec.json.Encoder(decimal_format="number")
decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


# How COPY reads 'nothing'.
NULL: Final = "\\N"
# No raw value is an object, so an empty one can stand for UNSET.
_UNSET: Final = "{}"


def pack(values: Values | None) -> str | None:
    """Values as text."""
    if values is None:
        return None
    try:
        return encoder.encode(values).decode()
    except TypeError:
        # Only UNSET has no JSON of its own.
        return as_text([{} if one is UNSET else one for one in values])


def packed(column: Sequence[Any]) -> list[str]:
    """A column of values, or of None, as cells of COPY: JSON, made in one go, as a first load has many."""
    if all(one is None for one in column):
        return [NULL] * len(column)
    try:
        lines = encoder.encode_lines(column).decode()
    except TypeError:
        return [json_cell(pack(one)) for one in column]
    found = lines.replace("\\", "\\\\").split("\n")[: len(column)]
    if None not in column:
        return found
    return [NULL if one is None else text for one, text in zip(column, found, strict=True)]


def as_text(value: object) -> str:
    """Anything as JSON."""
    return encoder.encode(value).decode()


class Order(msgspec.Struct, frozen=True):
    """Where each value of the present layout stands in a stored one; None where it was not stored."""

    left: tuple[int | None, ...] | None
    right: tuple[int | None, ...] | None
    made: tuple[int | None, ...] | None


_SAME: Final = Order(None, None, None)


def unpack(body: str | None, order: tuple[int | None, ...] | None = None) -> Values | None:
    """The values that `pack` was given, in `order`; UNSET for one that was not stored."""
    if body is None:
        return None
    values = decoder.decode(body)
    if _UNSET in body:
        values = [UNSET if one == {} else one for one in values]
    if order is None:
        return tuple(values)
    return tuple(UNSET if position is None else values[position] for position in order)


class Layouts:
    """The layouts of one mapping: the present one's id, and how to read each of the others."""

    def __init__(self, mapping_id: int, mapping: Mapping) -> None:
        self._mapping_id = mapping_id
        self._names = (
            [one.name for one in mapping.table(Side.LEFT).columns],
            [one.name for one in mapping.table(Side.RIGHT).columns],
            [one.name for one in mapping.rows],
        )
        self.present = 0
        self._orders: dict[int, Order] = {}

    async def load(self, database: psycopg.AsyncConnection[Any]) -> None:
        """Reads the layouts, and stores the present one if it is new."""
        await self._read(database)
        if self.present:
            return
        await database.execute(
            "insert into layout (mapping_id, left_columns, right_columns, row_names)"
            " values (%s, %s, %s, %s) on conflict do nothing",
            [self._mapping_id, *self._names],
        )
        await self._read(database)

    async def _read(self, database: psycopg.AsyncConnection[Any]) -> None:
        select = "select id, left_columns, right_columns, row_names from layout where mapping_id = %s"
        cursor = await database.execute(select, [self._mapping_id])
        async for identifier, *stored in cursor:
            if tuple(stored) == self._names:
                self.present = identifier
            self._orders[identifier] = self._order(stored)

    @property
    def head(self) -> str:
        """The cells that lines of a COPY begin with: mapping and layout."""
        return f"{self._mapping_id}\t{self.present}"

    def order(self, layout: int) -> Order:
        """How values stored under that layout are read."""
        return self._orders.get(layout, _SAME)

    def _order(self, stored: Sequence[list[str]]) -> Order:
        orders = [
            None if now == then else tuple(then.index(one) if one in then else None for one in now)
            for now, then in zip(self._names, stored, strict=True)
        ]
        return Order(*orders)


_ESCAPED: Final = {ord("\\"): "\\\\", 9: "\\t", 10: "\\n", 13: "\\r", 0: ""}


def cell(value: str | None) -> str:
    """A value as COPY reads it. NUL, which PostgreSQL cannot hold, is left out."""
    if value is None:
        return NULL
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPED)


def cells(column: Sequence[str]) -> Sequence[str]:
    """A column of texts as COPY reads them; mostly there is nothing to escape in any of them."""
    together = "".join(column)
    if together.isprintable() and "\\" not in together:
        return column
    return [cell(one) for one in column]


def json_cell(value: str | None) -> str:
    """JSON as COPY reads it: it holds no control characters by itself."""
    return NULL if value is None else value.replace("\\", "\\\\")


# Between texts that travel as one parameter; no version or field name holds it.
BETWEEN: Final = "\x1f"
# The ids that `joined` gives, as a condition; far cheaper than an array as a parameter.
IDS: Final = "any(string_to_array(%s, ',')::uuid[])"


def joined(ids: Iterable[str]) -> str:
    """Ids as the parameter of `IDS`."""
    return ",".join(ids)
