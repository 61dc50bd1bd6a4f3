"""Creating, changing and deleting rows of one company, with the checks that every table shares.

What single tables do beyond that (a customer's contact, a contact's company): `business_central_rules`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kobling_sandbox.business_central_errors import (
    BusinessCentralError,
    dialog,
    invalid_relation,
    same_key,
)
from kobling_sandbox.business_central_values import blank
from kobling_sandbox.rows import DuplicateKeyError, Row, TableRows
from kobling_sandbox.store import RowLockedError, Store
from kobling_sandbox.tables import Column, Table

Derive = Callable[["Company", Row | None, Row], None]
AfterCreate = Callable[["Company", Row], None]
AfterChange = Callable[["Company", Row, Row], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a table does by itself. Each has the old row (None at a creation) and may read the company.

    `derive` completes the values of a creation or change before they are checked and stored.
    """

    derive: Derive | None = None
    after_create: AfterCreate | None = None
    after_change: AfterChange | None = None
    after_delete: AfterCreate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A column whose values must stand in another table's key.

    It holds while the row's own columns in `when` have these values; `where` names columns of the related
    row that must equal columns of the row itself: a unit of the same item.
    """

    column: Column
    table: str
    key: str
    when: Mapping[str, str] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)

    def holds(self, read: Callable[[str], object]) -> bool:
        """Whether the relation goes for a row whose values `read` gives."""
        return all(read(name) == value for name, value in self.when.items())

    def accepts(self, read: Callable[[str], object], related: Row) -> bool:
        """Whether this related row is one of those that the row may name."""
        return all(_fold(related.get(theirs)) == _fold(read(own)) for theirs, own in self.where.items())


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the writes need of a table, worked out once."""

    blanks: Mapping[str, object]
    relations: tuple[Relation, ...]
    required: tuple[Column, ...]
    primary: tuple[str, ...]
    dated: bool
    series: "Series | None"
    template: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Series:
    """A number series: the text before the digits, the first number, how many digits, how far apart."""

    prefix: str
    first: int
    digits: int
    step: int


@dataclass(slots=True)
class Tables:
    """The facts and rules of all tables, and the last number given out of each number series."""

    store: Store
    rules: Mapping[str, Rules]
    facts: dict[str, _Facts] = field(default_factory=dict)
    referring: dict[tuple[str, str], list[tuple[str, Relation]]] = field(default_factory=dict)
    numbers: dict[tuple[str, str], tuple[TableRows, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in self.store.tables.values():
            facts = self.facts[table.name] = _facts(table)
            for relation in facts.relations:
                self.referring.setdefault((relation.table, relation.key), []).append((table.name, relation))

    def declare_keys(self) -> None:
        """Makes the primary keys unique. Call once, before the store holds rows."""
        for name, facts in self.facts.items():
            if facts.primary:
                self.store.add_unique(name, facts.primary, blanks_count=True)


def _facts(table: Table) -> _Facts:
    columns = table.columns.values()
    return _Facts(
        blanks={column.name: blank(column) for column in columns},
        relations=tuple(relation for column in columns for relation in _relations(column)),
        required=tuple(column for column in columns if column.required),
        primary=tuple(table.rules.get("primary", ())),
        dated="lastDateModified" in table.columns,
        series=_series(table.rules["numbers"]) if "numbers" in table.rules else None,
        template=table.rules.get("template", {}),
    )


def _relations(column: Column) -> Iterator[Relation]:
    rules = column.rules
    given = [{"to": rules["relation"], **rules}] if "relation" in rules else rules.get("relations", ())
    for each in given:
        table, _, key = each["to"].rpartition(".")
        when, where = each.get("when", {}), each.get("where", {})
        yield Relation(column=column, table=table, key=key, when=when, where=where)


def _fold(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _series(numbers: Mapping[str, Any]) -> Series:
    parts = re.fullmatch(r"(.*?)(\d+)", numbers["first"])
    assert parts is not None, "a number series ends in digits"
    return Series(parts[1], int(parts[2]), len(parts[2]), numbers["step"])


class Company:
    """One company as one user changes it. Nothing here is undone by itself: see `Store.all_or_nothing`."""

    def __init__(self, tables: Tables, company: str, user: str) -> None:
        self.tables, self.company, self.user = tables, company, user
        self.store = tables.store
        self.today = self.store.clock.text()[:10]

    def find(self, table: str, key: str, value: object) -> list[Row]:
        """The rows of a table with this value, letters' case aside; none for a blank."""
        return self.store.rows(table, self.company).find(key, value) if value else []

    def create(self, table_name: str, values: Row, identifier: str = "") -> Row:
        """Stores a new row and lets the table's rules follow. Raises BusinessCentralError."""
        table, facts, rules = self._of(table_name)
        self._check_relations(facts, table, values, None)
        if facts.series is not None and not values.get(facts.primary[0]):
            values[facts.primary[0]] = self._next_number(table, facts.primary, facts.series)
        # The table's template gives what was not sent; a blank that was sent stays blank.
        if facts.template:
            values = {**facts.template, **values}
        if rules.derive is not None:
            rules.derive(self, None, values)
        _check_required(facts, table, values)
        blanks = facts.blanks
        row = {key: value for key, value in values.items() if value != blanks[key]}
        if facts.dated:
            row["lastDateModified"] = self.today
        try:
            stored = self.store.insert(
                table_name, row, user=self.user, company=self.company, identifier=identifier
            )
        except DuplicateKeyError as error:
            raise _taken(table, error) from None
        if rules.after_create is not None:
            rules.after_create(self, stored)
        return stored

    def change(self, table_name: str, old: Row, values: Row) -> Row:
        """Stores the values over the row and lets the rules follow. Raises BusinessCentralError."""
        table, facts, rules = self._of(table_name)
        self._check_relations(facts, table, values, old)
        if rules.derive is not None:
            rules.derive(self, old, values)
        _check_required(facts, table, old | values)
        blanks = facts.blanks
        changes: Row = {key: None if value == blanks[key] else value for key, value in values.items()}
        if facts.dated:
            changes["lastDateModified"] = self.today
        new = self._update(table, old, changes)
        for key in facts.primary:
            if old.get(key) != new.get(key):
                self._rename(table_name, key, old, new)
        if rules.after_change is not None:
            rules.after_change(self, old, new)
        return new

    def delete(self, table_name: str, row: Row) -> None:
        """Deletes the row and lets the rules follow."""
        table, _, rules = self._of(table_name)
        try:
            self.store.delete(table_name, row["id"], user=self.user, company=self.company)
        except RowLockedError:
            raise _locked(table) from None
        if rules.after_delete is not None:
            rules.after_delete(self, row)

    def _of(self, name: str) -> tuple[Table, _Facts, Rules]:
        return self.store.tables[name], self.tables.facts[name], self.tables.rules.get(name, _NO_RULES)

    def _update(self, table: Table, old: Row, changes: Row) -> Row:
        try:
            return self.store.update(table.name, old["id"], changes, user=self.user, company=self.company)
        except DuplicateKeyError as error:
            raise _taken(table, error) from None
        except RowLockedError:
            raise _locked(table) from None

    def _check_relations(self, facts: _Facts, table: Table, values: Row, old: Row | None) -> None:
        for relation in facts.relations:
            value = values.get(relation.column.name)
            if not value or (old is not None and old.get(relation.column.name) == value):
                continue
            if not self._finds(facts, relation, value, values, old):
                related = self.store.tables[relation.table].caption
                raise invalid_relation(relation.column.caption, table.caption, value, related)

    def _finds(self, facts: _Facts, relation: Relation, value: object, values: Row, old: Row | None) -> bool:
        found = self.find(relation.table, relation.key, value)
        if not (relation.when or relation.where):
            return bool(found)

        def read(name: str) -> object:
            """The row's value after the write."""
            given = facts.template if old is None else old
            return values[name] if name in values else given.get(name, facts.blanks[name])

        return not relation.holds(read) or any(relation.accepts(read, row) for row in found)

    def _next_number(self, table: Table, primary: tuple[str, ...], series: Series) -> str:
        """The series' next number that no row has yet; numbers given by hand leave no gaps behind."""
        place = (table.name, self.company)
        taken = self.store.rows(table.name, self.company)
        known, number = self.tables.numbers.get(place, (None, 0))
        if known is not taken:  # the first number, or the first after a reset
            number = series.first - series.step
        while True:
            number += series.step
            text = f"{series.prefix}{number:0{series.digits}}"
            if taken.by_key(primary, (text,)) is None:
                self.tables.numbers[place] = (taken, number)
                return text

    def _rename(self, table: str, key: str, old: Row, new: Row) -> None:
        """A changed key is changed wherever it is referred to."""
        for referring, relation in self.tables.referring.get((table, key), ()):
            name, blanks = relation.column.name, self.tables.facts[referring].blanks
            for row in self.find(referring, name, old.get(key)):

                def read(column: str, row: Row = row, blanks: Mapping[str, object] = blanks) -> object:
                    return row.get(column, blanks[column])

                if relation.holds(read) and relation.accepts(read, old):
                    self._update(self.store.tables[referring], row, {name: new.get(key)})


_NO_RULES = Rules()


def _check_required(facts: _Facts, table: Table, values: Row) -> None:
    for column in facts.required:
        if values.get(column.name, facts.blanks[column.name]) == facts.blanks[column.name]:
            raise dialog(
                f"{column.caption} must have a value in {table.caption}. It cannot be zero or empty."
            )


def identification(table: Table, columns: tuple[str, ...], values: tuple[object, ...]) -> str:
    """The key of a row as error texts show it: `No.='C00010'`."""
    pairs = zip(columns, values, strict=True)
    return ",".join(f"{table.columns[name].caption}='{value}'" for name, value in pairs)


def _taken(table: Table, error: DuplicateKeyError) -> BusinessCentralError:
    return same_key(table.caption, identification(table, error.columns, error.values))


def _locked(table: Table) -> BusinessCentralError:
    return BusinessCentralError(
        503,
        "Internal_ServerError",
        f"The operation could not complete because a record in the {table.caption} table was locked "
        "by another user. Please retry the activity.",
    )
