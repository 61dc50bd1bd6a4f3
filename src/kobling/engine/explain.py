"""Why a record is as it is: read afresh, planned as a run would plan it, and told in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from kobling.algebra.compiled import compiled
from kobling.algebra.cuts import cut_now
from kobling.algebra.filters import outside
from kobling.engine.gather import Gather
from kobling.engine.held import change_of
from kobling.engine.task import Context, Task, columns_of
from kobling.engine.words import SYSTEMS, text_at, why_it_stays
from kobling.model.mapping import Mapping as TableMapping
from kobling.model.mapping import Side
from kobling.model.pair import Action, Base, First, Kind, Write
from kobling.model.state import Change, Coupling
from kobling.model.values import UNSET, Value, Values, same_value
from kobling.ports import Row

_DONE: Final = {
    Kind.WRITE: "The next run writes",
    Kind.CREATE: "If it is taken up, the next run creates",
    Kind.OUTSIDE: "As one side is outside the filter, the next run writes nothing else than",
}
_PARTED: Final = {
    Kind.DELETE: "By the deletion policy the next run deletes the record that is left.",
    Kind.RESTORE: "By the deletion policy the next run creates the deleted record anew.",
    Kind.UNCOUPLE: "The next run removes the coupling.",
}


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ids: of the records, by side, '' where there is none. number: of the left one. action:
    what a run would do; None where it would read the record past."""

    ids: dict[Side, str]
    number: str
    coupling: Coupling | None
    action: Action | None
    sentences: tuple[str, ...]


async def explain(context: Context, name: str, ids: Mapping[Side, Sequence[str]]) -> Explained:
    """Explains the record of these ids, or the pair in which it stands. Writes nothing."""
    mapping, store = context.mappings[name], context.stores[name]
    coupling = next(iter(await store.couplings(ids[Side.LEFT], ids[Side.RIGHT])), None)
    wanted = {side: next(iter(ids[side]), "") if coupling is None else coupling.id(side) for side in Side}
    rows = {side: await _row(context, mapping, side, wanted[side]) for side in Side}
    changes = [
        Change(id=one, side=side, deleted=True)
        if (row := rows[side]) is None
        else change_of(context, mapping, side, row, wanted=coupling is None, reason="compare")
        for side, one in wanted.items()
        if one
    ]
    tasks, _ = await Gather(context, mapping).tasks(changes)
    task = next(iter(tasks), None)
    values = {one.side: one.values for one in changes}
    sentences = [
        *(sentence for one in changes for sentence in _of_record(mapping, one.side, one.id, one.values)),
        *_of_coupling(mapping, coupling, task, [one.side for one in changes]),
        *(_of_changes(mapping, coupling.base, values) if coupling and coupling.base else ()),
        *(_of_cuts(mapping, values) if coupling else ()),
        *(() if task is None else _of_plan(mapping, task)),
    ]
    return Explained(
        ids=wanted,
        number=text_at(mapping.left.number, values.get(Side.LEFT))
        or ("" if coupling is None else coupling.left_number),
        coupling=coupling,
        action=None if task is None else task.action,
        sentences=tuple(sentences),
    )


async def _row(context: Context, mapping: TableMapping, side: Side, identifier: str) -> Row | None:
    if not identifier:
        return None
    rows = await context.services[side].read(
        mapping.table(side).route, columns_of(mapping, side), [identifier]
    )
    return rows.get(identifier)


def _of_record(mapping: TableMapping, side: Side, identifier: str, values: Values | None) -> list[str]:
    table, system = mapping.table(side), SYSTEMS[side]
    if values is None:
        return [
            f"{system} does not give the {table.caption} {identifier}: it is deleted, or may not be read."
        ]
    known = [one for one in (text_at(at, values) for at in (table.number, table.title)) if one]
    found = f"{system} has the {table.caption} {' '.join(known) or identifier}"
    shut = outside(table, values)
    if shut is None:
        return [f"{found}, inside the filter."]
    return [f"{found}, outside the filter: not {shut.text}."]


def _of_coupling(
    mapping: TableMapping, coupling: Coupling | None, task: Task | None, sides: Sequence[Side]
) -> list[str]:
    if coupling is not None:
        if coupling.base is None:
            first = {First.LEFT: SYSTEMS[Side.LEFT], First.RIGHT: SYSTEMS[Side.RIGHT]}.get(coupling.first)
            words = f"{first} holds where they differ" if first else "the policy of the mapping decides"
            return [f"They are coupled and were never compared; at first contact {words}."]
        return ["They are coupled."]
    if task is not None and task.coupling is not None:
        return ["It is not coupled; the finder of the mapping found its partner, so it would be coupled."]
    [side, *_] = sides
    if not mapping.direction.allows(side.other):
        return [f"It is not coupled, and nothing of this mapping flows to {SYSTEMS[side.other]}."]
    if mapping.synch_only_coupled:
        return [
            "It is not coupled, and only coupled records are synchronized: it is read past until somebody"
            " couples it (kobling couple) or takes it up (kobling sync --full --record)."
        ]
    return ["It is not coupled; uncoupled records of this mapping are created on the other side."]


def _of_changes(mapping: TableMapping, base: Base, now: Mapping[Side, Values | None]) -> list[str]:
    """What each side changed since it was settled last."""
    found = []
    for row in mapping.rows:
        for side in Side:
            at, values = row.column(side), now.get(side)
            if at is None or values is None:
                continue
            before = base.values(side)[at]
            if before is not UNSET and not same_value(before, values[at]):
                words = f"{_shown(before)} before, {_shown(values[at])} now"
                found.append(f"{row.name} changed in {SYSTEMS[side]}: {words}.")
    return found or ["Neither side has changed since they were settled last."]


def _of_cuts(mapping: TableMapping, now: Mapping[Side, Values | None]) -> list[str]:
    """The texts of which one side holds only the beginning."""
    found = []
    for side in Side:
        here, there = now.get(side), now.get(side.other)
        if here is not None and there is not None:
            found += [
                f"{SYSTEMS[side]} holds only the first {one.maximum} characters of {one.row.name}; when it is"
                f" changed there, a person decides, as the rest in {SYSTEMS[side.other]} would be lost."
                for one in cut_now(compiled(mapping).cuts[side].values(), here, there)
            ]
    return found


def _of_plan(mapping: TableMapping, task: Task) -> list[str]:
    action = task.action
    found = [_PARTED[action.kind]] if action.kind in _PARTED else []
    found += [_write(mapping, task, write) for write in action.writes if action.kind in _DONE]
    if task.parked:
        found.append(f"{action.reason}.")
    parked = {mapping.rows[at].name for at in task.parked}
    found += [_contested(mapping, name) for name in action.contested if name not in parked]
    found += [f"{one.field or 'It'} waits: {one.reason}." for one in action.waiting]
    found += [f"{one.field or 'It'} is refused: {one.reason}." for one in action.rejected]
    found += [
        f"{name} was changed by the integration user and is held: kobling held accept or ignore."
        for name in action.held
    ]
    if not found and action.kind is not Kind.NOTHING:
        found.append(f"Nothing is written: {why_it_stays(task)}.")
    return found or ["The next run has nothing to do with it."]


def _write(mapping: TableMapping, task: Task, write: Write) -> str:
    columns = mapping.table(write.side).columns
    record = task.records[write.side]
    fields = ", ".join(
        f"{columns[at].caption} {_shown(None if record is None else record.values[at])} -> {_shown(value)}"
        for at, value in write.values
    )
    mark = " (the mark of whose it is)" if write.claim else ""
    return f"{_DONE[task.action.kind]} in {SYSTEMS[write.side]}{mark}: {fields}."


def _contested(mapping: TableMapping, name: str) -> str:
    rows = mapping.rows_of(name)
    policy = next((one.conflict for one in rows if one.conflict), mapping.update_conflict).value
    members = f" ({', '.join(one.name for one in rows)})" if len(rows) > 1 else ""
    return (
        f"{name}{members} was changed on both sides; the policy is {policy}, so a person decides:"
        " kobling conflict resolve."
    )


def _shown(value: Value) -> str:
    return "blank" if value is None or value == "" else repr(str(value))
