"""What a run may do where a person has said it beforehand: the actions of a saved plan, and no other.

The run plans as any run does. An action is carried out only if it is one of the plan, upon the versions that
the plan knew; so a plan file can keep a run from something, but never make it write what it would not write
by itself. What is withheld stays in the inbox for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from kobling.engine.rehearse import REHEARSED
from kobling.engine.task import Task
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Action, Kind
from kobling.model.values import Value, same_value

_CHANGED: Final = "it is not as it was when the plan was saved"
_UNPLANNED: Final = "the plan does not hold it"
_OVER: Final = "it is no longer to be done: a record has changed since, or another run has done it"
_PARTING: Final = frozenset({Kind.UNCOUPLE, Kind.RESTORE, Kind.DELETE})


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An action that a person has seen. key: what tells the pair apart. writes: by side and column. couples:
    a finder couples the two records.

    versions: of the records that it was planned upon; '' for one that the plan itself writes before, or that
    is not there.
    """

    mapping: str
    key: str
    action: str
    record: str
    left: str
    right: str
    versions: dict[str, str]
    writes: dict[str, dict[str, Value]]
    couples: bool = False

    @property
    def does_something(self) -> bool:
        """Whether anything is changed by it; what only waits or asks needs no permission."""
        return bool(self.writes) or self.action in _PARTING or self.couples


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """An action that is not carried out, and why."""

    mapping: str
    record: str
    left: str
    right: str
    reason: str


class Permit:
    """The entries of a plan, each of which is carried out once."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._left: dict[tuple[str, str], list[Entry]] = {}
        for one in entries:
            if one.does_something:
                self._left.setdefault((one.mapping, one.key), []).append(one)
        self._known = frozenset(self._left)
        self._withheld: dict[tuple[str, str], Withheld] = {}

    def withhold(self, mapping: Mapping, task: Task, name: str) -> None:
        """Takes the action from a task that the plan does not hold as it is. name: what people call it."""
        if not (task.action.writes or task.action.kind in _PARTING or _couples(task)):
            return
        key = (mapping.name, task.key)
        planned = self._left.get(key, [])
        found = next((one for one in planned if _is_same(mapping, task, one)), None)
        if found is not None:
            planned.remove(found)
            return
        reason = _CHANGED if key in self._known else _UNPLANNED
        self._left.pop(key, None)
        new = {side: task.records[side] is None and task.coupling is None for side in Side}
        ids = {side: "" if new[side] else task.ids[side] for side in Side}
        self._withheld[key] = Withheld(
            mapping=mapping.name, record=name, left=ids[Side.LEFT], right=ids[Side.RIGHT], reason=reason
        )
        if task.fresh:
            task.coupling, task.fresh = None, False
        task.action = Action(kind=Kind.WITHHOLD, reason=reason)

    def withheld(self) -> list[Withheld]:
        """What was not carried out: what differs from the plan or is not in it, and what is over."""
        over = [
            Withheld(mapping=one.mapping, record=one.record, left=one.left, right=one.right, reason=_OVER)
            for entries in self._left.values()
            for one in entries
        ]
        return [*self._withheld.values(), *over]


def noted(mapping: Mapping, task: Task) -> dict[str, Any]:
    """What is kept of a planned action beside what people see of it."""
    versions = {str(side): task.version(side) for side in Side}
    return {
        "key": task.key,
        "versions": {side: "" if one == REHEARSED else one for side, one in versions.items()},
        "couples": _couples(task),
    }


def _couples(task: Task) -> bool:
    return task.fresh and task.coupling is not None and task.created is None


def _is_same(mapping: Mapping, task: Task, entry: Entry) -> bool:
    if task.action.kind != entry.action or _couples(task) is not entry.couples:
        return False
    if entry.couples and (task.ids[Side.LEFT], task.ids[Side.RIGHT]) != (entry.left, entry.right):
        return False
    if any(version and version != task.version(Side(side)) for side, version in entry.versions.items()):
        return False
    writes: dict[str, dict[str, Value]] = {}
    for one in task.action.writes:
        columns = mapping.table(one.side).columns
        values = {columns[at].name: value for at, value in one.values}
        writes.setdefault(str(one.side), {}).update(values)
    given = {side: values for side, values in writes.items() if values}
    return given.keys() == entry.writes.keys() and all(
        values.keys() == entry.writes[side].keys()
        and all(same_value(value, entry.writes[side][name]) for name, value in values.items())
        for side, values in given.items()
    )
