"""Couplings found anew after the database was lost or an older one restored, and broken ones mended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kobling.catalogue.definition import Definition
from kobling.engine.match import Compared
from kobling.engine.rebuild import rebuild
from kobling.engine.repair import Fault, repair
from kobling.engine.task import Options
from kobling.model.errors import ConfigurationError
from kobling.model.pair import First
from kobling.service.couplings import USES, opened
from kobling.service.criteria import criteria
from kobling.service.documents import job_document
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status, run_records

_REMOVED: Final = "the coupling is removed"
_LATER: Final = "the next run does what the mapping says of deleted records"
_MENDED: Final = {Fault.BOTH: _REMOVED, Fault.MARK: _REMOVED, Fault.LEFT: _LATER, Fault.RIGHT: _LATER}


async def rebuild_couplings(
    session: Session, name: str, use: str, *, dry_run: bool, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples what was coupled before. With `use` the pairs are settled at once; else they stay as they
    are until a record changes.

    The status is 1 where a record of Sales that was coupled before has no partner.
    """
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        await opened(session, context, chosen)
        on = _compared(await session.changed(chosen))
        # What differed while they were coupled, differed on purpose.
        first = USES[use] if use else First.LEAVE
        found = await rebuild(context, chosen, on, first, rehearse=dry_run)
        reports = []
        pairs = [*found.by_id, *found.by_match]
        if use and not dry_run:
            reports = await run_records(context, chosen, [one for pair in pairs for one in pair])
    document: Document = {
        "mapping": chosen,
        "coupled": [
            {"bc_id": left, "crm_id": right, "by": words}
            for words, pairs in (("id", found.by_id), ("match", found.by_match))
            for left, right in pairs
        ],
        "left_over": list(found.left_over),
        "jobs": [job_document(one) for one in reports],
    }
    return document, 1 if found.left_over else exit_status(reports)


async def repair_couplings(
    session: Session, name: str, *, dry_run: bool, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Finds the broken couplings of a mapping, and mends them; dry_run: only says which."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        await opened(session, context, chosen)
        checked, found = await repair(context, chosen, rehearse=dry_run)
    entries = [
        {
            "bc_id": one.left,
            "crm_id": one.right,
            "number": one.left_number,
            "fault": fault.value,
            "mended": _MENDED[fault],
        }
        for one, fault in found
    ]
    return {"mapping": chosen, "checked": checked, "broken": entries}, 0


def _compared(definition: Definition) -> list[Compared]:
    """What the mapping is matched by; where nobody has said, the number and then the name."""
    with suppress(ConfigurationError):
        return criteria(definition, ())
    number, title = definition.bc.number, definition.bc.title
    rows = [one for one in definition.fields if number and one.bc == number and one.crm is not None]
    found = [Compared(left=str(one.bc), right=str(one.crm)) for one in rows if not one.conversion.source]
    return [*found[:1], Compared(left=title, right=definition.crm.title, priority=1)]
