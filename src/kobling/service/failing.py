"""What goes wrong in a process that lives on: whether it passes by itself, and words for a log."""

from __future__ import annotations

from typing import Final

from kobling.adapters.postgres.queue import UNREACHABLE
from kobling.model.errors import KoblingError, UnreachableError
from kobling.service.database import database_error

PASSING: Final = (UnreachableError, *UNREACHABLE)


def is_passing(error: BaseException) -> bool:
    """Whether it ends by itself: a service or the database cannot be reached."""
    return isinstance(error, PASSING)


def described(error: BaseException) -> str:
    """An error in words that hold no record's data: ours, the database's first line, or the type alone."""
    known = error if isinstance(error, KoblingError) else database_error(error)
    return str(known) if known is not None else f"A bug: {type(error).__name__}."
