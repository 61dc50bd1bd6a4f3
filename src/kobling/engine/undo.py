"""Taking back what a job did, page by page: planned actions like any other, journalled, conditional, settled.

Both records of every pair are read afresh first. A pair that changes while it is being undone is read and
planned again a few times, and then named as refused.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as Table
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.undo import Undone, Written, plan_uncreation, plan_undo
from kobling.engine.apply import Apply
from kobling.engine.created import recall
from kobling.engine.gather import Gather
from kobling.engine.held import change_of
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.outcome import Outcomes
from kobling.engine.task import ETAG, Context, Task, answers_of, columns_of, rows_of
from kobling.engine.words import refusal, why_it_stays
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Kind, Pair, Record, Trouble
from kobling.model.state import Change, Effect, Settled
from kobling.model.values import Value, Values
from kobling.ports import Method, Outcome

_ROUNDS: Final = 3
_PAGE: Final = 5000
_Ids: TypeAlias = tuple[str, str]
_DONE: Final = frozenset({Outcome.DONE, Outcome.GONE})


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """What is not taken back, and why. field: its caption; '' for the pair as a whole."""

    left: str
    right: str
    field: str
    reason: str


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """The newest write to a record: by which job, and the version that it left."""

    job: str
    version: str


class Undo:
    """Undoes one job of one mapping. job: the number of the job that does it; undone: of the one undone."""

    def __init__(self, context: Context, mapping: Mapping, job: int, undone: str) -> None:
        self._context = context
        self._mapping = mapping
        self._store = context.stores[mapping.name]
        self._job = job
        self._undone = undone
        self._gather = Gather(context, mapping)
        self._apply = Apply(context, mapping, job)
        self.outcomes = Outcomes(context, mapping)
        self._refused: dict[tuple[str, str, str], str] = {}
        # Records that take no part any more, as the creation made of them was undone.
        self.left_out: list[_Ids] = []

    @property
    def refused(self) -> list[Refused]:
        """What is not taken back, in the order in which it was met."""
        return [
            Refused(left=left, right=right, field=field, reason=reason)
            for (left, right, field), reason in self._refused.items()
        ]

    async def begin(self) -> None:
        """Takes into account what runs that died had in hand; once, before the first page."""
        await recall(self._context, self._mapping.name, self._job)

    async def page(
        self, effects: Sequence[Effect], last: Table[tuple[Side, str], Last], needed: Table[str, str]
    ) -> None:
        """Undoes these effects of the job, which are all of their pairs. last: the newest write to each
        record, by side and id. needed: by right id, the mapping of records that need that pair."""
        pairs: dict[_Ids, list[Effect]] = {}
        for one in effects:
            pairs.setdefault((one.left, one.right), []).append(one)
        left = dict(pairs)
        for _ in range(_ROUNDS):
            left = await self._round(left, last, needed)
            if not left:
                return
        for ids in left:
            self._refuse(ids, "it is being changed by somebody else")

    async def _round(
        self,
        pairs: dict[_Ids, list[Effect]],
        last: Table[tuple[Side, str], Last],
        needed: Table[str, str],
    ) -> dict[_Ids, list[Effect]]:
        """One attempt; the pairs that changed meanwhile."""
        tasks = await self._coupled(list(pairs))
        planned = await self._planned(tasks, pairs, last, needed)
        doing = [one for one in planned if one.action.kind is not Kind.NOTHING]
        await self._carry_out(doing)
        for one in doing:
            for side, result in answers_of(one).items():
                if result.outcome not in {*_DONE, Outcome.STALE}:
                    self._refuse(_ids(one), refusal(side, result))
        stale = [one for one in doing if any(r.outcome is Outcome.STALE for r in answers_of(one).values())]
        apart = {ids: one for ids, one in pairs.items() if ids not in tasks}
        await self._again(apart)
        return {ids: pairs[ids] for one in stale if (ids := _ids(one)) in pairs}

    async def _coupled(self, pairs: Sequence[_Ids]) -> dict[_Ids, Task]:
        """Those of the pairs that are coupled, with both records as they are now."""
        known = set(pairs)
        found = await self._store.couplings([left for left, _ in pairs], [right for _, right in pairs])
        couplings = [one for one in found if (one.left, one.right) in known]
        changes = []
        for side in Side:
            changes += await self._read(side, [one.id(side) for one in couplings])
        tasks, _ = await self._gather.tasks(changes)
        return {_ids(one): one for one in tasks if one.coupling is not None}

    async def _read(self, side: Side, ids: Sequence[str], *, wanted: bool = False) -> list[Change]:
        if not ids:
            return []
        service, route = self._context.services[side], self._mapping.table(side).route
        rows = await service.read(route, columns_of(self._mapping, side), ids)
        return [
            change_of(self._context, self._mapping, side, rows[one], wanted=wanted, reason="compare")
            if one in rows
            else Change(id=one, side=side, deleted=True)
            for one in ids
        ]

    async def _planned(
        self,
        tasks: dict[_Ids, Task],
        pairs: dict[_Ids, list[Effect]],
        last: Table[tuple[Side, str], Last],
        needed: Table[str, str],
    ) -> list[Task]:
        written = {ids: _written(self._mapping, pairs[ids]) for ids in tasks}
        look_ups = await answers(
            self._context,
            wanted_by(self._mapping, [_put_back(one, written[ids][0]) for ids, one in tasks.items()]),
        )
        for ids, task in tasks.items():
            values, unknown = written[ids]
            created = next((one for one in pairs[ids] if one.method == Method.CREATE), None)
            if created is None:
                undone = plan_undo(self._mapping, _pair(task), values, look_ups, self._undone)
            else:
                undone = self._uncreated(task, created.side, values, last, needed)
            task.action = undone.action
            # No row of the inbox is settled by it: the next run goes on with them.
            task.mine = ()
            for one in (*undone.refused, *unknown):
                self._refuse(ids, one.reason, one.field)
        return list(tasks.values())

    def _uncreated(
        self,
        task: Task,
        side: Side,
        values: Table[Side, Written],
        last: Table[tuple[Side, str], Last],
        needed: Table[str, str],
    ) -> Undone:
        newest, user = last.get((side, task.ids[side])), needed.get(task.ids[Side.RIGHT])
        if newest is not None and newest.job != self._undone:
            reason = f"job {newest.job} has written it since: undo that one first"
            return Undone(refused=(Trouble(field="", reason=reason),))
        if user is not None:
            reason = f"a coupled record of {user} needs it: undo the job that created that one first"
            return Undone(refused=(Trouble(field="", reason=reason),))
        version = "" if newest is None else newest.version
        return plan_uncreation(self._mapping, _pair(task), side, version, values, self._undone)

    async def _carry_out(self, tasks: Sequence[Task]) -> None:
        if not tasks:
            return
        entry = await self._apply.carry_out(tasks)
        settled = [await self._settled(one) for one in tasks]
        async with self._context.state.together():
            await self._store.settle(self._job, 0, settled, entry)

    async def _settled(self, task: Task) -> Settled:
        settled = self.outcomes.settle(task)
        if not all(one.outcome in _DONE for one in answers_of(task).values()):
            return msgspec.structs.replace(settled, leave=(), stay=(), again=(), reason="")
        if settled.uncouple is not None:
            self.left_out += [_alone(one) for one in settled.stay]
            return settled
        again = (*settled.again, *await self._renewed(task))
        return msgspec.structs.replace(settled, leave=(), stay=(), again=again, reason="")

    async def _renewed(self, task: Task) -> list[Change]:
        """What waited in the inbox with a record as it was before we wrote it."""
        rows = rows_of(task)
        waiting = await self._store.rows_of([task.ids[side] for side in rows])
        return [
            msgspec.structs.replace(
                change_of(self._context, self._mapping, one.side, rows[one.side]),
                wanted=one.wanted,
                reason=one.reason,
                by_us=False,
            )
            for one in waiting
            if one.values is not None and one.side in rows and one.version != rows[one.side][ETAG]
        ]

    async def _again(self, pairs: dict[_Ids, list[Effect]]) -> None:
        """Pairs that are not coupled any more: what the job deleted in undoing a creation is made anew."""
        sources: dict[Side, list[str]] = {side: [] for side in Side}
        for ids, effects in pairs.items():
            deleted = next((one for one in effects if one.method == Method.DELETE), None)
            if deleted is None:
                self._refuse(ids, "the two records are not coupled any more")
            else:
                source = deleted.side.other
                sources[source].append(ids[0] if source is Side.LEFT else ids[1])
        changes = []
        for side in Side:
            changes += await self._read(side, sources[side], wanted=True)
        for one in changes:
            if one.deleted:
                self._refuse(_alone(one), "both records are gone, and what was deleted cannot be put back")
        await self._create([one for one in changes if not one.deleted])

    async def _create(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        await self._store.release([one.id for one in changes])
        tasks, _ = await self._gather.tasks(changes)
        for task in tasks:
            if task.coupling is not None:
                task.action = Undone().action
                self._refuse(_ids(task), "the record is coupled with another one by now")
            elif task.action.kind is not Kind.CREATE:
                self._refuse(_alone(task.changes[0]), why_it_stays(task))
        tasks = [one for one in tasks if one.coupling is None]
        entry = await self._apply.carry_out(tasks)
        async with self._context.state.together():
            settled = [self.outcomes.settle(one) for one in tasks]
            await self._store.settle(self._job, 0, settled, entry)

    def _refuse(self, ids: _Ids, reason: str, field: str = "") -> None:
        self._refused[(*ids, field)] = reason


async def needed_by(context: Context, name: str, rights: Collection[str]) -> dict[str, str]:
    """Those of these right records of a mapping that coupled records of others cannot be without, by id, with
    the mapping of such a record."""
    found: dict[str, str] = {}
    for other in context.mappings.values():
        columns = {
            row.right
            for row in other.rows
            if name in row.conversion.needs and row.right is not None and not row.clear_on_failed
        }
        after = ""
        while columns and rights and (page := await context.stores[other.name].page(after, _PAGE)):
            after = page[-1].left
            for one in page:
                held = () if one.base is None else [one.base.right[at] for at in columns if at is not None]
                pointed = {str(value).rpartition("/")[2] for value in held}
                found |= dict.fromkeys(pointed.intersection(rights), other.name)
    return found


def _ids(task: Task) -> _Ids:
    return task.ids[Side.LEFT], task.ids[Side.RIGHT]


def _alone(change: Change) -> _Ids:
    return (change.id, "") if change.side is Side.LEFT else ("", change.id)


def _pair(task: Task) -> Pair:
    return Pair(
        left=task.records[Side.LEFT],
        right=task.records[Side.RIGHT],
        base=None if task.coupling is None else task.coupling.base,
        left_deleted=task.deleted[Side.LEFT],
        right_deleted=task.deleted[Side.RIGHT],
        held=task.held,
    )


def _written(
    mapping: Mapping, effects: Sequence[Effect]
) -> tuple[dict[Side, dict[int, tuple[Value, Value]]], list[Trouble]]:
    """What a job wrote into the records of one pair, from before its first write to after its last; and the
    fields that the mapping no longer has."""
    found: dict[Side, dict[int, tuple[Value, Value]]] = {side: {} for side in Side}
    unknown: dict[str, Trouble] = {}
    positions = {side: {one: at for at, one in enumerate(columns_of(mapping, side))} for side in Side}
    for one in effects:
        for column, (before, after) in one.changes.items():
            at = positions[one.side].get(column)
            if at is None:
                unknown[column] = Trouble(field=column, reason="the mapping no longer has it")
            else:
                first, _ = found[one.side].get(at, (before, after))
                found[one.side][at] = (first, after)
    return found, list(unknown.values())


def _put_back(task: Task, written: Table[Side, Written]) -> Task:
    """The pair as it would be, for what its rows would ask then."""
    records: dict[Side, Record | None] = {}
    for side in Side:
        record = task.records[side]
        records[side] = record and msgspec.structs.replace(
            record, values=_before(record.values, written[side])
        )
    return Task(ids=task.ids, mine=(), coupling=task.coupling, records=records)


def _before(values: Values, written: Written) -> Values:
    return tuple(written[at][0] if at in written else value for at, value in enumerate(values))
