"""Alerts, and totals of what is gone, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from kobling.model.alert import Alert, AlertKind, KeptAlert

# Those that are over are kept for people to look at, not for ever.
_KEPT_DAYS: Final = 90
_COLUMNS: Final = "id, kind, subject, message, cure, raised_at, cleared_at, told, told_over"


class AlertStore:
    """The alerts of one connection, on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], connection_id: int) -> None:
        self._database = database
        self._connection_id = connection_id

    async def known(self) -> list[KeptAlert]:
        """Every alert that is kept, oldest first."""
        cursor = await self._database.execute(
            f"select {_COLUMNS} from alert where connection_id = %s order by id", [self._connection_id]
        )
        return [
            KeptAlert(
                id=row[0],
                kind=AlertKind(row[1]),
                subject=row[2],
                message=row[3],
                cure=row[4],
                raised_at=row[5],
                cleared_at=row[6],
                told=tuple(row[7]),
                told_over=tuple(row[8]),
            )
            async for row in cursor
        ]

    async def raise_alert(self, one: Alert, now: datetime) -> None:
        """Keeps one that is new."""
        await self._database.execute(
            "insert into alert (connection_id, kind, subject, message, cure, raised_at)"
            " values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
            [self._connection_id, one.kind.value, one.subject, one.message, one.cure, now],
        )

    async def reword(self, number: int, one: Alert) -> None:
        """The words of one that stands, as they are now."""
        await self._database.execute(
            "update alert set message = %s, cure = %s where id = %s", [one.message, one.cure, number]
        )

    async def clear(self, numbers: Sequence[int], now: datetime) -> None:
        """These are over; what has been over for long goes."""
        await self._database.execute(
            "update alert set cleared_at = %s where id = any(%s)", [now, list(numbers)]
        )
        await self._database.execute(
            "delete from alert where connection_id = %s and cleared_at < %s - make_interval(days => %s)",
            [self._connection_id, now, _KEPT_DAYS],
        )

    async def note_told(self, channel: str, came: Sequence[int], went: Sequence[int]) -> None:
        """A channel has been told of these. Who is told of one that is over knows both."""
        await self._database.execute(
            "update alert set told = told || %s::text where id = any(%s)", [channel, list(came)]
        )
        await self._database.execute(
            "update alert set told_over = told_over || %s::text where id = any(%s)", [channel, list(went)]
        )

    async def add(self, metric: str, labels: Sequence[str], value: float) -> None:
        """Adds to a total."""
        await self._database.execute(
            "insert into total values (%s, %s, %s, %s) on conflict (connection_id, metric, labels)"
            " do update set value = total.value + excluded.value",
            [self._connection_id, metric, list(labels), value],
        )
