"""One pair in the hands of a batch."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha1
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec

from kobling.model.look_up import Facts, Reference, Source
from kobling.model.mapping import Column, DeletionConflict, Side
from kobling.model.mapping import Mapping as TableMapping
from kobling.model.pair import Action, Choice, Kind, Record, Write
from kobling.model.state import Change, Coupling, Effect, Intent, Report
from kobling.model.values import Values
from kobling.ports import MappingState, Method, Outcome, Row, RowResult, Service, State

ETAG: Final = "@odata.etag"
_VARIANTS: Final = {one: "89ab"[int(one, 16) & 3] for one in "0123456789abcdef"}
_NOT_DELETED: Final = dict.fromkeys(Side, False)
_NOTHING: Final = Action(kind=Kind.NOTHING)


class Held(StrEnum):
    """What is done with changes of the integration user that are held."""

    KEEP = "keep"
    ACCEPT = "accept"
    IGNORE = "ignore"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a run does. full: every record is read and uncoupled ones are created. every_record: every coupled
    pair is compared. target: the only side that is written. records: ids that the run is about, None for all.
    allow: guards that a person overrules, or `all`. held: what a person says of changes by the integration
    user. deletion: what a person says of deleted records; None for the mapping's policy. imposed: the side
    that is not the target holds, whatever the records of the run hold now.
    """

    full: bool = False
    every_record: bool = False
    target: Side | None = None
    records: tuple[str, ...] | None = None
    choices: dict[str, Choice] = {}
    held: Held = Held.KEEP
    deletion: DeletionConflict | None = None
    allow: frozenset[str] = frozenset()
    imposed: bool = False


class Context(msgspec.Struct, kw_only=True):
    """What every part of a run needs: the two services, the state, the sources with their facts, the options.

    namespace: what the ids of created records are made from. mappings: bound to the answers of their sources,
    by name. rehearse: nothing is really written. listing: actions are noted that were carried out; of a
    rehearsal they always are. withhold: takes the action from a task that may not be carried out now; its
    last argument is what people call the record. integration_user: the id on the right of whom we write as.
    """

    services: Mapping[Side, Service]
    state: State
    stores: dict[str, MappingState]
    mappings: dict[str, TableMapping]
    sources: Mapping[str, Source]
    references: Mapping[str, Reference]
    facts: Facts
    namespace: uuid.UUID
    options: Options = Options()
    rehearse: bool = False
    listing: bool = False
    withhold: Callable[[TableMapping, Task, str], None] | None = None
    progress: Callable[[str, int], None] = lambda name, count: None
    reports: dict[str, Report] = {}
    # Rows that this run added to reference tables, by name; tables that a service has added to meanwhile.
    created: dict[str, list[Row]] = {}
    stale: set[str] = set()
    # Pairs, by mapping and key, that are tried without their clearable look-ups, and what the service said.
    cleared: dict[tuple[str, str], str] = {}
    # What runs that died had journalled and not settled, by mapping, side and id, oldest first.
    opened: dict[str, dict[tuple[Side, str], list[Intent]]] = {}
    # Of these the creations, by mapping and by the record that they were made of.
    creating: dict[str, dict[tuple[Side, str], list[Intent]]] = {}
    integration_user: str = ""
    # Mappings that a guard has stopped before the run, with the guard and its words.
    stopped: dict[str, list[tuple[str, str]]] = {}
    # Mappings of which other workers may take a part, with what tells them that they mean the same mapping.
    shared_as: Mapping[str, str] = {}


class Task(msgspec.Struct, kw_only=True):
    """A pair in hand: its coupling (or the id that its new partner gets), inbox rows, records and action.

    mine: the rows of the batch; rows of the counterpart that came along are in `changes` only. fresh: the
    coupling is made in this batch. anew: one of its records was coupled before. created: how a run that died
    made one of the records. recovered: what runs that died had written and could not note. read: rows read
    again, as an answer left open what a service holds. by_us: the integration user wrote the right record as
    it is. held: positions on the right that it changed and nobody has spoken for yet.
    """

    ids: dict[Side, str]
    mine: tuple[Change, ...]
    changes: tuple[Change, ...] = ()
    coupling: Coupling | None = None
    fresh: bool = False
    anew: bool = False
    created: Intent | None = None
    recovered: tuple[Effect, ...] = ()
    records: dict[Side, Record | None]
    deleted: dict[Side, bool] = msgspec.field(default_factory=_NOT_DELETED.copy)
    action: Action = _NOTHING
    results: dict[Side, RowResult] = {}
    claim: RowResult | None = None
    read: dict[Side, Row] = {}
    by_us: bool = False
    held: frozenset[int] = frozenset()
    # Rows that go to and fro between the two sides.
    parked: frozenset[int] = frozenset()
    # What is sent, by side and whether it is a claim; made once for the journal and the wire.
    bodies: dict[tuple[Side, bool], Row] = msgspec.field(default_factory=dict)

    def body(self, mapping: TableMapping, write: Write) -> Row:
        """What a write sends, by column."""
        key = (write.side, write.claim)
        if key not in self.bodies:
            self.bodies[key] = body_of(mapping, write.side, write.values)
        return self.bodies[key]

    def version(self, side: Side) -> str:
        """The version that the plan knew."""
        record = self.records[side]
        return "" if record is None else record.version

    def method(self, write: Write) -> Method:
        """How a write of this task is sent."""
        if self.action.kind is Kind.DELETE and not write.values:
            return Method.DELETE
        created = self.action.kind is Kind.CREATE and not write.claim
        return Method.CREATE if created else Method.UPDATE

    @property
    def key(self) -> str:
        """What tells the pair apart in this run."""
        return self.ids[Side.LEFT]


class _Reader(NamedTuple):
    """The columns of a table, their names, and a getter of all of them at once."""

    columns: tuple[Column, ...]
    names: tuple[str, ...]
    read: itemgetter[Any]


# By the identity of the columns; a run has a handful.
_READERS_KEPT: Final = 64
_readers: Final[dict[int, _Reader]] = {}


def created_id(context: Context, name: str, side: Side, identifier: str, generation: int) -> str:
    """The id of what is created of a record of that side."""
    return named_id(context.namespace, f"{name} {side} {identifier} {generation}")


def named_id(namespace: uuid.UUID, name: str) -> str:
    """The id of version 5 (RFC 9562) that a name has in a namespace; `uuid.uuid5` takes thrice as long."""
    digits = sha1(namespace.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def answers_of(task: Task) -> dict[Side, RowResult]:
    """The answers by side; a claim that failed stands for its side."""
    answers = dict(task.results)
    if task.claim is not None and task.claim.outcome is not Outcome.DONE:
        claimed = next(write.side for write in task.action.writes if write.claim)
        answers[claimed] = task.claim
    return answers


def rows_of(task: Task) -> dict[Side, Row]:
    """The row that each written side holds now."""
    rows = {side: one.row for side, one in task.results.items() if one.row is not None}
    if task.claim is not None and task.claim.row is not None:
        claimed = next(write.side for write in task.action.writes if write.claim)
        rows.setdefault(claimed, task.claim.row)
    return rows


def values_of(mapping: TableMapping, side: Side, row: Row) -> Values:
    """A row's values in the order of the table's columns."""
    columns, names, read = _reader(mapping.table(side).columns)
    try:
        values: Values = read(row)
    except KeyError:
        return tuple(row.get(one) for one in names)
    return values if len(values) == len(columns) else values[:-1]


def _reader(columns: tuple[Column, ...]) -> _Reader:
    found = _readers.get(id(columns))
    if found is None or found.columns is not columns:
        if len(_readers) > _READERS_KEPT:
            _readers.clear()
        names = tuple(one.name for one in columns)
        # Of a single column the getter would give its value alone.
        getter = itemgetter(*names, *names[: len(names) == 1])
        found = _readers[id(columns)] = _Reader(columns, names, getter)
    return found


def by_name(mapping: TableMapping, side: Side, values: Values) -> Row:
    """Values in the order of the table's columns, by column name."""
    return dict(zip(_reader(mapping.table(side).columns).names, values, strict=True))


def record_of(mapping: TableMapping, side: Side, row: Row) -> Record:
    """A row as a record."""
    return Record(id=row["id"], values=values_of(mapping, side, row), version=row[ETAG])


def columns_of(mapping: TableMapping, side: Side) -> list[str]:
    """The columns that the mapping reads."""
    return list(_reader(mapping.table(side).columns).names)


async def read_afresh(context: Context, mapping: TableMapping, tasks: Sequence[Task]) -> None:
    """Reads both records of these pairs; None for one that its service does not have."""
    for side in Side:
        rows = await context.services[side].read(
            mapping.table(side).route, columns_of(mapping, side), [one.ids[side] for one in tasks]
        )
        for task in tasks:
            row = rows.get(task.ids[side])
            task.records[side] = None if row is None else record_of(mapping, side, row)


async def coupled_among(context: Context, name: str, side: Side, ids: Sequence[str]) -> set[str]:
    """Those of these records of one side that are coupled in the mapping."""
    asked = (ids, ()) if side is Side.LEFT else ((), ids)
    return {one.id(side) for one in await context.stores[name].couplings(*asked)}


def body_of(mapping: TableMapping, side: Side, values: Sequence[tuple[int, Any]]) -> Row:
    """(position, value) pairs by column name."""
    names = _reader(mapping.table(side).columns).names
    return {names[position]: value for position, value in values}


def count(report: Report, target: Side, word: str, by: int = 1) -> None:
    """Adds to a counter of the direction into `target`."""
    counts = report.counts["to" if target is Side.RIGHT else "from"]
    counts[word] = counts.get(word, 0) + by
