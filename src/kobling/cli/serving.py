"""`kobling worker` and `kobling serve`: the processes that carry out the schedule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kobling.cli.options import ConfigOption

if TYPE_CHECKING:
    import asyncio

    from kobling.service.configuration import Configuration

ConcurrencyOption = Annotated[
    int, typer.Option("--concurrency", min=1, max=32, help="How many mappings it runs at the same time.")
]
_CONCURRENCY = 4


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(worker)
    app.command()(serve)


def worker(concurrency: ConcurrencyOption = _CONCURRENCY, config: ConfigOption = None) -> None:
    """Carries out the schedule until it is told to stop (SIGTERM or Ctrl-C). Any number of them may run.

    It stops within half a minute; what it had in hand is taken up by another one, or by itself next time.
    """
    from kobling.service.worker import Worker

    def parts(
        configurations: Sequence[Configuration], url: str, stop: asyncio.Event
    ) -> list[Awaitable[None]]:
        return [Worker(configurations, url, concurrency).run(stop)]

    _run(config, parts)


def serve(concurrency: ConcurrencyOption = _CONCURRENCY, config: ConfigOption = None) -> None:
    """The web face, the schedule and one worker in one process, until it is told to stop."""
    from kobling.service.worker import Worker
    from kobling.web.serving import serve_web

    def parts(
        configurations: Sequence[Configuration], url: str, stop: asyncio.Event
    ) -> list[Awaitable[None]]:
        return [
            Worker(configurations, url, concurrency).run(stop),
            serve_web(configurations, url, stop),
        ]

    _run(config, parts)


def _run(
    config: Path | None,
    parts: Callable[[Sequence[Configuration], str, asyncio.Event], list[Awaitable[None]]],
) -> None:
    """Runs the parts of a process until a signal, or until one of them fails, which ends the others."""
    import asyncio

    from kobling.adapters.telemetry.log import configure_logging
    from kobling.adapters.telemetry.tracing import traced
    from kobling.service.database import database
    from kobling.service.deployment import read_deployment
    from kobling.service.process import until_stopped

    configurations = read_deployment(config)
    configure_logging(configurations[0].log.format, configurations[0].log.level)
    with traced(configurations[0].trace.url), database(configurations[0]) as url:
        asyncio.run(until_stopped(lambda stop: parts(configurations, url, stop)))
