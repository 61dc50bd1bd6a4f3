"""Mappings that a person makes: of any table of Business Central and any entity of Sales, by names alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from kobling.adapters.dataverse.options import is_option_table
from kobling.adapters.odata.described import Described
from kobling.catalogue.check import check
from kobling.catalogue.definition import (
    NO_CHANGES,
    OPTION_ROUTE,
    Changes,
    Column,
    ColumnType,
    Definition,
    Field,
    Table,
    changed,
)
from kobling.catalogue.load import every_variant
from kobling.catalogue.read import with_blank
from kobling.catalogue.sources import SOURCES
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.model.mapping import Direction, Side
from kobling.service.mappings import edits_of, show_mappings, store_changes
from kobling.service.metadata import column_in, describe, describe_tables
from kobling.service.session import Document, Session

_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9 ._/-]{0,19}")
_NUMBERS: Final = ("no", "number", "code")
_TITLES: Final = ("description", "name", "displayName", "title")
_CODE: Final = "code"


class NewMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. name: up to 20 characters. bc_table: its name, or its set. crm_entity: logical name.

    key: the column of Sales that tells records apart; a choice column makes an option mapping. number, title:
    fields of Business Central that people know a record by. table_id: the table's number in Business Central,
    by which deletions are told; 0 where nobody says it.
    """

    name: str
    bc_table: str
    crm_entity: str
    key: str = ""
    number: str = ""
    title: str = ""
    table_id: int = 0


async def new_mapping(
    session: Session, request: NewMapping, edits: Sequence[str], *, wait: Callable[[str], None]
) -> Document:
    """Makes a mapping without fields, disabled until it is enabled. edits: `key=value`, as of `mapping set`.

    Both services are asked whether the tables are there. Raises ConfigurationError.
    """
    name = _name(session, request)
    left = await describe(session.configuration, Side.LEFT, request.bc_table.strip())
    right = await describe(session.configuration, Side.RIGHT, request.crm_entity.strip())
    definition = _definition(name, request, left, right)
    check(definition, name)
    values = {"enabled": False} | edits_of(definition, edits)
    if values["enabled"]:
        raise ConfigurationError(f"{name} has no fields yet.", cure="Add some, and enable it then.")
    async with session.locked([name], wait):
        changes = msgspec.structs.replace(NO_CHANGES, definition=definition, **values)
        await store_changes(session, definition, changes, existing=False)
    await session.load_own()
    return await show_mappings(session, name) | {"note": _note(definition, right)}


def _name(session: Session, request: NewMapping) -> str:
    name = request.name.strip().upper()
    for text, what in ((name, "name"), (request.bc_table, "BC table"), (request.crm_entity, "Sales table")):
        if not text.strip():
            raise ConfigurationError(f"The mapping has no {what}.", cure=f"Give it a {what}.")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{request.name!r} is no name of a mapping.",
            cure="Use up to 20 letters, digits, blanks and . _ / -, beginning with a letter or digit.",
        )
    if name in session.definitions or name in every_variant() or name in {one.upper() for one in SOURCES}:
        raise ConfigurationError(f"There is a mapping {name} already.", cure="Give it another name.")
    return name


def _definition(name: str, request: NewMapping, left: Described, right: Described) -> Definition:
    option = bool(request.key) and _key(request, right) in right.options
    crm = _option_table(right, _key(request, right)) if option else _crm_table(request, right)
    bc = _bc_table(request, left)
    if not option:
        return Definition(name=name, direction=Direction.BOTH, bc=bc, crm=crm, fields=())
    if bc.number is None:
        raise ConfigurationError(f"{left.table} has no code.", cure="Name the field of its codes: --number.")
    row = Field(bc=bc.number, crm=crm.key, direction=Direction.TO_RIGHT, match=True)
    return Definition(
        name=name,
        direction=Direction.TO_RIGHT,
        bc=bc,
        crm=crm,
        fields=(row,),
        finder={bc.number: _CODE},
        leave_first=True,
        one_way=True,
    )


def _key(request: NewMapping, right: Described) -> str:
    """The column that tells records apart: the id of the table, or a choice. Raises ConfigurationError."""
    if not request.key:
        return right.key
    found, _ = column_in(right, request.key, request.key, Side.RIGHT)
    if found != right.key and found not in right.options:
        raise ConfigurationError(
            f"{right.table}.{found} tells no records apart.",
            cure=f"Use its id, {right.key}, or a choice column for an option mapping.",
        )
    return found


def _bc_table(request: NewMapping, left: Described) -> Table:
    number = _known_by(request.number, left, _NUMBERS)
    title = _known_by(request.title, left, _TITLES) or number
    names = dict.fromkeys(one for one in (number, title) if one)
    columns = {
        one: with_blank(msgspec.structs.replace(left.columns[one], caption=_caption(one)), Side.LEFT)
        for one in names
    }
    return Table(
        table=left.table,
        route=left.route,
        table_id=request.table_id,
        number=number or None,
        title=title or next(iter(names), left.key),
        columns=columns or {left.key: left.columns[left.key]},
    )


def _crm_table(request: NewMapping, right: Described) -> Table:
    key = _key(request, right)
    title = right.title or key
    columns = {one: with_blank(right.columns[one], Side.RIGHT) for one in dict.fromkeys((key, title))}
    return Table(table=right.table, route=right.route, key=key, title=title, columns=columns)


def _option_table(right: Described, column: str) -> Table:
    return Table(
        table=right.table,
        caption=f"Option of {right.table}",
        route=f"{OPTION_ROUTE}{right.table}.{column}",
        key=column,
        title=column,
        columns={
            column: Column(caption=right.columns[column].caption, maximum=200, blank=None),
            _CODE: Column(caption="Code", maximum=10, upper=True, blank=None),
        },
    )


def _known_by(asked: str, left: Described, usual: Sequence[str]) -> str:
    if asked:
        return column_in(left, asked, asked, Side.LEFT)[0]
    texts = [one for one in usual if one in left.columns and left.columns[one].type is ColumnType.TEXT]
    return next(iter(texts), "")


def _caption(name: str) -> str:
    """What people call the usual fields, whose captions the service does not tell."""
    return {"no": "No."}.get(name, name[:1].upper() + name[1:])


def _note(definition: Definition, right: Described) -> str:
    """What a person should know of the new mapping."""
    notes = []
    if not right.tracked:
        notes.append(f"changes of {right.table} are not tracked: turn on 'Track changes' in Power Apps")
    if not definition.bc.table_id:
        notes.append(
            "without the table's number (--table-id) a deletion in Business Central is found only by "
            "kobling coupling find-deleted"
        )
    return "; ".join(notes)


async def check_known(session: Session, made: Mapping[str, tuple[Definition, Changes]]) -> None:
    """Whether both services have the tables and columns of these mappings, which were made elsewhere; each
    service is asked once.

    Raises ConfigurationError with the first that is missing.
    """
    for side in Side:
        tables = {one.route: one.table for one in (_table_of(each, side) for each, _ in made.values())}
        found = await describe_tables(session.configuration, side, tables) if tables else {}
        for definition, changes in made.values():
            table = _table_of(definition, side)
            described = found[table.route]
            if isinstance(described, KoblingError):
                raise described
            known = {*described.columns, _CODE} if is_option_table(table.route) else {*described.columns}
            columns = changes.bc_columns if side is Side.LEFT else changes.crm_columns
            missing = sorted({table.key, *table.columns, *columns} - known)
            if missing:
                raise ConfigurationError(
                    f"{definition.name}: {table.table} has no field {missing[0]!r} here.",
                    cure="Add it there, or take the mapping's field out of the file.",
                )


def _table_of(definition: Definition, side: Side) -> Table:
    return definition.bc if side is Side.LEFT else definition.crm


async def delete_mapping(session: Session, name: str, *, wait: Callable[[str], None]) -> Document:
    """Deletes a mapping that a person made, with its fields.

    Raises ConfigurationError while it has couplings, and while another one needs it.
    """
    definition = session.definition(name)
    if definition.name in every_variant():
        raise ConfigurationError(
            f"{definition.name} is a default mapping.",
            cure=f'Disable it: kobling mapping set "{definition.name}" enabled=off.',
        )
    async with session.locked([definition.name], wait):
        count = await session.state.count_couplings(definition.name)
        if count:
            raise ConfigurationError(
                f"{definition.name} has {count} coupled pairs.",
                cure=f'Uncouple them first: kobling uncouple "{definition.name}".',
            )
        needing = await _needing(session, definition.name)
        if needing:
            raise ConfigurationError(
                f"{definition.name} is asked by fields of {', '.join(needing)}.",
                cure="Disable these fields, or delete those mappings first.",
            )
        await session.state.change_settings(definition.name, {})
    await session.load_own()
    return {"deleted": definition.name}


async def _needing(session: Session, name: str) -> list[str]:
    changes = await session.changes()
    return [
        other
        for other, definition in session.definitions.items()
        if other != name
        and any(
            one.enabled and one.conversion.source == name
            for one in changed(definition, changes[other]).fields
        )
    ]
