"""Templates as a consultant sees and sets them: what a created record gets whatever its source holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from kobling.catalogue.definition import (
    Changes,
    Column,
    ColumnType,
    Definition,
    Plain,
    Table,
    TemplateDefinition,
    changed,
)
from kobling.catalogue.filter_text import filter_text, parse_filter
from kobling.catalogue.filter_values import value_text
from kobling.catalogue.load import check_changed
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.service.columns import column_of_service, plain_of
from kobling.service.mappings import store_changes
from kobling.service.session import Document, Session

_SIDES: Final = {"bc": Side.LEFT, "crm": Side.RIGHT}
# What a mapping was shipped with stands beside whatever template is chosen.
SHIPPED: Final = "shipped"


class NewTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. side: `bc` or `crm`, where records are created. filter: which records of the other
    side they are made of; "" for all. priority: the lowest is tried first."""

    name: str
    side: str
    priority: int = 0
    filter: str = ""


async def list_templates(session: Session, names: Sequence[str]) -> Document:
    """The templates of these mappings, or of all, in the order in which they are tried."""
    chosen = [session.definition(one).name for one in names] or list(session.definitions)
    changes = await session.changes()
    found: list[Document] = []
    for name in dict.fromkeys(chosen):
        found += _entries(changed(session.definitions[name], changes[name]))
    return {"templates": found}


def _entries(now: Definition) -> list[Document]:
    found = []
    for side, table, source in (("bc", now.bc, now.crm), ("crm", now.crm, now.bc)):
        for one in sorted(table.templates, key=lambda one: one.priority):
            text = filter_text(one.filter, source.columns if side == "crm" else None)
            found.append(_entry(now.name, side, one, text, table))
        if table.template:
            shipped = TemplateDefinition(name=SHIPPED, values=table.template)
            found.append(_entry(now.name, side, shipped, "", table) | {"priority": None})
    return found


def _entry(mapping: str, side: str, one: TemplateDefinition, text: str, table: Table) -> Document:
    captions = {name: table.columns[name].caption if side == "bc" else name for name in one.values}
    return {
        "mapping": mapping,
        "side": side,
        "name": one.name,
        "priority": one.priority,
        "filter": text,
        "values": dict(sorted((captions[name], value_text(value)) for name, value in one.values.items())),
    }


async def set_template(
    session: Session, name: str, request: NewTemplate, values: Sequence[str], *, wait: Callable[[str], None]
) -> Document:
    """Adds a template, or puts another in the place of the one of that name. values: `field=value` texts.

    Raises ConfigurationError for a field that neither the mapping nor the service knows, and for a value that
    it cannot hold.
    """
    definition = session.definition(name)
    if request.side not in _SIDES:
        raise ConfigurationError(f"There is no side {request.side!r}.", cure="Use bc or crm.")
    if not request.name.strip() or request.name == SHIPPED:
        raise ConfigurationError(f"{request.name!r} is no name of a template.", cure="Give it another name.")
    if not values:
        raise ConfigurationError("The template gives no value.", cure='Write "FIELD=value".')
    async with session.locked([definition.name], wait):
        old = (await session.changes())[definition.name]
        session.check_whole(definition.name, ())
        now = changed(definition, old)
        given, columns = await _values(session, now, request.side, values)
        source = now.bc if request.side == "crm" else now.crm
        template = TemplateDefinition(
            name=request.name,
            priority=request.priority,
            filter=parse_filter(request.filter, source.columns),
            values=given,
        )
        kept = [one for one in _templates(old, request.side) if one.name != request.name]
        new = _with(old, request.side, (*kept, template), columns)
        check_changed(changed(definition, new), new)
        await store_changes(session, definition, new, existing=False)
    return await list_templates(session, [definition.name])


async def remove_template(
    session: Session, name: str, template: str, *, wait: Callable[[str], None]
) -> Document:
    """Takes a template away. Raises ConfigurationError where there is none of that name."""
    definition = session.definition(name)
    async with session.locked([definition.name], wait):
        new = old = (await session.changes())[definition.name]
        for side in _SIDES:
            kept = tuple(one for one in _templates(old, side) if one.name != template)
            new = _with(new, side, kept, {})
        if new == old:
            known = [one.name for side in _SIDES for one in _templates(old, side)]
            raise ConfigurationError(
                f"{definition.name} has no template {template!r}.",
                cure=f"Name one of: {', '.join(known)}." if known else "Nothing is to be removed.",
            )
        await store_changes(session, definition, new, existing=False)
    return await list_templates(session, [definition.name])


def _templates(changes: Changes, side: str) -> tuple[TemplateDefinition, ...]:
    return changes.bc_templates if side == "bc" else changes.crm_templates


def _with(
    changes: Changes, side: str, templates: tuple[TemplateDefinition, ...], columns: dict[str, Column]
) -> Changes:
    known: dict[str, Column] = getattr(changes, f"{side}_columns")
    edits: dict[str, Any] = {f"{side}_templates": templates, f"{side}_columns": known | columns}
    return msgspec.structs.replace(changes, **edits)


async def _values(
    session: Session, now: Definition, side: str, texts: Sequence[str]
) -> tuple[dict[str, Plain], dict[str, Column]]:
    """The values by column, and what is to be known of columns that the mapping does not know yet."""
    table = now.bc if side == "bc" else now.crm
    given: dict[str, Plain] = {}
    columns: dict[str, Column] = {}
    for text in texts:
        field, equals, value = (one.strip() for one in text.partition("="))
        if not equals or not field:
            raise ConfigurationError(f"{text!r} gives no value.", cure='Write "FIELD=value".')
        name, new = await column_of_service(session, table, field, "", _SIDES[side])
        assert name is not None
        columns |= new
        column = (new or table.columns)[name]
        if column.targets or column.type is ColumnType.ID:
            raise ConfigurationError(
                f"{column.caption} is a look-up, which a template does not give.",
                cure="Name another field.",
            )
        given[name] = plain_of(column, field, value)
    return given, columns
