"""Look-ups that go on in the couplings of another mapping, with words about what they find there."""

from __future__ import annotations

from collections.abc import Sequence

from kobling.algebra.filters import outside
from kobling.engine.task import Context, columns_of, record_of
from kobling.engine.words import text_at
from kobling.model.look_up import Answer, Outside, Through
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Missing, Record
from kobling.model.values import guid


async def through(context: Context, name: str, side: Side, asked: Sequence[Through]) -> dict[str, Answer]:
    """The coupled partners on `side`, by key.

    A record outside the filter of its mapping, coupled or not, makes the asker outside; one that is only not
    coupled yet is waited for.
    """
    mapping, store = context.mappings.get(name), context.stores.get(name)
    if mapping is None or store is None:
        return {one.key: _missing(name, one, "", "as that mapping is disabled") for one in asked}
    keys = sorted({one.key for one in asked})
    known = await store.look_up(side, keys)
    loose = await _uncoupled(context, mapping, side.other, [key for key in keys if key not in known])
    found: dict[str, Answer] = {}
    for one in asked:
        coupled, record = known.get(one.key), loose.get(one.key)
        if coupled is not None:
            found[one.key] = _outside(name, one, "", coupled.outside) if coupled.outside else coupled.value
            continue
        table = mapping.table(side.other)
        title = "" if record is None else text_at(table.title, record.values)
        condition = None if record is None else outside(table, record.values)
        if condition is None:
            found[one.key] = _missing(name, one, title, "")
        else:
            found[one.key] = _outside(name, one, title, f"not {condition.text}")
    return found


async def _uncoupled(
    context: Context, mapping: Mapping, side: Side, keys: Sequence[str]
) -> dict[str, Record]:
    """The records of that side that have no coupling, by number on the left and by id on the right."""
    table, service, columns = mapping.table(side), context.services[side], columns_of(mapping, side)
    if side is Side.RIGHT:
        ids = [one for one in keys if guid(one)]
        read = await service.read(table.route, columns, ids) if ids else {}
        return {one: record_of(mapping, side, row) for one, row in read.items()}
    if table.number is None or not keys:
        return {}
    number = table.columns[table.number]
    fitting = [one for one in keys if number.maximum is None or len(one) <= number.maximum]
    rows = await service.find(table.route, columns, number.name, fitting) if fitting else []
    return {str(row[number.name]): record_of(mapping, side, row) for row in rows}


def _missing(name: str, one: Through, title: str, why: str) -> Missing:
    words = " ".join([_called(one, title), f"is not coupled in {name}", *([why] if why else [])])
    return Missing(mapping=name, key=one.key, reason=words)


def _outside(name: str, one: Through, title: str, why: str) -> Outside:
    return Outside(f"{_called(one, title)} is outside the filter of {name} ({why})", f"{name}/{one.key}")


def _called(one: Through, title: str) -> str:
    return f"{one.what} ({title})" if title else one.what
