"""Couplings found anew after the database was lost or an older one restored, and broken ones mended."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kobling.catalogue.definition import Definition
from kobling.engine.match import Compared
from kobling.engine.rebuild import rebuild
from kobling.engine.repair import REMOVED, Beside, Fault, repair
from kobling.engine.task import Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.model.pair import First
from kobling.model.state import Coupling
from kobling.service.couplings import USES, opened
from kobling.service.criteria import criteria
from kobling.service.documents import job_document
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status, run_records

_REMOVED: Final = "the coupling is removed"
_LATER: Final = "the next run does what the mapping says of deleted records"
_LEFT: Final = "it is left to a person"


async def rebuild_couplings(
    session: Session, name: str, use: str, *, dry_run: bool, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples what was coupled before. With `use` the pairs are settled at once; else they stay as they
    are until a record changes.

    The status is 1 where a record of Sales that was coupled before has no partner.
    """
    chosen = session.definition(name).name
    holding = session.locked([chosen], wait, rehearse=dry_run)
    async with session.context(Options()) as context, holding:
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
    holding = session.locked([chosen], wait, rehearse=dry_run)
    async with session.context(Options()) as context, holding:
        await opened(session, context, chosen)
        found = await repair(context, chosen, rehearse=dry_run)
    document: Document = {
        "mapping": chosen,
        "checked": found.checked,
        "broken": [
            {
                "bc_id": one.left,
                "crm_id": one.right,
                "number": one.left_number,
                "fault": f"{fault}: {about}" if about else fault.value,
                "mended": _mended(fault),
                "cure": _cure(chosen, one, about) if fault is Fault.SHARED else "",
            }
            for one, fault, about in found.broken
        ],
        "beside": [_beside(chosen, one) for one in found.beside],
    }
    return document, 0


def _mended(fault: Fault) -> str:
    return _REMOVED if fault in REMOVED else _LEFT if fault is Fault.SHARED else _LATER


def _cure(name: str, coupling: Coupling, other: str) -> str:
    names = " or ".join(f"kobling uncouple {shlex.quote(one)}" for one in (name, other))
    return f"Uncouple it in one of the two: {names} --record crm:{coupling.right}."


def _beside(name: str, beside: Beside) -> Document:
    """A record without a coupling, why it is told, and what a person may do."""
    quoted, left = shlex.quote(name), beside.side is Side.LEFT
    reason = (
        f"it was made of {'crm' if left else 'bc'}:{beside.double_of}, which is coupled with another record"
        if beside.double_of
        else "it carries the mark of this company and is coupled with nothing"
    )
    cure = (
        "Delete it if nobody needs it, or uncouple the other one and couple this."
        if beside.double_of
        else f"Couple it by hand, or find its partner: kobling coupling rebuild {quoted}."
    )
    return {
        "bc_id": beside.id if left else None,
        "crm_id": None if left else beside.id,
        "name": beside.title,
        "reason": reason,
        "cure": cure,
    }


def _compared(definition: Definition) -> list[Compared]:
    """What the mapping is matched by; where nobody has said, the number and then the name."""
    with suppress(ConfigurationError):
        return criteria(definition, ())
    number, title = definition.bc.number, definition.bc.title
    rows = [one for one in definition.fields if number and one.bc == number and one.crm is not None]
    found = [Compared(left=str(one.bc), right=str(one.crm)) for one in rows if not one.conversion.source]
    return [*found[:1], Compared(left=title, right=definition.crm.title, priority=1)]
