"""One run over several mappings: opening, feeds, then waves of batches until nothing new is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from kobling.algebra.filters import bind
from kobling.algebra.order import depth, order
from kobling.engine.apply import Apply
from kobling.engine.gather import Gather
from kobling.engine.look_ups import answers, constants
from kobling.engine.outcome import Outcomes
from kobling.engine.task import Context, Task, columns_of, values_of
from kobling.model.errors import FeedExpiredError
from kobling.model.look_up import texts_of
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Kind, Missing
from kobling.model.state import Change, Report, Settled
from kobling.ports import Opening, Row

_BATCH: Final = 1000
_MORE_WAVES: Final = 2
_TODAY: Final = "today"
# What an opening wakes is for runs that begin after it: one that is under way has read its tables before.
_NEXT_RUN: Final = 1_000_000


class Synchronization:
    """Synchronizes the named mappings. `context.mappings` holds every enabled one: feeds serve them all."""

    def __init__(self, context: Context, named: Sequence[str]) -> None:
        self._context = context
        chosen = {name: context.mappings[name] for name in named}
        self._named = order(chosen)
        self._waves = depth(chosen) + _MORE_WAVES
        self._fed: set[tuple[Side, str]] = set()
        self._spent = dict.fromkeys(Side, 0)

    async def run(self) -> list[Report]:
        """Runs to the end; one report a mapping, in the order in which they ran."""
        context, options = self._context, self._context.options
        kind = "full" if options.full else "every record" if options.every_record else "changes"
        for name in self._named:
            context.reports[name] = new_report(name, kind)
            context.reports[name].job = await context.state.open_job(name, kind)
        try:
            await self._synchronize()
        except BaseException:
            await self._close("failed")
            raise
        await self._close("finished")
        return [context.reports[name] for name in self._named]

    async def _synchronize(self) -> None:
        await self.open(self._named)
        await self._context.state.begin(self._named)
        if self._context.options.records is None:
            for name in self._named:
                for side in Side:
                    await self._feed(name, side)
                self._charge(name)
        await self._settle()

    async def open(self, names: Sequence[str]) -> None:
        """The opening, one batch a service (reference tables, row versions, deletions); filters are bound."""
        context = self._context
        wanted = {source for name in names for source in context.mappings[name].sources}
        needed = {
            one for name in wanted if name in context.sources for one in context.sources[name].references
        }
        references = [context.references[name] for name in sorted(needed)]
        marks = await context.state.marks()
        for side in Side:
            mine = [one for one in references if one.side is side]
            opening = await context.services[side].opening(mine, marks)
            async with context.state.together():
                changed = await context.state.save(mine, opening)
                await self._wake(changed)
                await self._deleted(opening)
        context.facts = msgspec.structs.replace(
            context.facts, tables=await context.state.references(sorted(needed))
        )
        await self._new_day(marks)
        for name, mapping in context.mappings.items():
            context.mappings[name] = bind(mapping, await answers(context, constants(mapping)))

    async def _wake(self, changed: dict[str, list[Row]]) -> None:
        """What was made from a changed reference row, or waits for one, is planned again."""
        context = self._context
        for name, source in context.sources.items():
            rows = {one: changed[one] for one in source.references if one in changed}
            if not rows:
                continue
            keys = source.touched(rows)
            waiting = [f"{name}/{one}" for one in ("", *(texts_of(rows) or ()))]
            await next(iter(context.stores.values())).wake(waiting, _NEXT_RUN)
            for mapping in context.mappings.values():
                if name in mapping.sources:
                    await context.state.wake_couplings(mapping.name, keys, _NEXT_RUN)

    async def _deleted(self, opening: Opening) -> None:
        for mapping in self._context.mappings.values():
            ids = [one for table, one in opening.deleted if table == mapping.left.table_id]
            if ids:
                await self._context.state.hint_deleted(mapping.name, ids)

    async def _new_day(self, marks: dict[str, str]) -> None:
        """Rows that begin on a day after the last run are changes, too."""
        today = self._context.facts.today.isoformat()
        last = marks.get(_TODAY, today)
        if last < today:
            # Of every table: another mapping's run has no other occasion to learn of the day.
            tables = await self._context.state.references(sorted(self._context.references))
            begun = {
                name: [row for row in rows if last < str(row.get("startingDate", "")) <= today]
                for name, rows in tables.items()
            }
            await self._wake({name: rows for name, rows in begun.items() if rows})
        if marks.get(_TODAY) != today:
            await self._context.state.keep_mark(_TODAY, today)

    async def _feed(self, name: str, side: Side) -> None:
        """Reads what changed in the mapping's table, for every mapping on it."""
        context, table = self._context, self._context.mappings[name].table(side)
        if (side, table.route) in self._fed:
            return
        self._fed.add((side, table.route))
        readers = [one for one in context.mappings.values() if one.table(side).route == table.route]
        columns = list(dict.fromkeys(column for one in readers for column in columns_of(one, side)))
        token = None if context.options.full else await context.state.token(side, table.route, columns)
        try:
            await self._read(side, table.route, columns, token, readers)
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
            couplings = await store.couplings(*((ids, []) if side is Side.LEFT else ([], ids)))
            coupled = {one.id(side) for one in couplings}
            await store.put([self._change(mapping, side, row) for row in page.rows if row["id"] in coupled])

    async def _read(
        self, side: Side, route: str, columns: list[str], token: str | None, readers: Sequence[Mapping]
    ) -> None:
        context, read = self._context, 0
        async for page in context.services[side].changes(route, columns, token):
            pages = {
                one.name: [
                    *(self._change(one, side, row) for row in page.rows),
                    *(Change(id=gone, side=side, deleted=True) for gone in page.deleted),
                ]
                for one in readers
            }
            await context.state.take_in(side, route, columns, pages, page.token)
            read += len(page.rows)
            context.progress(f"read {route}", read)

    def _change(self, mapping: Mapping, side: Side, row: Row) -> Change:
        options = self._context.options
        named = mapping.name in self._named
        return Change(
            id=row["id"],
            side=side,
            version=row["@odata.etag"],
            values=values_of(mapping, side, row),
            wanted=options.full and named and self._may_create(mapping, side.other),
            reason="compare" if named and (options.full or options.every_record) else "new",
        )

    def _may_create(self, mapping: Mapping, target: Side) -> bool:
        return mapping.direction.allows(target) and self._context.options.target in {None, target}

    async def _settle(self) -> None:
        """Waves over the mappings, in the order of their look-ups, until none has a row that is due."""
        workers = {name: self._worker(name) for name in self._named}
        for turn in range(self._waves):
            busy = False
            for name, worker in workers.items():
                busy = await worker.wave(turn) or busy
                self._charge(name)
            if not busy:
                break
        for name, worker in workers.items():
            self._context.reports[name].failures += worker.outcomes.failures()

    def _worker(self, name: str) -> _Worker:
        return _Worker(self._context, self._context.mappings[name], self._context.reports[name].job)

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
            report.status = status
            report.seconds = round(time.monotonic() - report.seconds, 3)
            report.open = await self._context.stores[name].open_counts()
            await self._context.state.close_job(report.job, status, report)


class _Worker:
    """Settles the due rows of one mapping, batch by batch."""

    def __init__(self, context: Context, mapping: Mapping, job: int) -> None:
        self._context = context
        self._store = context.stores[mapping.name]
        self._name = mapping.name
        self._job = job
        self._gather = Gather(context, mapping)
        self._apply = Apply(context, mapping, job)
        self.outcomes = Outcomes(context, mapping)
        self._done = 0

    async def wave(self, turn: int) -> bool:
        """Settles what is due by now; whether there was anything."""
        options = self._context.options
        side = None if options.target is None else options.target.other
        busy = False
        async with self._context.state.slices(self._name) as slices:
            while changes := await self._store.due(
                _BATCH, turn, side=side, ids=options.records, slices=slices
            ):
                busy = True
                await self._batch(changes, turn)
                self._done += len(changes)
                self._context.progress(self._name, self._done)
        return busy

    async def _batch(self, changes: Sequence[Change], turn: int) -> None:
        tasks, settled = await self._gather.tasks(changes)
        await self._apply.carry_out(tasks)
        for task in tasks:
            self._note_created(task)
        settled += [self.outcomes.settle(task) for task in tasks]
        async with self._context.state.together():
            await self._store.settle(self._job, turn, settled)
            await self._wake_dependants(tasks, settled)
        await self._meet_others(tasks, settled, turn + 1)

    async def _meet_others(self, tasks: Sequence[Task], settled: Sequence[Settled], turn: int) -> None:
        """A run of another mapping may have looked for these pairs, or made what these wait for, meanwhile.

        Each side says what it has done and then looks again, so one of the two sees the other.
        """
        keys = [key for one in settled for key in one.wakes]
        missing = [one.missing for task in tasks for one in task.action.waiting if one.missing is not None]
        wanted = {(one.mapping, side): {each.key for each in missing} for one in missing for side in Side}
        found = await answers(self._context, wanted) if wanted else {}
        keys += [
            f"{one.mapping}/{one.key}"
            for one in missing
            for side in Side
            if one.key and not isinstance(found.get((one.mapping, side, one.key), one), Missing)
        ]
        await self._store.wake(keys, turn)

    async def _wake_dependants(self, tasks: Sequence[Task], settled: Sequence[Settled]) -> None:
        """What was made from the former partner of a record that is coupled anew is made again."""
        anew = {identifier for task in tasks if task.anew for identifier in task.ids.values()}
        if not anew:
            return
        couplings = [
            one.coupling for one in settled if one.coupling is not None and one.coupling.left in anew
        ]
        keys = [key for one in couplings for key in (one.left_number, one.right) if key]
        for other in self._context.mappings.values():
            if keys and self._name in other.sources:
                await self._context.state.wake_couplings(other.name, keys)

    def _note_created(self, task: Task) -> None:
        """What this run created counts in later answers of the same run: no code is given twice."""
        for side, result in task.results.items():
            if task.action.kind is not Kind.CREATE or result.row is None:
                continue
            route = self._context.mappings[self._name].table(side).route
            for name, rows in self._context.facts.tables.items():
                one = self._context.references[name]
                if (one.side, one.route) == (side, route):
                    rows.append(result.row)


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
