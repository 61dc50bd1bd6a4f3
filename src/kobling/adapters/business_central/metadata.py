"""What Business Central says of the tables of an API: sets and properties of its `$metadata`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from xml.parsers import expat

from kobling.adapters.business_central.service import API
from kobling.adapters.odata.answer import refused
from kobling.adapters.odata.described import Described
from kobling.adapters.odata.http import Door
from kobling.catalogue.definition import Column, ColumnType
from kobling.model.errors import ConfigurationError, KoblingError, ProtocolError

_NAME: Final = "Business Central"
_TYPES: Final = {
    "Edm.String": ColumnType.TEXT,
    "Edm.Guid": ColumnType.ID,
    "Edm.Boolean": ColumnType.BOOLEAN,
    "Edm.Int16": ColumnType.INTEGER,
    "Edm.Int32": ColumnType.INTEGER,
    "Edm.Int64": ColumnType.INTEGER,
    "Edm.Decimal": ColumnType.DECIMAL,
    "Edm.Double": ColumnType.DECIMAL,
    "Edm.Date": ColumnType.DATE,
    "Edm.DateTimeOffset": ColumnType.DATE,
}
# By which rows are told apart and followed; never fields of a mapping.
_SYSTEM: Final = frozenset({"systemRowVersion", "systemModifiedBy"})
_READ_ONLY: Final = "Org.OData.Core.V1.Permission/Read"
_NOT_SHOWN: Final = 20


async def described(door: Door, root: str, table: str) -> Described:
    """The table of the extension's API that a person names, by its name in Business Central or its set.

    Raises ConfigurationError for a table that the API does not have.
    """
    document = await _asked(door, root)
    route = next((one for one in _routes(table) if one in document.sets), "")
    if not route:
        raise _no_table(document, table)
    return document.described(table, route)


async def every_described(
    door: Door, root: str, routes: Sequence[str]
) -> dict[str, Described | KoblingError]:
    """The tables of these sets, each described or the reason why not; one request for all."""
    document = await _asked(door, root)
    found: dict[str, Described | KoblingError] = {}
    for route in routes:
        try:
            if route not in document.sets:
                raise _no_table(document, route)
            found[route] = document.described(route, route)
        except KoblingError as error:
            found[route] = error
    return found


def _no_table(document: _Document, table: str) -> ConfigurationError:
    names = sorted(document.sets)
    shown = ", ".join(names[:_NOT_SHOWN]) + (", …" if len(names) > _NOT_SHOWN else "")
    return ConfigurationError(
        f"The extension's API has no table {table!r}.",
        cure=f"Name the table or its set, or add an API page for it to the extension. There are {shown}.",
    )


async def _asked(door: Door, root: str) -> _Document:
    answer = await door.send("GET", f"{root}{API}/$metadata", {"Accept": "application/xml"})
    if answer.status != 200:
        raise refused(
            _NAME, "its metadata", answer, "Check that the extension is installed, and its version."
        )
    return _Document(answer.body)


def _routes(table: str) -> list[str]:
    """The sets that a table may have: its plural in camel case, or the set itself."""
    words = "".join(one if one.isalnum() else " " for one in table).split()
    joined = "".join(one[:1].upper() + one[1:] for one in words)
    name = joined[:1].lower() + joined[1:]
    plurals = [f"{name}s", f"{name}es"]
    if name.endswith("y"):
        plurals.insert(0, f"{name[:-1]}ies")
    return [table, name, *plurals]


class _Document:
    """The sets and types of a metadata document."""

    def __init__(self, body: bytes) -> None:
        self.sets: dict[str, str] = {}
        self._types: dict[str, dict[str, dict[str, str]]] = {}
        self._fixed: dict[str, set[str]] = {}
        self._choices: set[str] = set()
        self._type = self._property = ""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._begins
        parser.CharacterDataHandler = self._says
        # No metadata needs entities of its own; those of a stranger may grow without end.
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            raise ProtocolError(
                f"{_NAME} describes its API in no XML ({error}).",
                cure="Check what stands between here and the service.",
            ) from None

    def _refuse(self, *_: Any) -> None:
        raise ProtocolError(
            f"{_NAME} describes its API with entities of its own.",
            cure="Check what stands between here and the service.",
        )

    def _begins(self, tag: str, attributes: dict[str, str]) -> None:
        kind, name = tag.rpartition(" ")[2], attributes.get("Name", "")
        if kind == "EntityType":
            self._type = name
            self._types[name] = {}
        elif kind == "EnumType":
            self._choices.add(name)
        elif kind == "Property" and self._type:
            self._property = name
            self._types[self._type][name] = attributes
        elif kind == "EntitySet":
            self.sets[name] = attributes.get("EntityType", "").rpartition(".")[2]

    def _says(self, text: str) -> None:
        if text.strip() == _READ_ONLY:
            self._fixed.setdefault(self._type, set()).add(self._property)

    def described(self, table: str, route: str) -> Described:
        kind = self.sets[route]
        properties = {name: one for name, one in self._types.get(kind, {}).items() if name not in _SYSTEM}
        if "id" not in properties:
            raise ProtocolError(
                f"{_NAME} describes the set {route} without an id.", cure="Update the extension."
            )
        columns = {name: self._column(name, one) for name, one in properties.items()}
        return Described(
            table=table,
            route=route,
            key="id",
            columns={name: one for name, one in columns.items() if one is not None},
            fixed=frozenset(self._fixed.get(kind, ())),
            options=frozenset(
                name for name, one in columns.items() if one is not None and one.type is ColumnType.OPTION
            ),
        )

    def _column(self, name: str, attributes: dict[str, str]) -> Column | None:
        """None for what no field of a mapping can be: pictures and other streams."""
        kind, length = attributes.get("Type", ""), attributes.get("MaxLength", "")
        choice = kind.rpartition(".")[2] in self._choices
        if not choice and kind not in _TYPES:
            return None
        return Column(
            caption=name,
            type=ColumnType.OPTION if choice else _TYPES[kind],
            maximum=int(length) if length.isascii() and length.isdigit() and len(length) < 8 else None,
        )
