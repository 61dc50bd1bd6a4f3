"""What a worker process does for jobs of other processes: it takes part, as far as it has places free."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kobling.engine.helper import help_out
from kobling.engine.task import Options
from kobling.model.errors import PausedError
from kobling.model.state import Invitation
from kobling.service.configuration import Configuration
from kobling.service.failing import described, is_passing
from kobling.service.guards import fingerprint
from kobling.service.session import Session, session_on

# A stop gives a helper so long to finish its batch; what it has in hand then, others take over.
_GRACE_SECONDS: Final = 10.0
# Where helping has failed, it is not tried again at once.
_REST_SECONDS: Final = 5.0
_logger = logging.getLogger(__name__)


class Helpers:
    """The helpers of one process. url: of the database. places: runs and helpers of the process at a time."""

    def __init__(self, url: str, places: int) -> None:
        self._url = url
        self._places = places
        self._runs: set[tuple[int, str]] = set()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._not_before: dict[int, float] = {}
        self._stop = asyncio.Event()

    @property
    def at_work(self) -> int:
        """In how many jobs the process takes part."""
        return len(self._tasks)

    @contextmanager
    def busy(self, connection: int, mapping: str) -> Iterator[None]:
        """The process itself runs that mapping meanwhile."""
        self._runs.add((connection, mapping))
        try:
            yield
        finally:
            self._runs.discard((connection, mapping))

    async def offer(self, session: Session) -> None:
        """Takes part in the jobs of a connection that want somebody, while there are places."""
        for one in await session.state.invitations():
            if len(self._runs) + self.at_work >= self._places:
                return
            ours = (session.state.connection_id, one.mapping) in self._runs
            rests = time.monotonic() < self._not_before.get(one.job, 0.0)
            if not (ours or rests or one.job in self._tasks):
                self._tasks[one.job] = asyncio.create_task(self._help(session.configuration, one))

    async def stop(self) -> None:
        """Nobody begins another batch; the last ones are waited for, but not for long."""
        self._stop.set()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_GRACE_SECONDS)
        for one in self._tasks.values():
            one.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _help(self, configuration: Configuration, invitation: Invitation) -> None:
        about = {
            "connection": configuration.connection.name,
            "mapping": invitation.mapping,
            "job": str(invitation.job),
        }
        try:
            async with session_on(configuration, self._url) as session:
                pairs = await self._take_part(session, invitation)
            if pairs:
                _logger.info("took part", extra={**about, "pairs": pairs})
        except PausedError as error:
            _logger.info("paused: %s", described(error), extra=about)
        except Exception as error:
            self._not_before[invitation.job] = time.monotonic() + _REST_SECONDS
            level = logging.WARNING if is_passing(error) else logging.ERROR
            _logger.log(level, "could not take part: %s", described(error), extra=about)
        finally:
            del self._tasks[invitation.job]

    async def _take_part(self, session: Session, invitation: Invitation) -> int:
        async with session.context(Options(full=invitation.full)) as context:
            mapping = context.mappings.get(invitation.mapping)
            # Whoever has changed the mapping meanwhile means the next run.
            if mapping is None or fingerprint(mapping) != invitation.fingerprint:
                return 0
            context.shared_as = {invitation.mapping: invitation.fingerprint}
            return await help_out(context, invitation, self._stop)
