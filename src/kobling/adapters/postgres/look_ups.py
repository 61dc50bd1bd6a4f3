"""What look-ups ask of the couplings of one mapping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from kobling.model.mapping import Side
from kobling.model.state import Found
from kobling.model.values import guid


async def partners(
    database: psycopg.AsyncConnection[Any], mapping_id: int, side: Side, known_by: str, keys: Sequence[str]
) -> dict[str, Found]:
    """The coupled partners on `side`: right ids by the column `known_by`, or left numbers by right id."""
    asked, given = ("right_id", "left_number") if side is Side.LEFT else (known_by, "right_id")
    kind = "uuid" if side is Side.LEFT else "text"
    cursor = await database.execute(
        f"select {asked}::text, {given}::text, {_outside(side)}, {_outside(side.other)} from coupling"
        f" where mapping_id = %s and {asked} = any(%s::{kind}[])",
        [mapping_id, [one for one in keys if kind == "text" or guid(one)]],
    )
    return {row[0]: Found(value=row[1], outside=row[2], asked_outside=row[3]) async for row in cursor}


def _outside(side: Side) -> str:
    """Why the record of that side of a coupling is outside the filter; '' for one that is inside."""
    return (
        "coalesce((select message from inbox where inbox.mapping_id = coupling.mapping_id"
        f" and reason = 'outside' and record_id = {side}_id limit 1), '')"
    )


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
