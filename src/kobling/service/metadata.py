"""What both services say of their tables, asked for when somebody names something that no mapping has yet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from kobling.adapters.business_central.metadata import described as described_left
from kobling.adapters.business_central.metadata import every_described
from kobling.adapters.dataverse.metadata import described as described_right
from kobling.adapters.odata.described import Described
from kobling.catalogue.definition import Column
from kobling.catalogue.read import with_blank
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.model.mapping import Side
from kobling.service.configuration import Configuration
from kobling.service.connection import open_door


async def describe(configuration: Configuration, side: Side, table: str) -> Described:
    """The table as its service describes it. Raises ConfigurationError where there is none of that name."""
    section, place = ("bc", configuration.bc) if side is Side.LEFT else ("crm", configuration.crm)
    async with open_door(configuration, section) as door:
        if side is Side.LEFT:
            return await described_left(door, configuration.bc.root, table)
        return await described_right(door, place.url, table)


async def describe_tables(
    configuration: Configuration, side: Side, tables: Mapping[str, str]
) -> dict[str, Described | KoblingError]:
    """These tables (the name of each by its route) as the service describes them now, or why it does not.

    Raises KoblingError where the service cannot be asked at all.
    """
    if side is Side.LEFT:
        async with open_door(configuration, "bc") as door:
            return await every_described(door, configuration.bc.root, list(tables))
    async with open_door(configuration, "crm") as door:
        asked = [described_right(door, configuration.crm.url, one) for one in tables.values()]
        found = await asyncio.gather(*asked, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, KoblingError):
            raise one
    return dict(zip(tables, found, strict=True))  # type: ignore[arg-type]


def column_in(described: Described, text: str, wire: str, side: Side) -> tuple[str, Column]:
    """The column of that name, or of the name that it has on the wire. Raises ConfigurationError."""
    names = {one.casefold(): one for one in described.columns}
    captions = {one.caption.casefold(): name for name, one in described.columns.items()}
    found = names.get(text.casefold()) or names.get(wire.casefold()) or captions.get(text.casefold())
    if found is None:
        raise ConfigurationError(
            f"{described.table} has no field {text!r}.", cure=f"Use one of: {_near(text, described)}."
        )
    column = described.columns[found]
    # Business Central tells no captions: what a person wrote is one, unless it is the name on the wire.
    given = msgspec.structs.replace(column, caption=text) if side is Side.LEFT else column
    return found, with_blank(given, side)


def _near(text: str, described: Described) -> str:
    from difflib import get_close_matches

    known = sorted(described.columns)
    near = get_close_matches(text.casefold(), known, 8, 0.5)
    return ", ".join(near or known[:40])
