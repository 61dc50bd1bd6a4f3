"""What is kept of single records beside their couplings, and outlives these.

How often a record was uncoupled, which version of it we wrote ourselves, and by which job the creation made
of it was undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from kobling.adapters.postgres.packing import IDS, joined


class Generations:
    """The records of one mapping."""

    def __init__(self, database: psycopg.AsyncConnection[Any], mapping_id: int) -> None:
        self._database = database
        self._mapping_id = mapping_id

    async def raised(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these records has been uncoupled; those that never were are left out."""
        return await self._read("generation", "generation > 0", ids)

    async def own(self, ids: Sequence[str]) -> dict[str, str]:
        """The versions that we ourselves wrote last of these records, which have no coupling."""
        return await self._read("own", "true", ids)

    async def left_out(self, ids: Sequence[str]) -> dict[str, str]:
        """Of these records those whose creation was undone, with the number of the job that it was."""
        return await self._read("left_out_by::text", "left_out_by is not null", ids)

    async def _read(self, column: str, condition: str, ids: Sequence[str]) -> dict[str, Any]:
        cursor = await self._database.execute(
            f"select source_id::text, {column} from generation where mapping_id = %s"
            f" and source_id = {IDS} and {condition}",
            [self._mapping_id, joined(ids)],
        )
        return {row[0]: row[1] async for row in cursor}

    async def uncoupled(self, ids: Sequence[str]) -> None:
        """These records get another generation."""
        await self._database.execute(
            "insert into generation"
            " select %s, id, 1 from unnest(string_to_array(%s, ',')::uuid[]) as given(id)"
            " on conflict (source_id, mapping_id) do update set generation = generation.generation + 1",
            [self._mapping_id, joined(ids)],
        )

    async def note_own(self, versions: Sequence[tuple[str, str]]) -> None:
        """Notes the versions that we ourselves wrote of records without a coupling."""
        if versions:
            await self._database.execute(
                "insert into generation (mapping_id, source_id, generation, own)"
                " select %s, id, 0, version from unnest(%s::uuid[], %s::text[]) as given(id, version)"
                " on conflict (source_id, mapping_id) do update set own = excluded.own",
                [self._mapping_id, [one for one, _ in versions], [one for _, one in versions]],
            )

    async def leave_out(self, records: Sequence[tuple[str, str]]) -> None:
        """No counterpart is created of these records until they are released. records: (id, undone job)."""
        if records:
            await self._database.execute(
                "insert into generation (mapping_id, source_id, generation, left_out_by)"
                " select %s, id, 0, job from unnest(%s::uuid[], %s::bigint[]) as given(id, job)"
                " on conflict (source_id, mapping_id) do update set left_out_by = excluded.left_out_by",
                [self._mapping_id, [one for one, _ in records], [int(job) for _, job in records]],
            )

    async def release(self, ids: Sequence[str]) -> None:
        """These records take part again."""
        await self._database.execute(
            "update generation set left_out_by = null where mapping_id = %s and left_out_by is not null"
            f" and source_id = {IDS}",
            [self._mapping_id, joined(ids)],
        )
