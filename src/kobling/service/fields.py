"""Integration field mappings as a consultant adds and changes them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from kobling.adapters.dataverse.options import is_option_table
from kobling.catalogue.definition import (
    Changes,
    Conversion,
    Definition,
    Field,
    FieldChanges,
    Plain,
    changed,
)
from kobling.catalogue.load import check_changed
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Side, UpdateConflict
from kobling.service.columns import NO_COLUMN, check_lookups, column_of_service, plain_of
from kobling.service.criteria import check_criterion
from kobling.service.mappings import (
    check_together,
    one_of,
    show_mappings,
    split_edit,
    store_changes,
    switch,
)
from kobling.service.session import Document, Session

# What a row that a rule makes lets a person decide.
_OF_DERIVED: Final = frozenset({"enabled", "conflict"})
_WIDENING: Final = frozenset({"enabled", "direction"})
_PRIORITY_DIGITS_MAX: Final = 6


class NewField(msgspec.Struct, frozen=True, kw_only=True):
    """A row to add. bc, crm: captions or names of its columns, `none` on the side without one.

    bc_type, crm_type: what a column holds that the mapping does not know yet, as `text:50`; else the service
    is asked. look_up: the mapping by whose couplings the one is made of the other.
    """

    bc: str
    crm: str
    bc_type: str = ""
    crm_type: str = ""
    look_up: str = ""


async def set_field(
    session: Session,
    name: str,
    field: str,
    edits: Sequence[str],
    *,
    existing: bool,
    wait: Callable[[str], None],
) -> Document:
    """Changes a field row. field: its name, its caption or its column's name. edits: `key=value` texts;
    `key=default` takes a change back.

    existing: the next run compares every coupled pair, and what differs in the field flows or is contested;
    else what stands there counts as settled. Raises ConfigurationError for an unknown field or key, and for
    what cannot be carried out.
    """
    definition = session.definition(name)
    async with session.locked([definition.name], wait):
        old = (await session.changes())[definition.name]
        session.check_whole(definition.name, ())
        now = changed(definition, old)
        row = _found(now, field)
        values = _edits(now, row, edits)
        key = now.field_name(row)
        met = {"compare": existing} if _WIDENING & set(values) else {}
        edited = msgspec.structs.replace(old.fields.get(key, FieldChanges()), **values, **met)
        kept = {one: each for one, each in (old.fields | {key: edited}).items() if each != FieldChanges()}
        new = msgspec.structs.replace(old, fields=kept)
        return await _store(session, definition, new, key, set(values), existing=existing)


async def new_field(
    session: Session, name: str, request: NewField, edits: Sequence[str], *, wait: Callable[[str], None]
) -> Document:
    """Adds a field row, disabled unless `edits` enable it. Raises ConfigurationError."""
    definition = session.definition(name)
    async with session.locked([definition.name], wait):
        old = (await session.changes())[definition.name]
        session.check_whole(definition.name, ())
        now = changed(definition, old)
        bc, bc_columns = await column_of_service(session, now.bc, request.bc, request.bc_type, Side.LEFT)
        crm, crm_columns = await column_of_service(
            session, now.crm, request.crm, request.crm_type, Side.RIGHT
        )
        new = msgspec.structs.replace(
            old, bc_columns=old.bc_columns | bc_columns, crm_columns=old.crm_columns | crm_columns
        )
        now = changed(definition, new)
        row = Field(
            bc=bc,
            crm=crm,
            direction=_only_way(now.direction, bc, crm),
            enabled=False,
            conversion=_conversion(session, now, bc, crm, request.look_up),
        )
        values = {key: value for key, value in _edits(now, row, edits, new=True).items() if value is not None}
        row = msgspec.structs.replace(row, **values, compare=True)
        new = msgspec.structs.replace(new, new_fields=(*old.new_fields, row))
        key = changed(definition, new).field_name(row)
        return await _store(session, definition, new, key, set(values), existing=True)


def _only_way(direction: Direction, bc: str | None, crm: str | None) -> Direction:
    """The direction of a row for which nothing else is said."""
    if bc is None:
        return Direction.TO_RIGHT
    return Direction.TO_LEFT if crm is None else direction


async def _store(
    session: Session, definition: Definition, new: Changes, key: str, edited: set[str], *, existing: bool
) -> Document:
    now = changed(definition, new)
    _check_way(now, _found(now, key))
    check_changed(now, new)
    await check_lookups(session, _found(now, key))
    await check_together(session, definition, new)
    await store_changes(session, definition, new, existing=False)
    if existing:
        await session.state.wake_couplings(definition.name, None)
    document = await show_mappings(session, definition.name)
    return document | {
        "field": key,
        "changed": sorted(edited),
        "couplings": await session.state.count_couplings(definition.name),
    }


def _check_way(definition: Definition, row: Field) -> None:
    if row.direction.narrowed(definition.direction) is None:
        raise ConfigurationError(
            f"{definition.name} flows {definition.direction}, and the field would flow {row.direction}.",
            cure=f"Use {definition.direction}, or give the mapping another direction.",
        )


def _found(definition: Definition, text: str) -> Field:
    """The row of that name, caption or column, however it is written. Raises ConfigurationError."""
    wanted = text.strip().casefold()
    rows = [one for one in definition.fields if definition.field_name(one).casefold() == wanted]
    rows = rows or [one for one in definition.fields if wanted in _names(definition, one)]
    # A row that is done differently stands beside the one that does it.
    rows = [one for one in rows if one.executable] or rows
    names = sorted({definition.field_name(one) for one in definition.fields})
    if not rows:
        raise ConfigurationError(
            f"{definition.name} has no field {text!r}.", cure=f"Use one of: {', '.join(names)}."
        )
    if len(rows) > 1:
        both = " and ".join(f"{one.bc or NO_COLUMN} with {one.crm or NO_COLUMN}" for one in rows)
        raise ConfigurationError(
            f"{definition.name} has several fields {text!r}: {both}.", cure="Name the other side's column."
        )
    return rows[0]


def _names(definition: Definition, row: Field) -> set[str]:
    caption = "" if row.bc is None else definition.bc.columns[row.bc].caption
    return {one.casefold() for one in (caption, row.bc, row.crm) if one}


def _edits(definition: Definition, row: Field, edits: Sequence[str], *, new: bool = False) -> dict[str, Any]:
    pairs = [split_edit(one, _READERS) for one in edits]
    if not pairs and not new:
        raise ConfigurationError(
            "Nothing is to be changed.", cure=f"Write key=value; keys: {', '.join(_READERS)}."
        )
    _check_changeable(definition, row, {key for key, _ in pairs})
    return {
        key: None if value is None else _READERS[key](definition, row, key, value) for key, value in pairs
    }


def _check_changeable(definition: Definition, row: Field, keys: set[str]) -> None:
    name = definition.field_name(row)
    if row.instead:
        raise ConfigurationError(
            f"The field {name} of {definition.name} is done differently: {row.instead}",
            cure="Leave it as it is.",
        )
    if (row.rule or row.chooses) and keys - _OF_DERIVED:
        said = row.rule or f"the choice of {row.chooses}"
        raise ConfigurationError(
            f"The field {name} of {definition.name} is made by a rule, {said}.",
            cure=f"Change only {' and '.join(sorted(_OF_DERIVED))} of it.",
        )


def _conversion(
    session: Session, now: Definition, bc: str | None, crm: str | None, look_up: str
) -> Conversion:
    """A look-up where the column of Sales points to another table; the mapping of that table answers."""
    targets = {} if crm is None else now.crm.columns[crm].targets
    if look_up:
        source = session.definition(look_up)
        entity = source.crm.table
        if bc is None or entity not in targets:
            raise ConfigurationError(
                f"{now.name}: {crm or NO_COLUMN} does not point to {entity}, the table of {source.name}.",
                cure="Name a look-up column of that table, or leave --look-up out.",
            )
        chosen = [source]
    elif bc is None or not targets:
        return Conversion()
    else:
        chosen = [one for one in session.definitions.values() if one.ready and _answers(one, targets)]
    if len(chosen) != 1:
        names = ", ".join(one.name for one in chosen)
        raise ConfigurationError(
            f"{now.name}: {crm} points to {', '.join(targets)}, which "
            + (f"several mappings couple: {names}." if chosen else "no mapping couples."),
            cure="Say which one answers: --look-up MAPPING."
            if chosen
            else "Make a mapping of that table first: kobling mapping new.",
        )
    if chosen[0].bc.number is None:
        raise ConfigurationError(
            f"{chosen[0].name} knows no number of its records in Business Central.",
            cure="Name another mapping.",
        )
    entity = chosen[0].crm.table if len(targets) > 1 else ""
    return Conversion(kind="look_up", source=chosen[0].name, entity=entity)


def _answers(definition: Definition, targets: Collection[str]) -> bool:
    return definition.crm.table in targets and not is_option_table(definition.crm.route)


def _switch(definition: Definition, row: Field, key: str, value: str) -> bool:
    return switch(key, value)


def _match(definition: Definition, row: Field, key: str, value: str) -> bool:
    wanted = switch(key, value)
    if wanted:
        check_criterion(definition, row)
    return wanted


def _priority(definition: Definition, row: Field, key: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _PRIORITY_DIGITS_MAX):
        raise ConfigurationError(
            f"{key}={value} is no priority.", cure="Give a whole number; 0 is compared first."
        )
    return int(value)


def _constant(definition: Definition, row: Field, key: str, value: str) -> Plain:
    """The constant as the column holds it."""
    name = row.crm if row.bc is None else row.bc
    columns = definition.crm.columns if row.bc is None else definition.bc.columns
    return plain_of(columns[name or ""], key, value)


_READERS: Final[dict[str, Callable[[Definition, Field, str, str], Any]]] = {
    "enabled": _switch,
    "direction": lambda definition, row, key, value: Direction(one_of(Direction, key, value)),
    "constant": _constant,
    "transformation": lambda definition, row, key, value: value,
    "clear_on_failed": _switch,
    "not_null": _switch,
    "match": _match,
    "match_priority": _priority,
    "match_case": _switch,
    "conflict": lambda definition, row, key, value: UpdateConflict(one_of(UpdateConflict, key, value)),
}
assert set(_READERS) == {*FieldChanges.__struct_fields__} - {"compare"}, "a change cannot be written"
