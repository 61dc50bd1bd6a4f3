"""Settings of a connection: what holds for every mapping of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from kobling.catalogue.definition import Definition, Table

# What a person set, by name; what is not in it stands as shipped.
ConnectionSettings: TypeAlias = Mapping[str, str]
NO_SETTINGS: Final[ConnectionSettings] = {}
ON: Final = "on"
OFF: Final = "off"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. values: those that it can have, the shipped one first."""

    meaning: str
    values: tuple[str, ...] = (ON, OFF)


SETTINGS: Final[dict[str, Setting]] = {
    "active": Setting(meaning="Only active records of Sales take part, of contacts too."),
    "blocked": Setting(meaning="Only records of Business Central that are not blocked take part."),
    "company": Setting(meaning="Only records of Sales that belong to this company or to none take part."),
}


def value_of(settings: ConnectionSettings, name: str) -> str:
    """What the setting is: as set, else as shipped."""
    return settings.get(name, SETTINGS[name].values[0])


def in_force(definition: Definition, settings: ConnectionSettings) -> Definition:
    """The definition without the conditions whose switch is off."""
    bc, crm = (_switched(table, settings) for table in (definition.bc, definition.crm))
    return msgspec.structs.replace(definition, bc=bc, crm=crm)


def _switched(table: Table, settings: ConnectionSettings) -> Table:
    kept = tuple(one for one in table.filter if not one.switch or value_of(settings, one.switch) == ON)
    return msgspec.structs.replace(table, filter=kept)
