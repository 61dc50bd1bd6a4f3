"""What waits for a person, and how it is resolved: conflicts, skipped records; and the jobs that ran."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from kobling.engine.people import prepare_held, prepare_resolution, prepare_skipped
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Context, Held, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import DeletionConflict, Side
from kobling.model.pair import Choice
from kobling.model.state import Report
from kobling.service.documents import (
    conflict_documents,
    counts_document,
    held_document,
    held_record_document,
    job_document,
)
from kobling.service.identifiers import ids_in_state
from kobling.service.session import Document, Session
from kobling.service.synchronize import left_open

_SIDES: Final = {"bc": Side.LEFT, "crm": Side.RIGHT}
_DELETED: Final = ("deleted", "unproved")
_SKIPPED: Final = (*_DELETED, "failed")
_LISTED: Final = (*_SKIPPED, "undone")


async def list_conflicts(session: Session) -> Document:
    """Every contested field of every mapping."""
    found = []
    for mapping in (await session.mappings()).values():
        store = await session.state.mapping(mapping)
        async for coupling, fields in store.conflicts():
            found += conflict_documents(mapping, coupling, fields)
    return {"conflicts": found}


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """use: `bc`, `crm`, or a value for the one field that is named. Without a mapping all are meant."""

    use: str
    mapping: str = ""
    record: str = ""
    field: str = ""


async def resolve_conflicts(
    session: Session, request: Resolution, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Resolves conflicts and carries the resolution out; status 1 if some stay or there was none."""
    side = _SIDES.get(request.use)
    if side is None and not (request.mapping and request.record and request.field):
        raise ConfigurationError(
            f"--use {request.use!r} is neither bc nor crm.",
            cure="A value of its own needs a mapping, an ID and --field.",
        )
    async with session.context(Options()) as context:
        chosen = session.named([request.mapping], context.mappings) if request.mapping else None
        names = chosen or list(context.mappings)
        choice = Choice(winner=side, value=request.use)
        reports: list[Report] = []
        resolved: list[str] = []
        async with session.locked(names, wait):
            for name in names:
                wanted = await ids_in_state(context.stores[name], request.record) if request.record else None
                ids, choices = await prepare_resolution(context, name, wanted, request.field, choice)
                if not ids:
                    continue
                resolved += ids
                context.options = Options(records=ids, choices=choices)
                reports += await Synchronization(context, [name]).run()
    left = sum(one.open.conflicts for one in reports) if not request.field else 0
    document: Document = {"resolved": len(resolved) // 2, "jobs": [job_document(one) for one in reports]}
    failed = any(one.failures for one in reports)
    return document, 1 if not resolved or failed or (left and not request.record) else 0


async def list_skipped(session: Session) -> Document:
    """Records that are left alone until a person acts or the record changes."""
    found = []
    for mapping in (await session.mappings()).values():
        entries = await session.state.stays(mapping.name, _LISTED)
        found += [{"mapping": mapping.name, **entry} for entry in entries]
    return {"skipped": found}


async def list_held(session: Session) -> Document:
    """What the integration user changed in Sales, until a person accepts or ignores it."""
    found = []
    for mapping in (await session.mappings()).values():
        store = await session.state.mapping(mapping)
        found += [held_document(mapping, one) for one in await store.held()]
        loose = [one for one in await store.staying(("held",)) if one.by_us]
        found += [held_record_document(mapping, one) for one in loose]
    return {"held": found}


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of records that wait for one; without a mapping or a record, of all. held: of what
    the integration user changed. deletion: of deleted records. With neither, skipped ones are tried again."""

    mapping: str = ""
    record: str = ""
    held: Held = Held.KEEP
    deletion: DeletionConflict | None = None


async def speak(session: Session, word: Word, *, wait: Callable[[str], None]) -> tuple[Document, int]:
    """Carries out what a person says; status 1 if there was nothing, or something still stays or fails."""
    options = Options(held=word.held, deletion=word.deletion)
    async with session.context(options) as context:
        chosen = session.named([word.mapping], context.mappings) if word.mapping else list(context.mappings)
        reports: list[Report] = []
        spoken = still = 0
        async with session.locked(chosen, wait):
            for name in chosen:
                wanted = await ids_in_state(context.stores[name], word.record) if word.record else None
                ids = await _due(context, name, word, wanted)
                if not ids:
                    continue
                before = await _waiting(context, name, word, ids)
                context.options = msgspec.structs.replace(options, records=ids)
                reports += await Synchronization(context, [name]).run()
                spoken += len(before)
                still += len(before & await _waiting(context, name, word, ids))
    document: Document = {"records": spoken, "done": spoken - still}
    document["jobs"] = [job_document(one) for one in reports]
    return document, 1 if not spoken or still or any(left_open(one) for one in reports) else 0


async def _due(context: Context, name: str, word: Word, wanted: set[str] | None) -> tuple[str, ...]:
    if word.held is not Held.KEEP:
        return await prepare_held(context, name, wanted)
    return await prepare_skipped(context, name, wanted, _SKIPPED if word.deletion is None else _DELETED)


async def _waiting(context: Context, name: str, word: Word, ids: Sequence[str]) -> set[str]:
    """Those of these records that wait for a person's word, a pair by its left record."""
    store = context.stores[name]
    rows = await store.rows_of(ids)
    if word.held is not Held.KEEP:
        pairs = {one.left for one in await store.held() if one.left in ids}
        return pairs | {one.id for one in rows if one.by_us}
    left = {one.right: one.left for one in await store.couplings(ids, [])}
    reasons = _SKIPPED if word.deletion is None else _DELETED
    return {left.get(one.id, one.id) for one in rows if one.reason in reasons}


async def list_jobs(session: Session, names: Sequence[str], limit: int) -> Document:
    """The newest jobs first."""
    chosen = [session.definition(one).name for one in names] or list(session.definitions)
    return {"jobs": [_job(one) for one in await session.state.jobs(chosen, limit)]}


async def show_job(session: Session, job: str) -> Document:
    """One job with its errors. Raises ConfigurationError for an unknown one."""
    found = await session.state.job(int(job)) if job.isdecimal() and len(job) < 19 else None
    if found is None:
        raise ConfigurationError(f"There is no job {job!r}.", cure="kobling job list shows them.")
    return _job(found)


async def purge_jobs(session: Session, older_than_days: int) -> Document:
    """Deletes old jobs, with their errors and what they wrote; not the last one of a skipped record."""
    purged, kept = await session.state.purge_jobs(older_than_days)
    return {"purged": purged, "kept": kept}


def _job(entry: Document) -> Document:
    return {**entry, "counts": counts_document(entry["counts"])}
