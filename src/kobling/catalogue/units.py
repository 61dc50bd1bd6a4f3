"""The rules of units: without unit groups, each unit of measure is a unit group of Sales."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kobling.model.look_up import Answer, Facts, Reference, Source
from kobling.model.mapping import Side

_PREFIX: Final = "NAV "
_NAME_LENGTH: Final = 200


def unit_names(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: `NAV ` and the code, as the unit group of a unit of measure is called."""
    if side is Side.LEFT:
        return {}
    return {key: f"{_PREFIX}{key}"[:_NAME_LENGTH] for key in keys if key}


REFERENCES: Final[tuple[Reference, ...]] = ()
SOURCES: Final = (Source(name="unit_names", resolve=unit_names),)
