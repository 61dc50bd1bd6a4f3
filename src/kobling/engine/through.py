"""Look-ups that go on in the couplings of another mapping, with words about what they find there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from kobling.algebra.filters import outside
from kobling.algebra.gates import shut_out
from kobling.algebra.transform import key_reader
from kobling.engine.task import Context, columns_of, record_of
from kobling.engine.words import text_at
from kobling.model.look_up import Found, LookUps, Outside, Rejected, Through, key_of_parts, parts_of_key
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Missing, Record
from kobling.model.values import guid
from kobling.ports import MappingState

# What answers look-ups: of keys by source and side of the answer.
Ask: TypeAlias = Callable[[Context, dict[tuple[str, Side], set[str]]], Awaitable[LookUps]]


async def through(
    context: Context, side: Side, asked: Sequence[Through], ask: Ask
) -> dict[Through, Found | Missing | Rejected]:
    """The coupled partners on `side`, each with the mapping whose couplings have it.

    The mappings are asked in turn. A record outside all of them, by a filter or a gate, coupled or not, makes
    the asker outside; one that is only not coupled yet is waited for, unless something stands in for it.
    """
    heard: dict[Through, list[Found | Missing | Rejected]] = {one: [] for one in asked}
    for name in dict.fromkeys(name for one in asked for name in one.via):
        open_ones = [one for one, said in heard.items() if name in one.via and not _has_found(said)]
        for one, answer in (await _asked_of(context, name, side, open_ones, ask)).items():
            heard[one].append(answer)
    return {one: _chosen(said) for one, said in heard.items()}


def _has_found(said: Sequence[Found | Missing | Rejected]) -> bool:
    return any(isinstance(one, tuple) for one in said)


def _chosen(said: Sequence[Found | Missing | Rejected]) -> Found | Missing | Rejected:
    """What was found, else what may be waited for, else the first reason, which may end with any of them."""
    for kind in (tuple, Missing):
        for one in said:
            if isinstance(one, kind):
                return one
    first, *rest = said
    others = tuple(one.waits for one in rest if isinstance(one, Rejected))
    return Outside(first.reason, first.waits, others) if isinstance(first, Outside) else first


async def _asked_of(
    context: Context, name: str, side: Side, asked: Sequence[Through], ask: Ask
) -> dict[Through, Found | Missing | Rejected]:
    mapping, store = context.mappings.get(name), context.stores.get(name)
    if mapping is None or store is None:
        return {one: _without_mapping(name, one) for one in asked}
    whole = await _whole(name, store, [one for one in asked if one.parts is not None])
    found: dict[Through, Found | Missing | Rejected] = {**whole}
    asked = [one for one in asked if one not in whole]
    keys = sorted({one.key for one in asked})
    known = await store.look_up(side, keys)
    unknown = sorted({one.key for one in asked if one.key not in known and one.otherwise is None})
    loose = await known_as(context, mapping, side.other, unknown)
    why = await _why_outside(context, mapping, side.other, loose, ask)
    for one in asked:
        coupled, record = known.get(one.key), loose.get(one.key)
        if coupled is not None:
            value = (name, str(coupled.value))
            rests = coupled.outside or (coupled.asked_outside if one.with_pair else "")
            shut = "" if one.coupled_is_enough else rests
            found[one] = _shut(name, one, "", shut) if shut else value
            continue
        instead = _standing_in(name, one)
        title = "" if record is None else text_at(mapping.table(side.other).title, record.values)
        if instead is not None:
            found[one] = instead
        elif one.key in why:
            found[one] = _shut(name, one, title, why[one.key])
        elif record is None and one.shut is not None:
            found[one] = (name, one.shut)
        else:
            found[one] = _not_coupled(name, one, title, "")
    return found


def _without_mapping(name: str, one: Through) -> Found | Missing | Outside:
    """What is answered for a mapping that is disabled: nobody waits for parts that are not wanted."""
    if one.parts is not None:
        return (name, one.key)
    return _standing_in(name, one) or _not_coupled(name, one, "", "as that mapping is disabled")


async def _whole(name: str, store: MappingState, asked: Sequence[Through]) -> dict[Through, Found | Missing]:
    """The numbers themselves of which so many parts are coupled as are asked for."""
    counts = await store.parts(sorted({one.key for one in asked})) if asked else {}
    found: dict[Through, Found | Missing] = {}
    for one in asked:
        there, wanted = counts.get(one.key, 0), one.parts or 0
        words = f"{there} of {wanted} {one.what} are coupled in {name}"
        whole = there >= wanted
        found[one] = (name, one.key) if whole else Missing(mapping=name, key=one.key, reason=words)
    return found


def _standing_in(name: str, one: Through) -> Found | Missing | None:
    """What stands in for the partner of an uncoupled one; what is missing may come by a coupling as well."""
    other = one.otherwise
    if isinstance(other, Missing):
        return Missing(mapping=name, key=one.key, reason=other.reason, also=f"{other.mapping}/{other.key}")
    return None if other is None else (name, other)


async def _why_outside(
    context: Context, mapping: Mapping, side: Side, loose: dict[str, Record], ask: Ask
) -> dict[str, str]:
    """Which of these records have no place in the mapping, by its filter or by one of its gates."""
    table = mapping.table(side)
    conditions = {key: outside(table, one.values) for key, one in loose.items()}
    why = {key: f"not {one.text}" for key, one in conditions.items() if one is not None}
    inside = {key: one.values for key, one in loose.items() if key not in why}
    wanted: dict[tuple[str, Side], set[str]] = {}
    for row in mapping.rows if inside else ():
        if row.gate:
            keys = wanted.setdefault((row.conversion.source, side.other), set())
            read = key_reader(mapping, row, side.other)
            keys.update([read(one) for one in inside.values()])
    look_ups = await ask(context, wanted) if wanted else {}
    shut = {key: shut_out(mapping, one, side, look_ups) for key, one in inside.items()}
    return why | {key: one.reason for key, one in shut.items() if one is not None}


async def known_as(context: Context, mapping: Mapping, side: Side, keys: Sequence[str]) -> dict[str, Record]:
    """The records of that side by what look-ups know them by: the number on the left, the id on the right."""
    table, service, columns = mapping.table(side), context.services[side], columns_of(mapping, side)
    if side is Side.RIGHT:
        ids = [one for one in keys if guid(one)]
        read = await service.read(table.route, columns, ids) if ids else {}
        return {one: record_of(mapping, side, row) for one, row in read.items()}
    if table.number is None or not keys:
        return {}
    known_by = table.known_by or (table.number,)
    first = table.columns[known_by[0]]
    asked = {parts_of_key(one)[0] for one in keys}
    fitting = sorted(one for one in asked if first.maximum is None or len(one) <= first.maximum)
    rows = await service.find(table.route, columns, first.name, fitting) if fitting else []
    records = [record_of(mapping, side, row) for row in rows]
    found = {key_of_parts(*(one.values[at] for at in known_by)): one for one in records}
    return {one: found[one] for one in keys if one in found}


def _not_coupled(name: str, one: Through, title: str, why: str) -> Missing | Outside:
    words = " ".join([_called(one, title), f"is not coupled in {name}", *([why] if why else [])])
    if one.coupled_only:
        return Outside(words, f"{name}/{one.key}")
    return Missing(mapping=name, key=one.key, reason=words)


def _outside(name: str, one: Through, title: str, why: str) -> Outside:
    return Outside(f"{_called(one, title)} is outside the filter of {name} ({why})", f"{name}/{one.key}")


def _shut(name: str, one: Through, title: str, why: str) -> Found | Outside:
    return _outside(name, one, title, why) if one.shut is None else (name, one.shut)


def _called(one: Through, title: str) -> str:
    return f"{one.what} ({title})" if title else one.what
