"""The review of a full synchronization: a line for each mapping, what is recommended, what it came to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from kobling.adapters.postgres.full_synchronization_store import FullSynchronizationStore, Progress
from kobling.algebra.full_synchronization import is_uncoupled, recommended, waits_for
from kobling.algebra.order import order
from kobling.catalogue.definition import Definition, changed
from kobling.catalogue.describe import depends_on
from kobling.engine.census import census
from kobling.engine.synchronize import Synchronization
from kobling.engine.task import Options
from kobling.model.errors import ConfigurationError
from kobling.model.full_synchronization import Line, LineStatus, Recommendation
from kobling.model.mapping import Side
from kobling.service.criteria import criteria
from kobling.service.documents import SYSTEMS, counts_document
from kobling.service.session import Document, Session

_NAMES: Final = {Side.LEFT: "Business Central", Side.RIGHT: "Sales"}
_WAYS: Final = {"to": Side.RIGHT, "from": Side.LEFT}


def _silent(what: str, count: int) -> None:
    """Nobody watches."""


async def review(session: Session, *, progress: Callable[[str, int], None] = _silent) -> Document:
    """`{"lines": [...]}`: every enabled mapping in the order of the run. It writes to neither service."""
    lines = await reviewed(session, progress=progress)
    known = await FullSynchronizationStore(session.state).progress()
    return {"lines": [await line_document(session, one, lines, known.get(one.mapping)) for one in lines]}


async def reviewed(
    session: Session, *, progress: Callable[[str, int], None] = _silent, left_out: Collection[str] = ()
) -> tuple[Line, ...]:
    """Every line, judged. left_out: nobody waits for these."""
    known = await FullSynchronizationStore(session.state).progress()
    mappings = await session.mappings()
    chosen = [name for name in order(mappings) if not mappings[name].part_of]
    lines = await _lines(session, chosen, known)
    return recommended(await counted(session, lines, chosen, progress), left_out)


async def counted(
    session: Session, lines: Iterable[Line], names: Collection[str], progress: Callable[[str, int], None]
) -> list[Line]:
    """The lines, those of these names with the records that both sides hold now."""
    found = {one.mapping: one for one in lines}
    async with session.context(Options(), progress=progress) as context:
        await Synchronization(context, list(names)).open(list(names))
        for name in names:
            held = {side.value: await census(context, name, side) for side in Side}
            found[name] = msgspec.structs.replace(found[name], **held)
    return list(found.values())


async def _lines(session: Session, chosen: Sequence[str], known: dict[str, Progress]) -> list[Line]:
    """The lines in their order, without their records."""
    changes, mappings = await session.changes(), await session.mappings()
    now = {name: changed(session.definitions[name], changes[name]) for name in chosen}
    lines, before = [], set[str]()
    for name in chosen:
        needs = tuple(one for one in depends_on(now[name], now) if one in before)
        begun = known.get(name)
        line = Line(
            mapping=name,
            direction=mappings[name].direction,
            needs=needs,
            finder=bool(mappings[name].finder),
            criteria=_criteria(now[name]),
        )
        if begun is not None:
            line = msgspec.structs.replace(line, recommendation=begun.recommendation, status=begun.status)
        lines.append(line)
        before.add(name)
    return lines


def _criteria(definition: Definition) -> tuple[str, ...]:
    """The fields by which records are matched, as pairs in words; none where nobody has said."""
    with suppress(ConfigurationError):
        compared = criteria(definition, ())
        return tuple(f"{definition.bc.columns[one.left].caption} = {one.right}" for one in compared)
    return ()


async def line_document(
    session: Session, line: Line, lines: Sequence[Line], begun: Progress | None
) -> Document:
    """One line: what was found, what that means, and what became of it."""
    jobs = [] if begun is None else [await session.state.job(one) for one in begun.jobs]
    counts = _summed([one["counts"] for one in jobs if one is not None])
    waiting = list(waits_for(line, lines))
    return {
        "mapping": line.mapping,
        "direction": line.direction.value,
        "depends_on": list(line.needs),
        "waits_for": waiting,
        "recommendation": line.recommendation.value,
        "meaning": meaning(
            line, [one.mapping for one in lines if one.mapping in waiting and is_uncoupled(one)]
        ),
        "criteria": list(line.criteria),
        "finder": line.finder,
        **{
            SYSTEMS[side]: {
                "records": line.census(side).records,
                "coupled": line.census(side).coupled,
                "uncoupled": line.census(side).uncoupled,
            }
            for side in Side
        },
        "status": line.status.value,
        **{way: _way(line, side, counts[way]["failed"]) for way, side in _WAYS.items()},
        "jobs": [str(one) for one in (() if begun is None else begun.jobs)],
        "counts": counts,
        "message": "" if begun is None else begun.message,
    }


def _summed(counts: Sequence[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    every = [counts_document(one) for one in counts] or [counts_document({})]
    return {way: {word: sum(one[way][word] for one in every) for word in every[0][way]} for way in _WAYS}


def _way(line: Line, side: Side, failed: int) -> str:
    """What became of one direction: empty where nothing flows, or nothing has begun."""
    if not line.direction.allows(side):
        return ""
    if line.status is not LineStatus.FINISHED:
        return line.status.value
    return "error" if failed else "success"


def meaning(line: Line, uncoupled: Sequence[str] = ()) -> str:
    """What the recommendation of a line means, in words. uncoupled: what it needs, and is to be coupled."""
    held = "; ".join(
        f"{_NAMES[side]} holds {line.census(side).records}, {line.census(side).uncoupled} uncoupled"
        for side in Side
    )
    return f"{held}: {_advice(line, uncoupled)}."


def _advice(line: Line, uncoupled: Sequence[str]) -> str:
    if line.status is LineStatus.FINISHED:
        return "it is carried out"
    if line.recommendation is Recommendation.NONE:
        return "nothing would be created"
    if line.recommendation is Recommendation.UNSATISFIED:
        return f"couple what it depends on first ({', '.join(uncoupled)})"
    if line.recommendation is Recommendation.COUPLE:
        by = f" by {', '.join(line.criteria)}" if line.criteria else ", but no field is used for matching"
        return f"a full run would make duplicates; couple the records that belong together{by}"
    if line.left.uncoupled and line.right.uncoupled and line.finder:
        return "a full run couples what it finds on the other side and creates the rest"
    places = " and ".join(_NAMES[side] for side in line.creating)
    return f"a full run creates what is missing in {places}" if places else "a full run was recommended"
