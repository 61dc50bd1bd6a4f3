"""The feed of a table without change tracking: what was modified since a time, and which ids there are.

A place in it is the time of the newest row that was read, by the service's own clock. The next read begins
some time before it: a row that was written earlier may have become visible later. What was read already comes
again and is known by its version. Nothing tells of deletions, so all ids are read, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from kobling.adapters.dataverse.layout import Layout
from kobling.model.errors import FeedExpiredError
from kobling.ports import Row

# What tokens of this feed begin with.
BY_TIME: Final = "modifiedon:"
_COLUMN: Final = "modifiedon"
# Times are of whole seconds, and no transaction of the service lives that long.
_OVERLAP_SECONDS: Final = 600


class NotTrackedError(Exception):
    """The service does not track the changes of a table."""


def is_by_time(token: str) -> bool:
    """Whether the token is a place in this feed, and not in the service's own."""
    return token.startswith(BY_TIME)


def token_at(newest: str) -> str:
    """The place after the newest row; '' before the first one."""
    return f"{BY_TIME}{newest}"


def newest_of(token: str | None) -> str:
    """The time of the newest row that was read when the token was given; '' for none."""
    return "" if token is None else token.removeprefix(BY_TIME)


def modified_since(layout: Layout, newest: str) -> str:
    """The query, below the API, of what was modified since about that time."""
    names = dict.fromkeys((*layout.select.split(","), _COLUMN))
    query = f"{layout.table}?$select={','.join(names)}&$orderby={_COLUMN}"
    if not newest:
        return query
    try:
        since = datetime.fromisoformat(newest) - timedelta(seconds=_OVERLAP_SECONDS)
    except (ValueError, OverflowError) as error:
        raise FeedExpiredError(
            f"The stored place in the changes of {layout.table} is no time: {newest[:40]!r}.",
            cure="The table must be read anew as a whole.",
        ) from error
    return f"{query}&$filter={quote(f'{_COLUMN} ge {since:%Y-%m-%dT%H:%M:%SZ}')}"


def newest_in(rows: Sequence[Row], newest: str) -> str:
    """The time of the newest of these rows and that one."""
    return max([newest, *(str(row.get(_COLUMN) or "") for row in rows)])
