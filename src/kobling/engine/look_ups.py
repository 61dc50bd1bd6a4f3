"""Look-ups of a batch, gathered: what its rows ask, answered in bulk; and whom other answers concern."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from collections.abc import Mapping as Mapping_

from kobling.algebra.filters import bind
from kobling.algebra.transform import key_reader
from kobling.engine.references import load
from kobling.engine.task import Context, Task
from kobling.engine.through import through
from kobling.model.look_up import (
    Answer,
    Facts,
    Found,
    LookUps,
    Rejected,
    Source,
    Through,
    parts_of_key,
)
from kobling.model.mapping import FieldRow, Mapping, Moment, Side
from kobling.model.pair import Missing
from kobling.model.state import Coupling
from kobling.model.values import UNSET, Values

Wanted = dict[tuple[str, Side], set[str]]


def wanted_by(mapping: Mapping, tasks: Sequence[Task]) -> Wanted:
    """The keys that the rows of these pairs ask for, by source and side of the answer."""
    wanted: Wanted = defaultdict(set)
    held = {side: [_values(one, side) for one in tasks] for side in Side}
    for row in mapping.rows:
        if not row.conversion.source:
            continue
        for target in Side:
            if row.column(target) is None:
                continue
            keys = wanted[row.conversion.source, target]
            # The answer for 'nothing' is another way to write blank, and what a claim asks.
            keys.add("")
            read = key_reader(mapping, row, target)
            given = held[target.other]
            if row.moment is Moment.INSERT and not row.gate:
                given = [
                    values
                    for one, values in zip(tasks, given, strict=True)
                    if _is_compared(row, one, target, values)
                ]
            keys.update([read(values) for values in given if values is not None])
    return wanted


def _is_compared(row: FieldRow, task: Task, target: Side, values: Values | None) -> bool:
    """A row of the create is never made again, so nobody asks for it later unless its source has changed."""
    if task.coupling is None:
        return True
    position, base = row.column(target.other), task.coupling.base
    if position is None or base is None or values is None:
        return False
    before = base.values(target.other)[position]
    return before is not UNSET and before != values[position]


def _values(task: Task, side: Side) -> Values | None:
    record = task.records[side]
    return None if record is None else record.values


async def answers(context: Context, wanted: Wanted) -> LookUps:
    """The answers: of the source's own rules first, else of the couplings of the mapping of that name."""
    found: dict[tuple[str, Side, str], Answer] = {}
    for (name, side), keys in wanted.items():
        own = await _own(context, name, side, keys)
        rest = [key for key in keys if key and key not in own]
        own |= await _coupled(context, name, side, rest)
        found |= {(name, side, key): answer for key, answer in own.items()}
    return found


async def _own(context: Context, name: str, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """What a source of the catalogue answers itself, or through the couplings of another mapping."""
    source = context.sources.get(name)
    if source is None:
        return {}
    await load(context, source.references)
    resolved = source.resolve(context.facts, side, sorted(keys))
    ahead = {key: one for key, one in resolved.items() if isinstance(one, Through)}
    answered = {key: one for key, one in resolved.items() if not isinstance(one, Through)}
    if not ahead:
        return answered
    there = await through(context, side, list(ahead.values()), answers)
    told = {key: there[one] for key, one in ahead.items()}
    found = {key: one for key, one in told.items() if isinstance(one, tuple)}
    still_open = {key: one for key, one in told.items() if not isinstance(one, tuple)}
    stood_in = await _instead(context, source.instead, side, still_open) if source.instead else {}
    return {**answered, **still_open, **stood_in, **_finished(source, context.facts, side, found)}


async def _instead(
    context: Context, name: str, side: Side, still_open: Mapping_[str, Missing | Rejected]
) -> dict[str, Answer]:
    """What another source answers for those that are not coupled yet. Where it does not know either, a
    coupling or what it says itself may bring the answer."""
    uncoupled = {key: one for key, one in still_open.items() if isinstance(one, Missing)}
    said = await answers(context, {(name, side): set(uncoupled)}) if uncoupled else {}
    found: dict[str, Answer] = {}
    for key, one in uncoupled.items():
        answer = said.get((name, side, key))
        if isinstance(answer, Missing):
            also = f"{answer.mapping}/{answer.key}"
            answer = Missing(mapping=one.mapping, key=one.key, reason=answer.reason, also=also)
        found[key] = one if answer is None else answer
    return found


def _finished(source: Source, facts: Facts, side: Side, found: dict[str, Found]) -> Mapping_[str, Answer]:
    """What the source makes of what couplings answered."""
    if source.judge is not None:
        return source.judge(facts, side, found)
    ends = source.finish(facts, side, sorted(set(found.values())))
    return {key: ends[one] for key, one in found.items()}


async def _coupled(context: Context, name: str, side: Side, keys: Sequence[str]) -> dict[str, Answer]:
    store = context.stores.get(name)
    if store is None or not keys:
        return {}
    refuse = context.mappings[name].refuse_outside if name in context.mappings else False
    found: dict[str, Answer] = {}
    for key, one in (await store.look_up(side, keys)).items():
        words = f"{key} in {name} is coupled to a record outside the filter ({one.outside})"
        found[key] = Rejected(words, f"{name}/{key}") if refuse and one.outside else one.value
    return found


async def bind_filters(context: Context) -> None:
    """Puts what the conditions of the mappings ask into them, before a run begins."""
    for name, mapping in context.mappings.items():
        conditions = [(side, one) for side in Side for one in mapping.table(side).conditions if one.source]
        asked: Wanted = {(one.source, side): {""} for side, one in conditions}
        context.mappings[name] = bind(mapping, await answers(context, asked))


async def wake_dependants(context: Context, mapping: Mapping, couplings: Sequence[Coupling]) -> None:
    """What was made from former partners of these pairs, in other mappings, is made again."""
    # A base holds the parts of a key, of which the first says most.
    keys = [parts_of_key(key)[0] for one in couplings for key in one.keys]
    for other in context.mappings.values():
        if keys and mapping.name in other.sources:
            await context.state.wake_couplings(other.name, keys)
