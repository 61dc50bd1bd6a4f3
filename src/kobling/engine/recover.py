"""What a dead worker had in hand is read as it is now, and planned again."""

from __future__ import annotations

from collections.abc import Sequence

from kobling.engine.held import change_of
from kobling.engine.task import Context, columns_of
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Change, Intent
from kobling.ports import Method


async def recover(context: Context, mapping: Mapping, intents: Sequence[Intent]) -> None:
    """Puts the records of these intents into the inbox. A source that is gone may have left what was created
    of it behind; what was being deleted may be gone."""
    created = [one for one in intents if one.method == Method.CREATE]
    for side in Side:
        made = {one.partner for one in created if one.side is side.other}
        touched = {one.id for one in intents if one.side is side and one.method != Method.CREATE}
        deleted = {one.id for one in intents if one.side is side and one.method == Method.DELETE}
        ids = sorted(made | touched)
        if not ids:
            continue
        service, columns = context.services[side], columns_of(mapping, side)
        rows = await service.read(mapping.table(side).route, columns, ids)
        changes = [
            change_of(context, mapping, side, row, wanted=row["id"] in made, reason="stale")
            for row in rows.values()
        ]
        changes += [
            Change(id=one, side=side, deleted=True, wanted=one in made, reason="stale")
            for one in sorted((made | deleted) - rows.keys())
        ]
        await context.stores[mapping.name].put(changes)
