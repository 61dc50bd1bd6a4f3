"""Notifications of the services: hints that something changed in a table, and no more than that.

A hint brings the next start of a mapping forward. Nothing of it is taken for true: what changed is read from
the service itself, so hints that are lost, doubled, late or forged change nothing but the time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from kobling.adapters.business_central.subscriptions import Subscriptions
from kobling.model.errors import KoblingError
from kobling.model.mapping import Side
from kobling.service.configuration import Configuration
from kobling.service.connection import connect
from kobling.service.expiries import SUBSCRIBED
from kobling.service.failing import described
from kobling.service.schedule import schedule_store
from kobling.service.session import Session, session_on
from kobling.service.worker import wake

# Hints come in floods; they are taken up together.
_GATHER_SECONDS: Final = 0.5
_RENEW_EVERY: Final = timedelta(minutes=30)
# Subscriptions live for three days; a service that is away for one has two days to come back.
_RENEW_BEFORE: Final = timedelta(days=2)
_PENDING_MAX: Final = 1_000
# Where Business Central posts its notifications.
BC_PATH: Final = "/hooks/bc"
_logger = logging.getLogger(__name__)


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """Something changed in a table. table: a route of Business Central, a logical name of Dataverse."""

    side: Side
    table: str


class _Notification(msgspec.Struct, rename="camel"):
    client_state: str = ""
    resource: str = ""


class _Notifications(msgspec.Struct):
    value: list[_Notification]


class _Context(msgspec.Struct, rename="pascal"):
    primary_entity_name: str


def bc_hints(body: bytes, secret: str) -> list[Hint] | None:
    """What a notification of Business Central hints at; None where any part of it is not ours."""
    try:
        found = msgspec.json.decode(body, type=_Notifications).value
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not all(_is_ours(one.client_state, secret) for one in found):
        return None
    return [Hint(side=Side.LEFT, table=_set_of(one.resource)) for one in found]


def crm_hints(body: bytes, key: str, secret: str) -> list[Hint] | None:
    """What a web hook of Dataverse hints at; None where its key is not ours."""
    if not _is_ours(key, secret):
        return None
    try:
        context = msgspec.json.decode(body, type=_Context)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return [Hint(side=Side.RIGHT, table=context.primary_entity_name)]


def _is_ours(key: str, secret: str) -> bool:
    # Without a secret nobody's key is ours.
    return bool(secret) and hmac.compare_digest(key.encode(), secret.encode())


def _set_of(resource: str) -> str:
    """`api/…/companies(id)/customers(id)` and `…/customers?$filter=…` are of `customers`."""
    return resource.partition("?")[0].rstrip("/").rpartition("/")[2].partition("(")[0]


class Hints:
    """Gathers hints and wakes the mappings that they are about, in every connection: a hint does not surely
    say whose it is. secret: what it must carry."""

    def __init__(self, configurations: Sequence[Configuration], url: str, secret: str) -> None:
        self.secret = secret
        self._configurations = configurations
        self._public_url = configurations[0].web.public_url
        self._url = url
        self._pending: set[Hint] = set()
        self._renewed: datetime | None = None

    def add(self, hints: Iterable[Hint]) -> None:
        """Takes hints up; the same one twice is one."""
        self._pending.update(hints)
        # Tables are few: whoever names so many makes them up.
        if len(self._pending) > _PENDING_MAX:
            self._pending.clear()

    async def run(self, stop: asyncio.Event) -> None:
        """Wakes mappings and keeps subscriptions alive until told to stop."""
        while not stop.is_set():
            hints, self._pending = self._pending, set()
            try:
                await self._take_up(hints)
                await self._renew()
            except Exception as error:
                self._pending |= hints
                _logger.warning("hints wait: %s", described(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _GATHER_SECONDS)

    async def _take_up(self, hints: set[Hint]) -> None:
        if not hints:
            return
        for configuration in self._configurations:
            async with session_on(configuration, self._url) as session:
                names = await hinted(session, hints)
                store = schedule_store(session)
                async with store.changing() as now:
                    await wake(session, store, dict.fromkeys(names, now), now)
            about = {"connection": configuration.connection.name, "mappings": sorted(names)}
            _logger.info("told of changes", extra=about)

    async def _renew(self) -> None:
        now = datetime.now(UTC)
        if not self._public_url or not self.secret:
            return
        if self._renewed is not None and now < self._renewed + _RENEW_EVERY:
            return
        self._renewed = now
        for configuration in self._configurations:
            about = {"connection": configuration.connection.name}
            try:
                async with session_on(configuration, self._url) as session:
                    count = await subscribe(session, self._public_url, self.secret)
                _logger.info("subscribed", extra={**about, "tables": count})
            except KoblingError as error:
                # Hints only save time, and the next renewal is near.
                _logger.warning("could not subscribe: %s", described(error), extra=about)


async def hinted(session: Session, hints: Iterable[Hint]) -> set[str]:
    """The enabled mappings that read one of these tables."""
    left = {one.table.casefold() for one in hints if one.side is Side.LEFT}
    right = {one.table.casefold() for one in hints if one.side is Side.RIGHT}
    return {
        name
        for name, one in (await session.mappings()).items()
        if one.left.route.casefold() in left
        or session.definitions[name].crm.table.casefold() in right
        or one.right.route.casefold() in right
    }


async def subscribe(session: Session, public_url: str, secret: str) -> int:
    """Makes or renews a subscription to each table of Business Central that a mapping reads; how many."""
    routes = sorted({one.left.route for one in (await session.mappings()).values()})
    configuration, (company, _, _) = session.configuration, await session.state.identities()
    async with connect(configuration, company_id=company or None) as connection:
        kept = Subscriptions(connection.bc, configuration.bc.root, await connection.company_id())
        until = await kept.keep(routes, f"{public_url}{BC_PATH}", secret, _RENEW_BEFORE)
    await session.state.keep_mark(SUBSCRIBED, "" if until is None else until.isoformat())
    return len(routes)
