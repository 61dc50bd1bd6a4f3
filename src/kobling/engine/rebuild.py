"""Couplings found anew after their database was lost or an older one was restored.

Whoever creates a record of another one chooses its id from the other's, so the two are known by their ids.
What was coupled otherwise carries the mark of this company in Sales, where the table has one: among those
records, what the mapping is matched by tells.
"""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

import msgspec

from kobling.algebra.compiled import compiled
from kobling.algebra.deletion import unclaim
from kobling.algebra.match import Criterion, match
from kobling.engine.couple import store_couplings
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.match import Compared
from kobling.engine.task import Context, columns_of, coupled_among, created_id, record_of
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import LookUps
from kobling.model.mapping import Condition, Mapping, Side
from kobling.model.pair import First, Record
from kobling.model.values import Value, is_blank

_PAGE: Final = 1000
# How often a record may have been uncoupled and created anew, and still be found by its id.
_GENERATIONS: Final = 4
# The mark of a mapping that a rebuild has gone through.
_PROBED: Final = "probed "
_DONE: Final = "done"
# Marks of the mappings that were not rebuilt since an older state was restored, with the time of that.
RESTORED: Final = "restored "


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild found: pairs (left id, right id) by the ids that we choose and by matching, and marked
    right records without a partner."""

    by_id: tuple[tuple[str, str], ...]
    by_match: tuple[tuple[str, str], ...]
    left_over: tuple[str, ...]


async def rebuild(
    context: Context, name: str, on: Sequence[Compared], first: First, *, rehearse: bool
) -> Rebuilt:
    """Couples what was coupled before, as far as ids and marks tell; couplings that there are stay.

    on: what marked records are matched by. rehearse: nothing is stored.
    """
    mapping = context.mappings[name]
    look_ups = await answers(context, wanted_by(mapping, []))
    lefts = {one.id: (one, keys) async for one, keys in _loose(context, mapping, Side.LEFT, on)}
    rights = {one.id: (one, keys) async for one, keys in _loose(context, mapping, Side.RIGHT, on)}
    by_id = _by_id(context, name, lefts.keys(), rights.keys())
    taken = {one for pair in by_id for one in pair}
    # Other mappings on the same table have records of their own.
    others = await _elsewhere(context, list(rights))
    free = [one for one, _ in rights.values() if one.id not in others]
    marked = [one for one in free if unclaim(mapping, one, Side.RIGHT, look_ups)]
    candidates = marked if compiled(mapping).claims[Side.RIGHT] else free
    found = match(
        [Record(id=one, values=keys) for one, (_, keys) in lefts.items() if one not in taken],
        [Record(id=one.id, values=rights[one.id][1]) for one in candidates if one.id not in taken],
        [Criterion(left=at, right=at, priority=one.priority, case=one.case) for at, one in enumerate(on)],
    )
    pairs = [*by_id, *found.matched]
    if not rehearse:
        for start in range(0, len(pairs), _PAGE):
            page = [(lefts[left][0], rights[right][0]) for left, right in pairs[start : start + _PAGE]]
            await store_couplings(context, mapping, page, first)
    coupled = {right for _, right in pairs}
    left_over = tuple(sorted(one.id for one in marked if one.id not in coupled))
    if not rehearse:
        await context.state.keep_mark(f"{_PROBED}{name}", _DONE)
        if f"{RESTORED}{name}" in await context.state.marks():
            await context.state.keep_mark(f"{RESTORED}{name}", "")
    return Rebuilt(by_id=tuple(by_id), by_match=found.matched, left_over=left_over)


def _by_id(context: Context, name: str, lefts: Iterable[str], rights: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of which one record was created of the other, the latest creation first."""
    sides: dict[Side, set[str]] = {Side.LEFT: set(lefts), Side.RIGHT: set(rights)}
    found = []
    for side in Side:
        for source in sorted(sides[side]):
            made = (
                created_id(context, name, side, source, generation)
                for generation in reversed(range(_GENERATIONS))
            )
            partner = next((one for one in made if one in sides[side.other]), None)
            if partner is not None:
                pair = {side: source, side.other: partner}
                found.append((pair[Side.LEFT], pair[Side.RIGHT]))
                sides[side].discard(source)
                sides[side.other].discard(partner)
    return found


async def _loose(
    context: Context, mapping: Mapping, side: Side, on: Sequence[Compared]
) -> AsyncIterator[tuple[Record, tuple[Value, ...]]]:
    """Every uncoupled record of a table, inside the filter or not, with what it is matched by."""
    table = msgspec.structs.replace(mapping.table(side), conditions=())
    keys = [one.left if side is Side.LEFT else one.right for one in on]
    wanted = list(dict.fromkeys([*columns_of(mapping, side), *keys]))
    async for rows in context.services[side].inside(table, wanted):
        coupled = await coupled_among(context, mapping.name, side, [row["id"] for row in rows])
        for row in rows:
            if row["id"] not in coupled:
                yield record_of(mapping, side, row), tuple(row.get(key) for key in keys)


async def _check_not_restored(context: Context, name: str) -> None:
    """A run is about to create records: what was created after the state that was restored must be known.

    Raises ConfigurationError; what is there would be made twice.
    """
    restored = (await context.state.marks()).get(f"{RESTORED}{name}")
    if restored:
        raise ConfigurationError(
            f"{name}: an older state was restored ({restored}), and what was created after it is not known."
            " Nothing was created.",
            cure=f"Find those couplings: kobling coupling rebuild {shlex.quote(name)}.",
        )


async def check_not_lost(context: Context, name: str, *, opened: bool = True) -> None:
    """A run is about to create records of a mapping without couplings: nothing in Sales may carry the mark of
    this company, or where the table has no mark be created by us, that nobody here knows of.

    Nor may an older state have been restored, which can be told before the run has opened. Raises
    ConfigurationError where the database is likely to be lost; what is there would be made twice.
    """
    await _check_not_restored(context, name)
    if not opened or not await context.state.untouched([name]) or await context.stores[name].open_intents(0):
        return
    if (await context.state.marks()).get(f"{_PROBED}{name}"):
        return
    marked = bool(compiled(context.mappings[name]).claims[Side.RIGHT])
    count = len(await strangers(context, name) if marked else await _made_by_us(context, name))
    if count:
        words = "carry the mark of this company" if marked else "were created by kobling's user"
        raise ConfigurationError(
            f"{name}: {count} records of Sales {words}, and no coupling is known: the database has been lost,"
            " or it is another one. Nothing was created.",
            cure=f"Find the couplings anew: kobling coupling rebuild {shlex.quote(name)}.",
        )


async def strangers(context: Context, name: str) -> list[str]:
    """The right records that carry the mark of this company, and that nobody here knows of."""
    return await _unknown(context, name, [one async for one in _marked(context, context.mappings[name])])


async def _made_by_us(context: Context, name: str) -> list[str]:
    """Right records that our user created, a page at most, and that no connection in this database knows."""
    mapping = context.mappings[name]
    if mapping.finder or not context.integration_user or not mapping.direction.allows(Side.RIGHT):
        # A finder couples what is there.
        return []
    service = context.services[Side.RIGHT]
    unknown = await _unknown(
        context, name, await service.created_by(mapping.right.route, context.integration_user)
    )
    others = await context.state.written_elsewhere(dict.fromkeys(unknown, "")) if unknown else set()
    return [one for one in unknown if one not in others]


async def _unknown(context: Context, name: str, rights: Sequence[str]) -> list[str]:
    """Those of these right records that are not coupled, and of which we do not know that they once were."""
    if not rights:
        return []
    store = context.stores[name]
    known = {*await store.own_versions(rights), *await store.generations(rights)}
    known |= await _elsewhere(context, rights)
    return [one for one in rights if one not in known]


async def _elsewhere(context: Context, rights: Sequence[str]) -> set[str]:
    """Those of these records that are coupled; several mappings may go to one table."""
    found: set[str] = set()
    for store in context.stores.values() if rights else ():
        found |= {one.right for one in await store.couplings([], rights)}
    return found


async def _marked(context: Context, mapping: Mapping) -> AsyncIterator[str]:
    """The right records that carry our mark."""
    look_ups: LookUps = await answers(context, wanted_by(mapping, []))
    for row in compiled(mapping).claims[Side.RIGHT]:
        position = row.column(Side.RIGHT)
        ours = look_ups.get((row.conversion.source, Side.RIGHT, ""))
        if position is None or not isinstance(ours, str) or is_blank(ours):
            continue
        condition = Condition(position=position, name=row.name, values=(ours,))
        table = msgspec.structs.replace(mapping.right, conditions=(condition,))
        async for rows in context.services[Side.RIGHT].inside(table, columns_of(mapping, Side.RIGHT)):
            for one in rows:
                record = record_of(mapping, Side.RIGHT, one)
                if unclaim(mapping, record, Side.RIGHT, look_ups):
                    yield record.id
