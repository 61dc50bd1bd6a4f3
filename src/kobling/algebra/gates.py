"""Rows that keep a record outside, or refuse it as a whole, for a reason that only their source knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling.algebra.compiled import compiled
from kobling.model.look_up import LookUps, Outside, Rejected
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Trouble
from kobling.model.values import Values

# In place of a key: everything that the source answers.
ANY: Final = "*"


def shut_out(mapping: Mapping, values: Values, side: Side, look_ups: LookUps) -> Outside | None:
    """Why a gate keeps the record of that side outside; None where all gates let it pass."""
    for one in compiled(mapping).gates:
        convert = one.converter(side.other)
        answer = None if convert is None else convert(values, look_ups)
        if isinstance(answer, Outside):
            return answer
    return None


def refused(mapping: Mapping, values: Values, side: Side, look_ups: LookUps) -> Trouble | None:
    """Why a gate refuses the record of that side as a whole, though it has a place; None where none does."""
    for one in compiled(mapping).gates:
        convert = one.converter(side.other)
        answer = None if convert is None else convert(values, look_ups)
        if isinstance(answer, Rejected) and not isinstance(answer, Outside):
            return Trouble(field=one.row.name, reason=answer.reason, waits=answer.waits)
    return None


def returning(mapping: Mapping, reasons: Sequence[Outside]) -> tuple[str, ...]:
    """The keys, as `source/key`, whose change can bring back a record that is outside for these reasons."""
    if not reasons:
        return ()
    anything = [f"{one.row.conversion.source}/{ANY}" for one in compiled(mapping).gates]
    keys = [key for one in reasons for key in (one.waits, *one.others) if key]
    return tuple(dict.fromkeys([*keys, *anything]))
