"""What is recommended for each mapping of a full synchronization, and which line may start.

A full run creates on the other side what has no partner. Where both sides hold uncoupled records and nothing
tells which belong together, that makes duplicates: these are to be coupled first, and so is everything that
they are looked up from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from kobling.model.full_synchronization import Line, LineStatus, Recommendation

_OPEN: Final = frozenset({Recommendation.COUPLE, Recommendation.UNSATISFIED})


def recommended(lines: Iterable[Line], left_out: Collection[str] = ()) -> tuple[Line, ...]:
    """The lines, each behind those that it needs, with what is recommended. One that has begun keeps its own.

    A dependency that is not coupled yet leaves its dependants no way to tell their own records apart, unless
    it is left out, and so nobody waits for it.
    """
    judged: dict[str, Line] = {}
    for line in lines:
        kept = line
        if line.status is LineStatus.BLANK:
            needed = [judged[name] for name in line.needs if name in judged and name not in left_out]
            kept = msgspec.structs.replace(line, recommendation=_recommendation(line, needed))
        judged[line.mapping] = kept
    return tuple(judged.values())


def _recommendation(line: Line, needed: Iterable[Line]) -> Recommendation:
    if not line.creating:
        return Recommendation.NONE
    if not line.doubling:
        return Recommendation.FULL
    return Recommendation.UNSATISFIED if any(map(is_uncoupled, needed)) else Recommendation.COUPLE


def is_uncoupled(line: Line) -> bool:
    """Whether nobody can say yet which of its records belong together."""
    return line.recommendation in _OPEN and not is_done(line)


def is_done(line: Line) -> bool:
    """Whether what depends on the line may start."""
    return line.status is LineStatus.FINISHED or (
        line.status is LineStatus.BLANK and line.recommendation is Recommendation.NONE
    )


def waits_for(line: Line, lines: Sequence[Line], left_out: Collection[str] = ()) -> tuple[str, ...]:
    """The mappings that are to be finished before the line may start. Nobody waits for who is left out."""
    known = {one.mapping: one for one in lines}
    needed = [name for name in line.needs if name in known and name not in left_out]
    return tuple(name for name in needed if not is_done(known[name]))


def startable(lines: Sequence[Line], left_out: Collection[str] = ()) -> tuple[Line, ...]:
    """The lines that may start now: not begun, not left out, with something to do and nothing to wait for."""
    return tuple(
        one
        for one in lines
        if one.status is LineStatus.BLANK
        and one.recommendation is not Recommendation.NONE
        and one.mapping not in left_out
        and not waits_for(one, lines, left_out)
    )
