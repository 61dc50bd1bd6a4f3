"""The gate in front of a service: nobody sends while it asks for patience, nor more than it allows."""

from __future__ import annotations

import asyncio
import random
import time
from types import TracebackType
from typing import Final, Protocol

from kobling.model.errors import UnreachableError

_LONGEST_WAIT_SECONDS: Final = 300.0
_LONGEST_CLOSURE_SECONDS: Final = 3600.0
# A place that another process leaves is told to nobody.
_PLACE_SECONDS: Final = 0.02


class SharedGate(Protocol):
    """What all processes that use the same application user share."""

    async def enter(self) -> float | None:
        """0.0 where a place was taken; else how many seconds to wait, or None while all places are taken."""
        ...

    def leave(self) -> None:
        """A place is free again. Nobody waits for it: an answer is read before another may send."""
        ...

    async def close_for(self, seconds: float) -> None:
        """No process enters for that long."""
        ...


class Gate:
    """Holds every sender back while a service asks for it, and bounds how many are in flight.

    Entering raises UnreachableError where the wait would be longer than a run can last. shared: what other
    processes take part in; None for this process alone.
    """

    def __init__(self, name: str, at_once: int, shared: SharedGate | None = None) -> None:
        self._name = name
        self._places = asyncio.Semaphore(at_once)
        self._shared = shared
        self._closed_until = 0.0

    async def close_for(self, seconds: float) -> None:
        """Nobody sends for that long, at most an hour: a longer wait is a mistake of the service."""
        seconds = min(seconds, _LONGEST_CLOSURE_SECONDS)
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)
        if self._shared is not None:
            await self._shared.close_for(seconds)

    async def __aenter__(self) -> None:
        await self._places.acquire()
        try:
            # The time may move on while we wait, so an event would have to be set by a timer of its own.
            while (wait := await self._wait_seconds()) > 0:
                self._refuse(wait)
                await asyncio.sleep(wait)
        except BaseException:
            self._places.release()
            raise

    async def _wait_seconds(self) -> float:
        """How long to wait before the next look; 0 once inside."""
        own = self._closed_until - time.monotonic()
        if own > 0 or self._shared is None:
            return max(own, 0.0)
        wait = await self._shared.enter()
        if wait is None:
            # Jitter only spreads processes; it guards nothing.
            return _PLACE_SECONDS * (1.0 + random.random())  # noqa: S311
        own = self._closed_until - time.monotonic()
        if wait == 0.0 and own > 0:
            # The gate was closed while the shared one was asked.
            self._shared.leave()
            return own
        return wait

    def _refuse(self, wait: float) -> None:
        if wait > _LONGEST_WAIT_SECONDS:
            raise UnreachableError(
                f"{self._name} asks to wait {wait:.0f} seconds before the next request.",
                cure="Run again after that time; other users of the same application may share its limits.",
            )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shared is not None:
            self._shared.leave()
        self._places.release()
