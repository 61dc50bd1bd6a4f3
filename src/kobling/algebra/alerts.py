"""Which alerts come and go, and which a channel is to be told of: once when it came, once when it went.

Pure: the time comes as an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kobling.model.alert import Alert, KeptAlert

# A channel that is new, or was broken for long, is not told of what is over since.
_OLD: Final = timedelta(days=1)
_RETRY_SECONDS: Final = 60
_RETRY_SECONDS_MAX: Final = 3_600


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed since the last look."""

    raised: tuple[Alert, ...]
    again: tuple[tuple[KeptAlert, Alert], ...]
    cleared: tuple[KeptAlert, ...]


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel does not know yet: what came, even if it is gone again, and what went."""

    came: tuple[KeptAlert, ...] = ()
    went: tuple[KeptAlert, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.came or self.went)


def turn(standing: Iterable[KeptAlert], found: Iterable[Alert]) -> Turn:
    """What is new of what was found, what stands with other words, and what is gone."""
    kept = {one.key: one for one in standing}
    now = {one.key: one for one in found}
    return Turn(
        raised=tuple(one for key, one in now.items() if key not in kept),
        again=tuple(
            (kept[key], one) for key, one in now.items() if key in kept and _words(kept[key]) != _words(one)
        ),
        cleared=tuple(one for key, one in kept.items() if key not in now),
    )


def telling(known: Sequence[KeptAlert], channel: str, now: datetime, digest: timedelta) -> Telling:
    """What to tell the channel now: nothing before the oldest news has waited for the time of a digest."""
    came = tuple(one for one in known if channel not in one.told and not _is_old(one, now))
    went = tuple(
        one
        for one in known
        if one.cleared_at is not None and channel in one.told and channel not in one.told_over
    )
    news = [one.raised_at for one in came] + [one.cleared_at for one in went if one.cleared_at is not None]
    if not news or min(news) + digest > now:
        return Telling()
    return Telling(came=came, went=went)


def next_try(failures: int, now: datetime) -> datetime:
    """When a channel is tried again after that many failures in a row."""
    seconds = min(_RETRY_SECONDS << min(failures - 1, 10), _RETRY_SECONDS_MAX)
    return now + timedelta(seconds=seconds)


def _is_old(one: KeptAlert, now: datetime) -> bool:
    return one.cleared_at is not None and one.cleared_at + _OLD < now


def _words(one: Alert) -> tuple[str, str]:
    return one.message, one.cure
