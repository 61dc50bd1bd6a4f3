"""Integration table mappings and integration field mappings, as the core sees them.

The core says left and right. The catalogue decides which service stands where; the shipped one puts Business
Central left and Dynamics 365 Sales right, so 'to right' is the built-in integration's *To integration table*.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kobling.model.values import Value


class Side(StrEnum):
    """One of the two systems that a mapping joins."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


class Direction(StrEnum):
    """Which way values may flow."""

    BOTH = "bidirectional"
    TO_RIGHT = "to_integration"
    TO_LEFT = "from_integration"

    def allows(self, target: Side) -> bool:
        """Whether values may be written to that side."""
        if self is Direction.BOTH:
            return True
        return self is (Direction.TO_RIGHT if target is Side.RIGHT else Direction.TO_LEFT)

    def narrowed(self, by: Direction) -> Direction | None:
        """What is left of this direction inside a mapping of direction `by`; None for nothing."""
        if by is Direction.BOTH or by is self:
            return self
        return by if self is Direction.BOTH else None


class UpdateConflict(StrEnum):
    """Who wins when both sides changed one field to different values."""

    ASK = "none"
    SEND = "send"
    GET = "get"


class DeletionConflict(StrEnum):
    """What happens to a pair whose one record was deleted."""

    ASK = "none"
    RESTORE = "restore"
    REMOVE_COUPLING = "remove-coupling"
    DELETE = "delete"


class Moment(StrEnum):
    """When a row is written: at every change, or only in the create itself."""

    ALWAYS = "always"
    INSERT = "insert"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of one side: how it is named on the wire and how it is shown.

    maximum: length in characters, None where the type has none. upper: the service keeps it in upper case
    without blanks around it (a BC code). blank: how the service writes 'nothing'.
    """

    name: str
    caption: str
    maximum: int | None = None
    upper: bool = False
    blank: Value = None


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """How a row's value is made for a side: a kind of `algebra.transform` and what that kind needs."""

    kind: str = "plain"
    mapping: str = ""
    constant: Value = None


class FieldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One integration field mapping.

    left, right: positions of its columns in the layouts of the sides, None on the side without a field.
    A row with `rule` is derived: it is written by a rule of the entity.
    """

    name: str
    left: int | None
    right: int | None
    direction: Direction
    conversion: Conversion = Conversion()
    moment: Moment = Moment.ALWAYS
    not_null: bool = False
    clear_on_failed: bool = False
    conflict: UpdateConflict | None = None
    group: str = ""
    rule: str = ""

    def column(self, side: Side) -> int | None:
        """The position of this row's column on that side."""
        return self.left if side is Side.LEFT else self.right


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a filter: the column at `position` is (or is not) one of `values`."""

    position: int
    name: str
    values: tuple[Value, ...]
    negated: bool = False
    text: str = ""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A value set in the create itself; it wins over the source's value."""

    position: int
    value: Value


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a mapping: its table, the columns that are read, its filter and what a create sets."""

    name: str
    caption: str
    route: str
    columns: tuple[Column, ...]
    number: int | None = None
    title: int | None = None
    conditions: tuple[Condition, ...] = ()
    template: tuple[Template, ...] = ()
    table_id: int = 0


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """An integration table mapping, ready to plan with: only enabled rows, directions narrowed."""

    name: str
    left: Table
    right: Table
    direction: Direction
    rows: tuple[FieldRow, ...]
    synch_only_coupled: bool = True
    update_conflict: UpdateConflict = UpdateConflict.ASK
    deletion_conflict: DeletionConflict = DeletionConflict.ASK

    def table(self, side: Side) -> Table:
        """The table of that side."""
        return self.left if side is Side.LEFT else self.right
