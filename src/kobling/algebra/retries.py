"""How long a failure rests before it is tried again though nothing has changed.

What fails in passing is tried again by the next run, and then after pauses that grow. What a service refuses
is refused again as long as nothing changes; but what changes may be a right or a rule in that service, which
nobody tells of.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, repeat, takewhile
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE


def _doubled(first_seconds: int, most_seconds: int) -> Iterator[int]:
    """From the first pause on each twice as long as the one before, up to the longest."""
    pauses = accumulate(repeat(2), lambda pause, by: pause * by, initial=first_seconds)
    yield from takewhile(lambda pause: pause < most_seconds, pauses)
    yield most_seconds


_PASSING: Final = (0, *_doubled(_MINUTE, _HOUR))
_REFUSED: Final = tuple(_doubled(15 * _MINUTE, 24 * _HOUR))
# In seconds, by the reason for which a row stays, then by how often it has failed; the last one is kept.
PAUSES: Final[dict[str, tuple[int, ...]]] = {"transient": _PASSING, "unproved": _PASSING, "failed": _REFUSED}
