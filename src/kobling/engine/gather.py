"""From due inbox rows to planned pairs: couplings, counterparts, look-ups and finders, all in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from kobling.algebra.create import plan_creations
from kobling.algebra.filters import outside
from kobling.algebra.match import match_key, sought
from kobling.algebra.plan import plan_pair
from kobling.engine.clearing import cleared
from kobling.engine.created import find_created, know_created, meet_created
from kobling.engine.held import by_us, foreign, held_record, judge, spare_others, speak_for
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.oscillation import park
from kobling.engine.partial import is_made, recalled, undone_by
from kobling.engine.recovered import note_recovered
from kobling.engine.task import Context, Held, Task, columns_of, created_id, record_of
from kobling.engine.words import left_out_words
from kobling.model.errors import RightsError
from kobling.model.look_up import LookUps
from kobling.model.mapping import DeletionConflict, Mapping, Side
from kobling.model.pair import Action, First, Kind, Pair, Record, Trouble
from kobling.model.state import Change, Coupling, Settled
from kobling.model.values import UNSET
from kobling.ports import Row

_CANARIES = 3


class Gather:
    """Makes tasks of the due rows of one mapping. One object serves a whole run."""

    def __init__(self, context: Context, mapping: Mapping) -> None:
        self._context = context
        self._mapping = mapping
        self._store = context.stores[mapping.name]
        self._candidates: dict[Side, dict[tuple[str, ...], list[Record]]] = {}

    async def tasks(self, changes: Sequence[Change]) -> tuple[list[Task], list[Settled]]:
        """The planned pairs, and what settles without a plan."""
        pairs, loose = await self._pairs(changes)
        await self._prove(pairs)
        await self._read_unknown(pairs)
        note_recovered(self._context, self._mapping, pairs)
        self._recall(pairs)
        await spare_others(self._context, pairs)
        for task in pairs:
            judge(self._context, self._mapping, task)
        settled: list[Settled] = []
        creations = []
        resting: list[Task] = []
        ours = self._ours(loose)
        held = await foreign(self._context, self._mapping, loose)
        out = await self._store.left_out([one.id for one in loose]) if loose else {}
        for change in loose:
            if change.id in out and change.values is not None and not change.deleted:
                resting.append(self._left_out(change, out[change.id]))
            elif change.id in ours or not self._is_wanted(change):
                settled.append(Settled(leave=(change,)))
            elif self._context.options.every_record:
                # A comparison of what is coupled creates nothing; the next run does.
                settled.append(Settled(again=(change,)))
            elif change.id in held and self._context.options.held is Held.IGNORE:
                settled.append(Settled(leave=(change,)))
            elif change.id in held:
                resting.append(held_record(self._creation(change, 0), self._mapping))
            else:
                creations.append(change)
        uncoupled = await self._uncoupled(creations, resting)
        note_recovered(self._context, self._mapping, uncoupled)
        tasks = [*pairs, *uncoupled]
        look_ups = await answers(self._context, wanted_by(self._mapping, tasks))
        self._plan_creations([one for one in tasks if one.coupling is None], look_ups)
        for task in tasks:
            if task.coupling is not None:
                know_created(self._context, self._mapping, task, look_ups)
                self._plan(task, cleared(self._context, self._mapping, task, look_ups))
        for task in await park(self._context, self._mapping, tasks):
            self._plan(task, cleared(self._context, self._mapping, task, look_ups))
        return [*tasks, *resting], settled

    async def _pairs(self, changes: Sequence[Change]) -> tuple[list[Task], list[Change]]:
        by_side = {side: {one.id: one for one in changes if one.side is side} for side in Side}
        couplings = await self._store.couplings(list(by_side[Side.LEFT]), list(by_side[Side.RIGHT]))
        created = await find_created(self._context, self._mapping, changes, couplings)
        couplings += [one.coupling for one in created]
        beside: dict[Side, dict[str, Change]] = {}
        for side in Side:
            missing = [one.id(side) for one in couplings if one.id(side) not in by_side[side]]
            beside[side] = await self._store.waiting(side, missing) if missing else {}
        tasks = [self._pair(one, by_side, beside) for one in couplings]
        coupled = {(side, one.id(side)) for one in couplings for side in Side}
        loose = [one for one in changes if (one.side, one.id) not in coupled]
        await meet_created(self._context, self._mapping, tasks, created)
        return tasks, loose

    def _pair(
        self,
        coupling: Coupling,
        by_side: dict[Side, dict[str, Change]],
        beside: dict[Side, dict[str, Change]],
    ) -> Task:
        records: dict[Side, Record | None] = {}
        mine: list[Change] = []
        changes: list[Change] = []
        deleted = {}
        for side in Side:
            identifier = coupling.id(side)
            change = by_side[side].get(identifier)
            if change is not None:
                mine.append(change)
            else:
                change = beside[side].get(identifier)
            if change is not None:
                changes.append(change)
            deleted[side] = change is not None and change.deleted
            records[side] = _known(coupling, side, change)
        return Task(
            coupling=coupling,
            ids={side: coupling.id(side) for side in Side},
            mine=tuple(mine),
            changes=tuple(changes),
            records=records,
            deleted=deleted,
            by_us=any(one.by_us for one in changes),
        )

    async def _prove(self, tasks: Sequence[Task]) -> None:
        """A tombstone is a hint: proof is that the id is gone while other known rows of the table answer."""
        for side in Side:
            hinted = [one for one in tasks if one.deleted[side]]
            if not hinted:
                continue
            ids = [one.ids[side] for one in hinted]
            canaries = await self._store.some_coupled(side, ids, _CANARIES)
            rows = await self._look_at(side, [*ids, *canaries])
            proved = any(one in rows for one in canaries)
            for task in hinted:
                row = rows.get(task.ids[side])
                if row is not None:
                    self._meet(task, side, row)
                    task.deleted[side] = False
                elif proved:
                    task.records[side] = None
                else:
                    task.deleted[side] = False
                    task.records[side] = None

    async def _look_at(self, side: Side, ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these ids; none where a right to read one of them is missing, which proves nothing."""
        service, route = self._context.services[side], self._mapping.table(side).route
        try:
            return await service.read(route, columns_of(self._mapping, side), ids)
        except RightsError:
            return {}

    async def _read_unknown(self, tasks: Sequence[Task]) -> None:
        for side in Side:
            unknown = [one for one in tasks if one.records[side] is None and not one.deleted[side]]
            unknown = [one for one in unknown if not any(c.side is side and c.deleted for c in one.changes)]
            if not unknown:
                continue
            rows = await self._context.services[side].read(
                self._mapping.table(side).route,
                columns_of(self._mapping, side),
                [one.ids[side] for one in unknown],
            )
            for task in unknown:
                row = rows.get(task.ids[side])
                if row is not None:
                    self._meet(task, side, row)

    def _meet(self, task: Task, side: Side, row: Row) -> None:
        """The record as it was just read."""
        task.records[side] = record_of(self._mapping, side, row)
        if side is Side.RIGHT:
            task.by_us = by_us(self._context, self._mapping, side, row)

    def _ours(self, changes: Sequence[Change]) -> set[str]:
        """The records that a dead run made: whoever they were made of is about to find them."""
        opened = self._context.opened.get(self._mapping.name)
        if not opened:
            return set()
        return {one.id for one in changes if any(map(is_made, opened.get((one.side, one.id), ())))}

    def _recall(self, tasks: Sequence[Task]) -> None:
        """What a run sent that died before it could settle it, and what has arrived of it, is settled."""
        opened = self._context.opened.get(self._mapping.name)
        if not opened:
            return
        for task in tasks:
            for side in Side:
                coupling, record = task.coupling, task.records[side]
                if record is None or coupling is None or coupling.base is None:
                    continue
                intents = opened.get((side, record.id))
                if intents is not None:
                    task.coupling = recalled(self._mapping, side, coupling, record, intents)

    def _is_wanted(self, change: Change) -> bool:
        """Whether the counterpart of an uncoupled record is to be found or created; else it is read past."""
        mapping = self._mapping
        if change.deleted or change.values is None:
            return False
        if not (change.wanted or not mapping.synch_only_coupled):
            return False
        if not mapping.direction.allows(change.side.other):
            return False
        return outside(mapping.table(change.side), change.values) is None

    async def _uncoupled(self, changes: Sequence[Change], ambiguous: list[Task]) -> list[Task]:
        if not changes:
            return []
        found = await self._find(changes)
        creations, tasks = [], []
        taken: set[str] = set()
        for change in changes:
            if change.id in taken:
                # Its partner came first, and the pair is in hand.
                continue
            candidates = [one for one in found.get(change.id, ()) if one.id not in taken]
            if len(candidates) == 1:
                taken |= {change.id, candidates[0].id}
                tasks.append(self._found(change, candidates[0]))
            elif candidates:
                ambiguous.append(self._ambiguous(change, candidates))
            else:
                creations.append(change)
        ids = [*(one.id for one in creations), *taken]
        generations = await self._store.generations(ids)
        tasks += [self._creation(one, generations.get(one.id, 0)) for one in creations]
        for task in tasks:
            task.anew = any(one in generations for one in task.ids.values())
        return tasks

    def _ambiguous(self, change: Change, candidates: Sequence[Record]) -> Task:
        table = self._mapping.table(change.side.other)
        fields = " and ".join(
            table.columns[pair[0] if change.side is Side.RIGHT else pair[1]].caption
            for pair in self._mapping.finder
        )
        ids = ", ".join(sorted(one.id for one in candidates))
        words = f"{len(candidates)} records of {table.caption} have the same {fields}: {ids}"
        task = self._creation(change, 0)
        trouble = Trouble(field=fields, reason=words)
        task.action = Action(kind=Kind.REJECT, rejected=(trouble,), reason=words)
        return task

    def _left_out(self, change: Change, job: str) -> Task:
        task = self._creation(change, 0)
        words = left_out_words(self._mapping, change.id, job)
        task.action = Action(kind=Kind.LEAVE_OUT, reason=words)
        return task

    def _creation(self, change: Change, generation: int) -> Task:
        assert change.values is not None
        side = change.side
        partner = created_id(self._context, self._mapping.name, side, change.id, generation)
        record = Record(id=change.id, values=change.values, version=change.version)
        return Task(
            ids={side: change.id, side.other: partner},
            mine=(change,),
            changes=(change,),
            fresh=True,
            records={side: record, side.other: None},
        )

    def _found(self, change: Change, partner: Record) -> Task:
        assert change.values is not None
        side = change.side
        record = Record(id=change.id, values=change.values, version=change.version)
        records: dict[Side, Record | None] = {side: record, side.other: partner}
        ids = {side: change.id, side.other: partner.id}
        coupling = Coupling(
            left=ids[Side.LEFT],
            right=ids[Side.RIGHT],
            left_version="",
            right_version="",
            base=None,
            first=First.LEAVE if self._mapping.leave_first else First(str(side)),
        )
        return Task(
            ids=ids,
            mine=(change,),
            changes=(change,),
            coupling=coupling,
            fresh=True,
            records=records,
        )

    async def _find(self, changes: Sequence[Change]) -> dict[str, list[Record]]:
        """Uncoupled records on the other side that the mapping's finder takes for the same, by record."""
        found: dict[str, list[Record]] = {}
        if not self._mapping.finder:
            return found
        for side in Side:
            asking = [one for one in changes if one.side is side]
            if not asking:
                continue
            keys = await self._keys(side, asking)
            if not keys:
                continue
            candidates = await self._candidates_on(side.other)
            found |= {one: candidates[key] for one, key in keys.items() if key in candidates}
        ids = [one.id for records in found.values() for one in records]
        coupled = {
            identifier
            for one in await self._store.couplings(ids, ids)
            for identifier in (one.left, one.right)
        }
        return {key: [one for one in records if one.id not in coupled] for key, records in found.items()}

    async def _keys(self, side: Side, asking: Sequence[Change]) -> dict[str, tuple[str, ...]]:
        """What the partners of these records hold, by record, but for those of whom it is not known yet."""
        tasks = [self._creation(one, 0) for one in asking]
        look_ups = await answers(self._context, wanted_by(self._mapping, tasks))
        read = sought(self._mapping, side)
        keys = {one.id: read(one.values, look_ups) for one in asking if one.values is not None}
        return {one: key for one, key in keys.items() if key is not None}

    async def _candidates_on(self, side: Side) -> dict[tuple[str, ...], list[Record]]:
        """The whole table of that side by the finder's fields; read once a run, and only if it is needed."""
        if side in self._candidates:
            return self._candidates[side]
        candidates: dict[tuple[str, ...], list[Record]] = defaultdict(list)
        table = self._mapping.table(side)
        at = [pair[0] if side is Side.LEFT else pair[1] for pair in self._mapping.finder]
        columns = columns_of(self._mapping, side)
        async for page in self._context.services[side].changes(table.route, columns, None):
            for row in page.rows:
                record = record_of(self._mapping, side, row)
                key = match_key([record.values[position] for position in at])
                if key is not None:
                    candidates[key].append(record)
        self._candidates[side] = dict(candidates)
        return self._candidates[side]

    def _plan_creations(self, tasks: Sequence[Task], look_ups: LookUps) -> None:
        """Those that are tried without their clearable look-ups have answers of their own."""
        groups: dict[tuple[Side, int], tuple[LookUps, list[Task], list[Record]]] = {}
        for task in tasks:
            side = task.mine[0].side
            source = task.records[side]
            assert source is not None
            found = cleared(self._context, self._mapping, task, look_ups)
            _, group, sources = groups.setdefault((side, id(found)), (found, [], []))
            group.append(task)
            sources.append(source)
        for (side, _), (found, group, sources) in groups.items():
            actions = plan_creations(self._mapping, sources, side.other, found)
            for task, action in zip(group, actions, strict=True):
                task.action = action

    def _plan(self, task: Task, look_ups: LookUps) -> None:
        speak_for(self._context, self._mapping, task, look_ups)
        assert task.coupling is not None
        options = self._context.options
        # What a person says is for the versions that the person saw.
        stale = any(one.reason == "stale" for one in task.changes)
        undone = undone_by(self._context.opened.get(self._mapping.name, {}), task)
        pair = Pair(
            left=task.records[Side.LEFT],
            right=task.records[Side.RIGHT],
            base=task.coupling.base,
            left_deleted=task.deleted[Side.LEFT],
            right_deleted=task.deleted[Side.RIGHT],
            woken=any(one.reason != "new" for one in task.changes),
            first=task.coupling.first,
            target=options.target,
            choices={} if stale else options.choices,
            imposed=options.imposed and not stale,
            deletion=DeletionConflict.REMOVE_COUPLING if undone else options.deletion,
            held=task.held,
            parked=task.parked,
        )
        task.action = plan_pair(self._mapping, pair, look_ups)
        if undone:
            task.action = msgspec.structs.replace(task.action, undoes=undone)


def _known(coupling: Coupling, side: Side, change: Change | None) -> Record | None:
    """What is known of one side: what the inbox brought, else what the coupling remembers."""
    if change is not None and change.deleted:
        return None
    values, version = coupling.values(side), coupling.version(side)
    if change is not None and change.values is not None:
        values, version = change.values, change.version
    # What was read before a column came into the mapping does not hold its value.
    if values is None or UNSET in values:
        return None
    return Record(id=coupling.id(side), values=values, version=version)
