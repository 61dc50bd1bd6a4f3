"""A long-running process: its parts run until a signal tells them to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence

_logger = logging.getLogger(__name__)


async def until_stopped(parts: Callable[[asyncio.Event], Sequence[Awaitable[None]]]) -> None:
    """Runs the parts until SIGTERM or SIGINT, or until one ends; then the others are told to stop, too.

    Raises what the first part to fail raised.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stop, number.name)
    running = [asyncio.ensure_future(one) for one in parts(stop)]
    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.wait(running)
    for one in (*done, *running):
        if (error := one.exception()) is not None:
            raise error
    _logger.info("stopped")


def _stop(stop: asyncio.Event, name: str) -> None:
    _logger.info("told to stop by %s", name)
    stop.set()
