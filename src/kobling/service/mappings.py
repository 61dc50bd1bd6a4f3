"""Mappings as a consultant sees and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from kobling.algebra.guard import parse_limit
from kobling.algebra.order import LookUpCycleError, order
from kobling.catalogue.definition import OF_PARTS, Changes, Definition, changed
from kobling.catalogue.describe import list_document, show_document
from kobling.catalogue.filter_text import parse_filter
from kobling.catalogue.fitting import SetAside
from kobling.catalogue.load import executable
from kobling.catalogue.sources import SOURCES
from kobling.engine.pause import paused_words
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import DeletionConflict, Direction, Limit, UpdateConflict
from kobling.service.consequences import ask_first
from kobling.service.session import Document, Session

_SWITCH: Final = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
# What lets more through than before: records that were read past may be meant as well.
_WIDENING: Final = frozenset({"enabled", "direction", "synch_only_coupled", "bc_filter", "crm_filter"})
DEFAULT: Final = "default"


async def list_mappings(session: Session) -> Document:
    """All mappings, in short."""
    document = list_document(session.definitions, await session.shown_changes(), await session.settings())
    return document | {"paused": await paused_words(session.state) or None}


async def show_mappings(session: Session, name: str) -> Document:
    """One mapping with all its field rows."""
    [document] = await _shown(session, [session.definition(name).name])
    return document


async def _shown(session: Session, names: Iterable[str]) -> list[Document]:
    changes, settings = await session.shown_changes(), await session.settings()
    aside: dict[str, list[Document]] = {}
    for one in await session.set_aside():
        aside.setdefault(one.mapping, []).append(set_aside_document(one))
    return [
        show_document(session.definitions[name], changes[name], session.definitions, settings)
        | ({"set_aside": aside[name]} if name in aside else {})
        for name in names
    ]


def set_aside_document(one: SetAside) -> Document:
    """A stored change that does not fit any more."""
    return {"what": one.what, "message": one.message, "cure": one.cure}


async def show_every_mapping(session: Session) -> Document:
    """Every mapping with all its field rows."""
    return {"mappings": await _shown(session, session.definitions)}


async def set_mapping(
    session: Session,
    name: str,
    edits: Sequence[str],
    *,
    existing: bool,
    yes: bool = False,
    wait: Callable[[str], None],
) -> Document:
    """Changes a mapping. edits: `key=value` texts; `key=default` takes a change back.

    existing: records that were read past until now are read and taken in by the next run, too. yes: also
    where coupled pairs flow otherwise, or no more, from then on. Raises ConfigurationError for an unknown
    key, for a value that it cannot have, and for what a person should say yes to.
    """
    definition = session.definition(name)
    values = edits_of(definition, edits)
    if not values:
        raise ConfigurationError("Nothing is to be changed.", cure=f"Write key=value; keys: {_keys()}.")
    async with session.locked([definition.name], wait):
        old = (await session.changes())[definition.name]
        session.check_whole(definition.name, values)
        new = msgspec.structs.replace(old, **values)
        changed(definition, new)
        await check_together(session, definition, new)
        await ask_first(session, definition, old, new, yes=yes)
        await store_changes(session, definition, new, existing=existing)
        if "enabled" in values:
            await wake_dependants(session, definition.name)
    document = await show_mappings(session, definition.name)
    return document | {"changed": sorted(values), "widened": bool(_WIDENING & set(values)) and not existing}


async def wake_dependants(session: Session, name: str) -> None:
    """Records that stay outside or wait because a mapping was not there are looked at again."""
    for other, mapping in (await session.mappings()).items():
        if name in mapping.sources:
            await session.state.mapping_changed(other, ())


async def store_changes(session: Session, definition: Definition, new: Changes, *, existing: bool) -> None:
    """Stores a person's changes of a mapping, which is locked; what stays in its inbox may pass now."""
    async with session.state.together():
        await session.state.change_settings(definition.name, msgspec.to_builtins(new))
        routes = (definition.bc.route, definition.crm.route) if existing else ()
        await session.state.mapping_changed(definition.name, routes)


async def check_together(session: Session, definition: Definition, new: Changes) -> None:
    """Whether the mapping can be carried out with these changes, and together with the others.

    Raises ConfigurationError, also where mappings would need each other by look-ups that may not be cleared.
    """
    if not (new.is_enabled and definition.ready):
        return
    mappings = await session.mappings()
    available = {*mappings, *SOURCES, definition.name}
    mappings[definition.name] = executable(definition, new, available, await session.settings())
    try:
        order(mappings)
    except LookUpCycleError as error:
        raise ConfigurationError(
            f"{definition.name}: {error}.",
            cure="Set clear_on_failed=on for one of the look-ups, or disable it.",
        ) from None


def edits_of(definition: Definition, edits: Sequence[str]) -> dict[str, Any]:
    """What these `key=value` texts change. Raises ConfigurationError."""
    return dict(_edit(definition, one) for one in edits)


def _keys() -> str:
    return ", ".join(_READERS)


def _edit(definition: Definition, text: str) -> tuple[str, Any]:
    key, value = split_edit(text, _READERS)
    return key, None if value is None else _READERS[key](definition, key, value)


def split_edit(text: str, keys: Iterable[str]) -> tuple[str, str | None]:
    """Key and value of `key=value`; None for `default`. Raises ConfigurationError for an unknown key."""
    key, equals, value = (one.strip() for one in text.partition("="))
    known = list(keys)
    if not equals or key not in known:
        cure = f"Write key=value; keys: {', '.join(known)}."
        raise ConfigurationError(f"{text!r} changes nothing.", cure=cure)
    return key, None if value == DEFAULT else value


def _switch(definition: Definition, key: str, value: str) -> bool:
    return switch(key, value)


def one_of(kind: type[StrEnum], key: str, value: str) -> StrEnum:
    """The word of that kind. Raises ConfigurationError for one that is none."""
    try:
        return kind(value.casefold())
    except ValueError:
        known = ", ".join(kind)
        raise ConfigurationError(f"{key}={value} is unknown.", cure=f"Use one of: {known}.") from None


def switch(key: str, value: str) -> bool:
    """Whether the value means on. Raises ConfigurationError for one that means neither on nor off."""
    found = _SWITCH.get(value.casefold())
    if found is None:
        raise ConfigurationError(
            f"{key}={value} is neither on nor off.", cure=f"Write {key}=on or {key}=off."
        )
    return found


def _one_of(kind: type[StrEnum]) -> Callable[[Definition, str, str], StrEnum]:
    return lambda definition, key, value: one_of(kind, key, value)


def _bc_filter(definition: Definition, key: str, value: str) -> Any:
    return parse_filter(value, definition.bc.columns)


def _crm_filter(definition: Definition, key: str, value: str) -> Any:
    return parse_filter(value, definition.crm.columns)


def _limit(definition: Definition, key: str, value: str) -> Limit:
    found = parse_limit(value)
    if found is None:
        raise ConfigurationError(
            f"{key}={value} is no limit.", cure=f"Write for example {key}=20, {key}=10%, or {key}=off."
        )
    return found


_READERS: Final[dict[str, Callable[[Definition, str, str], Any]]] = {
    "enabled": _switch,
    "direction": _one_of(Direction),
    "synch_only_coupled": _switch,
    "update_conflict": _one_of(UpdateConflict),
    "deletion_conflict": _one_of(DeletionConflict),
    "bc_filter": _bc_filter,
    "crm_filter": _crm_filter,
    "observe": _switch,
    "guard_deletions": _limit,
    "guard_changes": _limit,
    "guard_empty": _switch,
    "guard_schema": _switch,
    "guard_mapping": _switch,
}
assert set(_READERS) == {*Changes.__struct_fields__} - OF_PARTS, "a change cannot be written"
