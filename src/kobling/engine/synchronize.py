"""One run over several mappings: opening, feeds, then waves of batches until nothing new is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import msgspec

from kobling.algebra.order import depth, order
from kobling.engine.ahead import read_ahead
from kobling.engine.created import recall
from kobling.engine.find_deleted import make_up
from kobling.engine.guards import Stops
from kobling.engine.held import change_of
from kobling.engine.look_ups import bind_filters
from kobling.engine.rebuild import check_not_lost
from kobling.engine.recover import recover
from kobling.engine.references import new_day, read_references, references_of
from kobling.engine.shared import may_be_shared
from kobling.engine.task import Context, columns_of, coupled_among
from kobling.engine.worker import Worker
from kobling.model.errors import FeedExpiredError, PausedError
from kobling.model.mapping import Limit, Mapping, Side, Table
from kobling.model.state import Change, Report
from kobling.ports import Row

_MORE_WAVES: Final = 2
# The mark of a mapping whose full synchronization has begun and not ended.
_FULL: Final = "full "
_BEGUN: Final = "begun"


class Synchronization:
    """Synchronizes the named mappings. `context.mappings` holds every enabled one: feeds serve them all."""

    def __init__(self, context: Context, named: Sequence[str]) -> None:
        self._context = context
        chosen = {name: context.mappings[name] for name in named}
        self._named = order(chosen)
        self._waves = depth(chosen) + _MORE_WAVES
        self._fed: set[tuple[Side, str]] = set()
        self._spent = dict.fromkeys(Side, 0)
        self._workers: dict[str, Worker] = {}
        self._complete = False
        self._full: set[str] = set()
        self._begun: set[str] = set()
        self._stops = Stops(context, named)

    async def run(self) -> list[Report]:
        """Runs to the end; one report a mapping, in the order in which they ran."""
        context, options = self._context, self._context.options
        kind = "full" if options.full else "every record" if options.every_record else "changes"
        for name in self._named:
            context.reports[name] = new_report(name, kind)
            context.reports[name].job = await context.state.open_job(name, kind)
        try:
            await self._synchronize()
        except BaseException as error:
            await self._close("paused" if isinstance(error, PausedError) else "failed")
            raise
        await self._close("finished")
        return [context.reports[name] for name in self._named]

    async def look(self, names: Sequence[str]) -> None:
        """Reads what changed for these mappings into the inbox, and settles nothing."""
        await self.open(names)
        for name in names:
            for side in Side:
                await self._feed(name, side)

    async def _synchronize(self) -> None:
        if self._context.options.full and self._context.options.records is None:
            # Before it is noted that a full run has begun, which later runs would carry on.
            for name in self._named:
                await check_not_lost(self._context, name, opened=False)
        await self._begin_full()
        await self.open(self._named)
        for name in self._named:
            if self._creates(name):
                await check_not_lost(self._context, name)
        await self._context.state.begin(self._named)
        await self._recall()
        if self._context.options.records is None:
            for name in self._running():
                await make_up(self._context, name)
                for side in Side:
                    await self._feed(name, side)
                self._charge(name)
            for name in self._running():
                await self._stops.count(name)
        await self._settle()

    def _creates(self, name: str) -> bool:
        """Whether the run creates records that nobody has named."""
        everything = name in self._full or not self._context.mappings[name].synch_only_coupled
        return everything and self._context.options.records is None

    def _running(self) -> list[str]:
        """The mappings that no guard has stopped."""
        return [one for one in self._named if one not in self._stops]

    async def _token(self, name: str, side: Side) -> str | None:
        """Where the feed of the mapping's table goes on; None where it is to be read as a whole."""
        readers, columns = self._readers(name, side)
        if any(one.name in self._full for one in readers):
            return None
        return await self._context.state.token(side, self._context.mappings[name].table(side).route, columns)

    def _readers(self, name: str, side: Side) -> tuple[list[Mapping], list[str]]:
        """The mappings on the same table as this one, and all columns that they read of it."""
        mappings, route = self._context.mappings, self._context.mappings[name].table(side).route
        readers = [one for one in mappings.values() if one.table(side).route == route]
        return readers, list(dict.fromkeys(column for one in readers for column in columns_of(one, side)))

    async def open(self, names: Sequence[str]) -> None:
        """The opening, one batch a service (reference tables, row versions, deletions); filters are bound."""
        context = self._context
        context.facts = msgspec.structs.replace(context.facts, tables={})
        await read_references(context, references_of(context, names), tuple(Side))
        await new_day(context)
        await bind_filters(context)

    async def _feed(self, name: str, side: Side) -> None:
        """Reads what changed in the mapping's table, for every mapping on it."""
        context, table = self._context, self._context.mappings[name].table(side)
        if (side, table.route) in self._fed:
            return
        self._fed.add((side, table.route))
        readers, columns = self._readers(name, side)
        try:
            await self._read(side, table.route, columns, await self._token(name, side), readers)
        except FeedExpiredError:
            await self._read(side, table.route, columns, None, readers)
        if context.options.every_record:
            for one in readers:
                if one.name in self._named:
                    await self._compare(one, side)

    async def _compare(self, mapping: Mapping, side: Side) -> None:
        """Takes in every coupled record as it is now, whatever the feed has brought; its token stays."""
        store, route = self._context.stores[mapping.name], mapping.table(side).route
        async for page in self._context.services[side].changes(route, columns_of(mapping, side), None):
            ids = [row["id"] for row in page.rows]
            coupled = await coupled_among(self._context, mapping.name, side, ids)
            rows = [row for row in page.rows if row["id"] in coupled]
            await store.put(self._changes(mapping, side, rows))

    async def _read(
        self, side: Side, route: str, columns: list[str], token: str | None, readers: Sequence[Mapping]
    ) -> None:
        """Pages of a feed; those of a full read are handed over directly, without a stay in the inbox."""
        context, read = self._context, 0
        watched = await self._watched(readers) if token is None else None
        only = await self._only(side, readers) if token is None else None
        async with AsyncExitStack() as stack:
            direct = await self._direct(stack, side, readers) if token is None else {}
            async for page in read_ahead(context.services[side].changes(route, columns, token, only)):
                read += len(page.rows)
                context.progress(f"read {route}", read)
                if page.present is not None and watched is None:
                    watched = await self._watched(readers)
                if watched:
                    await context.state.note_read([*(row["id"] for row in page.rows), *(page.present or ())])
                for name, worker in direct.items():
                    rows = await worker.news(side, page.rows)
                    mapping = context.mappings[name]
                    await worker.hand_over(self._changes(mapping, side, rows, page.deleted, direct=True))
                pages = {}
                for one in readers:
                    if one.name not in direct:
                        rows = await self._sifted(one, side, page.rows) if token is None else page.rows
                        pages[one.name] = self._changes(one, side, rows, page.deleted)
                if page.token is not None:
                    named = [one for one in watched or () if one in self._named]
                    if named and not read and not page.present and await self._stops.found_empty(named, side):
                        return
                    for worker in direct.values():
                        await worker.drain()
                    await self._look_for_missed(watched or (), side)
                await context.state.take_in(side, route, columns, pages, page.token)

    async def _watched(self, readers: Sequence[Mapping]) -> list[str]:
        """All ids of a table are about to be read: the mappings whose couplings may lack one of them."""
        return await self._context.state.watched([one.name for one in readers])

    async def _only(self, side: Side, readers: Sequence[Mapping]) -> Table | None:
        """The table whose filter a full read may hand to the service.

        What it leaves out is not missed: nobody is coupled to it or waits for it, and when it comes inside,
        it has changed, so the feed tells of it. A table that several mappings read has no filter of its own,
        and who is not named may be at work elsewhere.
        """
        if len(readers) != 1 or readers[0].name not in self._named:
            return None
        alone = await self._context.state.untouched([readers[0].name])
        return readers[0].table(side) if alone else None

    async def _look_for_missed(self, names: Sequence[str], side: Side) -> None:
        """A coupled record that a read of all ids has not brought is looked at; its absence proves nothing.
        Before the token moves, as nobody would tell of it again."""
        for name in names:
            missed = await self._context.state.missed(name, side)
            hints = [Change(id=one, side=side, deleted=True) for one in missed]
            await self._context.stores[name].put(hints)

    async def _direct(
        self, stack: AsyncExitStack, side: Side, readers: Sequence[Mapping]
    ) -> dict[str, Worker]:
        """The workers that take a full read's pages: of named mappings whose slices are all free."""
        workers = {}
        for one in readers:
            # What is counted first goes through the inbox, what others may take a share of, and parts: what
            # they are sold of is finished in the first wave.
            shared = may_be_shared(self._context, one.name)
            kept = one.guards.changes != Limit() or one.part_of or shared
            if (
                kept
                or one.name not in self._running()
                or self._context.options.target not in {None, side.other}
            ):
                continue
            if await stack.enter_async_context(self._context.state.slices(one.name)) is None:
                workers[one.name] = self._worker(one.name)
                stack.push_async_callback(workers[one.name].drain)
        return workers

    async def _sifted(self, mapping: Mapping, side: Side, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of a full read for the inbox: of what may be shared, those that are not known already."""
        if mapping.name in self._running() and may_be_shared(self._context, mapping.name):
            return await self._worker(mapping.name).news(side, rows)
        return rows

    def _changes(
        self,
        mapping: Mapping,
        side: Side,
        rows: Sequence[Row],
        deleted: Sequence[str] = (),
        *,
        direct: bool = False,
    ) -> list[Change]:
        named = mapping.name in self._named
        wanted = mapping.name in self._full and self._may_create(mapping, side.other)
        reason = "compare" if named and self._context.options.every_record else "new"
        changes = [
            change_of(self._context, mapping, side, row, wanted=wanted, reason=reason, direct=direct)
            for row in rows
        ]
        return changes + [Change(id=one, side=side, deleted=True, direct=direct) for one in deleted]

    def _may_create(self, mapping: Mapping, target: Side) -> bool:
        return mapping.direction.allows(target) and self._context.options.target in {None, target}

    async def _settle(self) -> None:
        """Waves over the mappings, in the order of their look-ups, until none has a row that is due."""
        # What a full read has handed over may have woken rows for the next wave.
        handed_over = bool(self._workers)
        for turn in range(self._waves):
            busy = turn == 0 and handed_over
            for name in self._running():
                busy = await self._worker(name).wave(turn) or busy
                self._charge(name)
            if not busy:
                break
        self._complete = not busy
        for name in self._named:
            report, worker = self._context.reports[name], self._worker(name)
            report.failures += await worker.failures()
            report.warnings += worker.outcomes.warnings()

    async def _begin_full(self) -> None:
        """A full run that died goes on, whatever the next run is asked for."""
        if self._context.options.records is not None:
            return
        marks = await self._context.state.marks()
        for name in self._named:
            if marks.get(f"{_FULL}{name}") != _BEGUN:
                self._begun.add(name)
            if self._context.options.full and self._context.options.target is None:
                await self._context.state.keep_mark(f"{_FULL}{name}", _BEGUN)
            if self._context.options.full or marks.get(f"{_FULL}{name}") == _BEGUN:
                self._full.add(name)

    async def _recall(self) -> None:
        """What runs that died had in hand."""
        for name in self._named:
            intents = await recall(self._context, name, self._context.reports[name].job)
            if intents and self._context.options.records is None:
                await recover(self._context, self._context.mappings[name], intents)

    def _worker(self, name: str) -> Worker:
        if name not in self._workers:
            context = self._context
            self._workers[name] = Worker(context, context.mappings[name], context.reports[name].job)
        return self._workers[name]

    def _charge(self, name: str) -> None:
        """Requests since the last call are this mapping's."""
        requests = self._context.reports[name].requests
        for side, word in ((Side.LEFT, "bc"), (Side.RIGHT, "crm")):
            now = self._context.services[side].requests
            requests[word] += now - self._spent[side]
            self._spent[side] = now

    async def _close(self, status: str) -> None:
        for name in self._named:
            report = self._context.reports[name]
            report.failures += self._stops.failures(name)
            if name in self._workers:
                await self._workers[name].gather()
            report.status = "stopped" if name in self._stops and status == "finished" else status
            report.seconds = round(time.monotonic() - report.seconds, 3)
            report.open = await self._context.stores[name].open_counts()
            await self._context.state.close_job(report.job, report.status, report)
            options = self._context.options
            if name in self._stops:
                if name in self._begun & self._full:
                    # A full run that was not let through has not begun.
                    await self._context.state.keep_mark(f"{_FULL}{name}", "")
            elif self._complete and options.records is None and options.target is None:
                await self._context.stores[name].forget_intents(report.job)
                if name in self._full:
                    await self._context.state.keep_mark(f"{_FULL}{name}", "")


def new_report(name: str, kind: str) -> Report:
    return Report(
        mapping=name,
        kind=kind,
        counts={"to": {}, "from": {}},
        failures=[],
        requests={"bc": 0, "crm": 0},
        seconds=time.monotonic(),
        actions=[],
    )
