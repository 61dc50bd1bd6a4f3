"""What becomes of creations that went through: a page of them at once, column by column.

A first load makes pairs by the hundred thousand, and all but a few come out as planned. A creation with
anything more to it (a part that waits, a mark on its source, a partner that it had before, a service that
filled in more than it was sent) is settled like any other pair; both ways leave the same behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import ne
from typing import NamedTuple

from kobling.algebra.compiled import compiled
from kobling.engine.outcome import Outcomes
from kobling.engine.receiver import owned
from kobling.engine.task import ETAG, Context, Task, values_of
from kobling.engine.words import key_at, text_at
from kobling.model.mapping import SIDES, Mapping, Side
from kobling.model.pair import Kind
from kobling.model.state import NewPairs
from kobling.model.values import Value, Values
from kobling.ports import Outcome


class _Made(NamedTuple):
    """A creation as it came out. source: what it was made of; held: what the new record holds; written: what
    of it we sent, by column."""

    task: Task
    source: Values
    held: Values
    made: Values
    version: str
    written: dict[str, Value]


class Creations:
    """Settles the creations of one mapping's run."""

    def __init__(self, context: Context, mapping: Mapping, outcomes: Outcomes) -> None:
        self._mapping = mapping
        self._outcomes = outcomes
        # What people are to see is told record by record, and what a second write finishes comes again.
        self._alone = context.rehearse or context.listing or bool(compiled(mapping).finishing)
        self._owned = {side: owned(mapping, side) for side in SIDES}

    def settle(self, tasks: Sequence[Task]) -> tuple[list[NewPairs], list[Task]]:
        """The pairs that came out as planned, by the side of the new record; and the other tasks."""
        made: dict[Side, list[_Made]] = {side: [] for side in SIDES}
        rest = []
        for task in tasks:
            one = None if self._alone else self._made(task)
            if one is None:
                rest.append(task)
            else:
                made[task.mine[0].side.other].append(one)
        return [self._pairs(side, some) for side, some in made.items() if some], rest

    def _made(self, task: Task) -> _Made | None:
        """The creation, if it came out as planned."""
        if not _is_simple(task):
            return None
        side = task.mine[0].side.other
        result, source, base = task.results.get(side), task.records[side.other], task.action.base
        if result is None or result.outcome is not Outcome.DONE or result.row is None:
            return None
        if base is None or source is None or base.values(side.other) is not source.values:
            return None
        [write] = task.action.writes
        row, written = result.row, task.body(self._mapping, write)
        held, planned = values_of(self._mapping, side, row), base.values(side)
        if held != planned:
            mine = self._owned[side]
            others = [at for at in compress(range(len(held)), map(ne, held, planned)) if at in mine]
            if others:
                if not {at for at, _ in write.values}.issuperset(others):
                    return None
                written = {name: row.get(name, value) for name, value in written.items()}
        return _Made(task, source.values, held, base.made, row[ETAG], written)

    def _pairs(self, side: Side, made: Sequence[_Made]) -> NewPairs:
        tasks = [one.task for one in made]
        self._outcomes.created(tasks, side)
        bases = {side: [one.held for one in made], side.other: [one.source for one in made]}
        versions = {
            side: [one.version for one in made],
            side.other: [one.version(side.other) for one in tasks],
        }
        left, right = bases[Side.LEFT], bases[Side.RIGHT]
        table, other = self._mapping.left, self._mapping.right
        numbers = [text_at(table.number, one) for one in left]
        keys = [key_at(table.known_by, one) for one in left]
        rights = [task.ids[Side.RIGHT] for task in tasks]
        known_by = [key or number for key, number in zip(keys, numbers, strict=True)]
        return NewPairs(
            side=side,
            left=[task.ids[Side.LEFT] for task in tasks],
            right=rights,
            left_version=versions[Side.LEFT],
            right_version=versions[Side.RIGHT],
            left_base=left,
            right_base=right,
            made=[one.made for one in made],
            left_number=numbers,
            left_title=[text_at(table.title, one) for one in left],
            right_title=[text_at(other.title, one) for one in right],
            left_key=keys,
            written=[one.written for one in made],
            reason=tasks[0].action.reason,
            leave=[change for task in tasks for change in task.changes],
            wakes=self._wakes(known_by) + self._wakes(rights),
        )

    def _wakes(self, keys: Sequence[str]) -> list[str]:
        """Who waits for a record that look-ups know by one of these keys is due."""
        if not self._outcomes.has_dependants:
            return []
        return [f"{self._mapping.name}/{one}" for one in keys if one]


def _is_simple(task: Task) -> bool:
    """Whether the task is a creation and nothing more."""
    action = task.action
    return (
        action.kind is Kind.CREATE
        and len(action.writes) == 1
        and not (action.waiting or action.rejected or action.contested or action.held or action.later)
        and task.coupling is None
        and task.created is None
        and not task.recovered
        and not task.anew
    )
