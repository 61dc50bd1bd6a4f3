"""What the engine keeps between runs, as values."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from kobling.model.mapping import Side
from kobling.model.pair import Base, First
from kobling.model.values import Value, Values

# The class of what is no failure: a text that was cut.
CUT: Final = "cut"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the inbox: a record as it was read, or the hint that it is deleted.

    values: None where the record is known from its coupling only. wanted: taken up for creation, so every
    later run finishes it. reason: why the row was still there before it became due. direct: handed over by a
    full read, without a row in the inbox. by_us: this version was written by the integration user, whoever
    told it to.
    """

    id: str
    side: Side
    version: str = ""
    values: Values | None = None
    deleted: bool = False
    wanted: bool = False
    reason: str = "new"
    direct: bool = False
    by_us: bool = False


class Coupling(msgspec.Struct, frozen=True, kw_only=True):
    """Two coupled records, the versions that are known of them, their base, and what was seen beside it.

    base: None until the first contact is settled, which `first` decides. number, titles: what people know the
    two records by. left_key: what look-ups know the left one by, where that is more than its number.
    right_held: columns of the right side that the integration user changed, until a person
    accepts or ignores them or somebody else edits the record.
    """

    left: str
    right: str
    left_version: str
    right_version: str
    base: Base | None
    left_seen: Values | None = None
    right_seen: Values | None = None
    first: First = First.POLICY
    left_number: str = ""
    left_title: str = ""
    right_title: str = ""
    right_held: frozenset[str] = frozenset()
    left_key: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """What look-ups know the pair by: the key or the number on the left, the id on the right."""
        known_by = self.left_key or self.left_number
        return (known_by, self.right) if known_by else (self.right,)

    def id(self, side: Side) -> str:
        """The record of that side."""
        return self.left if side is Side.LEFT else self.right

    def version(self, side: Side) -> str:
        """The version known of that side."""
        return self.left_version if side is Side.LEFT else self.right_version

    def values(self, side: Side) -> Values | None:
        """What that side held when it was last seen; None where it was never read."""
        seen = self.left_seen if side is Side.LEFT else self.right_seen
        if seen is not None or self.base is None:
            return seen
        return self.base.values(side)


class Intent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is about to be written; committed before its effect. job: of one that is read again, whose."""

    side: Side
    id: str
    partner: str
    method: str
    body: dict[str, Any]
    version: str = ""
    job: int = 0


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A write that happened, for the audit. values: what the service holds after it, by column; before: what
    it held, of those columns that were there to hold anything. version: of the record after it, '' where that
    is not known. job: that wrote it; 0 for the one in hand."""

    left: str
    right: str
    side: Side
    method: str
    values: dict[str, Value]
    reason: str
    version: str = ""
    job: int = 0
    before: dict[str, Value] = {}

    @property
    def changes(self) -> dict[str, tuple[Value, Value]]:
        """(before, after) by column."""
        return {name: (self.before.get(name), after) for name, after in self.values.items()}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a record could not be settled, in words for a person. kind: the class of failure."""

    left: str
    right: str
    kind: str
    field: str
    message: str
    cure: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one pair.

    coupling: as it is now; `uncouple` is the one that goes. Of its inbox rows some leave, stay (why, which
    fields, what they wait for as `source/key`), or come again in the next wave; the others rest as they are.
    wakes: what waited for one of these keys is due. open: intents whose effect nobody knows yet. fresh: the
    coupling was not there before. own: (id, version) of records without a coupling that we ourselves wrote.
    left_out: (id, job) of records of which no counterpart is created, as that of this job was undone.
    """

    coupling: Coupling | None = None
    uncouple: Coupling | None = None
    leave: tuple[Change, ...] = ()
    stay: tuple[Change, ...] = ()
    again: tuple[Change, ...] = ()
    reason: str = ""
    message: str = ""
    fields: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    wakes: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    open: tuple[Intent, ...] = ()
    fresh: bool = False
    own: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


class NewPairs(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of many pairs of which one record was just created, as planned: a column for each part of
    their couplings. side: of the new records. written: what was written of each, by column of its table, as
    the audit keeps it; reason: why. leave: the rows of the inbox that are settled. wakes: see `Settled`.
    """

    side: Side
    left: list[str]
    right: list[str]
    left_version: list[str]
    right_version: list[str]
    left_base: list[Values]
    right_base: list[Values]
    made: list[Values]
    left_number: list[str]
    left_title: list[str]
    right_title: list[str]
    left_key: list[str]
    written: list[dict[str, Value]]
    reason: str
    leave: list[Change]
    wakes: list[str]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a pair came to so far in a job that several workers share. key: the left id. words: by side."""

    key: str
    words: dict[str, str] = {}
    failures: tuple[Failure, ...] = ()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker has done of such a job: counts as in a report, requests by service."""

    counts: dict[str, dict[str, int]] = {}
    requests: dict[str, int] = {}


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A job in which other workers may take part. fingerprint: of the mapping as it was when it began."""

    job: int
    mapping: str
    full: bool
    fingerprint: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a coupling answers to a look-up. outside: why the record that is the answer is outside the filter,
    '' inside; asked_outside: the same of the record that was asked for."""

    value: str
    outside: str = ""
    asked_outside: str = ""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """How many records of a mapping stay in the inbox, by what they wait for."""

    conflicts: int = 0
    waiting: int = 0
    clearable: int = 0
    skipped: int = 0
    held: int = 0
    failed: int = 0
    outside: int = 0


class Report(msgspec.Struct, kw_only=True):
    """What a job did: counts per direction (`to`: into the right side, `from`: into the left), failures, what
    stays open, requests per service, and, of a rehearsal, the actions. observed: of a mapping that writes
    nothing, what it would have done."""

    mapping: str
    kind: str
    job: int = 0
    status: str = "running"
    counts: dict[str, dict[str, int]]
    failures: list[Failure]
    warnings: list[Failure] = []
    open: Open = Open()
    requests: dict[str, int]
    seconds: float = 0.0
    actions: list[dict[str, Any]]
    observed: bool = False
