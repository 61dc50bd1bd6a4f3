"""Couplings as a person handles them: couple, match, uncouple, list, find deleted records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from kobling.algebra.match import Matches
from kobling.catalogue.definition import Definition, Table
from kobling.engine.find_deleted import find_deleted
from kobling.engine.people import couple, match_records, uncouple
from kobling.engine.synchronize import Synchronization, new_report
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import First
from kobling.model.state import Coupling, Report
from kobling.service.documents import coupling_document, job_document
from kobling.service.identifiers import locate
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status

USES: Final = {"": First.POLICY, "bc": First.LEFT, "crm": First.RIGHT, "leave": First.LEAVE}
_PAGE: Final = 5000


async def couple_records(
    session: Session, name: str, bc: str, crm: str, use: str, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples two records. With `use` their first contact is settled at once, else by the next run."""
    mapping_name = session.definition(name).name
    async with session.context(Options()) as context, session.locked([mapping_name], wait):
        mapping = await _opened(session, context, mapping_name)
        left = await _one(context, mapping, bc, Side.LEFT)
        right = await _one(context, mapping, crm, Side.RIGHT)
        outside = await couple(context, mapping_name, {Side.LEFT: left, Side.RIGHT: right}, USES[use])
        document: Document = {
            "mapping": mapping_name,
            "bc_id": left,
            "crm_id": right,
            "outside": outside or None,
        }
        reports = await _run(context, mapping_name, (left, right)) if use else []
    return document | {"jobs": [job_document(one) for one in reports]}, exit_status(reports)


async def _opened(session: Session, context: Context, name: str) -> Mapping:
    """The mapping with its filter bound: what a run opens, without the run."""
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


async def _run(context: Context, name: str, ids: Sequence[str]) -> list[Report]:
    context.options = msgspec.structs.replace(context.options, records=tuple(ids))
    return await Synchronization(context, [name]).run()


class MatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """on: `BC FIELD=crm_field` texts; none means the mapping's own fields for matching."""

    mapping: str
    on: tuple[str, ...] = ()
    use: str = ""
    create: bool = False
    dry_run: bool = False


async def match_couplings(
    session: Session, request: MatchRequest, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples what stands on both sides and matches uniquely; with `use` they are settled at once."""
    name = session.definition(request.mapping).name
    async with session.context(Options()) as context, session.locked([name], wait):
        mapping = await _opened(session, context, name)
        on = _fields(await session.changed(name), request.on)
        found = await match_records(
            context, name, on, USES[request.use], create=request.create, rehearse=request.dry_run
        )
        reports = []
        if request.use and not request.dry_run and found.matched:
            ids = [one for pair in found.matched for one in pair]
            reports = await _run(context, name, ids)
    document = match_document(mapping, found) | {"jobs": [job_document(one) for one in reports]}
    return document, exit_status(reports)


def _fields(definition: Definition, texts: Sequence[str]) -> list[tuple[str, str]]:
    """(BC column, Dataverse column) of each condition."""
    if not texts:
        return criteria_of(definition)
    pairs = []
    for text in texts:
        bc, equals, crm = text.rpartition("=")
        if not equals or not bc.strip() or not crm.strip():
            raise ConfigurationError(
                f"--on {text!r} is no pair of fields.", cure='Write --on "BC FIELD=crm_field".'
            )
        pairs.append((column_of(definition.bc, bc.strip()), column_of(definition.crm, crm.strip())))
    return pairs


def criteria_of(definition: Definition) -> list[tuple[str, str]]:
    """The rows that are used for matching, else the finder's. The sides of a look-up are not alike.

    Raises ConfigurationError where there is none.
    """
    rows = [(one.bc, one.crm) for one in definition.fields if one.match and not one.conversion.source]
    found = [(bc, crm) for bc, crm in rows if bc is not None and crm is not None]
    joined = {(one.bc or one.conversion.key, one.crm) for one in definition.fields if one.conversion.source}
    if not found and joined.isdisjoint(definition.finder.items()):
        found = list(definition.finder.items())
    if not found:
        raise ConfigurationError(
            f"{definition.name} has no field that is used for matching.",
            cure='Say which: --on "BC FIELD=crm_field", for example --on "No.=accountnumber".',
        )
    return found


def column_of(table: Table, text: str) -> str:
    """The column of that caption or name, however it is written. Raises ConfigurationError."""
    names = {one.casefold(): one for one in table.columns}
    captions = {one.caption.casefold(): name for name, one in table.columns.items()}
    found = names.get(text.casefold()) or captions.get(text.casefold())
    if found is None:
        known = ", ".join(one.caption for one in table.columns.values())
        raise ConfigurationError(f"{table.table} has no column {text!r}.", cure=f"Use one of: {known}.")
    return found


def match_document(mapping: Mapping, found: Matches) -> Document:
    """matched, ambiguous and unmatched, as lists."""
    return {
        "mapping": mapping.name,
        "matched": [{"bc_id": left, "crm_id": right} for left, right in found.matched],
        "ambiguous": [{"bc_ids": list(left), "crm_ids": list(right)} for left, right in found.ambiguous],
        "unmatched": [{"bc_id": one} for one in found.unmatched],
    }


async def uncouple_records(
    session: Session, name: str, records: Sequence[str], *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Removes the couplings of these records, or all of the mapping; the records stay where they are."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        mapping = await _opened(session, context, chosen)
        store = context.stores[chosen]
        report = new_report(chosen, "uncouple")
        context.reports[chosen] = report
        report.job = await session.state.open_job(chosen, "uncouple")
        if records:
            ids = await locate(context, mapping, records)
            couplings = await store.couplings(ids[Side.LEFT], ids[Side.RIGHT])
        else:
            couplings = [one async for page in _pages(context, chosen) for one in page]
        outcomes = await uncouple(context, chosen, couplings, report.job)
        report.failures += outcomes.failures()
        report.status, report.open = "finished", await store.open_counts()
        await session.state.close_job(report.job, "finished", report)
    missing = bool(records) and not couplings
    document: Document = {"uncoupled": len(couplings), "jobs": [job_document(report)]}
    return document, 1 if missing or report.failures else 0


async def _pages(context: Context, name: str) -> AsyncIterator[list[Coupling]]:
    after = ""
    while page := await context.stores[name].page(after, _PAGE):
        yield page
        after = page[-1].left


async def list_couplings(session: Session, name: str) -> Document:
    """Every coupling of a mapping."""
    store = await session.store(name)
    after, found = "", []
    while page := await store.page(after, _PAGE):
        found += [coupling_document(one) for one in page]
        after = page[-1].left
    return {"couplings": found}


async def find_deleted_records(
    session: Session, name: str, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Asks for every coupled record; the next run looks at those that are missing."""
    chosen = session.definition(name).name
    async with session.context(Options()) as context, session.locked([chosen], wait):
        await _opened(session, context, chosen)
        checked, missing = await find_deleted(context, chosen)
    document: Document = {
        "mapping": chosen,
        "checked": checked,
        "missing": {"bc": missing[Side.LEFT], "crm": missing[Side.RIGHT]},
    }
    return document, 0
