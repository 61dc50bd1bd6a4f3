"""Records that are parts of one: the lines of a document have its number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg


async def coupled_parts(
    database: psycopg.AsyncConnection[Any], mapping_id: int, numbers: Sequence[str]
) -> dict[str, int]:
    """How many left records of each of these numbers are coupled, if any."""
    cursor = await database.execute(
        "select left_number, count(*) from coupling where mapping_id = %s and left_number = any(%s)"
        " group by left_number",
        [mapping_id, list(numbers)],
    )
    return {row[0]: row[1] async for row in cursor}
