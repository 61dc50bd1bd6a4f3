"""Addresses of rows: `accounts(guid)`, `accounts(accountnumber='A-1')`."""

import re
from dataclasses import dataclass
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, no_row, no_segment
from kobling_sandbox.dataverse_model import Entity, Model, read_guid
from kobling_sandbox.dataverse_values import GUID
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store
from kobling_sandbox.tables import TEXT_TYPES

_SEGMENT = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_PART = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,']+)\s*(?:,|$)")


@dataclass(frozen=True, slots=True)
class Address:
    """A row by its id, or by an alternate key: then `columns` and `values` are set."""

    entity: Entity
    id: str
    columns: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()

    def find(self, store: Store) -> Row | None:
        """The row, or None."""
        rows = store.rows(self.entity.name)
        if not self.columns:
            return rows.get(self.id)
        key = tuple(self.entity.readable[name].stored for name in self.columns)
        return rows.by_key(key, self.values)

    def missing(self) -> DataverseError:
        """404 as the service gives it for this kind of address."""
        if not self.columns:
            return no_row(self.entity.name, self.id)
        return DataverseError(404, "0x80060891", "A record with the specified key values does not exist.")

    def body(self, model: Model) -> dict[str, Any]:
        """The values that an upsert which creates takes from the address, as a body would give them."""
        if not self.columns:
            return {}
        return dict(
            _member(model, self.entity, name, value)
            for name, value in zip(self.columns, self.values, strict=True)
        )


def _member(model: Model, entity: Entity, name: str, value: Any) -> tuple[str, Any]:
    column = entity.readable[name]
    if not column.is_lookup:
        return name, value
    target = model.entities[column.targets[0]].table.set_name
    return f"{column.navigation[column.targets[0]]}@odata.bind", f"/{target}({value})"


def address_of(model: Model, segment: str) -> tuple[Entity, Address]:
    """Reads a decoded segment. Raises DataverseError for an unknown set or key and for bad syntax."""
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise no_segment(segment[:80])
    entity = model.entity_of_set(found.group(1))
    inner = found.group(2).strip()
    if GUID.fullmatch(inner):
        return entity, Address(entity, inner.lower())
    if "=" not in inner:
        return entity, Address(entity, read_guid(inner))
    return entity, _by_key(entity, inner)


def _by_key(entity: Entity, text: str) -> Address:
    given: dict[str, Any] = {}
    position = 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise DataverseError(400, "0x80060888", f"Bad Request - Error in query syntax: '{text[:80]}'.")
        given[part.group(1)] = part.group(2)
        position = part.end()
    if set(given) == {entity.table.key}:
        return Address(entity, read_guid(given[entity.table.key]))
    for columns in entity.table.alternate_keys:
        stored = tuple(entity.table.columns[name].stored for name in columns)
        if set(given) == set(stored):
            return Address(entity, "", stored, tuple(_value(entity, name, given[name]) for name in stored))
    raise DataverseError(
        400, "0x80060890", f"Invalid alternate key: {', '.join(given)} is no key of '{entity.name}'."
    )


def _value(entity: Entity, name: str, text: str) -> Any:
    column = entity.readable[name]
    quoted = text.startswith("'")
    if quoted != (column.type in TEXT_TYPES):
        raise DataverseError(400, "0x80060888", f"The value of the key '{name}' has the wrong type.")
    if quoted:
        return text[1:-1].replace("''", "'")
    return read_guid(text) if column.is_lookup or column.type == "guid" else int(text)
