"""For the audit: what runs that died had written into records and could not note any more.

An intent alone says only that something was about to be sent. It was written if the record is another version
now and holds what was sent where it had held something else, or if it was to be deleted and is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from kobling.engine.partial import BESIDE, SENT
from kobling.engine.task import Context, Task, by_name
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.model.state import Effect, Intent
from kobling.model.values import UNSET, Value, is_blank, same_value
from kobling.ports import Method

_Values: TypeAlias = dict[str, tuple[Value, Value]]

_REASON: Final = "found by a later run, as this one ended before it could note it"


def note_recovered(context: Context, mapping: Mapping, tasks: Sequence[Task]) -> None:
    """Finds it for pairs whose bases do not know of it yet: once they do, it is noted."""
    opened = context.opened.get(mapping.name, {})
    for task in tasks if opened else ():
        found = [
            one for side in Side for one in _of(mapping, task, side, opened.get((side, task.ids[side]), ()))
        ]
        task.recovered = tuple(found)


def _of(mapping: Mapping, task: Task, side: Side, intents: Sequence[Intent]) -> Iterator[Effect]:
    coupling, record = task.coupling, task.records[side]
    seen = None if coupling is None else coupling.values(side)
    known: dict[str, Any] = {} if seen is None else by_name(mapping, side, seen)
    for one in intents:
        if one.method == Method.DELETE and task.deleted[side]:
            gone: _Values = {
                name: (_plain(value), None) for name, value in known.items() if not is_blank(value)
            }
            yield _effect(task, one, gone)
            return
        if one.method == Method.UPDATE and record is not None and record.version != one.version:
            values = _written(one, known, by_name(mapping, side, record.values))
            known |= one.body[SENT] if values else {}
            if values:
                yield _effect(task, one, values, record)


def _written(intent: Intent, known: dict[str, Any], held: dict[str, Any]) -> _Values:
    """(before, after) by column; nothing where it cannot have been written, or was noted before."""
    sent = intent.body[SENT]
    before = {name: _plain(known.get(name)) for name in sent} | {
        name: value for name, value in intent.body.get(BESIDE, {}).items() if name in sent
    }
    arrived = {
        name
        for name, value in sent.items()
        if same_value(held.get(name), value) and not same_value(before[name], value)
    }
    return {name: (before[name], sent[name]) for name in sent} if arrived else {}


def _effect(task: Task, intent: Intent, values: _Values, record: Record | None = None) -> Effect:
    # Of other versions it is not known who made them.
    ours = record is not None and intent.side is Side.RIGHT and task.by_us
    return Effect(
        left=task.ids[Side.LEFT],
        right=task.ids[Side.RIGHT],
        side=intent.side,
        method=Method(intent.method),
        values={name: after for name, (_, after) in values.items()},
        before={name: before for name, (before, _) in values.items()},
        reason=_REASON,
        version=record.version if ours and record is not None else "",
        job=intent.job,
    )


def _plain(value: Any) -> Value:
    return None if value is UNSET else value
