"""What the engine needs of the world: one service behind each side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

Row = dict[str, Any]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a feed: changed rows, ids of tombstones, and the token that stands after the last page."""

    rows: list[Row]
    deleted: list[str]
    token: str | None


class Method(StrEnum):
    """How a row is written; each write is conditional."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class RowWrite(msgspec.Struct, frozen=True, kw_only=True):
    """One conditional write of one row. version: the ETag that the plan knew; a create has none."""

    method: Method
    table: str
    id: str
    body: Row
    version: str = ""
    select: tuple[str, ...] = ()


class Outcome(StrEnum):
    """What a service answered to one write."""

    DONE = "done"
    STALE = "stale"
    EXISTS = "exists"
    GONE = "gone"
    REJECTED = "rejected"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one write: the row as the service holds it now, or its error in the service's words."""

    outcome: Outcome
    row: Row | None = None
    code: str = ""
    message: str = ""


class Service(Protocol):
    """One service, as the engine meets it."""

    def changes(self, table: str, columns: Sequence[str], token: str | None) -> AsyncIterator[Page]:
        """What changed since the token; without one every row. The last page carries the next token."""
        ...

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these ids; an id that the service does not have is left out."""
        ...

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """The answers in the order of the writes."""
        ...
