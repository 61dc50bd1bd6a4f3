"""What a change of filters entails for the pairs that are coupled already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kobling.algebra.filters import holds, outside_words
from kobling.model.mapping import Condition, Mapping, Side
from kobling.model.state import Coupling
from kobling.model.values import UNSET
from kobling.service.session import Document, Session

_PAGE: Final = 1000


async def entailed(session: Session, old: Mapping, new: Mapping) -> Document:
    """How many coupled pairs of a mapping cross its filter; both mappings read the same columns.

    inside: pairs that rest for a condition that is gone. outside: pairs that were last settled with values
    for which a new condition does not hold; those of conditions that only a run can judge do not count.
    """
    gone = [(side, one) for side in Side for one in _without(old, new, side)]
    come = [(side, one) for side in Side for one in _without(new, old, side) if not one.source]
    return {
        "mapping": new.name,
        "inside": await _resting(session, old, gone),
        "outside": await _leaving(session, new, come),
    }


def _without(one: Mapping, other: Mapping, side: Side) -> list[Condition]:
    known = other.table(side).conditions
    return [each for each in one.table(side).conditions if each not in known]


async def _resting(session: Session, old: Mapping, gone: Sequence[tuple[Side, Condition]]) -> int:
    said = [outside_words(old.table(side), one) for side, one in gone]
    rows = await session.state.stays(old.name, ["outside"]) if said else []
    return sum(
        bool(row["bc_id"] and row["crm_id"]) and any(one in row["message"].split("; ") for one in said)
        for row in rows
    )


async def _leaving(session: Session, new: Mapping, come: Sequence[tuple[Side, Condition]]) -> int:
    if not come:
        return 0
    store, count, after = await session.state.mapping(new), 0, ""
    while page := await store.page(after, _PAGE):
        count += sum(_leaves(one, come) for one in page)
        after = page[-1].left
    return count


def _leaves(coupling: Coupling, come: Sequence[tuple[Side, Condition]]) -> bool:
    base = coupling.base
    if base is None:
        return False
    held = [(one, base.values(side)) for side, one in come]
    return any(values[one.position] is not UNSET and not holds(one, values) for one, values in held)
