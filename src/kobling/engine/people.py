"""What a person asks for record by record: couple, uncouple, match, resolve. Runs carry out the rest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Mapping_
from typing import Final

import msgspec

from kobling.algebra.deletion import plan_uncoupling
from kobling.algebra.filters import outside
from kobling.algebra.match import Matches, match
from kobling.engine.apply import Apply
from kobling.engine.held import change_of
from kobling.engine.look_ups import answers, wake_dependants, wanted_by
from kobling.engine.outcome import Outcomes
from kobling.engine.task import Context, Task, columns_of, read_afresh, record_of
from kobling.engine.words import key_at, text_at
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Choice, First, Record
from kobling.model.state import Change, Coupling
from kobling.model.values import Values

_PAGE: Final = 1000


async def couple(context: Context, name: str, ids: dict[Side, str], first: First) -> str:
    """Couples two records; the next run settles their first contact. Gives why the pair is outside, if it is.

    Raises ConfigurationError where a record does not exist or is coupled already.
    """
    mapping, store = context.mappings[name], context.stores[name]
    records = {side: await _record(context, mapping, side, ids[side]) for side in Side}
    for known in await store.couplings([ids[Side.LEFT]], [ids[Side.RIGHT]]):
        raise ConfigurationError(
            f"{name}: {known.left} is already coupled with {known.right}.",
            cure=f"Uncouple it first: kobling uncouple {name} --record {known.left}.",
        )
    await _couple(context, mapping, [(records[Side.LEFT], records[Side.RIGHT])], first)
    found = [outside(mapping.table(side), records[side].values) for side in Side]
    sides = [
        f"{mapping.table(side).caption} is outside the filter: not {one.text}"
        for side, one in zip(Side, found, strict=True)
        if one is not None
    ]
    return "; ".join(sides)


async def _record(context: Context, mapping: Mapping, side: Side, identifier: str) -> Record:
    table = mapping.table(side)
    rows = await context.services[side].read(table.route, columns_of(mapping, side), [identifier])
    if identifier not in rows:
        raise _no_record(mapping, side, identifier)
    return record_of(mapping, side, rows[identifier])


def _no_record(mapping: Mapping, side: Side, identifier: str) -> ConfigurationError:
    return ConfigurationError(
        f"{mapping.name}: there is no {mapping.table(side).caption} with the id {identifier}.",
        cure="Give the id of an existing record, or its number in Business Central.",
    )


async def _couple(
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


async def match_records(
    context: Context, name: str, on: Sequence[tuple[str, str]], first: First, *, create: bool, rehearse: bool
) -> Matches:
    """Match-based coupling in one pass over both tables; only unique matches are coupled.

    on: pairs of (left column, right column). create: left records without a match are taken up for creation.
    """
    mapping = context.mappings[name]
    lefts = await _uncoupled(context, mapping, Side.LEFT, [one for one, _ in on])
    rights = await _uncoupled(context, mapping, Side.RIGHT, [other for _, other in on])
    at = range(len(on))
    found = match(
        [keyed for _, keyed in lefts.values()],
        [keyed for _, keyed in rights.values()],
        [(position, position) for position in at],
    )
    if rehearse:
        return found
    pairs = [(lefts[left][0], rights[right][0]) for left, right in found.matched]
    for start in range(0, len(pairs), _PAGE):
        await _couple(context, mapping, pairs[start : start + _PAGE], first)
    if create:
        changes = [
            Change(id=one, side=Side.LEFT, version=record.version, values=record.values, wanted=True)
            for one in found.unmatched
            for record in [lefts[one][0]]
        ]
        await context.stores[name].put(changes)
    return found


async def _uncoupled(
    context: Context, mapping: Mapping, side: Side, keys: Sequence[str]
) -> dict[str, tuple[Record, Record]]:
    """The uncoupled records inside the filter: as the mapping reads them, and with the key columns only."""
    table, columns = mapping.table(side), columns_of(mapping, side)
    wanted = list(dict.fromkeys([*columns, *keys]))
    found: dict[str, tuple[Record, Record]] = {}
    async for rows in context.services[side].inside(table, wanted):
        ids = [row["id"] for row in rows]
        left, right = (ids, []) if side is Side.LEFT else ([], ids)
        coupled = {one.id(side) for one in await context.stores[mapping.name].couplings(left, right)}
        for row in rows:
            record = record_of(mapping, side, row)
            if record.id in coupled or outside(table, record.values) is not None:
                continue
            found[record.id] = (record, Record(id=record.id, values=tuple(row.get(key) for key in keys)))
    return found


async def uncouple(context: Context, name: str, couplings: Sequence[Coupling], job: int) -> Outcomes:
    """Removes couplings, after the mark of this company is taken off the right records."""
    mapping, store = context.mappings[name], context.stores[name]
    outcomes = Outcomes(context, mapping)
    apply = Apply(context, mapping, job)
    for start in range(0, len(couplings), _PAGE):
        page = couplings[start : start + _PAGE]
        tasks = [_parting(one) for one in page]
        await read_afresh(context, mapping, tasks)
        look_ups = await answers(context, wanted_by(mapping, tasks))
        for task in tasks:
            record = task.records[Side.RIGHT]
            task.action = plan_uncoupling(mapping, record, Side.RIGHT, look_ups, "uncoupled by hand")
        entry = await apply.carry_out(tasks)
        await store.settle(job, 0, [outcomes.settle(task) for task in tasks], entry)
    return outcomes


def _parting(coupling: Coupling) -> Task:
    ids = {side: coupling.id(side) for side in Side}
    changes = tuple(Change(id=ids[side], side=side) for side in Side)
    return Task(
        coupling=coupling,
        ids=ids,
        mine=changes,
        changes=changes,
        records=dict.fromkeys(Side),
    )


async def prepare_resolution(
    context: Context, name: str, wanted: Sequence[str] | None, field: str, choice: Choice
) -> tuple[tuple[str, ...], dict[str, Choice]]:
    """The records of the conflicts that a resolution is about, made due, and the choice by row name."""
    store = context.stores[name]
    ids: list[str] = []
    choices: dict[str, Choice] = {}
    first_contacts: list[Coupling] = []
    found = await store.conflicts()
    for coupling, fields in found:
        if wanted is not None and not {coupling.left, coupling.right} & set(wanted):
            continue
        named = {field, *(one.group for one in context.mappings[name].rows_of(field))}
        chosen = [one for one in fields if not field or one in named]
        if coupling.base is not None and not chosen:
            continue
        if coupling.base is None:
            if choice.winner is None:
                raise ConfigurationError(
                    f"{name}: {coupling.left} and {coupling.right} have not been compared yet.",
                    cure="Say which side is right: --use bc or --use crm.",
                )
            first = First(str(choice.winner))
            first_contacts.append(msgspec.structs.replace(coupling, first=first))
        groups = [one for one in chosen if len(context.mappings[name].rows_of(one)) > 1]
        if groups and choice.winner is None:
            raise ConfigurationError(
                f"{name}: the fields of {groups[0]} are in conflict as one.",
                cure="Say which side is right: --use bc or --use crm.",
            )
        choices |= dict.fromkeys(chosen, choice)
        ids += [coupling.left, coupling.right]
    await store.couple(first_contacts)
    rows = await store.rows_of(ids)
    seen = {one.id(side): one.values(side) for one, _ in found for side in Side}
    await store.put([_due_again(one, seen.get(one.id)) for one in rows])
    return tuple(ids), choices


async def prepare_held(context: Context, name: str, wanted: Collection[str] | None) -> tuple[str, ...]:
    """What the integration user changed, of these records or of all, made due; the ids."""
    store = context.stores[name]
    pairs = [one for one in await store.held() if wanted is None or {one.left, one.right} & set(wanted)]
    ids = [one for pair in pairs for one in (pair.left, pair.right)]
    seen = {one.id(side): one.values(side) for one in pairs for side in Side}
    again = [_due_again(one, seen.get(one.id)) for one in await store.rows_of(ids)]
    loose = [one for one in await store.staying(("held",)) if one.by_us]
    loose = [one for one in loose if wanted is None or one.id in wanted]
    await store.put([*again, *loose])
    return (*ids, *(one.id for one in loose))


async def prepare_skipped(
    context: Context, name: str, wanted: Collection[str] | None, reasons: Sequence[str]
) -> tuple[str, ...]:
    """What stays for one of these reasons, of these records or of all, made due; the ids."""
    store = context.stores[name]
    rows = await store.staying(reasons)
    rows = [one for one in rows if wanted is None or one.id in wanted]
    await store.put(rows)
    lefts = [one.id for one in rows if one.side is Side.LEFT]
    rights = [one.id for one in rows if one.side is Side.RIGHT]
    pairs = await store.couplings(lefts, rights)
    ids = [*lefts, *rights, *(one for pair in pairs for one in (pair.left, pair.right))]
    return tuple(dict.fromkeys(ids))


def _due_again(row: Change, seen: Values | None) -> Change:
    """A row whose body is another than what the conflict shows brings a version that nobody has seen."""
    unseen = row.values is not None and row.values != seen
    return msgspec.structs.replace(row, values=None, reason="stale" if unseen else row.reason)


async def take_up(
    context: Context, name: str, ids: Mapping_[Side, Sequence[str]], *, create: bool
) -> dict[Side, list[str]]:
    """Reads these records and what they are coupled with, and makes them due; gives those not coupled.

    create: an uncoupled record is taken up for creation.
    """
    mapping, store = context.mappings[name], context.stores[name]
    couplings = await store.couplings(list(ids[Side.LEFT]), list(ids[Side.RIGHT]))
    loose: dict[Side, list[str]] = {}
    for side in Side:
        coupled = {one.id(side) for one in couplings}
        loose[side] = [one for one in dict.fromkeys(ids[side]) if one not in coupled]
        asked = [*coupled, *(loose[side] if create else ())]
        if not asked:
            continue
        rows = await context.services[side].read(mapping.table(side).route, columns_of(mapping, side), asked)
        changes = []
        for one in asked:
            row = rows.get(one)
            wanted = create and one in loose[side]
            if row is None and one in loose[side]:
                raise _no_record(mapping, side, one)
            if row is None:
                changes.append(Change(id=one, side=side, deleted=True))
                continue
            changes.append(change_of(context, mapping, side, row, wanted=wanted))
        await store.put(changes)
    return loose
