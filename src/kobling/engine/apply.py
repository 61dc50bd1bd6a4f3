"""Carrying out what was planned: journal, conditional writes, and a look at what was stale."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from kobling.engine.partial import intents_of
from kobling.engine.pause import check_writable
from kobling.engine.task import Context, Task, columns_of
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Write
from kobling.ports import Method, Outcome, Row, RowResult, RowWrite


class Apply:
    """Writes the batches of one mapping."""

    def __init__(self, context: Context, mapping: Mapping, job: int) -> None:
        self._context = context
        self._mapping = mapping
        self._store = context.stores[mapping.name]
        self._job = job

    async def carry_out(self, tasks: Sequence[Task], slices: Collection[int] = ()) -> int:
        """Journals and sends every write; the number of the journal's entry. slices: those that are held,
        where other workers have the others."""
        entry = await self.journal(tasks, slices)
        await self.send(tasks)
        return entry

    async def journal(self, tasks: Sequence[Task], slices: Collection[int] = ()) -> int:
        """Commits what is about to be written; the number of the entry, 0 where there is nothing to write.

        Raises PausedError, ConfigurationError where nothing may be written now.
        """
        intents = [one for task in tasks if task.action.writes for one in intents_of(self._mapping, task)]
        if not intents:
            return 0
        await check_writable(self._context, self._mapping)
        return await self._store.journal(self._job, intents, slices)

    async def send(self, tasks: Sequence[Task]) -> None:
        """Writes what was journalled, claims first, and looks at what was stale."""
        writing = [one for one in tasks if one.action.writes]
        if not writing:
            return
        await self._claims(writing)
        await asyncio.gather(*(self._side(side, writing) for side in Side))
        for side in Side:
            await self._probe(side, writing)

    async def _claims(self, tasks: Sequence[Task]) -> None:
        for side in Side:
            chosen = _chosen(tasks, side, claim=True)
            for (task, _), result in zip(chosen, await self._send(side, chosen), strict=True):
                task.claim = result

    async def _side(self, side: Side, tasks: Sequence[Task]) -> None:
        chosen = [
            (task, write)
            for task, write in _chosen(tasks, side, claim=False)
            if task.claim is None or task.claim.outcome is Outcome.DONE
        ]
        for (task, write), result in zip(chosen, await self._send(side, chosen), strict=True):
            task.results[side] = result
            if result.row is not None and task.method(write) is Method.CREATE:
                # A service may name what it creates itself.
                task.ids[side] = result.row["id"]

    async def _send(self, side: Side, chosen: Sequence[tuple[Task, Write]]) -> list[RowResult]:
        if not chosen:
            return []
        route = self._mapping.table(side).route
        select = tuple(columns_of(self._mapping, side))
        writes = [
            RowWrite(
                method=task.method(write),
                table=route,
                id=task.ids[side],
                body=self._body(task, write),
                version=task.version(side),
                select=select,
            )
            for task, write in chosen
        ]
        return await self._context.services[side].write(writes)

    def _body(self, task: Task, write: Write) -> Row:
        body = task.body(self._mapping, write)
        if self._context.rehearse and task.method(write) is Method.CREATE:
            # A service fills in its own blanks; a rehearsed one knows none.
            return {one.name: one.blank for one in self._mapping.table(write.side).columns} | body
        return body

    async def _probe(self, side: Side, tasks: Sequence[Task]) -> None:
        """Reads what a stale version left open, and whether what exists has the very id or another's key."""
        asked = [one for one in tasks if _is_stale(one, side) or _exists(one, side)]
        if not asked:
            return
        ids = [one.ids[side] for one in asked]
        rows = await self._context.services[side].read(
            self._mapping.table(side).route, columns_of(self._mapping, side), ids
        )
        for task in asked:
            row = rows.get(task.ids[side])
            if row is not None:
                task.read[side] = row


def _chosen(tasks: Sequence[Task], side: Side, *, claim: bool) -> list[tuple[Task, Write]]:
    return [
        (task, write)
        for task in tasks
        for write in task.action.writes
        if write.side is side and write.claim is claim
    ]


def _is_stale(task: Task, side: Side) -> bool:
    result = task.results.get(side)
    if result is not None and result.outcome is Outcome.STALE:
        return True
    claimed = any(write.claim and write.side is side for write in task.action.writes)
    return claimed and task.claim is not None and task.claim.outcome is Outcome.STALE


def _exists(task: Task, side: Side) -> bool:
    result = task.results.get(side)
    return result is not None and result.outcome is Outcome.EXISTS
