"""Stopping all writes of a connection at once, and letting them go on."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Final

from kobling.engine.pause import PAUSED, paused_words
from kobling.model.errors import ConfigurationError
from kobling.service.checks import check_connection
from kobling.service.session import Document, Session

_REASON_LENGTH_MAX: Final = 200
# The mark of a connection that the next worker is to resume.
_ON_START: Final = "resume on start"
_WANTED: Final = "wanted"
_logger = logging.getLogger(__name__)


async def pause(session: Session, reason: str) -> Document:
    """From now on nothing is written; a run that is under way stops at its next batch. Raises
    ConfigurationError for a reason that is no line of text."""
    if not reason.isprintable() or len(reason) > _REASON_LENGTH_MAX:
        raise ConfigurationError(
            "The reason is no short line of text.", cure=f"Give up to {_REASON_LENGTH_MAX} characters."
        )
    words = await paused_words(session.state)
    if not words:
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        words = f"since {since}{f', {reason.strip()}' if reason.strip() else ''}"
        await session.state.keep_mark(PAUSED, words)
        await session.state.keep_mark(_ON_START, "")
        await session.forget_place()
    return {"paused": words}


async def resume(session: Session) -> Document:
    """What was left is written by the next runs."""
    was = await paused_words(session.state)
    if was:
        await session.state.keep_mark(PAUSED, "")
    return {"paused": None, "was": was or None}


async def resume_on_start(session: Session) -> Document:
    """It stays paused until the next worker starts, which resumes if the connection is in order then."""
    was = await paused_words(session.state)
    if was:
        await session.state.keep_mark(_ON_START, _WANTED)
    return {"paused": was or None, "was": was or None}


async def start_again(session: Session) -> None:
    """A worker starts: resumes where somebody wanted that, unless the connection is broken."""
    if not await paused_words(session.state) or (await session.state.marks()).get(_ON_START) != _WANTED:
        return
    about = {"connection": session.configuration.connection.name}
    broken = [one for one in (await check_connection(session.configuration)).checks if not one.ok]
    if broken:
        _logger.warning("stays paused: %s: %s", broken[0].name, broken[0].message, extra=about)
        return
    await session.state.keep_mark(_ON_START, "")
    await resume(session)
    _logger.info("resumed", extra=about)
