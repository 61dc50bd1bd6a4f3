"""What a change of settings entails: mappings and rows that come and go, and pairs that cross a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import msgspec

from kobling.algebra.filters import holds, outside_words
from kobling.catalogue.definition import Definition, Field
from kobling.catalogue.load import every_variant
from kobling.model.mapping import Condition, Mapping, Side
from kobling.model.state import Coupling
from kobling.model.values import UNSET
from kobling.service.session import Document, Session

_PAGE: Final = 1000
# The mappings that the settings leave in, and those of them that runs carry out, by name.
Installed: TypeAlias = tuple[dict[str, Definition], dict[str, Mapping]]


async def entailed(session: Session, old: Installed, new: Installed) -> list[Document]:
    """What a change of settings means for each mapping that it concerns, in the order of the mappings.

    change: the mapping comes, leaves or stays. rows_come, rows_leave: by name. couplings: how many it has.
    inside: pairs that rest for a condition that is gone. outside: pairs that were last settled with values
    for which a new condition does not hold; those of conditions that only a run can judge do not count.
    """
    names = [name for name in every_variant() if _concerned(name, old, new)]
    return [await _entailed(session, name, old, new) for name in names]


def _concerned(name: str, old: Installed, new: Installed) -> bool:
    return old[0].get(name) != new[0].get(name) or old[1].get(name) != new[1].get(name)


async def _entailed(session: Session, name: str, old: Installed, new: Installed) -> Document:
    had, has = (_rows(one[0].get(name)) for one in (old, new))
    change = "stays" if name in old[0] and name in new[0] else "comes" if name in new[0] else "leaves"
    before, after = old[1].get(name), new[1].get(name)
    crossing = {"inside": 0, "outside": 0}
    if before is not None and after is not None:
        crossing = await _crossing(session, before, after)
    return {
        "mapping": name,
        "change": change,
        "rows_come": [one for one in has if one not in had],
        "rows_leave": [one for one in had if one not in has],
        "couplings": await session.state.count_couplings(name),
        **crossing,
    }


def _rows(definition: Definition | None) -> list[str]:
    rows = () if definition is None else definition.fields
    # A Business Central field may have a row for each of two fields of Sales.
    return [" - ".join(each for each in (_caption(definition, one), one.crm) if each) for one in rows]


def _caption(definition: Definition | None, row: Field) -> str:
    return "" if row.bc is None or definition is None else definition.bc.columns[row.bc].caption


async def _crossing(session: Session, old: Mapping, new: Mapping) -> dict[str, int]:
    """How many coupled pairs of a mapping cross its filter; both mappings read the same columns there."""
    gone = [(side, one) for side in Side for one in _without(old, new, side)]
    return {"inside": await _resting(session, old, gone), "outside": await leaving(session, old, new)}


async def leaving(session: Session, old: Mapping, new: Mapping) -> int:
    """How many coupled pairs were last settled with values for which a new condition does not hold."""
    come = [(side, one) for side in Side for one in _without(new, old, side) if not one.source]
    return await _leaving(session, new, come)


def _without(one: Mapping, other: Mapping, side: Side) -> list[Condition]:
    # The same condition stands elsewhere where rows, and so columns, have come or gone.
    known = [_placeless(each) for each in other.table(side).conditions]
    return [each for each in one.table(side).conditions if _placeless(each) not in known]


def _placeless(condition: Condition) -> Condition:
    return msgspec.structs.replace(condition, position=0)


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
