"""Settings of the connection as a consultant sees and changes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from kobling.catalogue.definition import Definition
from kobling.catalogue.load import every_variant
from kobling.catalogue.settings import OFF, ON, SETTINGS, value_of
from kobling.engine.pause import paused_words
from kobling.model.errors import ConfigurationError
from kobling.service.entails import entailed
from kobling.service.mappings import split_edit, switch
from kobling.service.session import Document, Session

_SWITCH: Final = {True: ON, False: OFF}


async def show_connection(session: Session) -> Document:
    """Every setting of the connection, as it is and as it is shipped."""
    settings, about = await session.settings(), await session.about()
    return {
        "connection": session.configuration.connection.name,
        "base_currency": about.base_currency or None,
        "business_unit": about.business_unit or None,
        "paused": await paused_words(session.state) or None,
        "settings": [
            {
                "name": name,
                "value": value_of(settings, name),
                "default": one.values[0],
                "values": list(one.values),
                "meaning": one.meaning,
            }
            for name, one in SETTINGS.items()
        ],
    }


async def set_connection(
    session: Session, edits: Sequence[str], *, existing: bool, wait: Callable[[str], None]
) -> Document:
    """Changes settings. edits: `name=value` texts; `name=default` takes a change back.

    existing: records that were read past until now are read and taken in by the next run, too. Raises
    ConfigurationError for an unknown name or a value that it cannot have.
    """
    values = dict(_edit(one) for one in edits)
    if not values:
        names = ", ".join(SETTINGS)
        raise ConfigurationError("Nothing is to be changed.", cure=f"Write name=value; names: {names}.")
    async with session.locked(list(every_variant()), wait):
        old = await session.settings()
        before, there = await session.mappings(), session.definitions
        merged = {name: value for name, value in (old | values).items() if value is not None}
        async with session.state.together():
            await session.turn(merged)
            after = await session.mappings()
            entails = await entailed(session, (there, before), (session.definitions, after))
            for name in (one for one in after if before.get(one) != after[one]):
                await session.state.mapping_changed(name, _routes(session.definitions[name], existing))
    document = await show_connection(session)
    return document | {"changed": sorted(values), "entails": entails}


def _routes(definition: Definition, existing: bool) -> tuple[str, ...]:
    return (definition.bc.route, definition.crm.route) if existing else ()


def _edit(text: str) -> tuple[str, str | None]:
    name, value = split_edit(text, SETTINGS)
    return name, None if value is None else _value(name, value, SETTINGS[name].values)


def _value(name: str, value: str, known: Sequence[str]) -> str:
    found = _SWITCH[switch(name, value)] if set(known) == {ON, OFF} else value.casefold()
    if found not in known:
        cure = f"Use one of: {', '.join(known)}."
        raise ConfigurationError(f"{name}={value} is unknown.", cure=cure)
    return found
