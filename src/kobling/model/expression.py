"""What a filter asks of one column, where it is more than a list of values: a small tree.

A filter expression is judged by `kobling.algebra.expressions`; the catalogue reads and writes its text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec

from kobling.model.values import Value


class Order(StrEnum):
    """How a value stands to the one that a comparison names. SAME is used for days, else see `OneOf`."""

    SAME = "="
    BELOW = "<"
    UP_TO = "<="
    ABOVE = ">"
    FROM = ">="


class OneOf(msgspec.Struct, frozen=True, tag=True):
    """The value is one of these, or what `source` answers. Blank is blank, however it is written."""

    values: tuple[Value, ...]
    source: str = ""


class Compare(msgspec.Struct, frozen=True, tag=True):
    """The value stands so to `value`. day: both are days; of a time its day counts.

    No number and no day is nothing, so these do not hold for null. Nothing as a text is before every text.
    """

    order: Order
    value: Value
    day: bool = False


class Range(msgspec.Struct, frozen=True, tag=True):
    """The value lies between these, which belong to it; None leaves that end open. day: as in `Compare`."""

    low: Value
    high: Value
    day: bool = False


class Like(msgspec.Struct, frozen=True, tag=True):
    """The text is like a pattern: `*` is any text, `?` one letter, and `\\` goes before either as itself.

    folded: letters are compared without their case and accents.
    """

    pattern: str
    folded: bool = False


class Not(msgspec.Struct, frozen=True, tag=True):
    """What does not hold for `part`."""

    part: OneOf | Like | Compare


class AllOf(msgspec.Struct, frozen=True, tag=True):
    """Every part holds; two or more."""

    parts: tuple[Expression, ...]


class AnyOf(msgspec.Struct, frozen=True, tag=True):
    """At least one part holds; two or more."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = OneOf | Compare | Range | Like | Not | AllOf | AnyOf
