"""How rows of a table are named on Dataverse's wire: look-ups are read and written under other names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from kobling.model.errors import ConfigurationError, ProtocolError
from kobling.model.look_up import Reference
from kobling.model.mapping import Column, Table
from kobling.model.values import Value, is_blank
from kobling.ports import Row

ENTITY_NOTE: Final = "Microsoft.Dynamics.CRM.lookuplogicalname"
NOTES: Final = f'odata.include-annotations="{ENTITY_NOTE}"'
_AUTHOR: Final = "_modifiedby_value"
# What every row carries beside its columns, but the service knows under another name or by itself.
_MADE: Final = frozenset({"id", "modifiedBy", "@odata.etag"})


class LookUp(msgspec.Struct, frozen=True):
    """A look-up as it is read: its own name, that on the wire, whether its value tells the entity."""

    name: str
    wire: str
    several: bool


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a table. key: the column of the id, '' where only the service knows it. select: as on
    the wire. notes: the answer must tell the entities of look-ups."""

    table: str
    key: str
    select: str
    look_ups: tuple[LookUp, ...]
    notes: bool

    def finish(self, rows: list[Row]) -> list[Row]:
        """The same rows, with what every row carries; ProtocolError for one without id or version."""
        key = self.key or self._key_of(rows)
        plain = [(one.name, one.wire) for one in self.look_ups if not one.several]
        several = [one for one in self.look_ups if one.several]
        for row in rows:
            if not isinstance(row.get(key), str) or "@odata.etag" not in row:
                raise ProtocolError(
                    f"Dataverse gives a row of {self.table} without {key} or its version.",
                    cure="Check the key of the table, and what stands between here and the service.",
                )
            row["id"] = row[key].lower()
            row["modifiedBy"] = row.get(_AUTHOR) or ""
            for name, wire in plain:
                row[name] = row.get(wire)
            for one in several:
                row[one.name] = self._value(row, one)
        return rows

    def _value(self, row: Row, one: LookUp) -> Value:
        value: Value = row.get(one.wire)
        if value is None:
            return None
        entity = row.get(f"{one.wire}@{ENTITY_NOTE}")
        if not entity:
            raise ProtocolError(
                f"Dataverse does not tell which table {self.table}.{one.name} points to.",
                cure="Check that nothing between here and the service removes the Prefer header.",
            )
        return f"{entity}/{value}"

    def _key_of(self, rows: list[Row]) -> str:
        """The service adds the key to what is asked for; where it was asked for, it is the first id."""
        asked = self.select.split(",")
        added = [name for name in (rows[0] if rows else ()) if "@" not in name and name not in asked]
        return next(iter(added), next((name for name in asked if name.endswith("id")), "id"))


def by_route(tables: Sequence[Table]) -> dict[str, Table]:
    """The tables by their route; what several mappings read of one table is put together."""
    found: dict[str, Table] = {}
    for one in tables:
        known = found.get(one.route)
        columns = {each.name: each for each in (*(known.columns if known else ()), *one.columns)}
        found[one.route] = msgspec.structs.replace(one, columns=tuple(columns.values()))
    return found


def layout_of(table: Table, columns: Sequence[str]) -> Layout:
    """The layout of these columns of a table that a mapping has."""
    by_name = {one.name: one for one in table.columns if one.targets}
    look_ups = tuple(
        LookUp(name, f"_{name}_value", len(by_name[name].targets) > 1) for name in columns if name in by_name
    )
    wire = {one.name: one.wire for one in look_ups}
    names = (table.key, _AUTHOR, *(wire.get(one, one) for one in columns if one not in _MADE))
    return Layout(
        table=table.route,
        key=table.key,
        select=",".join(dict.fromkeys(names)),
        look_ups=tuple(dict.fromkeys(look_ups)),
        notes=any(one.several for one in look_ups),
    )


def layout_of_reference(reference: Reference) -> Layout:
    """The layout of a reference table that no mapping has; its columns stand as on the wire."""
    names = (*(one for one in reference.columns if one not in _MADE), _AUTHOR)
    select = ",".join(dict.fromkeys(names))
    return Layout(table=reference.route, key="", select=select, look_ups=(), notes=False)


class Bindings:
    """How look-ups of one table are written. The same few records are pointed to by thousands of others."""

    _KEPT: Final = 10_000

    def __init__(self, table: Table) -> None:
        self._table = table
        self._look_ups = {one.name: one for one in table.columns if one.targets}
        self._known: dict[tuple[str, Value], tuple[str, Any]] = {}

    def body(self, body: Row) -> dict[str, Any]:
        """The body with look-ups as bindings. Raises ConfigurationError for one to an unknown table."""
        if not self._look_ups:
            return body
        wire = dict(body)
        for name in self._look_ups:
            if name in wire:
                bound, value = self._bound(name, wire.pop(name))
                wire[bound] = value
        return wire

    def _bound(self, name: str, value: Value) -> tuple[str, Any]:
        found = self._known.get((name, value))
        if found is None:
            if len(self._known) >= self._KEPT:
                self._known.clear()
            found = self._known[name, value] = _bound(self._table, self._look_ups[name], value)
        return found


def _bound(table: Table, column: Column, value: Value) -> tuple[str, Any]:
    if is_blank(value):
        return _navigation(column, next(iter(column.targets))), None
    entity, slash, identifier = str(value).rpartition("/")
    if not slash and len(column.targets) == 1:
        entity = next(iter(column.targets))
    if entity not in column.targets:
        raise ConfigurationError(
            f"{table.name}.{column.name}: {value!r} points to no known table.",
            cure=f"Its tables are {', '.join(column.targets)}.",
        )
    return f"{_navigation(column, entity)}@odata.bind", f"/{column.targets[entity]}({identifier})"


def _navigation(column: Column, entity: str) -> str:
    """A customer or parent has one name for each table that it may point to, an owner one for both."""
    name = column.navigation or column.name
    if len(column.targets) == 1 or name == "ownerid":
        return name
    base = next((name.removesuffix(f"_{one}") for one in column.targets if name.endswith(f"_{one}")), None)
    if base is None:
        return name if column.navigation else f"{name}_{entity}"
    return f"{base}_{entity}"
