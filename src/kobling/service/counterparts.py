"""Creating, by hand, the counterparts of records that are not coupled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kobling.engine.couple import broken
from kobling.engine.people import take_up
from kobling.engine.task import Options
from kobling.model.mapping import Side
from kobling.model.state import Coupling
from kobling.service.couplings import opened
from kobling.service.documents import job_document
from kobling.service.identifiers import locate
from kobling.service.matching import check_creates
from kobling.service.session import Document, Session
from kobling.service.synchronize import left_open, run_records


async def create_counterparts(
    session: Session, name: str, records: Sequence[str], *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Creates what these records lack on the other side, and couples the two; status 1 if one is left out.

    A record that is coupled is left alone, unless the other record of that coupling is gone. Raises
    ConfigurationError for a record that there is not, and for a side to which the mapping does not flow.
    """
    chosen = session.definition(name).name
    async with session.context(Options(full=True)) as context, session.locked([chosen], wait):
        mapping = await opened(session, context, chosen)
        ids = await locate(context, mapping, records)
        for side in Side:
            if ids[side]:
                check_creates(mapping, side.other)
        store = context.stores[chosen]
        known = await store.couplings(ids[Side.LEFT], ids[Side.RIGHT])
        gone = await broken(context, chosen, known) if known else []
        await store.uncouple(gone)
        loose = await take_up(context, chosen, ids, create=True, whoever=True)
        reports = await run_records(context, chosen, [one for side in Side for one in loose[side]])
        created = await store.couplings(loose[Side.LEFT], loose[Side.RIGHT])
        skipped = [_entry(one, "it is coupled already") for one in known if one not in gone]
        skipped += await _left_out(session, chosen, loose, created)
    document: Document = {
        "mapping": chosen,
        "created": [{"bc_id": one.left, "crm_id": one.right} for one in created],
        "skipped": skipped,
        "jobs": [job_document(one) for one in reports],
    }
    return document, int(bool(skipped) or any(left_open(one) for one in reports))


def _entry(coupling: Coupling, reason: str) -> Document:
    return {"bc_id": coupling.left, "crm_id": coupling.right, "reason": reason}


async def _left_out(
    session: Session,
    name: str,
    loose: dict[Side, list[str]],
    created: Iterable[Coupling],
) -> list[Document]:
    """The records that the run did not create a counterpart of, with why they wait."""
    coupled = {one.id(side) for one in created for side in Side}
    missing = [(side, one) for side in Side for one in loose[side] if one not in coupled]
    reasons: dict[str, list[str]] = {}
    for row in await session.state.stays_of(name, [one for _, one in missing]):
        reasons.setdefault(row["record"], []).append(row["message"] or row["reason"])
    return [
        {
            "bc_id": one if side is Side.LEFT else None,
            "crm_id": one if side is Side.RIGHT else None,
            "reason": "; ".join(reasons.get(one, ())) or "nothing came of it",
        }
        for side, one in missing
    ]
