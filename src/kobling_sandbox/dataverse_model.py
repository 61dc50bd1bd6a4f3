"""Dataverse's tables made ready to serve: what queries may name, what bodies may hold, how rows look.

Everything here is worked out once, from the metadata, so that a request only looks things up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, no_segment
from kobling_sandbox.dataverse_options import OptionSets
from kobling_sandbox.dataverse_values import GUID, Checker, checker
from kobling_sandbox.odata import Property, stored_property
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Clock, Store, SystemColumns
from kobling_sandbox.tables import Column, Table, load_tables

SYSTEM = SystemColumns(
    version="versionnumber",
    created_at="createdon",
    created_by="_createdby_value",
    modified_at="modifiedon",
    modified_by="_modifiedby_value",
)


def target_key(column: Column) -> str:
    """The key of a stored row that names the target table of a look-up that has several."""
    return f"{column.stored}@table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A look-up that points to a table, and what becomes of the row when its target is deleted."""

    table: str
    column: Column
    on_delete: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A relation to many rows: those of `table` whose look-up `near` names the row.

    With `far` the table is an intersect table, and the rows are those that its look-up `far` names.
    """

    table: str
    near: str
    far: str = ""


@dataclass(slots=True)
class Entity:
    """One table, ready to serve."""

    table: Table
    plain: dict[str, tuple[Column, Checker]] = field(default_factory=dict)
    navigation: dict[str, tuple[Column, str]] = field(default_factory=dict)
    properties: dict[str, Property] = field(default_factory=dict)
    readable: dict[str, Column] = field(default_factory=dict)
    # What a boolean reads as while nobody has set it, and what a new row gets where nothing was sent.
    defaults: dict[str, Any] = field(default_factory=dict)
    initial: dict[str, Any] = field(default_factory=dict)
    money: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    referenced_by: list[Reference] = field(default_factory=list)
    state_of_status: dict[int, int] = field(default_factory=dict)
    status_of_state: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The logical name."""
        return self.table.name

    def target_of(self, row: Row, column: Column) -> str:
        """The table that a look-up of this row points to."""
        if len(column.targets) == 1:
            return column.targets[0]
        return str(row.get(target_key(column), column.targets[0]))


class Model:
    """All tables by logical name and by set name, and the store that holds their rows."""

    def __init__(self, clock: Clock) -> None:
        self.store = Store(load_tables("dataverse"), SYSTEM, clock)
        self.options = OptionSets(self.store)
        self.entities: dict[str, Entity] = {}
        self.by_set: dict[str, Entity] = {}
        for table in self.store.tables.values():
            entity = _entity(table)
            for column in table.columns.values():
                if column.rules.get("open"):
                    entity.plain[column.name] = (column, self.options.checker(table, column))
            self.entities[table.name] = self.by_set[table.set_name] = entity
            for key in (*table.alternate_keys, *map(tuple, table.rules.get("unique", ()))):
                self.store.add_unique(table.name, tuple(table.columns[name].stored for name in key))
        self._connect()

    def entity_of_set(self, set_name: str) -> Entity:
        """The table of a set. Raises DataverseError (404) when there is none."""
        entity = self.by_set.get(set_name)
        if entity is None:
            raise no_segment(set_name)
        return entity

    def find(self, entity: Entity, path: str) -> Property | None:
        """A property by its name in a query; one of a related row by a path such as `ownerid/fullname`."""
        if "/" not in path:
            return entity.properties.get(path)
        first, _, rest = path.partition("/")
        found = entity.navigation.get(first)
        if found is None:
            return None
        column, target = found
        inner = self.find(self.entities[target], rest) if target in self.entities else None
        if inner is None:
            return None
        rows, read, key = self.store, inner.read, column.stored

        def through(row: Row) -> Any:
            related = rows.rows(target).get(row.get(key, ""))
            return None if related is None else read(related)

        return Property(path, inner.type, through)

    def label(self, table: str, identifier: str) -> str | None:
        """The name of a row, as a look-up to it shows it."""
        entity = self.entities.get(table)
        row = None if entity is None else self.store.rows(table).get(identifier)
        return None if entity is None or row is None else row.get(str(entity.table.rules["name"]))

    def far_of(self, collection: Collection) -> Entity:
        """The table whose rows a relation to many holds."""
        holder = self.entities[collection.table]
        if not collection.far:
            return holder
        return self.entities[holder.table.columns[collection.far].targets[0]]

    def members(self, entity: Entity, collection: Collection, identifier: str) -> list[Row]:
        """The rows that a row of the table is related to."""
        holder = self.entities[collection.table]
        column = holder.table.columns[collection.near]
        found = self.store.rows(holder.name).find(column.stored, identifier)
        rows = [row for row in found if holder.target_of(row, column) == entity.name]
        if not collection.far:
            return rows
        far = self.store.rows(self.far_of(collection).name).by_id
        key = holder.table.columns[collection.far].stored
        return [far[row[key]] for row in rows]

    def _connect(self) -> None:
        for table in self.store.tables.values():
            for column in table.columns.values():
                for target in column.targets:
                    if target in self.entities:
                        kind = str(column.rules.get("on_delete", "remove"))
                        reference = Reference(table=table.name, column=column, on_delete=kind)
                        self.entities[target].referenced_by.append(reference)


def _entity(table: Table) -> Entity:
    entity = Entity(table)
    for column in table.columns.values():
        _add_property(entity, column)
        entity.readable[column.stored] = column
        if column.is_lookup:
            for target, name in column.navigation.items():
                entity.navigation.setdefault(name, (column, target))
            continue
        entity.plain[column.name] = (column, checker(table, column))
        if column.type == "boolean":
            entity.defaults[column.name] = bool(column.rules.get("default", False))
        elif "default" in column.rules:
            entity.initial[column.name] = column.rules["default"]
        if column.type == "money" and f"{column.name}_base" in table.columns:
            entity.money.append(column.name)
        if column.required:
            entity.required.append(column.name)
    _add_states(entity)
    return entity


def _add_property(entity: Entity, column: Column) -> None:
    found = stored_property(column.stored, column.type)
    if column.type == "boolean":
        default, name = bool(column.rules.get("default", False)), column.name
        found = Property(name, "boolean", lambda row: row.get(name, default))
    entity.properties[column.stored] = found
    if column.is_lookup:
        entity.properties.setdefault(column.name, found)


def _add_states(entity: Entity) -> None:
    status = entity.table.columns.get("statuscode")
    if status is None:
        return
    entity.state_of_status = {int(key): state for key, state in status.rules.get("states", {}).items()}
    for code, state in entity.state_of_status.items():
        entity.status_of_state.setdefault(state, code)


def read_guid(text: str) -> str:
    """A GUID in lower case. Raises DataverseError (400) for any other text."""
    if not GUID.fullmatch(text):
        raise DataverseError(400, "0x80060888", f"Bad Request - Error in query syntax: '{text[:60]}'.")
    return text.lower()


def row_etag(row: Row) -> str:
    """The ETag of a row."""
    return f'W/"{row["versionnumber"]}"'


def collections_of(entity: Entity) -> Mapping[str, Collection]:
    """The collection-valued navigation properties by name."""
    found = entity.table.rules.get("collections", {})
    return {name: Collection(*parts) for name, parts in found.items()}
