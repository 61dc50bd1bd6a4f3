"""One worker's part of a job that several workers share.

The inbox is the queue: each worker holds slices of it for a few batches and lets go of them again, so whoever
joins gets its share. The worker whose job it is reads the feeds, begins the waves and ends them; the others
take part in the wave that is on. What a pair comes to is kept with its outcome, so it counts once, whoever
meets it next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from kobling.engine.created import note_open
from kobling.engine.outcome import Outcomes
from kobling.engine.recover import recover
from kobling.engine.references import references_of
from kobling.engine.task import Context, Task
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Failure, Part, Report, Tally

_SYSTEMS: Final = {Side.LEFT: "bc", Side.RIGHT: "crm"}


def may_be_shared(context: Context, name: str) -> bool:
    """Whether other workers may take part: what one creates must be nothing that the next one goes by."""
    mapping = context.mappings[name]
    if name not in context.shared_as or mapping.part_of:
        return False
    if any(one.part_of == name for one in context.mappings.values()):
        # A whole and its parts go hand in hand.
        return False
    routes = {mapping.table(side).route for side in Side}
    read = [context.references[one] for one in references_of(context, [name])]
    return not any({one.route, *one.made_with} & routes for one in read)


class Share:
    """What one worker does of a job. leads: the job is its own. active: whether anybody else takes part."""

    def __init__(self, context: Context, mapping: Mapping, job: int, outcomes: Outcomes, leads: bool) -> None:
        self._context = context
        self._mapping = mapping
        self._report: Report = context.reports[mapping.name]
        self._outcomes = outcomes
        self._leads = leads
        self._job = context.state.shared(mapping.name, job)
        # Slices in which nothing was due when we last looked, and what we know of dead workers.
        self._passed: set[int] = set()
        self._met: set[int] = set()
        self._told = 0
        self.active = not leads

    async def is_due(self, turn: int, at_least: int = 1) -> bool:
        """Whether so many rows are due by that wave, whoever has them in hand."""
        return await self._job.due(turn, at_least) >= at_least

    async def turn(self) -> int | None:
        """The wave in which we may take part."""
        return await self._job.turn()

    @asynccontextmanager
    async def open(self, turn: int) -> AsyncIterator[None]:
        """Others may take part in this wave of ours meanwhile."""
        async with self.joined():
            if not self.active:
                self.active = True
                await self._job.keep(self._tallies(self._outcomes.counts.keys()), self._part(), ())
            await self._job.invite(turn, self._context.shared_as[self._mapping.name])
            try:
                yield
            finally:
                await self._job.invite(None)

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """We count as one of the workers of the job."""
        async with self._job.joined():
            yield

    @asynccontextmanager
    async def slices(self) -> AsyncIterator[list[int]]:
        """Holds some slices that nobody else holds; what their last holder left open is taken over."""
        async with self._job.slices(self._passed) as held:
            if not held:
                self._passed.clear()
            elif not self._leads and await self._job.turn() is None:
                # The job may be over since we asked, and a later one may wait for us.
                held = []
            for number, intents in await self._job.orphans(held) if held else ():
                if number not in self._met:
                    self._met.add(number)
                    note_open(self._context, self._mapping.name, intents)
                    await recover(self._context, self._mapping, intents)
            yield held

    def saw_nothing(self, slices: Collection[int]) -> None:
        """Nothing is due there now."""
        self._passed |= set(slices)

    async def recall(self, tasks: Sequence[Task]) -> None:
        """Before pairs are settled: what they came to so far, in whosever hands."""
        for one in await self._job.known([one.key for one in tasks]):
            self._outcomes.counts.know(one)
            self._outcomes.words.know(one)

    async def keep(self, tasks: Sequence[Task]) -> None:
        """In the transaction that settles pairs: what they came to."""
        told = () if self._leads else self._outcomes.warnings()[self._told :]
        self._told += len(told)
        keys = list(dict.fromkeys(one.key for one in tasks))
        await self._job.keep(self._tallies(keys), self._part(), told)

    def _tallies(self, keys: Iterable[str]) -> list[Tally]:
        counts, words = self._outcomes.counts, self._outcomes.words
        return [Tally(key=one, words=counts.words_of(one), failures=words.failures_of(one)) for one in keys]

    def _part(self) -> Part:
        requests = {word: self._context.services[side].requests for side, word in _SYSTEMS.items()}
        return Part(counts=self._report.counts, requests=requests)

    async def gather(self) -> None:
        """Adds what the others have done to the report of the job."""
        for part in await self._job.others():
            for way, counts in part.counts.items():
                for word, number in counts.items():
                    mine = self._report.counts[way]
                    mine[word] = mine.get(word, 0) + number
            for system, number in part.requests.items():
                self._report.requests[system] += number

    async def failures(self) -> list[Failure]:
        """What could not be settled, by whomever."""
        return await self._job.failures()
