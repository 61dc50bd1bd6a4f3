"""The web face: whether the process lives and works, and what it measures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import psycopg
from aiohttp import web

from kobling.adapters.telemetry.metrics import exposition
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.service.configuration import Configuration
from kobling.service.database import database_error
from kobling.service.hooks import BC_PATH, Hint, Hints, bc_hints, crm_hints
from kobling.service.measured import measured
from kobling.service.session import session_on

# No answer of ours needs a longer question.
BODY_BYTES_MAX: Final = 1_000_000
_TOKEN_LETTERS_MAX: Final = 1_000
_logger = logging.getLogger(__name__)


class Face:
    """The handlers. url: of the database."""

    def __init__(self, configurations: Sequence[Configuration], url: str, hints: Hints) -> None:
        self._configurations = configurations
        self._url = url
        self._hints = hints

    def routes(self) -> list[web.RouteDef]:
        """What is answered."""
        return [
            web.get("/health", self.health),
            web.get("/ready", self.ready),
            web.get("/metrics", self.metrics),
            web.post(BC_PATH, self.business_central),
            web.post("/hooks/crm", self.dataverse),
        ]

    async def health(self, request: web.Request) -> web.Response:
        """The process lives and answers."""
        return web.json_response({"status": "ok"})

    async def business_central(self, request: web.Request) -> web.Response:
        """A notification of a subscription, or the handshake that makes or renews one."""
        token = request.query.get("validationToken")
        if token is not None:
            # It is told back as plain text, whoever asks: it is theirs.
            return web.Response(text=token[:_TOKEN_LETTERS_MAX], content_type="text/plain")
        return self._taken(bc_hints(await request.read(), self._hints.secret))

    async def dataverse(self, request: web.Request) -> web.Response:
        """What a registered web hook posts; its key comes in the query, or in a header."""
        key = request.query.get("code", request.headers.get("x-kobling-key", ""))
        return self._taken(crm_hints(await request.read(), key, self._hints.secret))

    def _taken(self, hints: list[Hint] | None) -> web.Response:
        if hints is None:
            return web.json_response({"error": "Its key is not ours, or it is no notification."}, status=401)
        self._hints.add(hints)
        return web.json_response({"hints": len(hints)}, status=202)

    async def ready(self, request: web.Request) -> web.Response:
        """It can work: the database is there, with the schema that it needs."""
        try:
            async with session_on(self._configurations[0], self._url):
                return web.json_response({"status": "ready"})
        except (KoblingError, psycopg.Error) as error:
            known = error if isinstance(error, KoblingError) else database_error(error)
            words = type(error).__name__ if known is None else known.message
            return web.json_response({"status": "not ready", "reason": words}, status=503)

    async def metrics(self, request: web.Request) -> web.Response:
        """What is measured, for Prometheus."""
        rows = {}
        try:
            for one in self._configurations:
                async with session_on(one, self._url) as session:
                    rows[one.connection.name] = await measured(session)
        except (KoblingError, psycopg.Error) as error:
            return web.Response(text=f"# {type(error).__name__}\n", status=503)
        body, kind = exposition(rows)
        return web.Response(body=body, headers={"Content-Type": kind})


async def serve_web(configurations: Sequence[Configuration], url: str, stop: asyncio.Event) -> None:
    """Answers until told to stop, as the first of these configurations says. Raises ConfigurationError where
    it cannot listen there."""
    configuration = configurations[0]
    application = web.Application(client_max_size=BODY_BYTES_MAX)
    hints = Hints(configurations, url, await asyncio.to_thread(configuration.web.secret.reveal))
    application.add_routes(Face(configurations, url, hints).routes())
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=5.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, configuration.web.host, configuration.web.port)
        await _listen(site, configuration)
        host, port = runner.addresses[0][:2]
        _logger.info("listens", extra={"host": host, "port": port})
        await hints.run(stop)
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
