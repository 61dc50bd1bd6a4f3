"""Texts that are longer than the other side can hold.

It then holds their beginning. When somebody changes the beginning, the rest of the text must not get lost
unasked: the field is in conflict, as if both sides had changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from collections.abc import Mapping as Table

import msgspec

from kobling.algebra.transform import Converter, converter, cutter
from kobling.model.mapping import Direction, FieldRow, Mapping, Side
from kobling.model.pair import Base
from kobling.model.values import UNSET, Values, same_value


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A row that may have to cut what it makes for a side. at: its column there. source: its column on the
    other side. maximum: how many characters there is room for. is_cut: whether it cuts what is made of the
    other side's values, and `make` makes that."""

    row: FieldRow
    at: int
    source: int
    maximum: int
    is_cut: Callable[[Values], bool]
    make: Converter


def cuts_of(mapping: Mapping, side: Side) -> dict[int, Cut]:
    """The rows that may have to cut what they make for that side, by their index."""
    found = {}
    for index, row in enumerate(mapping.rows):
        at, source = row.column(side), row.column(side.other)
        if at is None or source is None or not row.direction.allows(side):
            continue
        maximum, is_cut = mapping.table(side).columns[at].maximum, cutter(mapping, row, side)
        if maximum is not None and is_cut is not None:
            make = converter(mapping, row, side)
            found[index] = Cut(row=row, at=at, source=source, maximum=maximum, is_cut=is_cut, make=make)
    return found


def cut_now(cuts: Iterable[Cut], held: Values, source: Values) -> list[Cut]:
    """Of these rows those of which `held` is the cut beginning of what `source` has. Neither has a column
    that was not read yet."""
    return [
        one
        for one in cuts
        if source[one.source] is not UNSET and one.is_cut(source) and _is_made(one, held, source)
    ]


def _is_made(one: Cut, held: Values, source: Values) -> bool:
    made = one.make(source, {})
    return held[one.at] is not UNSET and same_value(made, held[one.at])  # type: ignore[arg-type]


def rests_at_stake(cuts: Table[int, Cut], base: Base, side: Side, changed: Collection[int]) -> set[int]:
    """Of the rows that this side changed, those of which it held only the beginning of what the other side
    has: written over, the rest would be gone."""
    both = {at: one for at, one in cuts.items() if at in changed and one.row.direction is Direction.BOTH}
    if not both:
        return set()
    rows = cut_now(both.values(), base.values(side), base.values(side.other))
    return {at for at, one in both.items() if one in rows}
