"""Raw field values, in the form each service holds them.

A raw value is None, bool, int, Decimal or str. Dates and ids travel as text, exactly as the service writes
them; decimals never pass through binary floats.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec

Value: TypeAlias = bool | int | Decimal | str | None
Values: TypeAlias = tuple[Value, ...]

# In a base: the field came into the mapping after the base was made; what it holds now counts as settled.
UNSET: Final[Any] = msgspec.UNSET
EMPTY_ID: Final = "00000000-0000-0000-0000-000000000000"
# How both services spell 'nothing': blank text, BC's blank option, blank id and blank date.
BLANKS: Final = frozenset({None, "", "_x0020_", EMPTY_ID, "0001-01-01"})


def is_blank(value: Value) -> bool:
    """Whether the value means 'nothing'; zero and False are values."""
    return value in BLANKS if value.__class__ is str or value is None else False


def guid(text: str) -> str:
    """The id that the text spells, in lower case; '' where it spells none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""


def same_value(one: Value, other: Value) -> bool:
    """Whether two raw values mean the same: blank is blank, 1 is 1.00."""
    if one == other:
        return True
    return is_blank(one) and is_blank(other)
