"""Settings of a connection: what holds for every mapping of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

from kobling.catalogue.definition import Definition, Only, Table

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
    "owner_model": Setting(
        meaning="Who owns what is created in Sales: the user who is the salesperson, or the default team.",
        values=("person", "team"),
    ),
    "unit_groups": Setting(
        meaning="Each item and resource has a unit group in Sales; off: each unit of measure is one."
    ),
    "extended_pricing": Setting(
        meaning="Prices come from price lists of Business Central; off: from customer price groups.",
        values=(OFF, ON),
    ),
    "multi_company": Setting(
        meaning="Several companies share the records of Sales: they carry no company, and none is asked.",
        values=(OFF, ON),
    ),
    "account_statistics": Setting(
        meaning="Sales has the table of account statistics, and customers' balances and sales go there.",
        values=(OFF, ON),
    ),
    "auto_create_orders": Setting(
        meaning="Business Central makes a sales order of each order that is submitted in Sales, unasked.",
        values=(OFF, ON),
    ),
    "sales_orders": Setting(
        meaning="Whether sales orders are integrated: not at all, from Sales only, or both ways.",
        values=(OFF, "legacy", "bidirectional"),
    ),
}


def value_of(settings: ConnectionSettings, name: str) -> str:
    """What the setting is: as set, else as shipped."""
    return settings.get(name, SETTINGS[name].values[0])


def known_settings(stored: ConnectionSettings) -> dict[str, str]:
    """Those of the stored settings that this version knows, with values that they can have."""
    return {
        name: value for name, value in stored.items() if name in SETTINGS and value in SETTINGS[name].values
    }


def is_there(only: Only, settings: ConnectionSettings) -> bool:
    """Whether the settings are those with which something is there."""
    return all(value_of(settings, name) == word_of(value) for name, value in only.items())


def word_of(value: str | bool) -> str:
    """A value of a setting as people write it."""
    return value if isinstance(value, str) else ON if value else OFF


def words_of(only: Only) -> dict[str, str]:
    """Settings with their values as people write them."""
    return {name: word_of(value) for name, value in only.items()}


def is_automatic(definition: Definition, settings: ConnectionSettings) -> bool:
    """Whether a switch of the connection has uncoupled records taken up unasked."""
    return bool(definition.auto) and value_of(settings, definition.auto) == ON


def left_in(definition: Definition, settings: ConnectionSettings) -> Definition:
    """The definition with the rows and conditions that are there with these settings."""
    bc, crm = (_left_in(table, settings) for table in (definition.bc, definition.crm))
    rows = tuple(one for one in definition.fields if is_there(one.only, settings))
    return msgspec.structs.replace(definition, bc=bc, crm=crm, fields=rows)


def _left_in(table: Table, settings: ConnectionSettings) -> Table:
    kept = tuple(one for one in table.filter if is_there(one.only, settings))
    return msgspec.structs.replace(table, filter=kept)


def in_force(definition: Definition, settings: ConnectionSettings) -> Definition:
    """The definition without the conditions whose switch is off."""
    bc, crm = (_switched(table, settings) for table in (definition.bc, definition.crm))
    return msgspec.structs.replace(definition, bc=bc, crm=crm)


def _switched(table: Table, settings: ConnectionSettings) -> Table:
    kept = tuple(one for one in table.filter if not one.switch or value_of(settings, one.switch) == ON)
    return msgspec.structs.replace(table, filter=kept)
