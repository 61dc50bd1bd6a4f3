"""Many parts in batches, a few batches in flight, the answers in the order of the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from kobling.adapters.odata.answer import PASSING, Answer
from kobling.adapters.odata.http import Door
from kobling.model.errors import ProtocolError

P = TypeVar("P")
T = TypeVar("T")
_IN_FLIGHT: Final = 4
_TRIES: Final = 3
# A service says these before it does anything.
_PUT_OFF: Final = frozenset({429, 503})


async def answer_all(
    door: Door,
    parts: Sequence[P],
    size: int,
    ask: Callable[[Sequence[P]], Awaitable[list[Answer]]],
    *,
    writes: bool = False,
) -> list[Answer]:
    """The answers to the parts, `size` of them a batch. A batch that only reads is asked again while one of
    its parts is refused in passing; of one that writes, the parts that were put off before anything was done,
    as long as others pass. Raises what a batch raised, once no batch is in flight."""
    slices = [parts[start : start + size] for start in range(0, len(parts), size)]
    work = _written if writes else _read
    answers = await in_order([partial(work, door, one, ask) for one in slices])
    return [each for one in answers for each in one]


async def _read(
    door: Door, parts: Sequence[P], ask: Callable[[Sequence[P]], Awaitable[list[Answer]]]
) -> list[Answer]:
    attempt = 0
    while True:
        answers = await _asked(door, parts, ask, attempt)
        attempt += 1
        if attempt == _TRIES or not any(one.status in PASSING for one in answers):
            return answers


async def _written(
    door: Door, parts: Sequence[P], ask: Callable[[Sequence[P]], Awaitable[list[Answer]]]
) -> list[Answer]:
    answers = await _asked(door, parts, ask, 0)
    off = [at for at, one in enumerate(answers) if one.status in _PUT_OFF]
    sent = len(parts)
    while 0 < len(off) < sent:
        sent = len(off)
        again = await _asked(door, [parts[at] for at in off], ask, 0)
        for at, one in zip(off, again, strict=True):
            answers[at] = one
        off = [at for at in off if answers[at].status in _PUT_OFF]
    return answers


async def _asked(
    door: Door,
    parts: Sequence[P],
    ask: Callable[[Sequence[P]], Awaitable[list[Answer]]],
    attempt: int,
) -> list[Answer]:
    answers = await ask(parts)
    if len(answers) != len(parts):
        raise ProtocolError(
            f"{door.name} answered {len(answers)} of {len(parts)} parts of a batch.",
            cure="Run again; if it stays, something between changes the service's answers.",
        )
    # A part's plea for patience is one to every sender, whoever sends next.
    if refused := [one.headers for one in answers if one.status in PASSING]:
        await door.hold(refused, attempt)
    return answers


async def in_order(jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results in the order of the jobs, a few at work at once. After a failure no further job is begun,
    those at work end by themselves, and the first failure is raised."""
    done: dict[int, T] = {}
    errors: list[Exception] = []
    waiting = iter(enumerate(jobs))

    async def work() -> None:
        for index, job in waiting:
            try:
                done[index] = await job()
            except Exception as error:
                errors.append(error)
            if errors:
                return

    await asyncio.gather(*(work() for _ in range(min(_IN_FLIGHT, len(jobs)))))
    if errors:
        raise errors[0]
    return [done[index] for index in range(len(jobs))]
