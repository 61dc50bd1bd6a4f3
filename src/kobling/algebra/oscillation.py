"""Fields that go to and fro: two programs each put their own value back, and each time it flows again.

Nobody can say which of the two is right, so after some rounds the field waits for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling.model.mapping import Direction, FieldRow, Mapping, Side
from kobling.model.pair import Crossing, Write
from kobling.model.values import Value, same_value

# Rounds after which a value that comes back is no edit of a person any more, and after which none is.
_ROUNDS: Final = 2
_ROUNDS_OF_ANY: Final = 5


def oscillating(mapping: Mapping, crossings: Sequence[Crossing], writes: Sequence[Write]) -> frozenset[int]:
    """The rows that these writes would carry over once more. crossings: what was written to the pair of late,
    oldest first."""
    if len(crossings) < 2 * _ROUNDS:
        return frozenset()
    values = {(write.side, at): value for write in writes for at, value in write.values if not write.claim}
    return frozenset(
        index
        for index, row in enumerate(mapping.rows)
        for side in Side
        if row.direction is Direction.BOTH
        and (side, row.column(side)) in values
        and _goes_to_and_fro(mapping, row, side, values[side, row.column(side)], crossings)  # type: ignore[index]
    )


def _goes_to_and_fro(
    mapping: Mapping, row: FieldRow, side: Side, value: Value, crossings: Sequence[Crossing]
) -> bool:
    here, there = (_written(mapping, row, one, crossings) for one in (side, side.other))
    rounds = min(len(here), len(there))
    comes_back = any(same_value(value, one) for one in here)
    return rounds >= _ROUNDS_OF_ANY or (rounds >= _ROUNDS and comes_back)


def _written(mapping: Mapping, row: FieldRow, side: Side, crossings: Sequence[Crossing]) -> list[Value]:
    position = row.column(side)
    name = "" if position is None else mapping.table(side).columns[position].name
    return [one.values[name] for one in crossings if one.side is side and name in one.values]


def oscillation_words(names: Sequence[str]) -> str:
    """Why the fields of these names do not flow, for a person."""
    return (
        f"{', '.join(names)} went to and fro within the hour, as something on each side puts its own value"
        " back; a person decides (kobling conflict resolve)"
    )
