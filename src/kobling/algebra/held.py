"""The integration-user rule: what that user changed on the right is held until a person speaks for it.

The integration user is the account that we ourselves write with, so its changes are normally our own. Other
programs may use it too, or run as it. What they change is neither synchronized nor forgotten. A column is
held only if something could flow from it: one that is only written from the left is overwritten by its next
change there, whoever touched it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kobling.algebra.compiled import compiled, forward
from kobling.algebra.filters import holds
from kobling.algebra.transform import convert
from kobling.model.look_up import Keep, LookUps, Rejected
from kobling.model.mapping import LASTING, Mapping, Side
from kobling.model.pair import Base, Missing, Pair
from kobling.model.values import UNSET, Value, Values, same_value


def held_words(fields: Iterable[str]) -> str:
    """Why the fields of these names do not flow, for a person."""
    return (
        f"{', '.join(fields)} changed in Sales by the integration user; a person accepts or ignores that"
        " (kobling held accept, kobling held ignore)"
    )


def held_positions(
    mapping: Mapping, base: Base, now: Values, before: Values, already: frozenset[int]
) -> frozenset[int]:
    """The positions on the right that a version of the integration user leaves held.

    before: what the right side was last known to hold. already: what was held before, and still differs from
    the base.
    """
    changed = {
        at
        for at, value in enumerate(now)
        if at in already or (before[at] is not UNSET and not same_value(value, before[at]))
    }
    differs = {
        at for at in changed if base.right[at] is not UNSET and not same_value(now[at], base.right[at])
    }
    flowing = {at for at in differs if _rows_from(mapping, at)}
    return frozenset(flowing | {at for at in _turned(mapping, base.right, now) if at in differs})


def _rows_from(mapping: Mapping, position: int) -> list[int]:
    """The rows that could carry this column of the right side to the left."""
    ready = compiled(mapping)
    rows = [ready.by_index[at] for at in ready.right_watch[position]]
    return [one.index for one in rows if one.row.direction.allows(Side.LEFT) and one.row.moment in LASTING]


def held_rows(mapping: Mapping, held: frozenset[int]) -> dict[int, list[int]]:
    """The rows that held positions keep from flowing, with those positions."""
    rows: dict[int, list[int]] = {}
    for position in held:
        for index in _rows_from(mapping, position):
            rows.setdefault(index, []).append(position)
    return rows


def turned_by_hold(mapping: Mapping, pair: Pair) -> list[int]:
    """The held positions that took the right record across its filter, either way."""
    if not pair.held or pair.base is None or pair.right is None:
        return []
    return [at for at in _turned(mapping, pair.base.right, pair.right.values) if at in pair.held]


def _turned(mapping: Mapping, before: Values, now: Values) -> list[int]:
    """The columns whose condition holds for one of these values only."""
    found = [
        one.position
        for one in mapping.right.conditions
        if before[one.position] is not UNSET and holds(one, before) is not holds(one, now)
    ]
    return list(dict.fromkeys(found))


def ignored(mapping: Mapping, base: Base, now: Values, held: frozenset[int], look_ups: LookUps) -> Base:
    """The base with the held values of the right side in it: only what changes later is a change."""
    right = tuple(now[at] if at in held else value for at, value in enumerate(base.right))
    made: list[Value] = list(base.made)
    for index in held_rows(mapping, held):
        row = mapping.rows[index]
        if forward(row) is Side.LEFT and row.column(Side.LEFT) is not None:
            answer = convert(mapping, row, right, Side.LEFT, look_ups)
            if isinstance(answer, Keep) or answer is None:
                answer = ""
            made[index] = UNSET if isinstance(answer, Missing | Rejected) else answer
    return msgspec.structs.replace(base, right=right, made=tuple(made))
