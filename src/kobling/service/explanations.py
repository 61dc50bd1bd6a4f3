"""`why` and `history`: what is, what would be, and what was written of one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from kobling.catalogue.definition import Definition
from kobling.engine.explain import explain
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Options
from kobling.model.mapping import Side
from kobling.service.documents import SYSTEMS
from kobling.service.identifiers import ids_in_state, locate
from kobling.service.links import links_of
from kobling.service.session import Document, Session

_SHOWN: Final = 3


async def why(session: Session, name: str, text: str) -> Document:
    """What holds of a record, and what the next run would do with it, in sentences; nothing is written.

    Raises ConfigurationError for a record that nobody knows.
    """
    async with session.context(Options(), rehearse=True) as context, session.state.rehearsal():
        [chosen] = session.named([name], context.mappings)
        await Synchronization(context, [chosen]).open([chosen])
        found = await explain(context, chosen, await locate(context, context.mappings[chosen], [text]))
        ids = [one for one in found.ids.values() if one]
        stays = await session.state.stays_of(chosen, ids)
        written = await session.state.written(chosen, ids)
    definition = session.definition(chosen)
    sentences = [
        *found.sentences,
        *_stays(stays),
        *(_written(definition, one) for one in written[-_SHOWN:]),
    ]
    return {
        "mapping": chosen,
        "bc_id": found.ids[Side.LEFT] or None,
        "crm_id": found.ids[Side.RIGHT] or None,
        "coupled": found.coupling is not None,
        "action": None if found.action is None else found.action.kind.value,
        **(await links_of(session, definition)).of(found.number, found.ids[Side.RIGHT]),
        "sentences": sentences,
    }


def _stays(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A sentence for each cause, since its first row: both records of a pair mostly wait for the same."""
    since: dict[str, str] = {}
    for row in rows:
        # Which fields are in conflict, and what both sides hold, is said before.
        words = f": {row['message']}" if row["message"] and row["reason"] != "conflict" else ""
        later = f", and is tried again from {row['next_try']} on" if row["next_try"] else ""
        when = "is due in the next run" if row["due"] else f"waits for its cause to go{later}"
        since.setdefault(f"({row['reason']}{words}) and {when}", row["since"])
    return [f"It stands in the inbox since {first} {cause}." for cause, first in since.items()]


def _written(definition: Definition, row: dict[str, Any]) -> str:
    system = "Business Central" if row["side"] == "left" else "Sales"
    names = [_caption(definition, row["side"], column) for column in row["changes"]]
    fields = ", ".join(names) or "nothing but the record itself"
    return f"Job {row['job']} wrote in {system} at {row['at']} ({row['method']}): {fields}."


async def history(session: Session, name: str, text: str) -> Document:
    """Every field of a record, or of its partner, that kobling wrote: when, by which job, before and after.

    Oldest first. A record that is no longer coupled is found by its GUID.
    """
    definition = session.definition(name)
    store = await session.store(name)
    ids = sorted(await ids_in_state(store, text))
    rows = await session.state.written(definition.name, ids)
    changes = [
        {
            "at": row["at"],
            "job": row["job"],
            "kind": row["kind"],
            "bc_id": row["bc_id"],
            "crm_id": row["crm_id"],
            "system": SYSTEMS[row["side"]],
            "method": row["method"],
            "field": _caption(definition, row["side"], column),
            "column": column,
            "before": before,
            "after": after,
            "reason": row["reason"],
        }
        for row in rows
        for column, (before, after) in (row["changes"] or {"": (None, None)}).items()
    ]
    return {"mapping": definition.name, "changes": changes}


def _caption(definition: Definition, side: str, column: str) -> str:
    table = definition.bc if side == "left" else definition.crm
    known = table.columns.get(column)
    return column if known is None else known.caption
