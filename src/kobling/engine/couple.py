"""Couplings that a person names: which of them can be made, and making them. Runs settle the rest."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.deletion import marked_by_another
from kobling.algebra.filters import outside
from kobling.engine.look_ups import answers, wake_dependants, wanted_by
from kobling.engine.task import Context, columns_of, record_of
from kobling.engine.words import key_at, text_at
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import First, Record
from kobling.model.state import Change, Coupling

_PAGE: Final = 1000
# Known records that are asked for beside those that may be gone.
_WITNESSES: Final = 3
_Records: TypeAlias = dict[Side, dict[str, Record]]


class Fate(StrEnum):
    """What becomes of a pair that somebody wants to be coupled."""

    COUPLE = "couple"
    COUPLED = "coupled already"
    TAKEN = "coupled otherwise"
    MISSING = "no such record"
    ANOTHERS = "of another company"
    TWICE = "named twice"


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A pair, and what becomes of it. message, cure: why it is not coupled. outside: why nothing flows yet.
    broken: couplings that go for it, as the other record of each is gone."""

    left: str
    right: str
    fate: Fate
    message: str = ""
    cure: str = ""
    outside: str = ""
    broken: tuple[Coupling, ...] = ()


async def couple(
    context: Context, name: str, ids: dict[Side, str], first: First, *, rehearse: bool = False
) -> Judged:
    """Couples two records; the next run settles their first contact. rehearse: nothing is stored.

    Raises ConfigurationError where they cannot be coupled; nothing is changed then.
    """
    pair = (ids[Side.LEFT], ids[Side.RIGHT])
    [judged] = await couple_many(context, name, [pair], first, rehearse=rehearse)
    if judged.fate is not Fate.COUPLE:
        raise ConfigurationError(judged.message, cure=judged.cure)
    return judged


async def couple_many(
    context: Context, name: str, pairs: Sequence[tuple[str, str]], first: First, *, rehearse: bool = False
) -> list[Judged]:
    """Couples those of the pairs (left id, right id) that can be coupled; what becomes of each, in order.

    rehearse: nothing is stored.
    """
    mapping, found = context.mappings[name], []
    seen: set[str] = set()
    for start in range(0, len(pairs), _PAGE):
        page = pairs[start : start + _PAGE]
        judge = _Judge(context, mapping, page, seen)
        await judge.read()
        judged = [judge.judge(*one) for one in page]
        found += judged
        made = [one for one in judged if one.fate is Fate.COUPLE]
        if made and not rehearse:
            await context.stores[name].uncouple([each for one in made for each in one.broken])
            lefts, rights = (judge.records[side] for side in Side)
            await store_couplings(
                context, mapping, [(lefts[one.left], rights[one.right]) for one in made], first
            )
    return found


class _Judge:
    """A page of pairs, with everything that decides what becomes of them. seen: ids that are taken so far."""

    def __init__(
        self, context: Context, mapping: Mapping, pairs: Sequence[tuple[str, str]], seen: set[str]
    ) -> None:
        self._context = context
        self._mapping = mapping
        self._pairs = pairs
        self._seen = seen
        self.records: _Records = {}
        self._known: dict[Side, dict[str, Coupling]] = {}
        self._elsewhere: dict[str, str] = {}
        self._tables: dict[str, str] = {}
        self._anothers: set[str] = set()

    async def read(self) -> None:
        """Both records of each pair, what they are coupled with, and whose they are."""
        ids = {side: list(dict.fromkeys(one[at] for one in self._pairs)) for at, side in enumerate(Side)}
        known = await self._context.stores[self._mapping.name].couplings(ids[Side.LEFT], ids[Side.RIGHT])
        self._known = {side: {one.id(side): one for one in known} for side in Side}
        for side in Side:
            # A former partner is asked for beside records that are there: that it is not is proof enough.
            asked = list(dict.fromkeys([*ids[side], *(one.id(side) for one in known)]))
            self.records[side] = await read_records(self._context, self._mapping, side, asked)
        for side in Side:
            missing = [one for one in ids[side] if one not in self.records[side]]
            self._elsewhere |= await _elsewhere(self._context, self._mapping.name, missing)
            self._tables |= await other_tables(self._context, self._mapping, side, missing)
        self._anothers = await _anothers(self._context, self._mapping, self.records[Side.RIGHT].values())

    def judge(self, left: str, right: str) -> Judged:
        """What becomes of a pair."""
        ids = {Side.LEFT: left, Side.RIGHT: right}
        for side in Side:
            if ids[side] not in self.records[side]:
                return self._refused(left, right, Fate.MISSING, *self._no_record(side, ids[side]))
        broken = []
        for side in Side:
            known = self._known[side].get(ids[side])
            if known is None:
                continue
            if (known.left, known.right) == (left, right):
                words = f"{left} and {right} are coupled with each other already"
                return self._refused(left, right, Fate.COUPLED, words, "Nothing is to be done.")
            if known.id(side.other) in self.records[side.other]:
                return self._refused(left, right, Fate.TAKEN, *self._taken(known))
            broken.append(known)
        if right in self._anothers:
            return self._refused(left, right, Fate.ANOTHERS, *self._of_another(right))
        if not self._seen.isdisjoint(ids.values()):
            words = f"{left} or {right} stands in another pair of the same list"
            return self._refused(left, right, Fate.TWICE, words, "Name each record once.")
        self._seen.update(ids.values())
        return Judged(
            left=left,
            right=right,
            fate=Fate.COUPLE,
            outside=self._outside(ids),
            broken=tuple(broken),
        )

    def _refused(self, left: str, right: str, fate: Fate, message: str, cure: str) -> Judged:
        return Judged(
            left=left, right=right, fate=fate, message=f"{self._mapping.name}: {message}.", cure=cure
        )

    def _no_record(self, side: Side, identifier: str) -> tuple[str, str]:
        other = self._elsewhere.get(identifier)
        words = f"there is no {self._mapping.table(side).caption} with the id {identifier}"
        if other is None and identifier in self._tables:
            words += f"; it is the id of a {self._tables[identifier]}"
            return words, "Name a mapping of that table, or the id of another record."
        if other is None:
            return words, "Give the id of an existing record, or its number in Business Central."
        return f"{words}; {other} has it", f"Name the mapping of that record: {other}."

    def _taken(self, known: Coupling) -> tuple[str, str]:
        name = self._mapping.name
        return (
            f"{known.left} is already coupled with {known.right}",
            f"Uncouple it first: kobling uncouple {shlex.quote(name)} --record {known.left}.",
        )

    def _of_another(self, right: str) -> tuple[str, str]:
        caption = self._mapping.right.caption
        return (
            f"the {caption} {right} belongs to another company of Business Central",
            "Couple it there, or uncouple it there first, which takes that company's mark off.",
        )

    def _outside(self, ids: dict[Side, str]) -> str:
        tables = {side: self._mapping.table(side) for side in Side}
        found = {side: outside(tables[side], self.records[side][ids[side]].values) for side in Side}
        words = [
            f"{tables[side].caption} is outside the filter: not {one.text}"
            for side, one in found.items()
            if one is not None
        ]
        return "; ".join(words)


async def read_records(
    context: Context, mapping: Mapping, side: Side, ids: Sequence[str]
) -> dict[str, Record]:
    """The records of these ids as they are now; one that the service does not have is left out."""
    if not ids:
        return {}
    rows = await context.services[side].read(mapping.table(side).route, columns_of(mapping, side), ids)
    return {one: record_of(mapping, side, row) for one, row in rows.items()}


async def broken(context: Context, name: str, couplings: Sequence[Coupling]) -> list[Coupling]:
    """Those of these couplings of which one record is proved to be gone and the other is there.

    A service that no longer answers for any record of the table proves nothing.
    """
    mapping, store = context.mappings[name], context.stores[name]
    there: dict[Side, set[str]] = {}
    for side in Side:
        ids = [one.id(side) for one in couplings]
        others = await store.some_coupled(side, ids, _WITNESSES)
        rows = await context.services[side].read(mapping.table(side).route, [], [*ids, *others])
        there[side] = set(rows) if rows else set(ids)
    return [
        one for one in couplings if (one.left in there[Side.LEFT]) is not (one.right in there[Side.RIGHT])
    ]


async def _elsewhere(context: Context, name: str, ids: Sequence[str]) -> dict[str, str]:
    """The mapping in which each of these records is coupled, by id."""
    found: dict[str, str] = {}
    for other, store in context.stores.items():
        if ids and other != name:
            couplings = await store.couplings(ids, ids)
            found |= {one.id(side): other for one in couplings for side in Side}
    return found


async def _anothers(context: Context, mapping: Mapping, records: Iterable[Record]) -> set[str]:
    """Those of these right records that carry the mark of another company."""
    look_ups = await answers(context, wanted_by(mapping, []))
    return {one.id for one in records if marked_by_another(mapping, one, Side.RIGHT, look_ups)}


async def other_tables(context: Context, mapping: Mapping, side: Side, ids: Sequence[str]) -> dict[str, str]:
    """What the table is called in which each of these records stands, among those of the other mappings."""
    tables = {one.table(side).route: one.table(side).caption for one in context.mappings.values()}
    found: dict[str, str] = {}
    for route, caption in tables.items() if ids else ():
        if route != mapping.table(side).route:
            found |= dict.fromkeys(await context.services[side].read(route, [], ids), caption)
    return found


def no_record(mapping: Mapping, side: Side, identifier: str) -> ConfigurationError:
    """The error for an id that the table of that side does not have."""
    return ConfigurationError(
        f"{mapping.name}: there is no {mapping.table(side).caption} with the id {identifier}.",
        cure="Give the id of an existing record, or its number in Business Central.",
    )


async def store_couplings(
    context: Context, mapping: Mapping, pairs: Sequence[tuple[Record, Record]], first: First
) -> None:
    """Stores couplings without a base, and both records for the next run."""
    store = context.stores[mapping.name]
    couplings = [
        Coupling(
            left=left.id,
            right=right.id,
            left_version=left.version,
            right_version=right.version,
            base=None,
            left_seen=left.values,
            right_seen=right.values,
            first=first,
            left_number=text_at(mapping.left.number, left.values),
            left_title=text_at(mapping.left.title, left.values),
            right_title=text_at(mapping.right.title, right.values),
            left_key=key_at(mapping.left.known_by, left.values),
        )
        for left, right in pairs
    ]
    changes = [
        Change(id=one.id, side=side, version=one.version, values=one.values)
        for pair in pairs
        for side, one in zip(Side, pair, strict=True)
    ]
    async with context.state.together():
        await store.couple(couplings)
        await store.release([one.id for one in changes])
        await store.put(changes)
        keys = [f"{mapping.name}/{key}" for one in couplings for key in one.keys]
        await store.wake(keys)
        await wake_dependants(context, mapping, couplings)
    # Once more, for whoever began to wait before these couplings could be seen.
    await store.wake(keys)
