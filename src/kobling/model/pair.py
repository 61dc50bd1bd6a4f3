"""A pair of coupled records with its base, and the action that a plan gives it. Actions are data."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from kobling.model.mapping import DeletionConflict, Side
from kobling.model.values import Value, Values


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A record of one side: values in the order of the table's columns, and the version they were read at."""

    id: str
    values: Values
    version: str = ""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What each side held, in its own raw form, when each field was last settled.

    made: per row, what the source's value was made into then, '' for blank; a look-up or rate that has
    changed since makes another value of the same source, and so is a change of the source. None: nothing was
    made yet.
    """

    left: Values
    right: Values
    made: Values

    def values(self, side: Side) -> Values:
        """What that side held."""
        return self.left if side is Side.LEFT else self.right


class SideState(StrEnum):
    """What is known of one side of a coupled pair against its base."""

    __hash__ = str.__hash__

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    DELETED = "deleted"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


class First(StrEnum):
    """What a coupling that was made by hand or by matching says about values that differ."""

    POLICY = ""
    LEFT = "left"
    RIGHT = "right"
    LEAVE = "leave"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A person's resolution of a contested field: one side's value, or another in the left side's form."""

    winner: Side | None = None
    value: Value = None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A coupled pair as a run meets it. A record is None where it is deleted or was not read.

    first: what holds while there is no base. target: the only side that may be written; None for both.
    choices: resolutions by row name. deletion: what a person says of the deleted record; None for the
    mapping's policy. imposed: a person wants the side that is not `target` to hold, whatever both hold.
    held: positions on the right whose values the integration user wrote, as nobody has said
    yet what they are worth.
    """

    left: Record | None
    right: Record | None
    base: Base | None
    left_deleted: bool = False
    right_deleted: bool = False
    # An input (a look-up, a rate) may have changed although neither record did.
    woken: bool = False
    first: First = First.POLICY
    target: Side | None = None
    choices: dict[str, Choice] = {}
    deletion: DeletionConflict | None = None
    imposed: bool = False
    held: frozenset[int] = frozenset()
    # Rows that go to and fro: they are carried over only if a person says so.
    parked: frozenset[int] = frozenset()

    def record(self, side: Side) -> Record | None:
        """The record of that side."""
        return self.left if side is Side.LEFT else self.right

    def deleted(self, side: Side) -> bool:
        """Whether the record of that side is proved to be deleted."""
        return self.left_deleted if side is Side.LEFT else self.right_deleted


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """A write to a pair that happened: what a side held after it, by column."""

    side: Side
    values: dict[str, Value]


class Kind(StrEnum):
    """What is done with a pair."""

    NOTHING = "nothing"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"
    RESTORE = "restore"
    UNCOUPLE = "uncouple"
    READ = "read"
    ASK = "ask"
    OUTSIDE = "outside"
    WAIT = "wait"
    HOLD = "hold"
    LEAVE_OUT = "leave out"
    WITHHOLD = "withhold"
    CONFLICT = "conflict"
    REJECT = "reject"


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """What one side gets: (column position, value) pairs, each differing from what the side holds.

    claim: the write marks a record as ours before its counterpart is created; it is not counted.
    """

    side: Side
    values: tuple[tuple[int, Value], ...]
    claim: bool = False


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A look-up without an answer yet: the mapping and key that it waits for, and the words for a person.
    also: another key, as `source/key`, whose change can bring the answer."""

    mapping: str
    key: str
    reason: str
    also: str = ""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A field that cannot be settled now: the row's name and why. clearable: blank stands in meanwhile.
    waits: the key, as `source/key`, whose change can mend it."""

    field: str
    reason: str
    missing: Missing | None = None
    clearable: bool = False
    waits: str = ""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan decided for one pair, and the base that holds once it is done.

    later: fields that only the other direction, which this run leaves alone, could settle. held: fields that
    the integration user changed, until a person accepts or ignores them. waits: keys whose change can bring a
    record that is outside inside. undoes: the number of the job that the action takes back; where that was a
    creation, no other is made of the same record.
    """

    kind: Kind
    writes: tuple[Write, ...] = ()
    base: Base | None = None
    contested: tuple[str, ...] = ()
    waiting: tuple[Trouble, ...] = ()
    rejected: tuple[Trouble, ...] = ()
    later: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    reason: str = ""
    undoes: str = ""
