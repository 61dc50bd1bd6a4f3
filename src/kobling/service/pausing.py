"""Stopping all writes of a connection at once, and letting them go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from kobling.engine.pause import PAUSED, paused_words
from kobling.model.errors import ConfigurationError
from kobling.service.session import Document, Session

_REASON_LENGTH_MAX: Final = 200


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
    return {"paused": words}


async def resume(session: Session) -> Document:
    """What was left is written by the next runs."""
    was = await paused_words(session.state)
    if was:
        await session.state.keep_mark(PAUSED, "")
    return {"paused": None, "was": was or None}
