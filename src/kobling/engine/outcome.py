"""What became of each pair: its coupling, its inbox rows, its counters and the words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from kobling.algebra.held import held_words
from kobling.engine.clearing import as_it_is, clear
from kobling.engine.counts import Counts
from kobling.engine.created import created_effect
from kobling.engine.effects import Effects
from kobling.engine.held import change_of, marked, names_held, without_own
from kobling.engine.partial import half_done, intents_of
from kobling.engine.permit import noted
from kobling.engine.receiver import Receiver
from kobling.engine.task import ETAG, Context, Task, answers_of, rows_of, values_of
from kobling.engine.words import (
    Words,
    key_at,
    left_out_words,
    open_reason,
    refusal,
    text_at,
    waits_of,
    why_it_stays,
)
from kobling.model.mapping import SIDES, Mapping, Side
from kobling.model.pair import Action, Base, First, Kind, Trouble
from kobling.model.state import Change, Coupling, Failure, Intent, Settled
from kobling.model.values import Values
from kobling.ports import Method, Outcome, Row, RowResult

_MERGED: Final = frozenset({Kind.NOTHING, Kind.WRITE, Kind.CREATE})
_STAYS: Final = {
    Kind.ASK: "deleted",
    Kind.READ: "unproved",
    Kind.CONFLICT: "conflict",
    Kind.OUTSIDE: "outside",
    Kind.WAIT: "waiting",
    Kind.REJECT: "failed",
    Kind.HOLD: "held",
    Kind.LEAVE_OUT: "undone",
    Kind.WITHHOLD: "guard",
}
_WORDS: Final = {
    "deleted": "skipped",
    "unproved": "skipped",
    "conflict": "conflicts",
    "outside": "outside",
    "waiting": "waiting",
    "failed": "failed",
    "held": "skipped",
    "undone": "skipped",
    "guard": "skipped",
}


class Outcomes:
    """Settles the tasks of one mapping, wave after wave of one run."""

    def __init__(self, context: Context, mapping: Mapping) -> None:
        self._context = context
        self._mapping = mapping
        self._report = context.reports[mapping.name]
        self._receiver = Receiver(context, mapping)
        self.counts = Counts(mapping, self._report)
        self.words = Words(mapping)
        self._effects = Effects(context, mapping)
        self.has_dependants = any(mapping.name in one.sources for one in context.mappings.values())

    def failures(self) -> list[Failure]:
        """What could not be settled in this run."""
        return self.words.failures()

    def warnings(self) -> list[Failure]:
        """What was written, but for a part of it."""
        return self.words.warnings

    def name(self, task: Task) -> str:
        """What people know the record of a task by."""
        return self.words.name(task)

    def created(self, tasks: Sequence[Task], side: Side) -> None:
        """Counts pairs whose record on that side was created as planned, and notes what had to be cut."""
        self.counts.inserted(tasks, side)
        for task in tasks:
            self.words.forget(task)
            self.words.warn_of_cuts(task)

    def settle(self, task: Task) -> Settled:
        """The outcome of one task."""
        self.words.forget(task)
        if task.created is not None:
            self.counts.add(task, task.created.side, "inserted")
        settled = self._settle(task)
        if settled.coupling is not None and settled.effects:
            self.words.warn_of_cuts(task)
        if task.created is not None and (settled.coupling or settled.uncouple):
            effects = (created_effect(task, task.created), *settled.effects)
            settled = msgspec.structs.replace(settled, effects=effects)
        if task.recovered and (settled.coupling or settled.uncouple):
            # It is noted together with the base that knows of it.
            effects = (*task.recovered, *settled.effects)
            settled = msgspec.structs.replace(settled, effects=effects)
        if self._context.rehearse or (self._context.listing and settled.effects):
            actions = self.words.action(task, self._effects.of(task), self._effects.fields(task))
            self._report.actions += [one | noted(self._mapping, task) for one in actions]
        return settled

    def _settle(self, task: Task) -> Settled:
        action = task.action
        refused = {side: one for side, one in answers_of(task).items() if one.outcome is not Outcome.DONE}
        if action.kind is Kind.DELETE:
            refused = {side: one for side, one in refused.items() if one.outcome is not Outcome.GONE}
        if refused:
            return self._refused(task, refused)
        if action.kind in {Kind.UNCOUPLE, Kind.RESTORE, Kind.DELETE}:
            return self._parted(task)
        if action.kind not in _MERGED and not action.writes:
            return self._stays(task)
        if action.base is None:
            self.counts.sides(task, "unchanged")
            old = task.coupling
            known = old is not None and all(task.version(side) == old.version(side) for side in SIDES)
            coupling = None if known else self._seen(task)
            return Settled(coupling=coupling, leave=task.changes, wakes=self._wakes(task, None))
        return self._done(task)

    def _stays(self, task: Task) -> Settled:
        """Nothing was written and nothing can be: the rows stay, with the reason."""
        action = task.action
        reason = _STAYS[action.kind]
        self.counts.sides(task, _WORDS[reason])
        troubles = (*action.waiting, *action.rejected)
        for one in troubles:
            if not one.clearable:
                self.words.fail(task, one)
        coupling = None if task.coupling is None else self._seen(task)
        return Settled(
            coupling=coupling,
            fresh=task.fresh,
            stay=self._mine(task),
            reason=reason,
            message=why_it_stays(task),
            fields=action.contested or action.held or tuple(one.field for one in troubles),
            waits=(*waits_of(troubles), *action.waits),
            wakes=self._wakes(task, coupling) if task.fresh and coupling is not None else (),
        )

    def _parted(self, task: Task) -> Settled:
        """The coupling goes; a restored record is taken up for creation in the next wave."""
        assert task.coupling is not None
        action = task.action
        survivor = next((record for side in Side if (record := self._left(task, side)) is not None), None)
        again: tuple[Change, ...] = ()
        if action.kind is Kind.RESTORE and survivor is not None:
            again = (msgspec.structs.replace(survivor, wanted=True),)
        else:
            self._count_parted(task)
        gone, written = task.coupling, rows_of(task).get(Side.RIGHT)
        if written is not None:
            gone = msgspec.structs.replace(gone, right_version=written[ETAG])
        settled = Settled(
            uncouple=gone, leave=task.changes, again=again, effects=tuple(self._effects.of(task))
        )
        if not action.undoes or survivor is None:
            return settled
        return msgspec.structs.replace(
            settled,
            leave=(),
            stay=(msgspec.structs.replace(survivor, direct=True),),
            reason=_STAYS[Kind.LEAVE_OUT],
            message=left_out_words(self._mapping, survivor.id, action.undoes),
            left_out=((survivor.id, action.undoes),),
        )

    def _left(self, task: Task, side: Side) -> Change | None:
        """The record of that side as it is once the task is carried out; None where it is gone."""
        record, row = task.records[side], rows_of(task).get(side)
        deleted = any(one.side is side and task.method(one) is Method.DELETE for one in task.action.writes)
        if record is None or deleted:
            return None
        if row is not None:
            return self._change(side, row)
        return Change(id=record.id, side=side, version=record.version, values=record.values)

    def _count_parted(self, task: Task) -> None:
        """Each deletion counts into its side; the end of a coupling into the side that is left."""
        deletions = [one.side for one in task.action.writes if task.method(one) is Method.DELETE]
        for side in deletions:
            self.counts.add(task, side, "deleted")
        if not deletions:
            for side in [side for side in Side if task.deleted[side]] or [Side.LEFT]:
                self.counts.add(task, side.other, "uncoupled")

    def _refused(self, task: Task, refused: dict[Side, RowResult]) -> Settled:
        for side, result in refused.items():
            change = self._another_look(task, side, result)
            if change is not None:
                return self._again(task, change)
        words = {side: refusal(side, result, there=side in task.read) for side, result in refused.items()}
        for side in refused:
            self.counts.add(task, side, "failed")
        self.counts.done(task)
        for side, result in refused.items():
            trouble = Trouble(field="", reason=words[side])
            self.words.fail(task, trouble, passing=result.outcome is Outcome.TRANSIENT)
        passing = any(one.outcome is Outcome.TRANSIENT for one in refused.values())
        coupling = None if task.coupling is None else self._seen(task)
        return Settled(
            coupling=coupling,
            fresh=task.fresh,
            stay=self._mine(task),
            # What was refused of a deletion still waits for the same words of a person.
            reason="transient" if passing else "deleted" if any(task.deleted.values()) else "failed",
            message="; ".join(words.values()),
            effects=tuple(self._effects.of(task)),
            open=self._unknown(task, refused) if passing else (),
            own=marked(task),
        )

    def _another_look(self, task: Task, side: Side, result: RowResult) -> Change | None:
        """What is read and planned again because of that answer; None where the pair is refused."""
        if result.outcome is Outcome.STALE and side in task.read:
            return self._change(side, task.read[side])
        if result.outcome is Outcome.GONE and task.coupling is not None:
            return Change(id=task.ids[side], side=side, deleted=True)
        if self._has_come_late(task, side, result) or clear(self._context, self._mapping, task, side, result):
            return as_it_is(self._mapping, task)
        return None

    def _has_come_late(self, task: Task, side: Side, result: RowResult) -> bool:
        """Whether what a run that died had sent was still on its way when it was asked for: then its record
        is there now. A taken id is ours only with an open intent."""
        opened = self._context.opened.get(self._mapping.name, {})
        return result.outcome is Outcome.EXISTS and (side, task.ids[side]) in opened

    def _unknown(self, task: Task, refused: dict[Side, RowResult]) -> tuple[Intent, ...]:
        """Creations that were answered in passing: whether they happened is asked before the next try."""
        if task.action.kind is not Kind.CREATE:
            return ()
        intents = intents_of(self._mapping, task)
        return tuple(one for one in intents if one.side in refused and one.method == Method.CREATE)

    def _mine(self, task: Task) -> tuple[Change, ...]:
        """The rows that this run settles; in a run to one side, those of that side rest as they are."""
        target = self._context.options.target
        return tuple(one for one in task.changes if target is None or one.side is not target)

    def _again(self, task: Task, change: Change) -> Settled:
        """Read and planned again in the next wave and counted then; what the other side took, now."""
        self.counts.done(task)
        rows = rows_of(task)
        written = {
            side: msgspec.structs.replace(self._change(side, row), by_us=False) for side, row in rows.items()
        }
        if task.coupling is None:
            sent = [pair for one in task.action.writes if one.side is change.side for pair in one.values]
            change = without_own(change, sent)
        mine = [written.get(one.side, one) for one in task.changes if one.side is not change.side]
        wanted = any(one.wanted for one in task.changes)
        mine = [msgspec.structs.replace(one, reason="stale") for one in mine]
        change = msgspec.structs.replace(change, wanted=wanted, reason="stale")
        coupling = self._seen(task) if written and not task.fresh else None
        return Settled(coupling=coupling, again=(*mine, change), effects=tuple(self._effects.of(task)))

    def _done(self, task: Task) -> Settled:
        action = task.action
        assert action.base is not None
        made, rows = action.base.made, rows_of(task)
        for side in SIDES:
            self.counts.side(task, side)
        left = self._receiver.after(task, Side.LEFT, rows.get(Side.LEFT))
        right = self._receiver.after(task, Side.RIGHT, rows.get(Side.RIGHT))
        again = [one for one in (left.again, right.again) if one is not None]
        coupling = self._coupling(
            task,
            Base(left=left.base, right=right.base, made=made),
            (left.version, right.version),
            (left.seen, right.seen),
        )
        return self._placed(task, coupling, again)

    def _placed(self, task: Task, coupling: Coupling, again: list[Change]) -> Settled:
        """Which rows leave and which stay, for what reason."""
        action = task.action
        for one in action.rejected:
            self.words.fail(task, one)
        for one in action.waiting:
            if not one.clearable:
                self.words.fail(task, one)
        reason, fields = open_reason(task)
        rows = task.changes
        if again:
            coming = {one.side for one in again}
            rows = tuple(one for one in rows if one.side not in coming)
        if reason or action.later:
            mine = self._mine(task)
            written = rows_of(task)
            # What rests for the other direction was read before our write.
            resting = [one for one in rows if one not in mine and one.side in written]
            again += [self._change(one.side, written[one.side]) for one in resting]
            rows = tuple(one for one in rows if one in mine)
        stay: tuple[Change, ...] = ()
        if reason:
            # A pair that waits needs a row to wait in, also when the row that brought it comes again.
            stay, rows = rows, ()
            again = [msgspec.structs.replace(one, reason=reason) for one in again]
        troubles = (*action.rejected, *action.waiting)
        return Settled(
            coupling=coupling,
            fresh=task.fresh,
            leave=rows,
            stay=stay,
            again=tuple(again),
            reason=reason,
            message=_message(action, reason) if reason else "",
            fields=fields,
            waits=waits_of(troubles),
            wakes=self._wakes(task, coupling),
            effects=tuple(self._effects.of(task)),
        )

    def _coupling(
        self,
        task: Task,
        base: Base | None,
        versions: tuple[str, str],
        seen: tuple[Values | None, Values | None],
    ) -> Coupling:
        left, right = seen
        if base is not None:
            left, right = base.left if left is None else left, base.right if right is None else right
        old, table, other = task.coupling, self._mapping.left, self._mapping.right
        return Coupling(
            left=task.ids[Side.LEFT],
            right=task.ids[Side.RIGHT],
            left_version=versions[0],
            right_version=versions[1],
            base=base,
            left_seen=seen[0],
            right_seen=seen[1],
            first=First.POLICY if old is None else old.first,
            left_number=text_at(table.number, left) or ("" if old is None else old.left_number),
            left_title=text_at(table.title, left) or ("" if old is None else old.left_title),
            right_title=text_at(other.title, right) or ("" if old is None else old.right_title),
            left_key=key_at(table.known_by, left) or ("" if old is None else old.left_key),
            right_held=names_held(self._mapping, task, base) if task.held else frozenset(),
        )

    def _seen(self, task: Task) -> Coupling | None:
        """The coupling with its base as it was, and what both sides hold now beside it."""
        if task.coupling is None:
            return None
        base = task.coupling.base
        versions: dict[Side, str] = {}
        seen: dict[Side, Values | None] = {}
        rows = rows_of(task)
        held = {side: values_of(self._mapping, side, row) for side, row in rows.items()}
        base = base and half_done(self._mapping, task, base, held)
        for side in SIDES:
            record = task.records[side]
            versions[side] = task.version(side) or task.coupling.version(side)
            values = task.coupling.values(side) if record is None else record.values
            if side in rows:
                versions[side], values = rows[side][ETAG], held[side]
            seen[side] = None if base is not None and values == base.values(side) else values
        return self._coupling(
            task, base, (versions[Side.LEFT], versions[Side.RIGHT]), (seen[Side.LEFT], seen[Side.RIGHT])
        )

    def _change(self, side: Side, row: Row) -> Change:
        return change_of(self._context, self._mapping, side, row)

    def _wakes(self, task: Task, coupling: Coupling | None) -> tuple[str, ...]:
        """Who waits for this pair is due: it is newly coupled, renumbered, or inside the filter again."""
        if not self.has_dependants:
            return ()
        old = task.coupling
        if coupling is None:
            coupling = old
        if coupling is None:
            return ()
        renumbered = old is not None and old.keys != coupling.keys
        if not (task.fresh or renumbered or any(one.reason == "outside" for one in task.changes)):
            return ()
        return tuple([f"{self._mapping.name}/{one}" for one in coupling.keys])


def _message(action: Action, reason: str) -> str:
    """Why a pair that was carried out stays open for this reason, in words."""
    troubles = (*action.rejected, *action.waiting)
    if troubles:
        return "; ".join(one.reason for one in troubles)
    return held_words(action.held) if reason == "held" else action.reason
