"""Integration table mappings and integration field mappings, as the core sees them.

The core says left and right. The catalogue decides which service stands where; the shipped one puts Business
Central left and Dynamics 365 Sales right, so 'to right' is the built-in integration's *To integration table*.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from kobling.model.expression import Expression
from kobling.model.values import Value


class Side(StrEnum):
    """One of the two systems that a mapping joins."""

    LEFT = "left"
    RIGHT = "right"

    # Sides are keys everywhere, and an enumeration's own hash is a call into Python.
    __hash__ = str.__hash__

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


# Looping over an enumeration itself is a call into Python for each of its members.
SIDES: Final = tuple(Side)


class Direction(StrEnum):
    """Which way values may flow."""

    __hash__ = str.__hash__

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

    __hash__ = str.__hash__

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
    """When a row is written.

    ALWAYS: at every change of its source. INSERT: in the create only; a later difference is named, not sent.
    FINISH: at every change of its source, but of a new record on the right only once it is there: a service
    that makes records in a state of its own lets nobody choose another before. What such a row writes may
    bring its record back inside the filter.
    EXIT: once, when the other side leaves the filter by the condition that the row names.
    """

    ALWAYS = "always"
    INSERT = "insert"
    FINISH = "finish"
    EXIT = "exit"


# Rows of these moments follow their source for good.
LASTING: Final = frozenset({Moment.ALWAYS, Moment.FINISH})


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of one side: how it is named on the wire and how it is shown.

    kind: what it holds: text, option, integer, decimal, boolean, id or date. maximum: length in characters,
    None where the type has none. upper: the service keeps it in upper case without blanks around it (a BC
    code). blank: how the service writes 'nothing'. targets: for a look-up, the sets of the tables that it may
    point to, by entity; with more than one its value is `entity/id`, else the id. navigation: the name under
    which a look-up is bound, where it is not the column's own.
    """

    name: str
    caption: str
    kind: str = "text"
    maximum: int | None = None
    upper: bool = False
    blank: Value = None
    targets: dict[str, str] = {}
    navigation: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One transformation rule of `algebra.rules` with its arguments."""

    rule: str
    arguments: tuple[Value, ...] = ()


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """How a row's value is made for a side: a kind of `algebra.transform` and what that kind needs.

    kind: `plain`, `look_up` (the value that `source` answers for the key), `product` (the source's number
    times the answer, rounded half up to `digits`), `not_negative` (a number below zero is zero) or
    `last_word` (a blank is the last word of what the record is called). source: the name of a look-up source:
    a mapping, or one of the catalogue. via: the mapping in whose couplings that source goes on. key: the
    position, on the source side, of what is asked for; None for the row's own column. within: positions on
    the left whose values go before it in what is asked of the right, where records there are known by several
    columns. otherwise: positions whose values stand in, in turn, for a blank one. entity: before the id of a
    look-up that may point to several tables. to_right, to_left: the transformation of what is read, before
    anything is made of it. inputs: positions, on the source side, that its expressions read.
    """

    kind: str = "plain"
    source: str = ""
    via: tuple[str, ...] = ()
    key: int | None = None
    within: tuple[int, ...] = ()
    otherwise: tuple[int, ...] = ()
    entity: str = ""
    digits: int = 2
    constant: Value = None
    to_right: tuple[Step, ...] = ()
    to_left: tuple[Step, ...] = ()
    inputs: tuple[int, ...] = ()

    def steps(self, target: Side) -> tuple[Step, ...]:
        """The transformation of what is read for that side."""
        return self.to_right if target is Side.RIGHT else self.to_left

    @property
    def needs(self) -> tuple[str, ...]:
        """The mappings whose couplings it asks, directly or through its source; else the source's name."""
        return self.via or (self.source,)

    @property
    def reads(self) -> tuple[int, ...]:
        """Positions on the source side that are read beside the row's own column."""
        others = (*self.otherwise, *self.inputs)
        return others if self.key is None else (self.key, *others)


class FieldRow(msgspec.Struct, frozen=True, kw_only=True):
    """One integration field mapping.

    left, right: positions of its columns in the layouts of the sides, None on the side without a field.
    A row with `rule` is derived: it is written by a rule of the entity. claim: the row is also written to
    the source's own side, before its counterpart is created there. when: for an EXIT row, the column of the
    condition by which the other side leaves the filter. gate: where its source answers `Outside`, the record
    is outside. couples: of a record that was made on the left, what its source goes on to ask for there is
    coupled with what the right column holds. group: rows of one merge group flow and are contested as one.
    compare: in pairs that were settled before the row came, both sides are compared as at first contact; else
    what stands there counts as settled.
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
    claim: bool = False
    when: str = ""
    gate: bool = False
    couples: bool = False
    compare: bool = False

    def column(self, side: Side) -> int | None:
        """The position of this row's column on that side."""
        return self.left if side is Side.LEFT else self.right


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of a filter: the column at `position` is (or is not) one of `values`, or meets `test`.

    test: what the condition asks where it is more than a list of values, which are empty then. source: a
    look-up source whose answer is one more value; without an answer the condition does not hold. entity: it
    is about the table that the look-up at `position` points to.
    """

    position: int
    name: str
    values: tuple[Value, ...]
    negated: bool = False
    text: str = ""
    source: str = ""
    entity: bool = False
    test: Expression | None = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A value set in the create itself; it wins over the source's value."""

    position: int
    value: Value


class ChosenTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A template of a list, in the order in which they are tried. conditions: about the source's record."""

    name: str
    conditions: tuple[Condition, ...] = ()
    values: tuple[Template, ...] = ()


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a mapping: its table, the columns that are read, its filter and what a create sets.

    key: the column that holds the id. number, title: positions of what people know a record by. known_by:
    positions of what tells a record apart where its number alone does not; the first says most. template:
    what a create sets always; templates: of these one gives its values, which win. table_id: the table's
    number in the deletion log. shipped: titles of records that the service brings itself.
    """

    name: str
    caption: str
    route: str
    columns: tuple[Column, ...]
    key: str = "id"
    number: int | None = None
    title: int | None = None
    known_by: tuple[int, ...] = ()
    conditions: tuple[Condition, ...] = ()
    template: tuple[Template, ...] = ()
    templates: tuple[ChosenTemplate, ...] = ()
    table_id: int = 0
    shipped: tuple[str, ...] = ()


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How many coupled pairs a run may touch: so many, or that share of all, whichever is more. With neither
    there is no limit."""

    number: int | None = None
    percent: int | None = None


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """What stops a run before it writes.

    deletions, changes: more pairs than that with a deleted, or a changed, record. empty: a side answers for
    none of the records that it is known to have. schema: a column is gone, of another type, or shorter.
    mapping: the mapping is another than in the last run.
    """

    deletions: Limit = Limit(number=20, percent=50)
    changes: Limit = Limit()
    empty: bool = True
    schema: bool = True
    mapping: bool = False


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """An integration table mapping, ready to plan with: only enabled rows, directions narrowed.

    finder: pairs of positions (left, right) that must be equal for an uncoupled record to be coupled with one
    that stands on the other side already; empty for a mapping without. leave_first: records that meet for the
    first time are left as they are until one changes, unless a person says more. refuse_outside: a look-up
    that finds a coupled record outside the filter is refused (a disabled user owns nothing). parts_with: the
    right look-up to the record that one belongs to; when that is uncoupled by hand, so is it. only_couples:
    the connection that writes this table of the right side; this one only couples its records. part_of: the
    mapping whose records these are parts of, as lines are of a document; both run together.
    """

    name: str
    left: Table
    right: Table
    direction: Direction
    rows: tuple[FieldRow, ...]
    synch_only_coupled: bool = True
    update_conflict: UpdateConflict = UpdateConflict.ASK
    deletion_conflict: DeletionConflict = DeletionConflict.ASK
    finder: tuple[tuple[int, int], ...] = ()
    leave_first: bool = False
    refuse_outside: bool = False
    observe: bool = False
    parts_with: int | None = None
    only_couples: str = ""
    part_of: str = ""
    guards: Guards = Guards()

    def table(self, side: Side) -> Table:
        """The table of that side."""
        return self.left if side is Side.LEFT else self.right

    def rows_of(self, field: str) -> tuple[FieldRow, ...]:
        """The rows that a contested field stands for: the one of that name, or those of a merge group."""
        own = tuple(one for one in self.rows if one.name == field)
        return own or tuple(one for one in self.rows if field and one.group == field)

    @property
    def sources(self) -> frozenset[str]:
        """The look-up sources that its rows and conditions ask, and the mappings in which those go on."""
        conditions = (*self.left.conditions, *self.right.conditions)
        asked = {name for one in self.rows for name in (one.conversion.source, *one.conversion.via)}
        return frozenset(asked | {one.source for one in conditions}) - {""}
