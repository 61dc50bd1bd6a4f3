"""Whose version a row is, and what of a pair is held as the integration user wrote it.

The rule is for the right side, and for tables that we write: 'ours' is a version that our own write made, not
whatever carries our name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kobling.algebra.held import held_positions, held_words, ignored
from kobling.engine.partial import has_arrived
from kobling.engine.task import ETAG, Context, Held, Task, by_name, values_of
from kobling.model.look_up import LookUps
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Action, Base, Kind
from kobling.model.state import Change, Intent
from kobling.model.values import same_value
from kobling.ports import Row


def by_us(context: Context, mapping: Mapping, side: Side, row: Row) -> bool:
    """Whether the integration user wrote this version of a row that some mapping of ours may write."""
    if side is Side.LEFT or not context.integration_user:
        return False
    return row.get("modifiedBy") == context.integration_user and _is_written(context, mapping)


def _is_written(context: Context, mapping: Mapping) -> bool:
    return any(
        one.direction.allows(Side.RIGHT) or any(row.claim for row in one.rows)
        for one in context.mappings.values()
        if one.right.route == mapping.right.route
    )


def change_of(
    context: Context,
    mapping: Mapping,
    side: Side,
    row: Row,
    *,
    wanted: bool = False,
    reason: str = "new",
    direct: bool = False,
) -> Change:
    """A row that was just read, for the inbox."""
    return Change(
        id=row["id"],
        side=side,
        version=row[ETAG],
        values=values_of(mapping, side, row),
        wanted=wanted,
        reason=reason,
        direct=direct,
        by_us=by_us(context, mapping, side, row),
    )


def judge(context: Context, mapping: Mapping, task: Task) -> None:
    """Notes which fields of a coupled pair are held; the base takes those that a person ignores."""
    coupling, record = task.coupling, task.records[Side.RIGHT]
    if coupling is None or coupling.base is None:
        return
    names = [one.name for one in mapping.right.columns]
    already = frozenset(at for at, name in enumerate(names) if name in coupling.right_held)
    if record is None:
        task.held = already
        return
    known = record.version == coupling.right_version
    if not known and not task.by_us:
        # Somebody else has had the record in hand since.
        return
    if not already and (known or record.values == coupling.base.right):
        return
    before = coupling.values(Side.RIGHT)
    assert before is not None
    task.held = held_positions(mapping, coupling.base, record.values, before, already)


def speak_for(context: Context, mapping: Mapping, task: Task, look_ups: LookUps) -> None:
    """Does what a person says of held fields: accepted ones are changes like any other, ignored ones go into
    the base. It is about the version that the person saw."""
    coupling, record, say = task.coupling, task.records[Side.RIGHT], context.options.held
    if coupling is None or coupling.base is None or record is None or say is Held.KEEP:
        return
    if any(one.reason == "stale" for one in task.changes):
        return
    held, task.held = task.held, frozenset()
    if say is Held.IGNORE and held:
        base = ignored(mapping, coupling.base, record.values, held, look_ups)
        task.coupling = msgspec.structs.replace(coupling, base=base)


async def spare_others(context: Context, tasks: Sequence[Task]) -> None:
    """What another connection wrote under the name of the integration user is a change like any other."""
    suspects = [(one, one.records[Side.RIGHT]) for one in tasks if one.by_us]
    versions = {record.id: record.version for _, record in suspects if record is not None}
    if versions:
        others = await context.state.written_elsewhere(versions)
        for task, record in suspects:
            task.by_us = record is None or record.id not in others


async def foreign(context: Context, mapping: Mapping, changes: Sequence[Change]) -> set[str]:
    """Of uncoupled records, those whose version the integration user wrote and we did not."""
    suspects = [one for one in changes if one.by_us and context.options.held is not Held.ACCEPT]
    if not suspects:
        return set()
    own = await context.stores[mapping.name].own_versions([one.id for one in suspects])
    others = await context.state.written_elsewhere({one.id: one.version for one in suspects})
    opened = context.opened.get(mapping.name, {})
    return {
        one.id
        for one in suspects
        if own.get(one.id) != one.version
        and one.id not in others
        and not _arrived(mapping, one, opened.get((one.side, one.id), ()))
    }


def _arrived(mapping: Mapping, change: Change, intents: Sequence[Intent]) -> bool:
    """Whether the row holds what a run that died had sent to it."""
    if not intents or change.values is None:
        return False
    held = by_name(mapping, change.side, change.values)
    return any(has_arrived(one.body, held) for one in intents)


def held_record(task: Task, mapping: Mapping) -> Task:
    """The task of an uncoupled record that stays held as a whole."""
    words = held_words([f"This {mapping.right.caption} was"])
    task.action = Action(kind=Kind.HOLD, reason=words)
    return task


def names_held(mapping: Mapping, task: Task, base: Base | None) -> frozenset[str]:
    """The columns that are still held once the pair has this base."""
    record = task.records[Side.RIGHT]
    if base is None or not task.held:
        return frozenset()
    if record is None:
        return frozenset(mapping.right.columns[at].name for at in task.held)
    return frozenset(
        mapping.right.columns[at].name
        for at in task.held
        if not same_value(base.right[at], record.values[at])
    )


def marked(task: Task) -> tuple[tuple[str, str], ...]:
    """(id, version) of an uncoupled record that got our mark before its counterpart was refused."""
    claimed = None if task.claim is None or task.coupling is not None else task.claim.row
    return () if claimed is None else ((claimed["id"], claimed[ETAG]),)


def without_own(change: Change, sent: Sequence[tuple[int, Any]]) -> Change:
    """The change as our own version, where it holds all that we had just sent without an answer."""
    values = change.values
    if not change.by_us or values is None or not sent:
        return change
    arrived = all(same_value(values[at], value) for at, value in sent)
    return msgspec.structs.replace(change, by_us=False) if arrived else change
