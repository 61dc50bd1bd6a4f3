"""The rows of one table, with their unique keys and indexes."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kobling_sandbox.tables import Table

Row = dict[str, Any]


class DuplicateKeyError(Exception):
    """The change would give two rows one key: `columns` names it, `values` are the values."""

    def __init__(self, table: str, columns: tuple[str, ...], values: tuple[Any, ...]) -> None:
        super().__init__(f"{table} {dict(zip(columns, values, strict=True))} already exists")
        self.table, self.columns, self.values = table, columns, values


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


@dataclass(slots=True)
class TableRows:
    """The rows of one table (and one company), with its unique keys and its indexes.

    `by_id` is ordered by row version: use it to read, change it only through the store. `counting` are the
    unique keys in which an absent part is a value like any other (BC's blanks), not a null that frees them.
    """

    table: Table
    company: str
    by_id: dict[str, Row] = field(default_factory=dict)
    unique: dict[tuple[str, ...], dict[tuple[Any, ...], str]] = field(default_factory=dict)
    indexes: dict[str, dict[Any, dict[str, None]]] = field(default_factory=dict)
    counting: frozenset[tuple[str, ...]] = frozenset()
    _order: list[str] = field(default_factory=list)
    _unsorted: bool = False

    def __len__(self) -> int:
        return len(self.by_id)

    def get(self, identifier: str) -> Row | None:
        """The committed row, or None."""
        return self.by_id.get(identifier)

    def find(self, key: str, value: Any) -> list[Row]:
        """The rows whose value under this key equals the value; letters' case does not matter.

        The first call for a key builds an index, which is kept up from then on.
        """
        index = self.indexes.get(key)
        if index is None:
            index = self.indexes[key] = {}
            for identifier, row in self.by_id.items():
                index.setdefault(_fold(row.get(key)), {})[identifier] = None
        return [self.by_id[identifier] for identifier in index.get(_fold(value), ())]

    def by_key(self, columns: tuple[str, ...], values: tuple[Any, ...]) -> Row | None:
        """The row of a unique key, declared by `Store.add_unique` or as an alternate key."""
        identifier = self.unique[columns].get(tuple(map(_fold, values)))
        return None if identifier is None else self.by_id.get(identifier)

    def since(self, version: int, version_key: str) -> list[Row]:
        """The rows with a higher row version, in the order of their versions."""
        found = []
        for row in reversed(self.by_id.values()):
            if row[version_key] <= version:
                break
            found.append(row)
        found.reverse()
        return found

    def ordered(self, after: str = "") -> Iterator[Row]:
        """All rows in the order of their identifiers, after this one: pages keep their place."""
        if self._unsorted:
            self._order = sorted(self.by_id)
            self._unsorted = False
        order = self._order
        for position in range(bisect_right(order, after), len(order)):
            row = self.by_id.get(order[position])
            if row is not None:
                yield row

    def check_unique(self, row: Row, identifier: str) -> None:
        """Raises DuplicateKeyError when another row holds one of the row's unique keys. A null frees it."""
        for columns, taken in self.unique.items():
            key = self._key_of(row, columns)
            if key is not None and taken.get(key, identifier) != identifier:
                values = tuple(row.get(column, "") for column in columns)
                raise DuplicateKeyError(self.table.name, columns, values)

    def put(self, identifier: str, row: Row) -> Row | None:
        """Stores the row as the newest and answers the one it replaces. For the store only."""
        old = self.by_id.pop(identifier, None)
        self.by_id[identifier] = row
        if old is None:
            self._unsorted = True
        if self.unique or self.indexes:
            self._reindex(identifier, old, row)
        return old

    def remove(self, identifier: str) -> Row:
        """Takes the row out. For the store only."""
        old = self.by_id.pop(identifier)
        self._reindex(identifier, old, None)
        return old

    def sort_by_version(self, version_key: str) -> None:
        """Restores the order of versions after a row came in with an older one. For the store only."""
        self.by_id = dict(sorted(self.by_id.items(), key=lambda item: item[1][version_key]))
        self._unsorted = True

    def _reindex(self, identifier: str, old: Row | None, new: Row | None) -> None:
        for columns, taken in self.unique.items():
            before = None if old is None else self._key_of(old, columns)
            after = None if new is None else self._key_of(new, columns)
            if before == after:
                continue
            if before is not None and taken.get(before) == identifier:
                del taken[before]
            if after is not None:
                taken[after] = identifier
        for name, index in self.indexes.items():
            was = None if old is None else _fold(old.get(name))
            now = None if new is None else _fold(new.get(name))
            if old is not None and (new is None or was != now):
                index.get(was, {}).pop(identifier, None)
            if new is not None and (old is None or was != now):
                index.setdefault(now, {})[identifier] = None

    def _key_of(self, row: Row, columns: tuple[str, ...]) -> tuple[Any, ...] | None:
        """The key by which rows are told apart, None when a null in it frees the row."""
        if len(columns) == 1:
            value = row.get(columns[0])
            return None if value is None else (value.casefold() if type(value) is str else value,)
        values = tuple([_fold(row.get(column)) for column in columns])
        return None if None in values and columns not in self.counting else values
