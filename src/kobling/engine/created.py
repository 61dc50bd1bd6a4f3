"""What a run that died may have created: it is asked for, never created blindly a second time.

What is there is coupled, whatever the filters and the look-ups say by now; only what is not is created. Each
batch asks for all of its open creations at once, right before it is planned: an earlier answer could be older
than what a feed has brought since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from kobling.algebra.recall import base_of_created
from kobling.engine.held import by_us, judge
from kobling.engine.partial import SENT, has_arrived
from kobling.engine.task import Context, Task, by_name, columns_of, record_of
from kobling.model.look_up import LookUps
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Change, Coupling, Effect, Intent
from kobling.ports import Method, Row


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A record that a dead run created, as it is now, and the coupling that the run could not make."""

    coupling: Coupling
    intent: Intent
    row: Row


async def recall(context: Context, name: str, job: int) -> list[Intent]:
    """Notes what the jobs of a mapping before this one had journalled and not settled when they died."""
    intents = await context.stores[name].open_intents(job)
    context.opened[name] = {}
    note_open(context, name, intents)
    return intents


def note_open(context: Context, name: str, intents: Iterable[Intent]) -> None:
    """Notes what somebody who is dead by now had journalled and not settled."""
    noted, opened = list(intents), context.opened.setdefault(name, {})
    for one in noted:
        opened.setdefault((one.side, one.id), []).append(one)
    note_creations(context, name, noted)


def note_creations(context: Context, name: str, intents: Iterable[Intent]) -> None:
    """Notes what dead runs were creating, by the record that it was made of."""
    creating = context.creating.setdefault(name, {})
    for one in intents:
        if one.method == Method.CREATE:
            creating.setdefault((one.side.other, one.partner), []).append(one)


async def find_created(
    context: Context, mapping: Mapping, changes: Sequence[Change], couplings: Sequence[Coupling]
) -> list[Created]:
    """Those of these records' open creations that have happened; couplings: what is coupled already."""
    creating = context.creating.get(mapping.name)
    if not creating:
        return []
    coupled = {(side, one.id(side)) for one in couplings for side in Side}
    sources = {(one.side, one.id) for one in changes} & creating.keys() - coupled
    found: list[Created] = []
    for side in Side:
        intents = {creating[one][-1].id: creating[one] for one in sources if one[0] is side.other}
        if intents:
            found += await _ask(context, mapping, side, intents)
    return found


async def _ask(
    context: Context, mapping: Mapping, side: Side, intents: dict[str, list[Intent]]
) -> list[Created]:
    ids = sorted(intents)
    taken = {one.id(side) for one in await context.stores[mapping.name].couplings(ids, ids)}
    rows = await context.services[side].read(mapping.table(side).route, columns_of(mapping, side), ids)
    return [
        Created(coupling=_to_be(intents[one][-1]), intent=_that_made(intents[one], row), row=row)
        for one, row in rows.items()
        if one not in taken
    ]


def _to_be(intent: Intent) -> Coupling:
    """The coupling that a creation stands for; its base comes with the look-ups."""
    ids = {intent.side: intent.id, intent.side.other: intent.partner}
    return Coupling(left=ids[Side.LEFT], right=ids[Side.RIGHT], left_version="", right_version="", base=None)


def _that_made(intents: Sequence[Intent], row: Row) -> Intent:
    """Of several runs that died over one creation, the one whose values the row holds."""
    return next((one for one in intents if has_arrived(one.body, row)), intents[-1])


async def meet_created(
    context: Context, mapping: Mapping, tasks: Sequence[Task], created: Sequence[Created]
) -> None:
    """Puts what was found into the tasks of its pairs."""
    found = {one.coupling.left: one for one in created}
    fresh = [one for one in tasks if one.key in found]
    if not fresh:
        return
    ids = [each for one in fresh for each in one.ids.values()]
    generations = await context.stores[mapping.name].generations(ids)
    for task in fresh:
        one = found[task.key]
        task.fresh, task.created = True, one.intent
        task.anew = any(each in generations for each in task.ids.values())
        task.records[one.intent.side] = record_of(mapping, one.intent.side, one.row)
        if one.intent.side is Side.RIGHT:
            task.by_us = by_us(context, mapping, Side.RIGHT, one.row)


def know_created(context: Context, mapping: Mapping, task: Task, look_ups: LookUps) -> None:
    """Gives the pair of a creation that was found its base. A version that holds what was sent is our own."""
    intent, coupling = task.created, task.coupling
    if intent is None or coupling is None:
        return
    source, record = task.records[intent.side.other], task.records[intent.side]
    if source is None or record is None:
        return
    sent, names = intent.body[SENT], mapping.table(intent.side).columns
    given = {at: sent[one.name] for at, one in enumerate(names) if one.name in sent}
    base = base_of_created(mapping, source, record, intent.side, given, look_ups)
    ours = intent.side is Side.RIGHT and has_arrived(intent.body, by_name(mapping, Side.RIGHT, record.values))
    version = record.version if ours else coupling.right_version
    task.coupling = msgspec.structs.replace(coupling, base=base, right_version=version)
    judge(context, mapping, task)


def created_effect(task: Task, intent: Intent) -> Effect:
    """For the audit: the creation that the run could not note any more."""
    return Effect(
        left=task.ids[Side.LEFT],
        right=task.ids[Side.RIGHT],
        side=intent.side,
        method=intent.method,
        values=intent.body[SENT],
        reason="created by a run that ended before it could note it",
    )
