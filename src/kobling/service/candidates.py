"""What a record may be coupled with, for a person to choose from."""

from __future__ import annotations

from kobling.engine.candidates import candidates
from kobling.engine.couple import no_record, read_records
from kobling.engine.task import Context, Options
from kobling.engine.words import text_at
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Record
from kobling.service.couplings import opened
from kobling.service.identifiers import locate
from kobling.service.session import Document, Session


async def list_candidates(
    session: Session, name: str, text: str, *, search: str = "", limit: int = 50
) -> Document:
    """The records of the other side that a record may be coupled with, and what both hold; nothing is
    written. search, limit: see `kobling.engine.candidates.candidates`.

    Raises ConfigurationError for a record that there is not.
    """
    chosen = session.definition(name).name
    async with session.context(Options(), rehearse=True) as context, session.state.rehearsal():
        mapping = await opened(session, context, chosen)
        side, record = await _asked(context, mapping, text)
        known = await context.stores[chosen].couplings([record.id], [record.id])
        found, more = await candidates(context, mapping, side.other, search, limit)
    definition = session.definition(chosen)
    return {
        "mapping": chosen,
        "bc_table": definition.bc.table,
        "crm_entity": definition.crm.table,
        "record": _document(mapping, side, record),
        "coupled_with": next((one.id(side.other) for one in known), None),
        "candidates": [_document(mapping, side.other, one) for one in found],
        "more": more,
    }


async def _asked(context: Context, mapping: Mapping, text: str) -> tuple[Side, Record]:
    ids = await locate(context, mapping, [text])
    [(side, identifier)] = [(side, one) for side in Side for one in ids[side]]
    found = await read_records(context, mapping, side, [identifier])
    if identifier not in found:
        raise no_record(mapping, side, identifier)
    return side, found[identifier]


def _document(mapping: Mapping, side: Side, record: Record) -> Document:
    """A record with what it holds in the fields that are carried to or from the other side, by field row."""
    table = mapping.table(side)
    positions = {row.name: row.column(side) for row in mapping.rows if row.column(side.other) is not None}
    return {
        "bc_id": record.id if side is Side.LEFT else None,
        "crm_id": record.id if side is Side.RIGHT else None,
        "number": text_at(table.number, record.values) or None,
        "name": text_at(table.title, record.values),
        "fields": {name: record.values[at] for name, at in positions.items() if at is not None},
    }
