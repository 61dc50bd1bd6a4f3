"""Settles the rows of one mapping, batch by batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from kobling.engine.apply import Apply
from kobling.engine.companions import couple_companions
from kobling.engine.creations import Creations
from kobling.engine.gather import Gather
from kobling.engine.look_ups import answers, wake_dependants
from kobling.engine.outcome import Outcomes
from kobling.engine.references import note_created
from kobling.engine.shared import Share, may_be_shared
from kobling.engine.task import ETAG, Context, Task
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Kind, Missing
from kobling.model.state import Change, Failure, Settled
from kobling.ports import Row

_BATCH: Final = 1000
# So much is worth to be shared with other workers, and so much of it is taken up at once.
_SHARED_FROM: Final = 2 * _BATCH
_CLAIM: Final = 5 * _BATCH
_WAIT_SECONDS: Final = 0.1
# Batches of a full read that are being written while the next one is planned.
_IN_FLIGHT: Final = 2
# What the batches of a full read leave to be done is due in the first wave.
_BEFORE_WAVES: Final = -1


class _Flight(NamedTuple):
    """A batch that is being written. ids: of the rows that it was made of. entry: the journal's."""

    writing: asyncio.Task[None]
    tasks: list[Task]
    settled: list[Settled]
    ids: frozenset[str]
    entry: int


class Worker:
    """One mapping's worker of one run."""

    def __init__(self, context: Context, mapping: Mapping, job: int, *, leads: bool = True) -> None:
        self._context = context
        self._mapping = mapping
        self._store = context.stores[mapping.name]
        self._job = job
        self._gather = Gather(context, mapping)
        self._apply = Apply(context, mapping, job)
        self.outcomes = Outcomes(context, mapping)
        self._creations = Creations(context, mapping, self.outcomes)
        # How many pairs it has settled.
        self.done = 0
        self.share = Share(context, mapping, job, self.outcomes, leads)
        self._may_be_shared = may_be_shared(context, mapping.name)
        self._flying: deque[_Flight] = deque()

    async def wave(self, turn: int) -> bool:
        """Settles what is due by now; whether there was anything."""
        if self._may_be_shared and await self.share.is_due(turn, _SHARED_FROM):
            return await self._lead(turn)
        options = self._context.options
        side = None if options.target is None else options.target.other
        busy = False
        async with self._context.state.slices(self._mapping.name) as slices:
            while changes := await self._store.due(
                _BATCH, turn, side=side, ids=options.records, slices=slices
            ):
                busy = True
                tasks, settled = await self._planned(changes)
                entry = await self._apply.carry_out(tasks)
                await self._settle(tasks, settled, turn, entry)
        return busy

    async def _lead(self, turn: int) -> bool:
        """A wave in which other workers may take part, until nothing of it is due."""
        async with self.share.open(turn):
            while await self.share.is_due(turn):
                if not await self.take(turn):
                    # The others have in hand what is left.
                    await asyncio.sleep(_WAIT_SECONDS)
        return True

    async def take(self, turn: int, stop: asyncio.Event | None = None) -> bool:
        """Settles some of what is due by that wave, in slices that nobody else holds; whether any was."""
        async with self.share.slices() as slices:
            changes = await self._store.due(_CLAIM, turn, slices=slices) if slices else []
            if not changes:
                self.share.saw_nothing(slices)
            settled: set[tuple[Side, str]] = set()
            for start in range(0, len(changes), _BATCH):
                if stop is not None and (stop.is_set() or await self.share.turn() is None):
                    break
                batch = [one for one in changes[start : start + _BATCH] if (one.side, one.id) not in settled]
                tasks, loose = await self._planned(batch)
                entry = await self._apply.carry_out(tasks, slices)
                await self._settle(tasks, loose, turn, entry)
                # The other row of a pair goes with the first.
                settled |= {(one.side, one.id) for task in tasks for one in task.changes}
        return bool(slices)

    async def failures(self) -> list[Failure]:
        """What could not be settled in the job, by this worker or another one."""
        return await self.share.failures() if self.share.active else self.outcomes.failures()

    async def gather(self) -> None:
        """Adds what other workers did to the report of the job."""
        if self.share.active:
            await self.share.gather()

    async def _planned(self, changes: Sequence[Change]) -> tuple[list[Task], list[Settled]]:
        """The planned pairs of these rows, without the actions that may not be carried out now."""
        tasks, settled = await self._gather.tasks(changes)
        if self._context.withhold is not None:
            for task in tasks:
                self._context.withhold(self._mapping, task, self.outcomes.name(task))
        return tasks, settled

    async def hand_over(self, changes: Sequence[Change]) -> None:
        """Takes rows of a full read, which are direct; a batch is written while the next one is planned."""
        for start in range(0, len(changes), _BATCH):
            batch = changes[start : start + _BATCH]
            ids = frozenset(one.id for one in batch)
            # A row that came twice is planned on what its first coming left behind.
            while self._flying and (len(self._flying) >= self._at_once or self._is_flying(ids)):
                await self._land()
            tasks, settled = await self._planned(await self._with_reasons(batch))
            entry = await self._apply.journal(tasks)
            writing = asyncio.create_task(self._apply.send(tasks))
            self._flying.append(_Flight(writing, tasks, settled, ids, entry))

    async def news(self, side: Side, rows: Sequence[Row]) -> Sequence[Row]:
        """Without the rows of coupled pairs that are settled and still of the version that is known."""
        if not rows or self._context.options.every_record:
            return rows
        same = await self._store.same_versions(side, {one["id"]: one[ETAG] for one in rows})
        self.outcomes.counts.unchanged(side, list(same.values()))
        return [one for one in rows if one["id"] not in same] if same else rows

    async def drain(self) -> None:
        """Waits for the batches that are being written, and settles them."""
        while self._flying:
            await self._land()

    @property
    def _at_once(self) -> int:
        # A finder must see what the batch before coupled.
        return 1 if self._mapping.finder else _IN_FLIGHT

    def _is_flying(self, ids: frozenset[str]) -> bool:
        return any(not ids.isdisjoint(one.ids) for one in self._flying)

    async def _land(self) -> None:
        first = self._flying.popleft()
        try:
            await first.writing
        except BaseException:
            # What is on its way is neither stopped nor settled: the next run asks what became of it.
            await asyncio.gather(*(one.writing for one in self._flying), return_exceptions=True)
            self._flying.clear()
            raise
        await self._settle(first.tasks, first.settled, _BEFORE_WAVES, first.entry)

    async def _with_reasons(self, changes: Sequence[Change]) -> list[Change]:
        """The rows with what the inbox knew of them: why they stayed, and whether they were taken up."""
        known: dict[str, Change] = {}
        for side in {one.side for one in changes}:
            known |= await self._store.waiting(side, [one.id for one in changes if one.side is side])
        taken = []
        for one in changes:
            old = known.get(one.id)
            if old is None:
                taken.append(one)
                continue
            # Its row in the inbox leaves or stays like any other.
            reason, wanted = old.reason if one.reason == "new" else one.reason, one.wanted or old.wanted
            # A version that was judged to be our own stays so.
            foreign = one.by_us and (old.by_us or old.version != one.version)
            taken.append(
                msgspec.structs.replace(one, wanted=wanted, reason=reason, by_us=foreign, direct=False)
            )
        return taken

    async def _settle(self, tasks: Sequence[Task], settled: list[Settled], turn: int, entry: int) -> None:
        self._note_created(tasks)
        await couple_companions(self._context, self._mapping, tasks)
        if self.share.active:
            await self.share.recall(tasks)
        new, rest = self._creations.settle(tasks)
        settled += [self.outcomes.settle(task) for task in rest]
        async with self._context.state.together():
            await self._store.settle(self._job, turn, settled, entry, new)
            await self._wake_dependants(rest, settled)
            if self.share.active:
                await self.share.keep(tasks)
        woken = [key for one in settled for key in one.wakes] + [key for one in new for key in one.wakes]
        await self._meet_others(rest, woken, turn + 1)
        self.done += len(tasks)
        self._context.progress(self._mapping.name, self.done)

    async def _meet_others(self, tasks: Sequence[Task], woken: Sequence[str], turn: int) -> None:
        """A run of another mapping may have looked for these pairs, or made what these wait for, meanwhile.
        woken: the keys of these pairs that others may wait for.

        Each side says what it has done and then looks again, so one of the two sees the other.
        """
        missing = [one.missing for task in tasks for one in task.action.waiting if one.missing is not None]
        wanted = {(one.mapping, side): {each.key for each in missing} for one in missing for side in Side}
        found = await answers(self._context, wanted) if wanted else {}
        keys = [
            f"{one.mapping}/{one.key}"
            for one in missing
            for side in Side
            if one.key and not isinstance(found.get((one.mapping, side, one.key), one), Missing)
        ]
        await self._store.wake([*woken, *keys], turn)

    async def _wake_dependants(self, tasks: Sequence[Task], settled: Sequence[Settled]) -> None:
        """What was made from the former partner of a record that is coupled anew is made again."""
        anew = {identifier for task in tasks if task.anew for identifier in task.ids.values()}
        if not anew:
            return
        couplings = [one.coupling for one in settled if one.coupling is not None]
        await wake_dependants(self._context, self._mapping, [one for one in couplings if one.left in anew])

    def _note_created(self, tasks: Sequence[Task]) -> None:
        created = [one for one in tasks if one.action.kind is Kind.CREATE]
        for side in Side:
            answered = [one.results[side].row for one in created if side in one.results]
            rows = [row for row in answered if row is not None]
            if rows:
                note_created(self._context, side, self._mapping.table(side).route, rows)
