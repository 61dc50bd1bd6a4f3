"""The rows of one service: one store for every table, whatever the table means.

A row is a plain dict from column key to value and is never changed once stored: a change makes a new dict.
So reads need no copies, and a snapshot is a shallow copy. Values are str (texts, lower-case GUIDs, times in
the service's own form, which sort as text), int, Decimal, bool; an absent key means null.

Every change takes the next row version of the service. Each table's dict keeps its rows in the order of
their versions, so what changed since a version is found from the end without reading the rest.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kobling_sandbox.rows import DuplicateKeyError, Row, TableRows
from kobling_sandbox.tables import Table

__all__ = [
    "Clock",
    "DuplicateKeyError",
    "Row",
    "RowLockedError",
    "Store",
    "SystemColumns",
    "TableRows",
    "Tombstone",
]

_FIRST_VERSION = 100_000


class RowLockedError(Exception):
    """Another transaction, still open, has changed the row."""


@dataclass(slots=True)
class Clock:
    """The service's own time: the computer's plus an offset that a test control sets.

    `fraction_digits` is 0 (Dataverse, `2024-01-31T12:00:00Z`) or 3 (BC, milliseconds).
    """

    fraction_digits: int = 0
    offset_seconds: float = 0.0
    _tick: int = -1
    _text: str = ""

    def now(self) -> datetime:
        """The time with zone UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)

    def text(self) -> str:
        """The time as the service writes it."""
        # A batch asks hundreds of times within one step of the clock.
        tick = int((time.time() + self.offset_seconds) * 10**self.fraction_digits)
        if tick != self._tick:
            self._tick, self._text = tick, format_time(self.now(), self.fraction_digits)
        return self._text


def format_time(moment: datetime, fraction_digits: int) -> str:
    """A time with zone as `2024-01-31T12:00:00Z` or `2024-01-31T12:00:00.000Z`; further digits are cut."""
    utc = moment.astimezone(UTC)
    text = f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}"
    return f"{text}.{utc.microsecond // 1000:03}Z" if fraction_digits else f"{text}Z"


def new_identifier() -> str:
    """A random GUID in lower case; the uuid module takes three times as long for the same text."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemColumns:
    """The keys under which the store itself writes the version, the times and the users of a row."""

    version: str
    created_at: str
    created_by: str
    modified_at: str
    modified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A deletion: which row, at which row version, when and by which user. `row` is its last state."""

    table: str
    company: str
    id: str
    version: int
    deleted_at: str
    deleted_by: str
    row: Row


@dataclass(slots=True)
class _Pending:
    """A change that its transaction has not committed: `row` is None for a deletion."""

    rows: TableRows
    id: str
    row: Row | None
    version: int
    user: str


class Store:
    """All rows of one service: changes, row versions, deletions, open transactions, snapshots."""

    def __init__(self, tables: Mapping[str, Table], system: SystemColumns, clock: Clock) -> None:
        self.tables = tables
        self.system = system
        self.clock = clock
        self.version = _FIRST_VERSION
        self.tombstones: list[Tombstone] = []
        self._spaces: dict[tuple[str, str], TableRows] = {}
        self._unique: dict[str, list[tuple[str, ...]]] = {}
        self._counting: set[tuple[str, ...]] = set()
        self._armed: set[str] = set()
        self._pending: list[_Pending] = []
        self._undo: list[Callable[[], None]] | None = None
        # (table, company) that have changed since somebody was told.
        self.changed: set[tuple[str, str]] = set()

    def add_unique(self, table: str, columns: tuple[str, ...], *, blanks_count: bool = False) -> None:
        """Declares a unique key of a table, by the keys of the stored row. Call before rows are stored.

        With `blanks_count` two rows that lack the same part of a key of several columns are equal in it.
        """
        self._unique.setdefault(table, []).append(columns)
        if blanks_count:
            self._counting.add(columns)

    def rows(self, table: str, company: str = "") -> TableRows:
        """The rows of a table; a BC company is named by its identifier. KeyError for an unknown table."""
        space = self._spaces.get((table, company))
        if space is None:
            space = TableRows(self.tables[table], company)
            space.unique = {columns: {} for columns in self._unique.get(table, ())}
            space.counting = frozenset(self._counting.intersection(space.unique))
            self._spaces[(table, company)] = space
        return space

    def companies(self, table: str) -> list[str]:
        """The companies in which the table holds rows."""
        return [company for name, company in self._spaces if name == table]

    def insert(self, table: str, row: Row, *, user: str, company: str = "", identifier: str = "") -> Row:
        """Creates a row, stamped with version, times and users, and answers it.

        Without an identifier a new one is made. Raises DuplicateKeyError, also for an identifier in use.
        A caller that set the created time in `row` keeps it.
        """
        rows = self.rows(table, company)
        key = rows.table.key
        identifier = identifier or new_identifier()
        if identifier in rows.by_id or self._is_pending(rows, identifier):
            raise DuplicateKeyError(table, (key,), (identifier,))
        system = self.system
        new = dict(row)
        new[key] = identifier
        now = self.clock.text()
        new.setdefault(system.created_at, now)
        new.setdefault(system.created_by, user)
        new[system.modified_at] = now
        new[system.modified_by] = user
        if rows.unique:
            rows.check_unique(new, identifier)
        return self._store(rows, identifier, new, user)

    def update(self, table: str, identifier: str, changes: Row, *, user: str, company: str = "") -> Row:
        """Replaces the values of these keys (None clears), stamps the row and answers it.

        Raises KeyError when there is no such row, DuplicateKeyError, and RowLockedError when another
        transaction holds it.
        """
        rows = self.rows(table, company)
        new = dict(rows.by_id[identifier])
        for key, value in changes.items():
            if value is None:
                new.pop(key, None)
            else:
                new[key] = value
        new[self.system.modified_at] = self.clock.text()
        new[self.system.modified_by] = user
        if self._pending and self._is_pending(rows, identifier):
            raise RowLockedError(f"{table} {identifier}")
        if rows.unique:
            rows.check_unique(new, identifier)
        return self._store(rows, identifier, new, user)

    def delete(self, table: str, identifier: str, *, user: str, company: str = "") -> None:
        """Deletes a row and keeps a tombstone. Raises KeyError and RowLockedError as `update` does."""
        rows = self.rows(table, company)
        if identifier not in rows.by_id:
            raise KeyError(identifier)
        if self._is_pending(rows, identifier):
            raise RowLockedError(f"{table} {identifier}")
        self.version += 1
        if table in self._armed:
            self._armed.discard(table)
            self._pending.append(_Pending(rows, identifier, None, self.version, user))
            return
        self._bury(rows, identifier, self.version, user)

    def deleted_since(self, version: int, table: str = "", company: str = "") -> list[Tombstone]:
        """Deletions with a higher row version, oldest first, of one table or of all."""
        start = bisect_right(self.tombstones, version, key=lambda tombstone: tombstone.version)
        return [
            tombstone
            for tombstone in self.tombstones[start:]
            if (not table or tombstone.table == table) and tombstone.company == company
        ]

    @property
    def minimum_active_version(self) -> int:
        """The lowest row version of an open transaction, else the next one: all below it are committed."""
        return min((change.version for change in self._pending), default=self.version + 1)

    def open_transaction(self, table: str) -> None:
        """The table's next change stays uncommitted: not to be read, and it holds the minimum version."""
        assert table in self.tables, table
        self._armed.add(table)

    def commit_transactions(self, table: str = "") -> int:
        """Commits the open changes of the table, or of all; answers how many there were."""
        chosen = [change for change in self._pending if not table or change.rows.table.name == table]
        self._armed = {name for name in self._armed if table and name != table}
        self._pending = [change for change in self._pending if change not in chosen]
        for change in chosen:
            self._commit(change)
        return len(chosen)

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undoes every change made inside when the block raises, row versions apart. Nests into the outer."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        finally:
            self._undo = None

    def counts(self) -> dict[str, int]:
        """Rows by table, over all companies, tables without rows too."""
        counts = dict.fromkeys(self.tables, 0)
        for (table, _), rows in self._spaces.items():
            counts[table] += len(rows)
        return counts

    def load(self, table: str, rows: Iterable[Row], company: str = "") -> None:
        """Stores rows as they are, each with its identifier; system values that are missing are set."""
        space, system, now = self.rows(table, company), self.system, self.clock.text()
        for given in rows:
            row = {key: value for key, value in given.items() if value is not None}
            row.setdefault(system.created_at, now)
            row.setdefault(system.modified_at, row[system.created_at])
            space.check_unique(row, row[space.table.key])
            self.version += 1
            row[system.version] = self.version
            space.put(row[space.table.key], row)

    def snapshot(self) -> dict[str, Any]:
        """The whole content, for `restore` and for a JSON file. Open transactions are not part of it."""
        return {
            "version": self.version,
            "tables": [
                [table, company, list(rows.by_id.values())] for (table, company), rows in self._items()
            ],
            "tombstones": [
                [t.table, t.company, t.id, t.version, t.deleted_at, t.deleted_by, t.row]
                for t in self.tombstones
            ],
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Makes the content that of the snapshot; open transactions are forgotten."""
        self._armed, self._pending, self._spaces = set(), [], {}
        for table, company, stored in snapshot["tables"]:
            rows = self.rows(table, company)
            for row in stored:
                rows.put(row[rows.table.key], row)
        self.version = snapshot["version"]
        self.tombstones = [
            Tombstone(
                table=t[0], company=t[1], id=t[2], version=t[3], deleted_at=t[4], deleted_by=t[5], row=t[6]
            )
            for t in snapshot["tombstones"]
        ]

    def _items(self) -> list[tuple[tuple[str, str], TableRows]]:
        return list(self._spaces.items())

    def _is_pending(self, rows: TableRows, identifier: str) -> bool:
        if not self._pending:
            return False
        return any(change.rows is rows and change.id == identifier for change in self._pending)

    def _store(self, rows: TableRows, identifier: str, row: Row, user: str) -> Row:
        self.version += 1
        row[self.system.version] = self.version
        if self._armed and rows.table.name in self._armed:
            self._armed.discard(rows.table.name)
            self._pending.append(_Pending(rows, identifier, row, self.version, user))
            return row
        self.changed.add((rows.table.name, rows.company))
        old = rows.put(identifier, row)
        if self._undo is not None:
            self._undo.append(lambda: self._put_back(rows, identifier, old))
        return row

    def _bury(self, rows: TableRows, identifier: str, version: int, user: str) -> None:
        self.changed.add((rows.table.name, rows.company))
        old = rows.remove(identifier)
        tombstone = Tombstone(
            table=rows.table.name,
            company=rows.company,
            id=identifier,
            version=version,
            deleted_at=self.clock.text(),
            deleted_by=user,
            row=old,
        )
        self.tombstones.append(tombstone)
        if self._undo is not None:
            self._undo.append(lambda: self._unbury(rows, tombstone))

    def _commit(self, change: _Pending) -> None:
        if change.row is None:
            self._bury(change.rows, change.id, change.version, change.user)
            self.tombstones.sort(key=lambda tombstone: tombstone.version)
            return
        self.changed.add((change.rows.table.name, change.rows.company))
        change.rows.put(change.id, change.row)
        change.rows.sort_by_version(self.system.version)

    def _put_back(self, rows: TableRows, identifier: str, old: Row | None) -> None:
        rows.remove(identifier)
        if old is not None:
            rows.put(identifier, old)
            rows.sort_by_version(self.system.version)

    def _unbury(self, rows: TableRows, tombstone: Tombstone) -> None:
        self.tombstones.remove(tombstone)
        rows.put(tombstone.id, tombstone.row)
        rows.sort_by_version(self.system.version)
