"""OData conditions as text; every value is encoded, whatever stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling.model.values import guid

# Values in one request: the address stays short enough for every proxy.
FIND_PAGE: Final = 40


def any_of(column: str, values: Sequence[str]) -> str:
    """The condition that the column has one of these texts."""
    return " or ".join(f"{column} eq {quoted(value)}" for value in values)


def any_id_of(column: str, values: Sequence[str]) -> str:
    """The condition that the look-up has one of these ids; what is no id is left out."""
    return " or ".join(f"{column} eq {value}" for value in values if guid(value))


def quoted(text: str) -> str:
    """A text as a literal; an apostrophe in it is doubled."""
    return "'" + text.replace("'", "''") + "'"
