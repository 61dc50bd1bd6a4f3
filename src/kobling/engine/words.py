"""The words for a person: why a record could not be settled, and what a rehearsal would do."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Final

from kobling.algebra.compiled import compiled
from kobling.algebra.cuts import Cut
from kobling.algebra.resolve import Verdict
from kobling.engine.task import Task
from kobling.model.look_up import key_of_parts, parts_of_key
from kobling.model.mapping import Direction, Mapping, Side
from kobling.model.pair import Kind, Trouble
from kobling.model.state import CUT, Effect, Failure, Tally
from kobling.model.values import Values
from kobling.ports import Outcome, RowResult

SYSTEMS: Final = {Side.LEFT: "Business Central", Side.RIGHT: "Sales"}
_RETRY: Final = (
    "Correct the record; it is tried again when either record or the mapping changes, or after a pause."
)
_FOUND: Final = "the finder of the mapping couples the two records"
_DELETED: Final = frozenset({str(Verdict.DELETION), str(Verdict.ASK_DELETION)})
# A first load may cut a text of every record; as many as a person reads are kept.
_WARNINGS_MAX: Final = 1000
_NEXT_RUN: Final = "Nothing to do: the next run tries it again, later ones after growing pauses."


class Words:
    """Collects the failures of one mapping's run; a later outcome of the same pair replaces the earlier."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._failed: dict[str, list[Failure]] = {}
        self.warnings: list[Failure] = []

    def failures(self) -> list[Failure]:
        """What could not be settled."""
        return [one for failures in self._failed.values() for one in failures]

    def know(self, tally: Tally) -> None:
        """What another worker could not settle of a pair."""
        self._failed.pop(tally.key, None)
        if tally.failures:
            self._failed[tally.key] = list(tally.failures)

    def failures_of(self, key: str) -> tuple[Failure, ...]:
        """What could not be settled of a pair."""
        return tuple(self._failed.get(key, ()))

    def forget(self, task: Task) -> None:
        """The pair is settled anew."""
        if self._failed:
            self._failed.pop(task.key, None)

    def fail(self, task: Task, trouble: Trouble, *, passing: bool = False) -> None:
        """Notes why a field, or the whole record, could not be settled."""
        kind, cure = ("transient", _NEXT_RUN) if passing else ("rejected", _RETRY)
        missing = trouble.missing
        if missing is not None:
            kind, cure = "dependency missing", "The record goes through by itself once that is done."
            if missing.key:
                key = " ".join(parts_of_key(missing.key))
                cure = f"Couple {key!r} in {missing.mapping}; the record then goes through by itself."
        left, right = self._ids(task)
        failure = Failure(
            left=left,
            right=right,
            kind=kind,
            field=trouble.field,
            message=f"{self.name(task)}: {trouble.reason}",
            cure=cure,
        )
        self._failed.setdefault(task.key, []).append(failure)

    def warn_of_cuts(self, task: Task) -> None:
        """Notes the texts that the task's writes had to cut."""
        for write in task.action.writes:
            source, cuts = task.records[write.side.other], compiled(self._mapping).cuts[write.side]
            if source is None or not cuts or len(self.warnings) >= _WARNINGS_MAX:
                continue
            for one in cuts.values():
                if one.is_cut(source.values) and any(at == one.at for at, _ in write.values):
                    self.warnings.append(self._cut(task, one, write.side))

    def _cut(self, task: Task, one: Cut, side: Side) -> Failure:
        here, there, name = SYSTEMS[side], SYSTEMS[side.other], one.row.name
        left, right = self._ids(task)
        cure = f"Shorten it in {there}, or leave it"
        if one.row.direction is Direction.BOTH:
            cure += f": when it is changed in {here}, a person decides"
        return Failure(
            left=left,
            right=right,
            kind=CUT,
            field=name,
            message=f"{self.name(task)}: {here} holds only the first {one.maximum} characters of {name}",
            cure=f"{cure}.",
        )

    def name(self, task: Task) -> str:
        """What people know the record by."""
        for side in Side:
            record, table = task.records[side], self._mapping.table(side)
            if record is not None:
                known = [text_at(at, record.values) for at in (table.number, table.title)]
                return " ".join([table.caption, *(one for one in known if one)])
        return self._mapping.name

    def action(
        self, task: Task, effects: Sequence[Effect], written: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The entry of a rehearsal's list of actions; none where nothing would be done or asked. written:
        every field that gets a value, with its reason."""
        action = task.action
        if action.kind is Kind.NOTHING and not (
            action.contested or action.held or action.waiting or action.rejected or task.fresh
        ):
            return []
        left, right = self._ids(task)
        fields: dict[str, dict[str, list[Any]]] = {}
        for one in effects:
            fields.setdefault(str(one.side), {}).update(
                {key: list(pair) for key, pair in one.changes.items()}
            )
        troubles = (*action.waiting, *action.rejected)
        return [
            {
                "mapping": self._mapping.name,
                "left": left,
                "right": right,
                "action": str(action.kind),
                "record": self.name(task),
                "fields": fields,
                "changes": list(written),
                "contested": list(action.contested),
                "held": list(action.held),
                "open": [{"field": one.field, "reason": one.reason} for one in troubles],
                "reason": _FOUND if action.kind is Kind.NOTHING and task.fresh else why_it_stays(task),
            }
        ]

    def _ids(self, task: Task) -> tuple[str, str]:
        """The ids of the records that exist."""
        new = {side: task.coupling is None and task.records[side] is None for side in Side}
        return tuple("" if new[side] else task.ids[side] for side in Side)  # type: ignore[return-value]


def left_out_words(mapping: Mapping, identifier: str, job: str) -> str:
    """Why no counterpart is created of a record, and how a person lets it take part again."""
    return (
        f"its creation by job {job} was undone, so none is made again until somebody says so:"
        f" kobling skipped release {shlex.quote(mapping.name)} {identifier}"
    )


def refusal(side: Side, result: RowResult, *, there: bool = False) -> str:
    """What a service says that does not take a write. there: it has a record of that very id."""
    if there and result.outcome is Outcome.EXISTS:
        return (
            f"{SYSTEMS[side]} has a record of the id that it would get, so it was made before, though no"
            " coupling is known: kobling coupling rebuild finds it"
        )
    return f"{SYSTEMS[side]} refuses it: {result.message} ({result.code})"


def text_at(position: int | None, values: Values | None) -> str:
    """The value at a position as text; '' where there is none."""
    if position is None or not values or values[position] is None:
        return ""
    return str(values[position])


def key_at(positions: Sequence[int], values: Values | None) -> str:
    """What look-ups know a record by whose number alone does not tell it apart; '' for any other."""
    return key_of_parts(*(values[at] for at in positions)) if positions and values else ""


def open_reason(task: Task) -> tuple[str, tuple[str, ...]]:
    """Why a settled pair still stays in the inbox, and for which fields."""
    action = task.action
    if action.kind is Kind.OUTSIDE:
        return "outside", ()
    if not (action.contested or action.rejected or action.waiting or action.held):
        return "", ()
    if action.contested:
        return "conflict", action.contested
    if action.rejected:
        return "failed", tuple(one.field for one in action.rejected)
    firm = tuple(one.field for one in action.waiting if not one.clearable)
    if firm:
        return "waiting", firm
    if action.held:
        return "held", action.held
    return ("clearable", tuple(one.field for one in action.waiting)) if action.waiting else ("", ())


def why_it_stays(task: Task) -> str:
    """Why a pair stays of which nothing could be written, and what a person may do."""
    action = task.action
    if action.kind is Kind.READ:
        return "the record cannot be read; it is deleted, or the rights to read it are gone"
    if action.kind is Kind.ASK and action.reason in _DELETED:
        gone = " and ".join(f"the record in {SYSTEMS[side]}" for side in Side if task.deleted[side])
        return f"{gone} is deleted: kobling skipped restore, remove-coupling or delete decides"
    return action.reason


def waits_of(troubles: tuple[Trouble, ...]) -> tuple[str, ...]:
    """The keys, as `source/key`, whose change can mend these troubles."""
    if not troubles:
        return ()
    keys = [one.waits for one in troubles if one.waits]
    missing = [one.missing for one in troubles if one.missing is not None]
    keys += [key for one in missing for key in (f"{one.mapping}/{one.key}", one.also) if key]
    return tuple(dict.fromkeys(keys))
