"""What is kept of one record, forgotten: that something happened stays, the values go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.packing import IDS, joined

_ERASED: Final = "erased on request"
_OF: Final = f"mapping_id = %s and (left_id = {IDS} or right_id = {IDS})"


async def has_open_intents(
    database: psycopg.AsyncConnection[Any], mapping_id: int, ids: Sequence[str]
) -> bool:
    """Whether a run that is gone left writes to one of these records unsettled."""
    cursor = await database.execute(
        "select 1 from intent where mapping_id = %s and entries ~ %s limit 1", [mapping_id, "|".join(ids)]
    )
    return await cursor.fetchone() is not None


async def erase(
    database: psycopg.AsyncConnection[Any], mapping_id: int, ids: Sequence[str]
) -> dict[str, int]:
    """Forgets these records of a mapping, both of a pair; how many rows of each kind that were.

    couplings, inbox: they go. writes: when, where and by which job stays, without values and names of fields.
    errors: class and field stay.
    """
    both = [mapping_id, joined(ids), joined(ids)]
    statements: dict[str, tuple[str, list[Any]]] = {
        "couplings": (f"delete from coupling where {_OF}", both),
        "inbox": (f"delete from inbox where mapping_id = %s and record_id = {IDS}", both[:2]),
        # Without its version a write cannot be undone any more: nobody knows what was there.
        "writes": (
            f"update audit set changes = '{{}}', reason = '{_ERASED}', version = '' where {_OF}",
            both,
        ),
        "errors": (
            f"update job_error set message = '{_ERASED}', cure = '' from job where job.id = job_id"
            " and mapping_id = %s and (left_id = any(%s) or right_id = any(%s))",
            [mapping_id, list(ids), list(ids)],
        ),
    }
    found = {}
    for kind, (statement, parameters) in statements.items():
        found[kind] = (await database.execute(statement.encode(), parameters)).rowcount
    return found
