"""Look-ups of a batch, gathered: what its rows ask, answered in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kobling.algebra.transform import key_reader
from kobling.engine.task import Context, Task
from kobling.model.look_up import Answer, LookUps, Rejected
from kobling.model.mapping import Mapping, Moment, Side
from kobling.model.values import Values

Wanted = dict[tuple[str, Side], set[str]]


def wanted_by(mapping: Mapping, tasks: Sequence[Task]) -> Wanted:
    """The keys that the rows of these pairs ask for, by source and side of the answer."""
    wanted: Wanted = defaultdict(set)
    held = {side: [_values(one, side) for one in tasks] for side in Side}
    fresh = {side: [_values(one, side) for one in tasks if one.coupling is None] for side in Side}
    for row in mapping.rows:
        if row.conversion.kind == "plain":
            continue
        for target in Side:
            if row.column(target) is None:
                continue
            keys = wanted[row.conversion.source, target]
            # The answer for 'nothing' is another way to write blank, and what a claim asks.
            keys.add("")
            read = key_reader(row, target)
            # A row of the create is never made again, so nobody asks for it later.
            given = fresh if row.moment is Moment.INSERT else held
            keys.update([read(values) for values in given[target.other] if values is not None])
    return wanted


def _values(task: Task, side: Side) -> Values | None:
    record = task.records[side]
    return None if record is None else record.values


async def answers(context: Context, wanted: Wanted) -> LookUps:
    """The answers: of the source's own rules first, else of the couplings of the mapping of that name."""
    found: dict[tuple[str, Side, str], Answer] = {}
    for (name, side), keys in wanted.items():
        source = context.sources.get(name)
        if source is not None:
            own = source.resolve(context.facts, side, sorted(keys))
            found |= {(name, side, key): answer for key, answer in own.items()}
        store = context.stores.get(name)
        rest = [key for key in keys if key and (name, side, key) not in found]
        if store is None or not rest:
            continue
        refuse = context.mappings[name].refuse_outside if name in context.mappings else False
        for key, one in (await store.look_up(side, rest)).items():
            words = f"{key} in {name} is coupled to a record outside the filter ({one.outside})"
            found[name, side, key] = Rejected(words, f"{name}/{key}") if refuse and one.outside else one.value
    return found


def constants(mapping: Mapping) -> Wanted:
    """What the conditions of a mapping ask, before a run begins."""
    return {(one.source, side): {""} for side in Side for one in mapping.table(side).conditions if one.source}
