"""Reference tables: what an opening brings of them, whom a change wakes, and when a source sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from kobling.algebra.gates import ANY
from kobling.engine.find_deleted import note_enabled
from kobling.engine.task import Context
from kobling.model.look_up import texts_of
from kobling.model.mapping import Side
from kobling.ports import Opening, Row

# What an opening wakes is for runs that begin after it: one that is under way has read its tables before.
_NEXT_RUN: Final = 1_000_000
_TODAY: Final = "today"
_STARTING_DATE: Final = "startingDate"


def references_of(context: Context, names: Collection[str]) -> list[str]:
    """The reference tables that the sources of these mappings read."""
    asked = {source for name in names for source in context.mappings[name].sources}
    known = [context.sources[one] for one in asked if one in context.sources]
    known += [context.sources[one.instead] for one in known if one.instead]
    return sorted({name for one in known for name in one.references})


async def read_references(context: Context, names: Sequence[str], sides: Collection[Side]) -> None:
    """One batch a service: what changed in these tables, and what the service's own feeds need."""
    marks = await context.state.marks()
    for side in sides:
        mine = [context.references[name] for name in names if context.references[name].side is side]
        opening = await context.services[side].opening(mine, marks)
        async with context.state.together():
            await _wake(context, await context.state.save(mine, opening))
            await _deleted(context, opening)
            await note_enabled(context, marks)
    for name in names:
        context.facts.tables.pop(name, None)
        context.stale.discard(name)


async def load(context: Context, names: Sequence[str]) -> None:
    """Puts these tables into the facts, unless they are there: a run with nothing to do loads none of them.

    A table to which the service has added rows since, with the records of this run, is read again first.
    """
    stale = [name for name in names if name in context.stale]
    if stale:
        await read_references(context, stale, {context.references[name].side for name in stale})
    absent = [name for name in names if name not in context.facts.tables]
    if not absent:
        return
    rows = await context.state.references(absent)
    for name in absent:
        context.facts.tables[name] = [*rows[name], *context.created.get(name, ())]


def note_created(context: Context, side: Side, route: str, rows: Sequence[Row]) -> None:
    """What this run created counts in later answers of the same run: no code is given twice."""
    for name, one in context.references.items():
        if one.side is not side:
            continue
        if one.route == route:
            context.created.setdefault(name, []).extend(rows)
            context.facts.tables.get(name, []).extend(rows)
        if route in one.made_with:
            context.stale.add(name)


async def new_day(context: Context) -> None:
    """Rows that begin on a day after the last run are changes, too."""
    today = context.facts.today.isoformat()
    last = (await context.state.marks()).get(_TODAY)
    if last is not None and last < today:
        # Of every table: another mapping's run has no other occasion to learn of the day.
        dated = sorted(name for name, one in context.references.items() if _STARTING_DATE in one.columns)
        tables = await context.state.references(dated)
        begun = {
            name: [row for row in rows if last < str(row.get(_STARTING_DATE, "")) <= today]
            for name, rows in tables.items()
        }
        await _wake(context, {name: rows for name, rows in begun.items() if rows})
    if last != today:
        await context.state.keep_mark(_TODAY, today)


async def _wake(context: Context, changed: dict[str, list[Row]]) -> None:
    """What was made from a changed reference row, or waits for one, is planned again."""
    for name, source in context.sources.items():
        rows = {one: changed[one] for one in source.references if one in changed}
        if not rows:
            continue
        keys = source.touched(rows)
        waiting = [f"{name}/{one}" for one in ("", *(texts_of(rows) or ()), *([ANY] if keys is None else []))]
        await next(iter(context.stores.values())).wake(waiting, _NEXT_RUN)
        for mapping in context.mappings.values():
            if name in mapping.sources:
                await context.state.wake_couplings(mapping.name, keys, _NEXT_RUN)


async def _deleted(context: Context, opening: Opening) -> None:
    for mapping in context.mappings.values():
        ids = [one for table, one in opening.deleted if table == mapping.left.table_id]
        if ids:
            await context.state.hint_deleted(mapping.name, ids)
