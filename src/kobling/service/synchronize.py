"""`sync`: run mappings, or show exactly what a run would do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from kobling.adapters.telemetry.tracing import span
from kobling.algebra.order import whole
from kobling.engine.parts import take_up_parts
from kobling.engine.pause import check_running
from kobling.engine.people import take_up
from kobling.engine.permit import Permit
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Side
from kobling.model.state import Failure, Report
from kobling.service.documents import action_document, job_document
from kobling.service.guards import fingerprint, keep_mappings, stopped
from kobling.service.identifiers import locate_among
from kobling.service.session import Document, Session

TARGETS: Final = {"both": None, "to": Side.RIGHT, "from": Side.LEFT}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. mappings: names; all: every enabled one. records: ids as people type them. allow:
    guards that are overruled, or `all`. shared: other workers may take part."""

    mappings: tuple[str, ...] = ()
    all: bool = False
    full: bool = False
    every_record: bool = False
    direction: str = "both"
    records: tuple[str, ...] = ()
    dry_run: bool = False
    allow: tuple[str, ...] = ()
    shared: bool = False


async def synchronize(
    session: Session,
    request: Request,
    *,
    progress: Callable[[str, int], None],
    wait: Callable[[str], None],
) -> tuple[Document, int]:
    """Runs; the JSON document and the exit status. Raises ConfigurationError where nothing is named."""
    reports = await run(session, request, progress=progress, wait=wait)
    document: Document = {"jobs": [job_document(one) for one in reports]}
    if request.dry_run or any(one.observed for one in reports):
        document["actions"] = [action_document(action) for one in reports for action in one.actions]
    return document, exit_status(reports)


async def overwritten(session: Session, request: Request) -> list[str]:
    """What a run of records in one direction will overwrite, a line a field; nothing is written."""
    if request.dry_run or not request.records or request.direction == "both":
        return []
    look = msgspec.structs.replace(request, dry_run=True)
    reports = await run(session, look, progress=lambda what, count: None, wait=lambda name: None)
    actions = [action_document(action) for one in reports for action in one.actions]
    return [
        f"{one['mapping']} {one['bc_id']} {one['crm_id']}: {change['field']} {change['before']!r} by "
        f"{change['after']!r}"
        for one in actions
        for change in one["changes"]
        if change["before"] not in {None, ""}
    ]


async def run(
    session: Session,
    request: Request,
    *,
    progress: Callable[[str, int], None],
    wait: Callable[[str], None],
    permit: Permit | None = None,
) -> list[Report]:
    """Runs; the reports of the jobs. permit: nothing else is carried out than what it holds."""
    mappings = await session.mappings()
    if not request.mappings and not request.all:
        raise ConfigurationError(
            "Nothing is named to synchronize.", cure="Name mappings, or say --all for every enabled one."
        )
    names = list(mappings) if request.all else whole(session.named(request.mappings, mappings), mappings)
    target = TARGETS[request.direction]
    if target is not None and not any(mappings[one].direction.allows(target) for one in names):
        raise ConfigurationError(
            f"{', '.join(names)}: nothing flows that way.",
            cure="Leave --direction out, or change it: kobling mapping set NAME direction=...",
        )
    options = Options(
        full=request.full, every_record=request.every_record, target=target, allow=frozenset(request.allow)
    )
    watched = [] if request.dry_run else [one for one in names if mappings[one].observe]
    acting = [one for one in names if one not in watched]
    connection = session.configuration.connection.name
    with span("run", connection=connection, mappings=",".join(names), full=request.full):
        return await _whole(session, request, options, (acting, watched), progress, wait, permit)


async def _whole(
    session: Session,
    request: Request,
    options: Options,
    chosen: tuple[list[str], list[str]],
    progress: Callable[[str, int], None],
    wait: Callable[[str], None],
    permit: Permit | None,
) -> list[Report]:
    """The run of those mappings that act, then of those that are only watched."""
    acting, watched = chosen
    reports = []
    if acting or not watched:
        async with _opened(session, options, acting, request.dry_run, progress, wait) as context:
            if request.shared:
                context.shared_as = {name: fingerprint(context.mappings[name]) for name in acting}
            if permit is not None:
                context.withhold, context.listing = permit.withhold, True
            reports += await _guarded(session, context, acting, request)
    if watched:
        async with _opened(session, options, watched, True, progress, wait) as context:
            reports += await _guarded(session, context, watched, request)
    for one in reports:
        one.observed = one.mapping in watched
    return reports


@asynccontextmanager
async def _opened(
    session: Session,
    options: Options,
    names: Sequence[str],
    rehearse: bool,
    progress: Callable[[str, int], None],
    wait: Callable[[str], None],
) -> AsyncIterator[Context]:
    """What a run of these mappings needs, which it holds; a rehearsal holds nothing and leaves nothing."""
    if not rehearse:
        await check_running(session.state)
    holding = session.locked(names, wait, rehearse=rehearse)
    async with session.context(options, rehearse=rehearse, progress=progress) as context, holding:
        yield context


async def _guarded(
    session: Session, context: Context, names: Sequence[str], request: Request
) -> list[Report]:
    """A run before which the guards look; records that a person names are meant."""
    if request.records:
        return await _run(context, names, request)
    asked = {name: context.mappings[name] for name in names}
    context.stopped = await stopped(session, context, names)
    reports = await _run(context, names, request)
    await keep_mappings(session, [asked[one.mapping] for one in reports if one.status == "finished"])
    return reports


async def _run(context: Context, names: Sequence[str], request: Request) -> list[Report]:
    if not request.records:
        return await Synchronization(context, names).run()
    loose: dict[str, dict[Side, list[str]]] = {}
    taken: list[str] = []
    known = await locate_among(context, names, request.records)
    for name, ids in known.items():
        taken += [one for side in Side for one in ids[side]]
        loose[name] = await take_up(context, name, ids, create=request.full)
        taken += await take_up_parts(context, name, ids)
        partners = await context.stores[name].couplings(ids[Side.LEFT], ids[Side.RIGHT])
        taken += [one for coupling in partners for one in (coupling.left, coupling.right)]
    # An uncoupled record that is asked for by name is created as in a full run, but nothing else is read.
    # Who names a record and a direction wants one side to hold.
    context.options = msgspec.structs.replace(
        context.options, full=False, records=tuple(taken), imposed=context.options.target is not None
    )
    reports = await Synchronization(context, whole(known, context.mappings)).run()
    if not request.full:
        for report in reports:
            report.failures += _not_coupled(report.mapping, loose.get(report.mapping, {}))
    return reports


async def run_records(context: Context, name: str, ids: Iterable[str]) -> list[Report]:
    """Runs a mapping for these records alone, in a context that is open already; for none there is no run."""
    records = tuple(ids)
    if not records:
        return []
    context.options = msgspec.structs.replace(context.options, records=records)
    return await Synchronization(context, [name]).run()


def _not_coupled(name: str, loose: dict[Side, list[str]]) -> list[Failure]:
    return [
        Failure(
            left=one if side is Side.LEFT else "",
            right=one if side is Side.RIGHT else "",
            kind="not coupled",
            field="",
            message=f"{name}: the record {one} is not coupled",
            cure="Couple it, or say --full to create its counterpart.",
        )
        for side in Side
        for one in loose.get(side, ())
    ]


def exit_status(reports: Sequence[Report]) -> int:
    """1 where something failed, waits or is contested, now or from before; else 0."""
    return int(any(left_open(one) or one.open.conflicts or one.open.waiting for one in reports))


def left_open(report: Report) -> bool:
    """Whether this very run left something for a person."""
    counts = report.counts.values()
    words = ("failed", "waiting", "conflicts")
    return bool(report.failures) or any(one.get(word) for one in counts for word in words)
