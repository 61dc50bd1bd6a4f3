"""What the engine needs of the world: a service behind each side, and a store for the state of a mapping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from kobling.model.look_up import Reference
from kobling.model.mapping import Side
from kobling.model.state import Change, Coupling, Intent, Settled

Row = dict[str, Any]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What the one opening batch of a run brought.

    rows: by reference name; all rows of the reference where `whole` names it, else those above its mark.
    marks: the new marks by reference name, to be given next time; `deletedRecords` is the deletion log's own.
    deleted: (table number, record id) of the deletion log since its mark.
    """

    rows: dict[str, list[Row]]
    whole: frozenset[str] = frozenset()
    marks: dict[str, str] = {}
    deleted: tuple[tuple[int, str], ...] = ()


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
    """One service, as the engine meets it.

    A row is a dictionary of the columns asked for, by name, with `id` (lower-case GUID), `@odata.etag` and
    `modifiedBy` (the id of who wrote this version). A look-up is the id, or `entity/id` where several tables
    are possible.
    """

    @property
    def requests(self) -> int:
        """HTTP requests so far, retries included, token requests not; a batch counts once."""
        ...

    async def opening(self, references: Sequence[Reference], marks: dict[str, str]) -> Opening:
        """The opening of a run, in one `$batch`: the reference tables, and what the service's own feeds need
        (BC: the row versions and the deletion log). An empty `marks` reads everything."""
        ...

    def changes(self, table: str, columns: Sequence[str], token: str | None) -> AsyncIterator[Page]:
        """What changed since the token; without one every row. The last page carries the next token."""
        ...

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these ids; an id that the service does not have is left out."""
        ...

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """The answers in the order of the writes."""
        ...


class Store(Protocol):
    """The state of one mapping of one connection."""

    async def token(self, side: Side, table: str, columns: Sequence[str]) -> str | None:
        """Where the feed stands; None before its first read and after its columns changed."""
        ...

    async def take_in(
        self, side: Side, table: str, columns: Sequence[str], changes: Sequence[Change], token: str | None
    ) -> None:
        """Puts a page into the inbox and moves the feed's token, in one transaction."""
        ...

    async def wake(self, reason: str) -> None:
        """Makes the inbox rows due that stay for this reason."""
        ...

    async def due(self, limit: int) -> list[Change]:
        """Inbox rows whose time has come, oldest first."""
        ...

    async def waiting(self, side: Side, ids: Sequence[str]) -> dict[str, Change]:
        """The inbox rows of these records, due or not."""
        ...

    async def couplings(self, left: Sequence[str], right: Sequence[str]) -> list[Coupling]:
        """The couplings in which any of these records stands."""
        ...

    async def journal(self, job: int, intents: Sequence[Intent]) -> None:
        """Commits what is about to be written, before it is."""
        ...

    async def opened(self, job: int, side: Side, ids: Sequence[str]) -> set[str]:
        """Those of these ids for which an earlier job left an intent open."""
        ...

    async def settle(self, job: int, settled: Sequence[Settled]) -> None:
        """One batch's outcome in one transaction: couplings with bases, inbox rows, intents."""
        ...

    async def open_job(self, kind: str) -> int:
        """A new job; its number."""
        ...

    async def close_job(self, job: int, counts: dict[str, dict[str, int]]) -> None:
        """The job is over; its counts are kept."""
        ...
