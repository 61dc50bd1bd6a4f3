"""The web face: whether the process lives and works, and what it measures."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import psycopg
from aiohttp import web

from kobling.adapters.postgres.measures import measures
from kobling.adapters.telemetry.metrics import exposition
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.service.configuration import Configuration
from kobling.service.database import database_error
from kobling.service.session import session_on

# No answer of ours needs a longer question.
BODY_BYTES_MAX: Final = 1_000_000
_logger = logging.getLogger(__name__)


class Face:
    """The handlers. url: of the database."""

    def __init__(self, configuration: Configuration, url: str) -> None:
        self._configuration = configuration
        self._url = url

    def routes(self) -> list[web.RouteDef]:
        """What is answered."""
        return [
            web.get("/health", self.health),
            web.get("/ready", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """The process lives and answers."""
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """It can work: the database is there, with the schema that it needs."""
        try:
            async with session_on(self._configuration, self._url):
                return web.json_response({"status": "ready"})
        except (KoblingError, psycopg.Error) as error:
            known = error if isinstance(error, KoblingError) else database_error(error)
            words = type(error).__name__ if known is None else known.message
            return web.json_response({"status": "not ready", "reason": words}, status=503)

    async def metrics(self, request: web.Request) -> web.Response:
        """What is measured, for Prometheus."""
        try:
            async with session_on(self._configuration, self._url) as session:
                rows = await measures(session.state.database, session.state.connection_id)
        except (KoblingError, psycopg.Error) as error:
            return web.Response(text=f"# {type(error).__name__}\n", status=503)
        body, kind = exposition(rows)
        return web.Response(body=body, headers={"Content-Type": kind})


async def serve_web(configuration: Configuration, url: str, stop: asyncio.Event) -> None:
    """Answers until told to stop. Raises ConfigurationError where it cannot listen there."""
    application = web.Application(client_max_size=BODY_BYTES_MAX)
    application.add_routes(Face(configuration, url).routes())
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, configuration.web.host, configuration.web.port)
        await _listen(site, configuration)
        host, port = runner.addresses[0][:2]
        _logger.info("listens", extra={"host": host, "port": port})
        await stop.wait()
    finally:
        await runner.cleanup()


async def _listen(site: web.TCPSite, configuration: Configuration) -> None:
    try:
        await site.start()
    except OSError as error:
        place = f"{configuration.web.host}:{configuration.web.port}"
        raise ConfigurationError(
            f"Nothing can listen on {place} ({error.strerror or error}).",
            cure="Name another host or port under [web], or stop what listens there.",
        ) from None
