"""One run of one mapping: feeds into the inbox, then batch by batch gather, plan, journal, apply, commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from kobling.algebra.filters import outside
from kobling.algebra.plan import plan_create, plan_pair
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Action, Base, Kind, Pair, Record
from kobling.model.state import Change, Coupling, Intent, Settled
from kobling.model.values import Values, same_value
from kobling.ports import Method, Outcome, Row, RowResult, RowWrite, Service, Store

_BATCH: Final = 1000
# What the receiver changes during our write is planned again in the same run, but not for ever.
_WAVES_MAXIMUM: Final = 5
_WORDS: Final = {Kind.OUTSIDE: "outside", Kind.WAIT: "waiting", Kind.REJECT: "failed"}


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a run: its service, its key column, and the columns read beside the mapped ones."""

    service: Service
    key: str
    system: tuple[str, ...]


class _Task(msgspec.Struct, kw_only=True):
    """A pair in hand: its coupling (or the id that its new partner gets), inbox rows, records and action."""

    coupling: Coupling | None
    ids: dict[Side, str]
    changes: tuple[Change, ...]
    records: dict[Side, Record | None]
    action: Action
    results: dict[Side, RowResult] = {}
    # Rows read again, because what a service answered left open what it holds now.
    read: dict[Side, Row] = {}


class Run:
    """Synchronizes what changed; with `full` every record is read and uncoupled ones are created."""

    def __init__(self, mapping: Mapping, ends: dict[Side, End], store: Store, namespace: uuid.UUID) -> None:
        self._mapping = mapping
        self._ends = ends
        self._store = store
        self._namespace = namespace
        self._full = False
        self.counts: dict[str, dict[str, int]] = {"to": {}, "from": {}}

    async def synchronize(self, *, full: bool = False) -> dict[str, dict[str, int]]:
        """Runs to the end; the counts per direction (`to`: into the right side, `from`: into the left)."""
        self._full = full
        job = await self._store.open_job("full" if full else "changes")
        await self._store.wake("transient")
        for side in Side:
            await self._feed(side)
        wave = 0
        while wave < _WAVES_MAXIMUM and (changes := await self._store.due(_BATCH)):
            again = await self._batch(job, changes)
            wave += again
        await self._store.close_job(job, self.counts)
        return self.counts

    async def _feed(self, side: Side) -> None:
        end, table = self._ends[side], self._mapping.table(side)
        columns = [*end.system, *(one.name for one in table.columns)]
        token = None if self._full else await self._store.token(side, table.route, columns)
        async for page in end.service.changes(table.route, columns, token):
            changes = [self._change(side, row) for row in page.rows]
            changes += [Change(id=one, side=side, deleted=True) for one in page.deleted]
            await self._store.take_in(side, table.route, columns, changes, page.token)

    def _change(self, side: Side, row: Row) -> Change:
        end = self._ends[side]
        return Change(
            id=row[end.key],
            side=side,
            version=row["@odata.etag"],
            values=self._values(side, row),
            wanted=self._full,
        )

    def _values(self, side: Side, row: Row) -> Values:
        return tuple(row.get(one.name) for one in self._mapping.table(side).columns)

    async def _batch(self, job: int, changes: Sequence[Change]) -> bool:
        """Settles these changes; whether any of them comes again."""
        tasks, settled = await self._gather(changes)
        intents = [one for task in tasks for one in self._intents(task)]
        if intents:
            await self._store.journal(job, intents)
        for side in Side:
            await self._apply(side, tasks)
            await self._probe(job, side, tasks)
        settled += [self._outcome(task) for task in tasks]
        await self._store.settle(job, settled)
        return any(one.again for one in settled)

    async def _gather(self, changes: Sequence[Change]) -> tuple[list[_Task], list[Settled]]:
        by_side = {side: {one.id: one for one in changes if one.side is side} for side in Side}
        couplings = await self._store.couplings(list(by_side[Side.LEFT]), list(by_side[Side.RIGHT]))
        for side in Side:
            missing = [one.id(side) for one in couplings if one.id(side) not in by_side[side]]
            by_side[side] |= await self._store.waiting(side, missing)
        tasks = [self._pair_task(one, by_side) for one in couplings]
        coupled = {(side, one.id(side)) for one in couplings for side in Side}
        settled: list[Settled] = []
        for change in changes:
            if (change.side, change.id) not in coupled:
                task = self._create_task(change)
                if task is None:
                    settled.append(Settled(leave=(change,)))
                else:
                    tasks.append(task)
        return tasks, settled

    def _pair_task(self, coupling: Coupling, by_side: dict[Side, dict[str, Change]]) -> _Task:
        records: dict[Side, Record | None] = {}
        changes: list[Change] = []
        deleted = {Side.LEFT: False, Side.RIGHT: False}
        for side in Side:
            change = by_side[side].get(coupling.id(side))
            values, version = coupling.values(side), coupling.version(side)
            if change is not None:
                changes.append(change)
                deleted[side] = change.deleted
                if change.values is not None:
                    values, version = change.values, change.version
            known = Record(id=coupling.id(side), values=values, version=version)
            records[side] = None if deleted[side] else known
        pair = Pair(
            left=records[Side.LEFT],
            right=records[Side.RIGHT],
            base=coupling.base,
            left_deleted=deleted[Side.LEFT],
            right_deleted=deleted[Side.RIGHT],
        )
        action = plan_pair(self._mapping, pair, {})
        ids = {side: coupling.id(side) for side in Side}
        return _Task(
            coupling=coupling,
            ids=ids,
            changes=tuple(changes),
            records=records,
            action=action,
            results={},
            read={},
        )

    def _create_task(self, change: Change) -> _Task | None:
        """The creation of the counterpart of an uncoupled record; None where it is read past."""
        target, mapping = change.side.other, self._mapping
        wanted = change.wanted or not mapping.synch_only_coupled
        if change.values is None or not wanted or not mapping.direction.allows(target):
            return None
        if outside(mapping.table(change.side), change.values) is not None:
            return None
        record = Record(id=change.id, values=change.values, version=change.version)
        action = plan_create(mapping, record, target, {})
        partner = str(uuid.uuid5(self._namespace, f"{mapping.name} {change.side} {change.id} 0"))
        ids = {change.side: change.id, target: partner}
        records: dict[Side, Record | None] = {change.side: record, target: None}
        return _Task(
            coupling=None, ids=ids, changes=(change,), records=records, action=action, results={}, read={}
        )

    def _intents(self, task: _Task) -> list[Intent]:
        return [
            Intent(
                side=write.side,
                id=task.ids[write.side],
                partner=task.ids[write.side.other],
                method=self._method(task),
                body=self._body(write.side, write.values),
                version=self._version(task, write.side),
            )
            for write in task.action.writes
        ]

    def _method(self, task: _Task) -> Method:
        return Method.CREATE if task.action.kind is Kind.CREATE else Method.UPDATE

    def _version(self, task: _Task, side: Side) -> str:
        record = task.records[side]
        return "" if record is None else record.version

    def _body(self, side: Side, values: Sequence[tuple[int, Any]]) -> dict[str, Any]:
        columns = self._mapping.table(side).columns
        return {columns[position].name: value for position, value in values}

    async def _apply(self, side: Side, tasks: Sequence[_Task]) -> None:
        table, end = self._mapping.table(side), self._ends[side]
        select = (*end.system, *(one.name for one in table.columns))
        chosen = [(task, write) for task in tasks for write in task.action.writes if write.side is side]
        writes = [
            RowWrite(
                method=self._method(task),
                table=table.route,
                id=task.ids[side],
                body=self._body(side, write.values),
                version=self._version(task, side),
                select=select,
            )
            for task, write in chosen
        ]
        results = await end.service.write(writes) if writes else []
        for (task, _), result in zip(chosen, results, strict=True):
            task.results[side] = result

    async def _probe(self, job: int, side: Side, tasks: Sequence[_Task]) -> None:
        """Reads what a stale version or a taken id left open; a taken id is ours only with an open intent."""
        table, end = self._mapping.table(side), self._ends[side]
        open_ended = {Outcome.STALE, Outcome.EXISTS}
        asked = [one for one in tasks if side in one.results and one.results[side].outcome in open_ended]
        if not asked:
            return
        ids = [one.ids[side] for one in asked]
        ours = await self._store.opened(job, side, ids)
        columns = (*end.system, *(one.name for one in table.columns))
        rows = await end.service.read(table.route, columns, ids)
        for task in asked:
            row = rows.get(task.ids[side])
            stale = task.results[side].outcome is Outcome.STALE
            if row is not None and (stale or task.ids[side] in ours):
                task.read[side] = row
                if not stale:
                    task.results[side] = RowResult(outcome=Outcome.DONE, row=row)

    def _outcome(self, task: _Task) -> Settled:
        action = task.action
        if action.kind in {Kind.NOTHING, Kind.WRITE, Kind.CREATE} and action.base is None:
            self._count_all("unchanged")
            return Settled(coupling=self._seen(task), leave=task.changes)
        if action.kind not in {Kind.NOTHING, Kind.WRITE, Kind.CREATE}:
            self._count_all(_WORDS.get(action.kind, "skipped"))
            return Settled(stay=task.changes, reason=str(action.kind), message=action.reason)
        refused = {side: one for side, one in task.results.items() if one.outcome is not Outcome.DONE}
        if refused:
            return self._refused(task, refused)
        return self._done(task)

    def _seen(self, task: _Task) -> Coupling | None:
        """Nothing differs from the base; only the versions may be newer."""
        if task.coupling is None:
            return None
        versions = {side: self._version(task, side) for side in Side}
        return msgspec.structs.replace(
            task.coupling, left_version=versions[Side.LEFT], right_version=versions[Side.RIGHT]
        )

    def _refused(self, task: _Task, refused: dict[Side, RowResult]) -> Settled:
        side, result = next(iter(refused.items()))
        if result.outcome is Outcome.STALE and side in task.read:
            return Settled(again=(*task.changes, self._change(side, task.read[side])))
        self._count(side, "failed")
        reason = "transient" if result.outcome is Outcome.TRANSIENT else "failed"
        return Settled(stay=task.changes, reason=reason, message=f"{result.code}: {result.message}")

    def _done(self, task: _Task) -> Settled:
        action = task.action
        assert action.base is not None
        bases, seen = {}, {}
        versions = {side: self._version(task, side) for side in Side}
        again: list[Change] = []
        sent = {write.side: dict(write.values) for write in action.writes}
        for side in Side:
            record, result = task.records[side], task.results.get(side)
            base, now = action.base.values(side), record.values if record is not None else ()
            if result is not None and result.row is not None:
                held = self._values(side, result.row)
                versions[side] = result.row["@odata.etag"]
                # A record found after a crash may have been edited since: then what we sent stays the base.
                kept = sent[side]
                if side in task.read:
                    kept = {at: value for at, value in kept.items() if same_value(value, held[at])}
                base = self._base_after(side, base, held, kept)
                if self._receiver_changed(side, record, base, held, kept):
                    again.append(Change(id=task.ids[side], side=side, version=versions[side], values=held))
                now = held
            bases[side] = base
            seen[side] = None if now == base else now
            self._count(side, self._word(task, side))
        coupling = Coupling(
            left=task.ids[Side.LEFT],
            right=task.ids[Side.RIGHT],
            left_version=versions[Side.LEFT],
            right_version=versions[Side.RIGHT],
            base=Base(left=bases[Side.LEFT], right=bases[Side.RIGHT], made=action.base.made),
            left_seen=seen[Side.LEFT],
            right_seen=seen[Side.RIGHT],
        )
        if action.contested:
            stay = tuple(one for one in task.changes if one.side not in {each.side for each in again})
            fields = ", ".join(action.contested)
            return Settled(
                coupling=coupling, stay=stay, again=tuple(again), reason="conflict", message=fields
            )
        return Settled(coupling=coupling, leave=task.changes, again=tuple(again))

    def _receiver_changed(
        self, side: Side, record: Record | None, base: Values, held: Values, kept: dict[int, Any]
    ) -> bool:
        """Whether the service, or somebody else, changed more than we sent: then it is planned again."""
        before = base if record is None else record.values
        return any(
            position not in kept and not same_value(value, before[position])
            for position, value in enumerate(held)
        )

    def _base_after(self, side: Side, base: Values, held: Values, sent: dict[int, Any]) -> Values:
        """What we sent settles as the service holds it; what no row owns is taken as it is."""
        owned = {row.column(side) for row in self._mapping.rows}
        return tuple(
            held[position] if position in sent or position not in owned else value
            for position, value in enumerate(base)
        )

    def _word(self, task: _Task, side: Side) -> str:
        if task.action.contested:
            return "conflicts"
        if side not in task.results:
            return "unchanged"
        return "inserted" if task.action.kind is Kind.CREATE else "modified"

    def _count(self, side: Side, word: str) -> None:
        counts = self.counts["to" if side is Side.RIGHT else "from"]
        counts[word] = counts.get(word, 0) + 1

    def _count_all(self, word: str) -> None:
        for side in Side:
            self._count(side, word)
