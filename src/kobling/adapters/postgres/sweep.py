"""Which coupled records a full read did not bring: each of them may be deleted, and is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from kobling.adapters.postgres.bulk import copy
from kobling.model.mapping import Side


class Sweep:
    """The ids of one full read, in a table of the session: memory stays flat, however many there are."""

    def __init__(self, database: psycopg.AsyncConnection[Any]) -> None:
        self._database = database
        self._begun: datetime | None = None

    async def begin(self) -> None:
        """A run begins; what it couples itself was seen, and is not asked for."""
        row = await (await self._database.execute("select now()")).fetchone()
        self._begun = None if row is None else row[0]

    async def start(self, mapping_ids: Sequence[int]) -> list[int]:
        """A full read begins; those of the mappings that had couplings before the run."""
        cursor = await self._database.execute(
            "select one from unnest(%s::int[]) as given(one) where exists"
            " (select 1 from coupling where mapping_id = one and coupled_at < %s)",
            [list(mapping_ids), self._begun],
        )
        found = [row[0] async for row in cursor]
        if found:
            await self._database.execute("create temp table if not exists read_id (id uuid not null)")
            await self._database.execute("truncate read_id")
        return found

    async def note(self, ids: Sequence[str]) -> None:
        """These were read."""
        if ids:
            await copy(self._database, "read_id", "id", ids)

    async def missed(self, mapping_id: int, side: Side) -> list[str]:
        """The coupled records of that side that were not read."""
        cursor = await self._database.execute(
            f"select {side}_id::text from coupling where mapping_id = %s and coupled_at < %s"
            f" and not exists (select 1 from read_id where id = {side}_id)",
            [mapping_id, self._begun],
        )
        return [row[0] async for row in cursor]
