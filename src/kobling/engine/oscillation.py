"""Parking the fields that go to and fro between the two services."""

from __future__ import annotations

from collections.abc import Sequence

from kobling.algebra.oscillation import oscillating
from kobling.engine.task import Context, Task
from kobling.model.mapping import Mapping


async def park(context: Context, mapping: Mapping, tasks: Sequence[Task]) -> list[Task]:
    """The tasks whose plan would carry a field over once more; their `parked` says which rows these are."""
    written = [one for one in tasks if one.coupling is not None and one.action.writes]
    if not written:
        return []
    crossings = await context.stores[mapping.name].crossings([one.key for one in written])
    found = []
    for task in written:
        task.parked = oscillating(mapping, crossings.get(task.key, ()), task.action.writes)
        if task.parked:
            found.append(task)
    return found
