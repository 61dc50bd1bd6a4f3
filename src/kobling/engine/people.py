"""What a person asks for record by record: uncouple, resolve, take up. Runs carry out the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from collections.abc import Mapping as Mapping_
from typing import Final

import msgspec

from kobling.algebra.deletion import plan_uncoupling
from kobling.engine.apply import Apply
from kobling.engine.couple import no_record
from kobling.engine.held import change_of
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.outcome import Outcomes
from kobling.engine.task import Context, Task, columns_of, read_afresh
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.model.pair import Choice, First
from kobling.model.state import Change, Coupling
from kobling.model.values import Values

_PAGE: Final = 1000


async def uncouple(context: Context, name: str, couplings: Sequence[Coupling], job: int) -> Outcomes:
    """Removes couplings, after the mark of this company is taken off the right records."""
    mapping, store = context.mappings[name], context.stores[name]
    outcomes = Outcomes(context, mapping)
    apply = Apply(context, mapping, job)
    async for tasks in partings(context, name, couplings):
        entry = await apply.carry_out(tasks)
        await store.settle(job, 0, [outcomes.settle(task) for task in tasks], entry)
    return outcomes


async def partings(context: Context, name: str, couplings: Sequence[Coupling]) -> AsyncIterator[list[Task]]:
    """Pages of these pairs as they are now, with what is written when their couplings are removed."""
    mapping = context.mappings[name]
    for start in range(0, len(couplings), _PAGE):
        tasks = [_parting(one) for one in couplings[start : start + _PAGE]]
        await read_afresh(context, mapping, tasks)
        look_ups = await answers(context, wanted_by(mapping, tasks))
        for task in tasks:
            record = task.records[Side.RIGHT]
            task.action = plan_uncoupling(mapping, record, Side.RIGHT, look_ups, "uncoupled by hand")
        yield tasks


def _parting(coupling: Coupling) -> Task:
    """A pair in hand although nothing came of it."""
    ids = {side: coupling.id(side) for side in Side}
    changes = tuple(Change(id=ids[side], side=side) for side in Side)
    return Task(coupling=coupling, ids=ids, mine=changes, changes=changes, records=dict.fromkeys(Side))


def part_with(context: Context, name: str) -> list[str]:
    """The mappings whose records belong to one of this mapping, and part when it does."""
    return [
        one.name
        for one in context.mappings.values()
        if one.parts_with is not None and name in one.sources and one.name != name
    ]


async def belonging(context: Context, name: str, rights: Collection[str]) -> list[Coupling]:
    """The couplings of a mapping whose right record belongs to one of these."""
    store, position = context.stores[name], context.mappings[name].parts_with
    assert position is not None
    found: list[Coupling] = []
    after, owners = "", set(rights)
    while owners and (page := await store.page(after, _PAGE)):
        after = page[-1].left
        for one in page:
            values = one.values(Side.RIGHT)
            # A look-up with several tables holds `entity/id`.
            if values is not None and str(values[position]).rpartition("/")[2] in owners:
                found.append(one)
    return found


async def prepare_resolution(
    context: Context, name: str, wanted: Collection[str] | None, field: str, choice: Choice
) -> tuple[tuple[str, ...], dict[str, Choice]]:
    """The records of the conflicts that a resolution is about, made due, and the choice by row name."""
    store, mapping = context.stores[name], context.mappings[name]
    ids: list[str] = []
    choices: dict[str, Choice] = {}
    first_contacts: list[Coupling] = []
    seen: dict[str, Values | None] = {}
    named = {field, *(one.group for one in mapping.rows_of(field))}
    async for coupling, fields in store.conflicts():
        if wanted is not None and coupling.left not in wanted and coupling.right not in wanted:
            continue
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
        groups = [one for one in chosen if len(mapping.rows_of(one)) > 1]
        if groups and choice.winner is None:
            raise ConfigurationError(
                f"{name}: the fields of {groups[0]} are in conflict as one.",
                cure="Say which side is right: --use bc or --use crm.",
            )
        choices |= dict.fromkeys(chosen, choice)
        ids += [coupling.left, coupling.right]
        seen |= {coupling.id(side): coupling.values(side) for side in Side}
    await store.couple(first_contacts)
    rows = await store.rows_of(ids)
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
    context: Context, name: str, ids: Mapping_[Side, Sequence[str]], *, create: bool, whoever: bool = False
) -> dict[Side, list[str]]:
    """Reads these records and what they are coupled with, and makes them due; gives those not coupled.

    create: an uncoupled record is taken up for creation. whoever: also one that the integration user wrote.
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
                raise no_record(mapping, side, one)
            if row is None:
                changes.append(Change(id=one, side=side, deleted=True))
                continue
            change = change_of(context, mapping, side, row, wanted=wanted)
            changes.append(msgspec.structs.replace(change, by_us=change.by_us and not (wanted and whoever)))
        await store.put(changes)
    return loose
