"""Tells people of alerts: a line in the log, and a message to each channel that is configured.

One worker of all looks once a minute. What it finds is kept in the database, so an alert is told of once when
it comes and once when it is over, whoever looks. A channel that does not take a message is tried again later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from kobling.adapters.channels.account import Account
from kobling.adapters.postgres.measures import NOTIFICATIONS, count_jobs
from kobling.algebra.alerts import Telling, next_try, telling, turn
from kobling.model.alert import KeptAlert
from kobling.model.errors import ConfigurationError, KoblingError
from kobling.service.alerts import alert_store, found_alerts
from kobling.service.configuration import Configuration
from kobling.service.schedule import schedule_store
from kobling.service.session import Document, Session

MAIL: Final = "mail"
WEBHOOK: Final = "webhook"
_LOOK_AGAIN: Final = timedelta(seconds=60)
_WATCHED: Final = "watched"
_LINES_MAX: Final = 100
_logger = logging.getLogger(__name__)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent: a subject and lines to people, a document to programs."""

    subject: str
    lines: tuple[str, ...]
    document: Document


class _Tries(msgspec.Struct, frozen=True):
    """How a channel does: failures in a row, and when it is tried next."""

    failures: int
    next_at: datetime


_FRESH: Final = _Tries(0, datetime.min.replace(tzinfo=UTC))


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to people. send: raises KoblingError where the message is not taken."""

    name: str
    send: Callable[[Message], Awaitable[None]]


def channels(configuration: Configuration) -> list[Channel]:
    """Those that are configured."""
    found = []
    if configuration.mail.host:
        found.append(Channel(name=MAIL, send=lambda message: _mail(configuration, message)))
    if configuration.webhook.url:
        found.append(Channel(name=WEBHOOK, send=lambda message: _post(configuration, message)))
    return found


async def watch(session: Session) -> None:
    """A look at everything, once a minute by whoever comes first; then the channels are told."""
    async with schedule_store(session).changing() as now:
        looked = (await session.state.marks()).get(_WATCHED)
        if looked is not None and now < datetime.fromisoformat(looked) + _LOOK_AGAIN:
            return
        await session.state.keep_mark(_WATCHED, now.isoformat())
        await session.refresh()
        await look(session, now)
    await count_jobs(session.state.database, session.state.connection_id)
    await tell(session, now)


async def look(session: Session, now: datetime) -> None:
    """Keeps what is wrong now, and logs what came and what went. To be called while nobody else changes
    entries."""
    store = alert_store(session)
    standing = [one for one in await store.known() if one.cleared_at is None]
    news = turn(standing, await found_alerts(session, now))
    for came in news.raised:
        await store.raise_alert(came, now)
        _logger.error("alert: %s", came.message, extra={"kind": came.kind.value, "subject": came.subject})
    for old, new in news.again:
        await store.reword(old.id, new)
    await store.clear([one.id for one in news.cleared], now)
    for went in news.cleared:
        _logger.info("alert is over", extra={"kind": went.kind.value, "subject": went.subject})


async def tell(session: Session, now: datetime) -> None:
    """Tells each channel what it does not know yet."""
    store, digest = alert_store(session), timedelta(minutes=session.configuration.alerts.digest_minutes)
    for channel in channels(session.configuration):
        tries = await _tries(session, channel)
        news = telling(await store.known(), channel.name, now, digest)
        if not news or now < tries.next_at:
            continue
        if await _sent(channel, message_of(session.configuration.connection.name, news, now)):
            over = [one.id for one in (*news.came, *news.went) if one.cleared_at is not None]
            await store.note_told(channel.name, [one.id for one in news.came], over)
            await store.add(NOTIFICATIONS, [channel.name, "sent"], 1)
            await _note(session, channel, _FRESH)
        else:
            await store.add(NOTIFICATIONS, [channel.name, "failed"], 1)
            failures = tries.failures + 1
            await _note(session, channel, _Tries(failures, next_try(failures, now)))


async def try_channels(session: Session) -> tuple[Document, int]:
    """Sends a message to each channel; what became of it, and the exit status. Raises ConfigurationError
    where none is configured."""
    known = channels(session.configuration)
    if not known:
        raise ConfigurationError(
            "No channel is configured, so nobody would be told of an alert.",
            cure="Write [mail] or [webhook] into the configuration.",
        )
    name = session.configuration.connection.name
    text = "This is a test: alerts come this way."
    document = _document(name, (), (), datetime.now(UTC)) | {"test": True}
    message = Message(subject=f"kobling {name}: test", lines=(text,), document=document)
    told, status = [], 0
    for channel in known:
        words, cure = "taken", ""
        try:
            await channel.send(message)
        except KoblingError as error:
            words, cure, status = error.message, error.cure, max(status, error.exit_status)
        told.append({"channel": channel.name, "ok": not cure, "message": words, "cure": cure})
    return {"channels": told}, status


def message_of(connection: str, news: Telling, now: datetime) -> Message:
    """The news as people and programs get them."""
    came, went = news.came, [*news.went, *(one for one in news.came if one.cleared_at is not None)]
    parts = [f"{len(came)} new" if came else "", f"{len(went)} over" if went else ""]
    lines = [f"{_time(one.raised_at)}  {one.message}. {one.cure}" for one in came]
    lines += [f"{_time(one.cleared_at)}  over: {one.message}." for one in went if one.cleared_at is not None]
    if len(lines) > _LINES_MAX:
        lines = [*lines[:_LINES_MAX], f"... and {len(lines) - _LINES_MAX} more: kobling alert list"]
    return Message(
        subject=f"kobling {connection}: alerts, {', '.join(part for part in parts if part)}",
        lines=tuple(" ".join(line.split()) for line in lines),
        document=_document(connection, came, news.went, now),
    )


def _document(
    connection: str, came: Sequence[KeptAlert], went: Sequence[KeptAlert], now: datetime
) -> Document:
    return {
        "connection": connection,
        "sent_at": _time(now),
        "alerts": [
            {
                "id": str(one.id),
                "kind": one.kind.value,
                "subject": one.subject,
                "message": one.message,
                "cure": one.cure,
                "raised_at": _time(one.raised_at),
                "cleared_at": None if one.cleared_at is None else _time(one.cleared_at),
            }
            for one in (*came, *went)
        ],
    }


async def _sent(channel: Channel, message: Message) -> bool:
    try:
        await channel.send(message)
    except Exception as error:
        # Whatever it is, runs go on; a bug in a channel is one of that channel.
        words = str(error) if isinstance(error, KoblingError) else f"A bug: {type(error).__name__}."
        _logger.warning("alerts could not be sent: %s", words, extra={"channel": channel.name})
        return False
    return True


async def _mail(configuration: Configuration, message: Message) -> None:
    from kobling.adapters.channels.mail import send_mail

    mail = configuration.mail
    account = Account(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.user,
        sender=mail.sender,
        recipients=mail.recipients,
    )
    # The program that prints a secret may take its time, and so may the server.
    password = await asyncio.to_thread(mail.secret.reveal)
    await asyncio.to_thread(send_mail, account, password, message.subject, message.lines)


async def _post(configuration: Configuration, message: Message) -> None:
    from kobling.adapters.channels.web_hook import post

    secret = await asyncio.to_thread(configuration.webhook.secret.reveal)
    moment = int(datetime.now(UTC).timestamp())
    await post(configuration.webhook.url, secret, message.document, moment)


async def _tries(session: Session, channel: Channel) -> _Tries:
    text = (await session.state.marks()).get(_mark(channel))
    return _FRESH if text is None else msgspec.json.decode(text, type=_Tries)


async def _note(session: Session, channel: Channel, tries: _Tries) -> None:
    await session.state.keep_mark(_mark(channel), msgspec.json.encode(tries).decode())


def _mark(channel: Channel) -> str:
    return f"channel {channel.name}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
