"""Couplings as a person handles them: couple, uncouple, create, list, find deleted records."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from kobling.engine.couple import couple, read_records
from kobling.engine.find_deleted import find_deleted
from kobling.engine.people import belonging, part_with, partings, uncouple
from kobling.engine.synchronize import Synchronization, new_report
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import First
from kobling.model.state import Coupling, Report
from kobling.ports import MappingState
from kobling.service.documents import coupling_document, job_document
from kobling.service.identifiers import locate
from kobling.service.links import links_of
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status, run_records

USES: Final = {"": First.POLICY, "bc": First.LEFT, "crm": First.RIGHT, "leave": First.LEAVE}
_PAGE: Final = 5000


async def couple_records(
    session: Session,
    name: str,
    bc: str,
    crm: str,
    use: str,
    *,
    wait: Callable[[str], None],
    dry_run: bool = False,
) -> tuple[Document, int]:
    """Couples two records. With `use` their first contact is settled at once, else by the next run. dry_run:
    only says what both hold, field by field.

    Raises ConfigurationError where they cannot be coupled.
    """
    mapping_name = session.definition(name).name
    holding = session.locked([mapping_name], wait, rehearse=dry_run)
    async with session.context(Options()) as context, holding:
        mapping = await opened(session, context, mapping_name)
        left = await _one(context, mapping, bc, Side.LEFT)
        right = await _one(context, mapping, crm, Side.RIGHT)
        judged = await couple(
            context, mapping_name, {Side.LEFT: left, Side.RIGHT: right}, USES[use], rehearse=dry_run
        )
        document: Document = {
            "mapping": mapping_name,
            "bc_id": left,
            "crm_id": right,
            "outside": judged.outside or None,
            "fields": await _both(context, mapping, left, right) if dry_run else [],
        }
        reports = await run_records(context, mapping_name, (left, right)) if use and not dry_run else []
    return document | {"jobs": [job_document(one) for one in reports]}, exit_status(reports)


async def _both(context: Context, mapping: Mapping, left: str, right: str) -> list[Document]:
    """What both records hold in the fields that the mapping carries."""
    lefts = await read_records(context, mapping, Side.LEFT, [left])
    rights = await read_records(context, mapping, Side.RIGHT, [right])
    return [
        {
            "field": row.name,
            "bc": lefts[left].values[row.left],
            "crm": rights[right].values[row.right],
            "direction": row.direction.value,
        }
        for row in mapping.rows
        if row.left is not None and row.right is not None
    ]


async def opened(session: Session, context: Context, name: str) -> Mapping:
    """The mapping with its filter bound: what a run opens, without the run. Raises ConfigurationError."""
    session.named([name], context.mappings)
    await Synchronization(context, [name]).open([name])
    return context.mappings[name]


async def _one(context: Context, mapping: Mapping, text: str, side: Side) -> str:
    found = await locate(context, mapping, [text])
    if not found[side]:
        system = "Business Central" if side is Side.LEFT else "Sales"
        raise ConfigurationError(
            f"{mapping.name}: {text} is no record of {system}.",
            cure="Name the BC record first, then the other.",
        )
    return found[side][0]


async def uncouple_records(
    session: Session,
    name: str,
    records: Sequence[str],
    *,
    wait: Callable[[str], None],
    dry_run: bool = False,
) -> tuple[Document, int]:
    """Removes the couplings of these records, or all of the mapping, and of what belongs to them; the records
    stay where they are. dry_run: only says which."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context:
        session.named([chosen], context.mappings)
        names = [chosen, *part_with(context, chosen)]
        async with session.locked(names, wait, rehearse=dry_run):
            await Synchronization(context, names).open(names)
            found = {chosen: await _coupled(context, context.mappings[chosen], records)}
            rights = [one.right for one in found[chosen]]
            found |= {one: await belonging(context, one, rights) for one in names[1:]}
            found = {one: couplings for one, couplings in found.items() if couplings or one == chosen}
            pairs: list[Document] = []
            reports: list[Report] = []
            for each in found.items():
                if dry_run:
                    pairs += await _parted(context, *each)
                else:
                    reports.append(await _uncouple(session, context, *each))
    missing = bool(records) and not found[chosen]
    document: Document = {
        "mapping": chosen,
        "uncoupled": len(found[chosen]),
        "pairs": pairs,
        "jobs": [job_document(one) for one in reports],
    }
    return document, 1 if missing or any(one.failures for one in reports) else 0


async def _coupled(context: Context, mapping: Mapping, records: Sequence[str]) -> list[Coupling]:
    """The couplings of these records, or all of the mapping."""
    if not records:
        return [one async for page in _pages(context.stores[mapping.name]) for one in page]
    ids = await locate(context, mapping, records)
    return await context.stores[mapping.name].couplings(ids[Side.LEFT], ids[Side.RIGHT])


async def _parted(context: Context, name: str, couplings: Sequence[Coupling]) -> list[Document]:
    """What removing these couplings comes to, a pair an entry."""
    return [
        {
            "mapping": name,
            "bc_id": task.ids[Side.LEFT],
            "crm_id": task.ids[Side.RIGHT],
            "number": "" if task.coupling is None else task.coupling.left_number,
            "mark_removed": bool(task.action.writes),
        }
        async for tasks in partings(context, name, couplings)
        for task in tasks
    ]


async def _uncouple(session: Session, context: Context, name: str, couplings: Sequence[Coupling]) -> Report:
    report = context.reports[name] = new_report(name, "uncouple")
    report.job = await session.state.open_job(name, "uncouple")
    report.failures += (await uncouple(context, name, couplings, report.job)).failures()
    report.status, report.open = "finished", await context.stores[name].open_counts()
    report.seconds = round(time.monotonic() - report.seconds, 3)
    await session.state.close_job(report.job, "finished", report)
    return report


async def _pages(store: MappingState) -> AsyncIterator[list[Coupling]]:
    after = ""
    while page := await store.page(after, _PAGE):
        yield page
        after = page[-1].left


async def list_couplings(session: Session, name: str) -> Document:
    """Every coupling of a mapping, with the addresses at which people open the two records."""
    pages = _pages(await session.store(name))
    links = await links_of(session, session.definition(name))
    return {
        "couplings": [
            coupling_document(one) | links.of(one.left_number, one.right)
            async for page in pages
            for one in page
        ]
    }


async def find_deleted_records(
    session: Session, name: str, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Asks for every coupled record; the next run looks at those that are missing."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        await opened(session, context, chosen)
        checked, missing = await find_deleted(context, chosen)
    document: Document = {
        "mapping": chosen,
        "checked": checked,
        "missing": {"bc": missing[Side.LEFT], "crm": missing[Side.RIGHT]},
    }
    return document, 0
