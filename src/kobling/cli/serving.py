"""`kobling worker` and `kobling serve`: the processes that carry out the schedule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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

    def parts(configuration: Configuration, url: str, stop: asyncio.Event) -> list[Awaitable[None]]:
        return [Worker(configuration, url, concurrency).run(stop)]

    _run(config, parts)


def serve(concurrency: ConcurrencyOption = _CONCURRENCY, config: ConfigOption = None) -> None:
    """The web face, the schedule and one worker in one process, until it is told to stop."""
    from kobling.service.worker import Worker
    from kobling.web.serving import serve_web

    def parts(configuration: Configuration, url: str, stop: asyncio.Event) -> list[Awaitable[None]]:
        return [
            Worker(configuration, url, concurrency).run(stop),
            serve_web(configuration, url, stop),
        ]

    _run(config, parts)


def _run(
    config: Path | None, parts: Callable[[Configuration, str, asyncio.Event], list[Awaitable[None]]]
) -> None:
    """Runs the parts of a process until a signal, or until one of them fails, which ends the others."""
    import asyncio

    from kobling.adapters.telemetry.log import configure_logging
    from kobling.service.configuration import read_configuration
    from kobling.service.database import database
    from kobling.service.process import until_stopped

    configuration = read_configuration(config)
    configure_logging(configuration.log.format, configuration.log.level)
    with database(configuration) as url:
        asyncio.run(until_stopped(lambda stop: parts(configuration, url, stop)))
