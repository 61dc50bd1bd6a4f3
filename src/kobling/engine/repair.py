"""Couplings that are broken: a record is gone, or another company has marked it meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from kobling.algebra.deletion import marked_by_another
from kobling.engine.couple import read_records
from kobling.engine.look_ups import answers, wanted_by
from kobling.engine.task import Context
from kobling.model.mapping import Side
from kobling.model.state import Change, Coupling

_PAGE: Final = 1000


class Fault(StrEnum):
    """What is wrong with a coupling. BOTH: neither record is there. LEFT, RIGHT: that one is not. MARK: the
    right record carries the mark of another company."""

    BOTH = "both records are gone"
    LEFT = "the record of Business Central is gone"
    RIGHT = "the record of Sales is gone"
    MARK = "the record of Sales belongs to another company"


async def repair(context: Context, name: str, *, rehearse: bool) -> tuple[int, list[tuple[Coupling, Fault]]]:
    """How many couplings there are, and the broken ones; rehearse: nothing is stored.

    A coupling of which nothing is left, or whose record another company has taken, is removed. Where one
    record is gone, the next run asks for proof and does what the mapping says of deleted records.
    """
    store, found, checked, after = context.stores[name], list[tuple[Coupling, Fault]](), 0, ""
    while page := await store.page(after, _PAGE):
        checked, after = checked + len(page), page[-1].left
        found += await _faults(context, name, page)
    if not rehearse:
        gone = [one for one, fault in found if fault in {Fault.BOTH, Fault.MARK}]
        hints = [
            Change(id=one.id(side), side=side, deleted=True)
            for one, fault in found
            for side in Side
            if fault is (Fault.LEFT if side is Side.LEFT else Fault.RIGHT)
        ]
        await store.uncouple(gone)
        await store.put(hints)
    return checked, found


async def _faults(context: Context, name: str, page: Sequence[Coupling]) -> list[tuple[Coupling, Fault]]:
    mapping = context.mappings[name]
    look_ups = await answers(context, wanted_by(mapping, []))
    lefts = await read_records(context, mapping, Side.LEFT, [one.left for one in page])
    rights = await read_records(context, mapping, Side.RIGHT, [one.right for one in page])
    found = []
    for one in page:
        left, right = lefts.get(one.left), rights.get(one.right)
        if left is None or right is None:
            # A table of which nothing is told, as a right may be missing, is no proof of anything.
            told = (left is not None or lefts) and (right is not None or rights)
            both = Fault.BOTH if left is None and right is None else None
            fault = both or (Fault.LEFT if left is None else Fault.RIGHT)
            if told or fault is not Fault.BOTH:
                found.append((one, fault))
        elif marked_by_another(mapping, right, Side.RIGHT, look_ups):
            found.append((one, Fault.MARK))
    return found
