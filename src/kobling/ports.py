"""What the engine needs of the world: a service behind each side, and a store for the state of a mapping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from kobling.model import state
from kobling.model.look_up import Reference
from kobling.model.mapping import Side, Table
from kobling.model.pair import Crossing
from kobling.model.state import Change, Coupling, Found, Intent, NewPairs, Open, Report, Settled

Row = dict[str, Any]
# The mark of the deletion log.
DELETIONS: Final = "deletedRecords"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What the one opening batch of a run brought.

    rows: by reference name; all rows of the reference where `whole` names it, else those above its mark.
    marks: the new marks by reference name, to be given next time; `DELETIONS` is the deletion log's own.
    deleted: (table number, record id) of the deletion log since its mark.
    """

    rows: dict[str, list[Row]]
    whole: frozenset[str] = frozenset()
    marks: dict[str, str] = {}
    deleted: tuple[tuple[int, str], ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a feed: changed rows, ids of tombstones, and the token that stands after the last page.

    present: of a feed that tells of no deletions, ids that there are; all pages together name every id.
    """

    rows: list[Row]
    deleted: list[str]
    token: str | None
    present: list[str] | None = None


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

    __hash__ = str.__hash__

    DONE = "done"
    STALE = "stale"
    EXISTS = "exists"
    GONE = "gone"
    REJECTED = "rejected"
    TRANSIENT = "transient"


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

    def changes(
        self, table: str, columns: Sequence[str], token: str | None, only: Table | None = None
    ) -> AsyncIterator[Page]:
        """What changed since the token; without one every row. The last page carries the next token.

        only: without a token, rows outside this table's filter may be left out; nobody needs them.
        """
        ...

    def inside(self, table: Table, columns: Sequence[str]) -> AsyncIterator[list[Row]]:
        """Every row that is inside the table's filter, and perhaps others, in pages. It begins no feed."""
        ...

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these ids; an id that the service does not have is left out."""
        ...

    async def find(self, table: str, columns: Sequence[str], column: str, values: Sequence[str]) -> list[Row]:
        """The rows whose column has one of these values."""
        ...

    async def created_by(self, table: str, user: str) -> list[str]:
        """Records that this user created, a page of them at most; none where the service does not tell."""
        ...

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """The answers in the order of the writes."""
        ...


class MappingState(Protocol):
    """The state of one mapping: couplings, inbox, intents. `turn` is the wave of the run in hand."""

    async def due(
        self,
        limit: int,
        turn: int,
        *,
        side: Side | None = None,
        ids: Sequence[str] | None = None,
        slices: Collection[int] | None = None,
    ) -> list[Change]:
        """Inbox rows whose time has come, oldest first; of one side, of these records or slices only."""
        ...

    async def pending(self) -> tuple[int, int]:
        """How many coupled pairs are due with a record that is said to be deleted, and with a changed one."""
        ...

    async def count(self) -> int:
        """How many coupled pairs there are."""
        ...

    async def waiting(self, side: Side, ids: Sequence[str]) -> dict[str, Change]:
        """The inbox rows of these records, due or not."""
        ...

    async def rows_of(self, ids: Sequence[str]) -> list[Change]:
        """All inbox rows of these records, of either side."""
        ...

    async def put(self, changes: Sequence[Change], turn: int = 0) -> None:
        """Puts rows into the inbox; they are due from that wave on."""
        ...

    async def couplings(self, left: Sequence[str], right: Sequence[str]) -> list[Coupling]:
        """The couplings in which any of these records stands."""
        ...

    async def same_versions(self, side: Side, versions: Mapping[str, str]) -> dict[str, str]:
        """Those of these records (by id, with the left id of the pair) whose pair is settled, waits for
        nothing, and knows this very version."""
        ...

    async def some_coupled(self, side: Side, but: Sequence[str], count: int) -> list[str]:
        """A few other coupled records of that side."""
        ...

    async def look_up(self, side: Side, keys: Sequence[str]) -> dict[str, Found]:
        """The coupled partners on `side`: right ids by left key, or left numbers by right id."""
        ...

    async def parts(self, numbers: Sequence[str]) -> dict[str, int]:
        """How many left records of each of these numbers are coupled, if any."""
        ...

    async def generations(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these records has been uncoupled, if ever."""
        ...

    async def own_versions(self, ids: Sequence[str]) -> dict[str, str]:
        """The versions that we ourselves wrote last of these records, which have no coupling."""
        ...

    async def crossings(self, ids: Sequence[str]) -> dict[str, list[Crossing]]:
        """What was written to these pairs within the last hour, by left id, oldest first."""
        ...

    async def left_out(self, ids: Sequence[str]) -> dict[str, str]:
        """Of these records those whose creation was undone, with the number of the job that it was."""
        ...

    async def release(self, ids: Sequence[str]) -> None:
        """These records take part again, though a creation made of them was undone."""
        ...

    async def couple(self, coupled: Sequence[Coupling]) -> None:
        """Makes these couplings, or brings them up to date."""
        ...

    async def uncouple(self, gone: Sequence[Coupling]) -> None:
        """Removes couplings and their inbox rows."""
        ...

    async def wake(self, keys: Sequence[str], turn: int = 0) -> None:
        """What waits for one of these keys, in any mapping of the connection, is due."""
        ...

    async def journal(self, job: int, intents: Sequence[Intent], slices: Collection[int] = ()) -> int:
        """Commits what is about to be written, before it is; the entry's number. slices: see `SharedJob`."""
        ...

    async def forget_intents(self, job: int) -> None:
        """A run has been through everything: what earlier jobs left open is settled, or open under it."""
        ...

    async def open_intents(self, job: int) -> list[Intent]:
        """What earlier jobs journalled and did not settle, oldest first."""
        ...

    async def settle(
        self,
        job: int,
        turn: int,
        settled: Sequence[Settled],
        entry: int = 0,
        new: Sequence[NewPairs] = (),
    ) -> None:
        """One batch's outcome in one transaction: couplings, inbox rows, audit; its journal entry goes."""
        ...

    def conflicts(self) -> AsyncIterator[tuple[Coupling, tuple[str, ...]]]:
        """The pairs that wait for a person to resolve them, with the contested fields; one by one."""
        ...

    async def held(self) -> list[Coupling]:
        """The pairs with columns that the integration user changed, until a person speaks for them."""
        ...

    async def staying(self, reasons: Sequence[str]) -> list[Change]:
        """The rows that stay for one of these reasons."""
        ...

    async def page(self, after: str, limit: int) -> list[Coupling]:
        """Couplings in the order of their left ids, from the one after `after` on."""
        ...

    async def named(self, numbers: Sequence[str]) -> list[Coupling]:
        """The couplings whose left record has one of these numbers."""
        ...

    async def open_counts(self) -> Open:
        """How many records stay, by reason."""
        ...


class SharedJob(Protocol):
    """A job that several workers share, as one of them sees it."""

    async def invite(self, turn: int | None, fingerprint: str = "") -> None:
        """Other workers may take part in this wave; None: in none."""

    async def turn(self) -> int | None:
        """The wave in which others may take part; None where the job is over, or a later run waits for us."""

    def joined(self) -> AbstractAsyncContextManager[None]:
        """We count as one of its workers until the end, or our death."""

    async def due(self, turn: int, limit: int) -> int:
        """How many rows are due by that wave, counted up to a limit."""

    def slices(self, but: Collection[int]) -> AbstractAsyncContextManager[list[int]]:
        """Holds our share of the slices that nobody else holds, which are hashed by pair."""

    async def orphans(self, slices: Collection[int]) -> list[tuple[int, list[Intent]]]:
        """What dead workers of the job left open in these slices, which we hold; by numbers of entries."""

    async def known(self, keys: Sequence[str]) -> list[state.Tally]:
        """What these pairs came to so far."""

    async def keep(
        self, tallies: Sequence[state.Tally], part: state.Part, warnings: Sequence[state.Failure]
    ) -> None:
        """What pairs came to, and all that this worker has done so far; in the transaction in hand."""

    async def others(self) -> list[state.Part]:
        """What the other workers have done."""

    async def failures(self) -> list[state.Failure]:
        """What could not be settled, by whomever."""


class State(Protocol):
    """The state of one connection: feeds, reference tables, jobs and locks."""

    async def token(self, side: Side, table: str, columns: Sequence[str]) -> str | None:
        """Where the feed stands; None before its first read and after its columns changed."""
        ...

    async def take_in(
        self,
        side: Side,
        table: str,
        columns: Sequence[str],
        pages: Mapping[str, Sequence[Change]],
        token: str | None,
    ) -> None:
        """Puts a page into the inbox of each mapping and moves the feed's token, in one transaction."""
        ...

    async def marks(self) -> dict[str, str]:
        """How far the reference tables and the deletion log were read."""
        ...

    async def keep_mark(self, name: str, mark: str) -> None:
        """Stores one mark."""
        ...

    async def references(self, names: Sequence[str]) -> dict[str, list[Row]]:
        """The rows of these reference tables as they were last read."""
        ...

    async def save(self, references: Sequence[Reference], opening: Opening) -> dict[str, list[Row]]:
        """Stores what an opening brought; gives the rows that changed, new and old ones, by table."""
        ...

    async def written_elsewhere(self, versions: Mapping[str, str]) -> set[str]:
        """Of these records on the right those of which another connection knows this version as its own; ''
        is any version."""
        ...

    async def wake_couplings(self, name: str, keys: Collection[str] | None, turn: int = 0) -> None:
        """Coupled pairs whose base holds one of these values, or all, may have another input now; they are
        due from that wave on."""
        ...

    async def hint_deleted(self, name: str, ids: Sequence[str]) -> None:
        """Records that the deletion log names, of one mapping."""
        ...

    async def begin(self, names: Sequence[str]) -> None:
        """A run of these mappings begins: what failed in passing is tried again."""
        ...

    async def untouched(self, names: Sequence[str]) -> bool:
        """Whether these mappings have no coupling, and nothing in the inbox."""
        ...

    async def watched(self, names: Sequence[str]) -> list[str]:
        """A full read begins; those of its mappings that had couplings before the run."""
        ...

    async def note_read(self, ids: Sequence[str]) -> None:
        """The full read in hand has brought these records."""
        ...

    async def missed(self, name: str, side: Side) -> list[str]:
        """The coupled records of a mapping that the full read in hand has not brought."""
        ...

    async def open_job(self, name: str, kind: str) -> int:
        """A new job of a mapping; its number."""
        ...

    async def close_job(self, job: int, status: str, report: Report) -> None:
        """The job is over; its counts and errors are kept."""
        ...

    def shared(self, name: str, job: int) -> SharedJob:
        """A job of a mapping, as one of the workers that share it."""
        ...

    def slices(self, name: str) -> AbstractAsyncContextManager[Collection[int] | None]:
        """Holds the free slices of a mapping's inbox, which are hashed by pair; None for all of them."""
        ...

    def together(self) -> AbstractAsyncContextManager[None]:
        """What is stored inside is stored as one."""
        ...
