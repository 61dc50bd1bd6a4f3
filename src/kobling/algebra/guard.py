"""Guards: when a run stops before it writes, as what it is about to do is more than anybody would mean.

A guard looks at what is counted before anything is planned, and answers with words for a person, '' where all
is well. It never decides about one record; that is the plan's work.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from kobling.model.mapping import Limit

# Fewer pairs may all be gone at once without anything being wrong.
EMPTY_FROM: Final = 5
_LIMIT: Final = re.compile(r"(\d{1,9})(?:\s*(?:or|,)\s*(\d{1,3})\s*%)?|(\d{1,3})\s*%")
_WORDS_OFF: Final = frozenset({"off", "no", "false", "none"})
_SHOWN: Final = 5


class Guard(StrEnum):
    """What a guard looks at, as `--allow` names it."""

    __hash__ = str.__hash__

    DELETIONS = "deletions"
    CHANGES = "changes"
    EMPTY = "empty"
    SCHEMA = "schema"
    MAPPING = "mapping"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A column as its service described it. maximum: characters, None where that says nothing."""

    kind: str
    maximum: int | None = None


def parse_limit(text: str) -> Limit | None:
    """The limit that the text says: `20`, `10%`, `20 or 10%` (whichever is more), `off`; None for no limit
    that can be read."""
    words = text.strip().casefold()
    if words in _WORDS_OFF:
        return Limit()
    found = _LIMIT.fullmatch(words) if words.isascii() else None
    if found is None:
        return None
    number, percent = found[1], found[2] or found[3]
    if percent is not None and int(percent) > 100:
        return None
    return Limit(
        number=None if number is None else int(number), percent=None if percent is None else int(percent)
    )


def limit_text(limit: Limit) -> str:
    """The limit as people write it."""
    parts = [] if limit.number is None else [str(limit.number)]
    parts += [] if limit.percent is None else [f"{limit.percent}%"]
    return " or ".join(parts) or "off"


def too_many(limit: Limit, count: int, total: int) -> bool:
    """Whether so many of so many coupled pairs are more than the limit allows."""
    if limit.number is None and limit.percent is None:
        return False
    # Of a share the whole pairs count: 10% of 15 is 1.
    return count > max(limit.number or 0, (limit.percent or 0) * total // 100)


def stopped_by_count(guard: Guard, limit: Limit, count: int, total: int) -> str:
    """Why a run stops that would change, or part, so many pairs; '' where the limit allows it."""
    if not too_many(limit, count, total):
        return ""
    what = "have a deleted record" if guard is Guard.DELETIONS else "have changed"
    return f"{count} of {total} coupled pairs {what}, and the mapping allows {limit_text(limit)} in one run"


def is_empty(asked: int, answered: int) -> bool:
    """Whether a side must be taken for empty: it has none of so many records that it is known to have."""
    return asked >= EMPTY_FROM and answered == 0


def drifts(before: Mapping[str, Seen], now: Mapping[str, Seen], columns: Collection[str]) -> list[str]:
    """What became of these columns of a table since they were last described, in words; none where they are
    there, of the same type, and no shorter."""
    found = []
    for name in columns:
        was, one = before.get(name), now.get(name)
        if was is None:
            continue
        if one is None:
            found.append(f"{name} is gone")
        elif one.kind != was.kind:
            found.append(f"{name} is {one.kind} now, it was {was.kind}")
        elif one.maximum is not None and (was.maximum is None or one.maximum < was.maximum):
            found.append(f"{name} takes {one.maximum} characters now, it took {was.maximum or 'any number'}")
    return found


def shortened(words: Collection[str]) -> str:
    """The first few of these words, and how many more there are."""
    listed = list(words)
    more = len(listed) - _SHOWN
    return "; ".join(listed[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
