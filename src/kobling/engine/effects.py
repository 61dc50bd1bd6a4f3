"""What was written, for the audit, and what a rehearsal would write, field by field and with reasons."""

from __future__ import annotations

from typing import Any

from kobling.engine.reasons import why_written
from kobling.engine.task import ETAG, Context, Task, columns_of, rows_of
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Effect
from kobling.model.values import Value, is_blank
from kobling.ports import Method, Outcome


class Effects:
    """The effects of one mapping's tasks."""

    def __init__(self, context: Context, mapping: Mapping) -> None:
        self._context = context
        self._mapping = mapping
        self._names = {side: columns_of(mapping, side) for side in Side}

    def of(self, task: Task) -> list[Effect]:
        """The writes of the task that happened, with what each column held before and holds after."""
        rows = rows_of(task)
        found = []
        for write in task.action.writes:
            method, row = task.method(write), rows.get(write.side)
            before: dict[str, Value] = {}
            if method is Method.DELETE:
                if not _is_deleted(task, write.side):
                    continue
                before = self._held(task, write.side)
                values: dict[str, Value] = dict.fromkeys(before)
            elif row is None:
                continue
            else:
                names, record = self._names[write.side], task.records[write.side]
                values = {names[at]: row.get(names[at], value) for at, value in write.values}
                if record is not None:
                    before = {names[at]: record.values[at] for at, _ in write.values}
            found.append(
                Effect(
                    left=task.ids[Side.LEFT],
                    right=task.ids[Side.RIGHT],
                    side=write.side,
                    method=method,
                    values=values,
                    reason=task.action.reason,
                    version="" if row is None else row[ETAG],
                    before=before,
                )
            )
        return found

    def _held(self, task: Task, side: Side) -> dict[str, Value]:
        """What a record held that was deleted."""
        record = task.records[side]
        held = () if record is None else record.values
        pairs = zip(self._names[side], held, strict=False)
        return {name: value for name, value in pairs if not is_blank(value)}

    def fields(self, task: Task) -> list[dict[str, Any]]:
        """Every field that the task writes: its side, caption and column, before, after, and why."""
        chosen = self._context.options.choices
        found = []
        for write in task.action.writes:
            record, columns = task.records[write.side], self._mapping.table(write.side).columns
            for at, value in write.values:
                found.append(
                    {
                        "side": str(write.side),
                        "field": columns[at].caption,
                        "column": columns[at].name,
                        "before": None if record is None else record.values[at],
                        "after": value,
                        "reason": why_written(self._mapping, task, write, at, chosen),
                    }
                )
        return found


def _is_deleted(task: Task, side: Side) -> bool:
    result = task.results.get(side)
    return result is not None and result.outcome in {Outcome.DONE, Outcome.GONE}
