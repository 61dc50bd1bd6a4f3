"""`undo`: takes back what a job did; and what lets a record take part again whose creation was undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, Final

from kobling.adapters.postgres import history
from kobling.engine.people import take_up
from kobling.engine.synchronize import Synchronization, new_report
from kobling.engine.task import Context, Options
from kobling.engine.undo import Last, Refused, Undo, needed_by
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.model.state import Failure, Report
from kobling.service.documents import action_document, job_document
from kobling.service.identifiers import locate
from kobling.service.session import Document, Session
from kobling.service.synchronize import left_open, run_records

_PAGE: Final = 1000
_SEE: Final = "kobling job list shows them."


async def undo_job(
    session: Session, job: str, *, dry_run: bool, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Takes back what a job did, as a job of its own; status 1 where something is refused.

    Raises ConfigurationError for a job that there is not, or that is still running.
    """
    entry = await _job(session, job)
    name = session.definition(entry["mapping"]).name
    holding = session.locked([name], wait, rehearse=dry_run)
    async with session.context(Options(), rehearse=dry_run) as context, holding:
        session.named([name], context.mappings)
        context.listing = True
        await Synchronization(context, [name]).open([name])
        report = context.reports[name] = new_report(name, f"undo {entry['job']}")
        report.job = await session.state.open_job(name, report.kind)
        work = await _undone(session, context, report, entry["job"])
    document: Document = {
        "undone": entry["job"],
        "mapping": name,
        "actions": [action_document(one) for one in report.actions],
        "refused": [_entry_of((one.left, one.right), name) | _why(one) for one in work.refused],
        "left_out": [_entry_of(one, name) | {"cure": _cure(name, one)} for one in work.left_out],
        "jobs": [job_document(report)],
    }
    return document, 1 if work.refused else 0


async def _job(session: Session, job: str) -> dict[str, Any]:
    found = await session.state.job(int(job)) if job.isdecimal() and len(job) < 19 else None
    if found is None:
        raise ConfigurationError(f"There is no job {job!r}.", cure=_SEE)
    if found["status"] == "running":
        raise ConfigurationError(f"Job {job} is still running.", cure="Wait for its end, then undo it.")
    return found


async def _undone(session: Session, context: Context, report: Report, job: str) -> Undo:
    """Carries it out page by page; whatever happens, the job is closed."""
    status, database, number = "failed", session.state.database, int(job)
    work = Undo(context, context.mappings[report.mapping], report.job, job)
    try:
        await work.begin()
        created = await history.created_in(database, number)
        needed = await needed_by(context, report.mapping, set(created))
        lefts = await history.pairs_of(database, number)
        mapping_id = await session.state.mapping_id(report.mapping)
        for start in range(0, len(lefts), _PAGE):
            page = lefts[start : start + _PAGE]
            effects = await history.effects_of(database, number, page)
            last = await history.last_writes(database, mapping_id, page)
            newest = {key: Last(job=one, version=version) for key, (one, version) in last.items()}
            await work.page(effects, newest, needed)
            context.progress(report.mapping, start + len(page))
        status = "finished"
    finally:
        report.failures += [_failure(report.mapping, one) for one in work.refused]
        report.status, report.open = status, await context.stores[report.mapping].open_counts()
        for side, word in ((Side.LEFT, "bc"), (Side.RIGHT, "crm")):
            report.requests[word] = context.services[side].requests
        await session.state.close_job(report.job, status, report)
    return work


def _failure(mapping: str, refused: Refused) -> Failure:
    what = f"{mapping} {refused.left or refused.right}{f', {refused.field}' if refused.field else ''}"
    return Failure(
        left=refused.left,
        right=refused.right,
        kind="refused",
        field=refused.field,
        message=f"{what} stays as it is: {refused.reason}",
        cure="Change it by hand where that is not what you want.",
    )


def _entry_of(ids: tuple[str, str], mapping: str) -> Document:
    left, right = ids
    return {"record": f"{mapping} {left or right}", "bc_id": left or None, "crm_id": right or None}


def _why(refused: Refused) -> Document:
    return {"field": refused.field or None, "reason": refused.reason}


def _cure(mapping: str, ids: tuple[str, str]) -> str:
    return f"kobling skipped release {shlex.quote(mapping)} {ids[0] or ids[1]}"


async def release(
    session: Session, name: str, record: str, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Lets a record take part again whose creation was undone, and creates its counterpart at once."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        session.named([chosen], context.mappings)
        ids = await locate(context, context.mappings[chosen], [record])
        store = context.stores[chosen]
        found = await store.left_out([one for side in Side for one in ids[side]])
        reports: list[Report] = []
        if found:
            await store.release(list(found))
            await take_up(context, chosen, ids, create=True)
            reports = await run_records(context, chosen, found)
    done = len(found) if not any(left_open(one) for one in reports) else 0
    document: Document = {"records": len(found), "done": done}
    document["jobs"] = [job_document(one) for one in reports]
    return document, 0 if done else 1
