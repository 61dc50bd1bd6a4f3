"""Coupled records that are no longer there, although no feed and no log told of it.

Deletions are told once, to the mappings that are enabled by then. One that is enabled later asks for all of
its coupled records. What is missing is only a hint: the run that looks at it asks for proof, as for any
other.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Final

from kobling.engine.task import Context
from kobling.model.mapping import Side
from kobling.model.state import Change

_PAGE: Final = 5000
# Names of the mappings that were enabled at the last opening; a mapping whose couplings are to be looked at.
_ENABLED: Final = "enabled"
_SWEEP: Final = "sweep "
_DUE: Final = "due"


async def find_deleted(context: Context, name: str) -> tuple[int, dict[Side, list[str]]]:
    """Asks for every coupled record of a mapping, and hints at those that are missing; how many pairs there
    are, and the missing ids."""
    store, mapping = context.stores[name], context.mappings[name]
    checked, after = 0, ""
    missing: dict[Side, list[str]] = {side: [] for side in Side}
    while page := await store.page(after, _PAGE):
        for side in Side:
            ids = [one.id(side) for one in page]
            rows = await context.services[side].read(mapping.table(side).route, [], ids)
            gone = [one for one in ids if one not in rows]
            await store.put([Change(id=one, side=side, deleted=True) for one in gone])
            missing[side] += gone
        checked, after = checked + len(page), page[-1].left
    return checked, missing


async def note_enabled(context: Context, marks: Table[str, str]) -> None:
    """Deletions are about to be taken in for the mappings that are enabled now; who was not enabled the last
    time has missed some."""
    names, before = " ".join(sorted(context.mappings)), marks.get(_ENABLED)
    if names == before:
        return
    for name in sorted(set(context.mappings) - set((before or names).split())):
        await context.state.keep_mark(f"{_SWEEP}{name}", _DUE)
    await context.state.keep_mark(_ENABLED, names)


async def make_up(context: Context, name: str) -> None:
    """Finds the deletions that the mapping has missed, if any."""
    if (await context.state.marks()).get(f"{_SWEEP}{name}") == _DUE:
        await find_deleted(context, name)
        await context.state.keep_mark(f"{_SWEEP}{name}", "")
