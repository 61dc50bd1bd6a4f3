"""Match-based coupling as a person asks for it: over a mapping or a selection, rehearsed or carried out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from kobling.algebra.match import Miss
from kobling.engine.match import Matching, match_records
from kobling.engine.synchronize import new_report
from kobling.engine.task import Context, Options, count
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Failure, Report
from kobling.service.couplings import USES, opened
from kobling.service.criteria import criteria
from kobling.service.documents import job_document
from kobling.service.identifiers import locate
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status, run_records

_WORDS: Final = {
    Miss.NONE: "no record of Sales has the same values",
    Miss.COUPLED: "the record of Sales that has the same values is coupled already",
    Miss.BLANK: "what it would be compared by is blank",
}
_CURES: Final = {
    Miss.NONE: "Compare other fields, couple it by hand, or create its counterpart with --create.",
    Miss.COUPLED: "Uncouple the other pair first, or compare other fields.",
    Miss.BLANK: "Fill the field in, compare other fields, or couple it by hand.",
}
_SEVERAL: Final = "several records share the same values"
_CHOOSE: Final = "Compare more fields, or couple the right two by hand."


class MatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """on: `BC FIELD=crm_field` texts; none means the mapping's own fields for matching. use: what settles the
    pairs at once. create: what nothing matches is created in Sales. records: a selection; none means all."""

    mapping: str
    on: tuple[str, ...] = ()
    use: str = ""
    create: bool = False
    dry_run: bool = False
    records: tuple[str, ...] = ()


async def match_couplings(
    session: Session, request: MatchRequest, *, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples what stands on both sides and matches uniquely; with `use` they are settled at once, with
    `create` the counterparts of what nothing matches are created at once.

    Raises ConfigurationError for fields that cannot match, and for a mapping that creates nothing in Sales.
    """
    name = session.definition(request.mapping).name
    holding = session.locked([name], wait, rehearse=request.dry_run)
    async with session.context(Options()) as context, holding:
        mapping = await opened(session, context, name)
        on = criteria(await session.changed(name), request.on)
        if request.create:
            check_creates(mapping, Side.RIGHT)
        selected = await _selected(context, mapping, request.records)
        report = new_report(name, "match")
        if not request.dry_run:
            report.job = await session.state.open_job(name, "match")
        matching = await match_records(
            context,
            name,
            on,
            USES[request.use],
            create=request.create,
            rehearse=request.dry_run,
            selected=selected,
        )
        reports: list[Report] = []
        if not request.dry_run:
            _fill(report, mapping, matching)
            report.open = await context.stores[name].open_counts()
            await session.state.close_job(report.job, report.status, report)
            pairs = [one for pair in matching.found.matched for one in pair] if request.use else []
            reports = [report, *await run_records(context, name, [*pairs, *matching.created])]
    document = match_document(mapping, matching) | {"jobs": [job_document(one) for one in reports]}
    return document, exit_status(reports[1:])


def check_creates(mapping: Mapping, target: Side) -> None:
    """Raises ConfigurationError for a mapping that does not flow to that side."""
    if not mapping.direction.allows(target):
        system = "Sales" if target is Side.RIGHT else "Business Central"
        raise ConfigurationError(
            f"{mapping.name} flows {mapping.direction} only, so nothing is created in {system}.",
            cure="Couple what stands on both sides, and create the others by hand.",
        )


async def _selected(context: Context, mapping: Mapping, records: Sequence[str]) -> list[str] | None:
    if not records:
        return None
    ids = await locate(context, mapping, records)
    if ids[Side.RIGHT]:
        raise ConfigurationError(
            f"{mapping.name}: {ids[Side.RIGHT][0]} is no record of Business Central.",
            cure="Matching goes through records of Business Central: select those.",
        )
    return ids[Side.LEFT]


def _fill(report: Report, mapping: Mapping, matching: Matching) -> None:
    report.status, report.seconds = "finished", round(time.monotonic() - report.seconds, 3)
    target = Side.RIGHT if mapping.direction.allows(Side.RIGHT) else Side.LEFT
    report.failures = list(_failures(mapping, matching))
    count(report, target, "coupled", len(matching.found.matched))
    count(report, target, "failed", len(report.failures))
    count(report, target, "skipped", len(matching.coupled))


def _failures(mapping: Mapping, matching: Matching) -> Iterator[Failure]:
    """One for each record that was not coupled, and that is not created either."""
    created = frozenset(matching.created)
    for ones, others in matching.found.ambiguous:
        for one in ones:
            words = f"{_called(mapping, matching, one)}: {_SEVERAL}: {len(ones)} of Business Central and"
            yield _failure(one, f"{words} {len(others)} of Sales", _CHOOSE)
    for missed in matching.found.unmatched:
        if missed.id not in created:
            words = f"{_called(mapping, matching, missed.id)}: {_WORDS[missed.reason]}"
            yield _failure(missed.id, words, _CURES[missed.reason])
    for one, text in matching.outside.items():
        words = f"{mapping.name} {one}: it is outside the filter: not {text}"
        yield _failure(one, words, "Change the record, or the filter of the mapping.")


def _failure(identifier: str, message: str, cure: str) -> Failure:
    return Failure(left=identifier, right="", kind="not matched", field="", message=message, cure=cure)


def _called(mapping: Mapping, matching: Matching, identifier: str) -> str:
    return f"{mapping.name} {' '.join(one for one in matching.titles[identifier] if one)}"


def match_document(mapping: Mapping, matching: Matching) -> Document:
    """What was coupled, or would be, and why the others are not."""
    found, created = matching.found, frozenset(matching.created)
    reasons = Counter(_WORDS[one.reason] for one in found.unmatched)
    reasons[_SEVERAL] = sum(len(ones) for ones, _ in found.ambiguous)
    return {
        "mapping": mapping.name,
        "matched": [
            {
                "bc_id": left,
                "crm_id": right,
                "number": matching.titles[left][0],
                "name": matching.titles[left][1],
            }
            for left, right in found.matched
        ],
        "ambiguous": [{"bc_ids": list(left), "crm_ids": list(right)} for left, right in found.ambiguous],
        "unmatched": [
            {
                "bc_id": one.id,
                "number": matching.titles[one.id][0],
                "name": matching.titles[one.id][1],
                "reason": _WORDS[one.reason],
                "created": one.id in created,
            }
            for one in found.unmatched
        ],
        "skipped": [
            *({"bc_id": one, "reason": "it is coupled already"} for one in matching.coupled),
            *(
                {"bc_id": one, "reason": f"it is outside the filter: not {text}"}
                for one, text in matching.outside.items()
            ),
        ],
        "reasons": [
            {"reason": reason, "records": number} for reason, number in reasons.most_common() if number
        ],
    }
