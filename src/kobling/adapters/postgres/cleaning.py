"""Everything that is kept of one connection, counted and taken away. Rows of other connections stay."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import psycopg

from kobling.adapters.postgres.inbox import SLICES
from kobling.adapters.postgres.locks import Lock

Database = psycopg.AsyncConnection[Any]
# In this order, as what stands later is named by what stands before. The rows of the connection and of its
# mappings stay, without what was set of them: a process that knows their keys goes on with an empty state.
_OF_MAPPINGS: Final = (
    *("audit", "intent", "inbox", "coupling", "generation", "layout"),
    *("full_synchronization", "schedule_entry"),
)
_OF_CONNECTION: Final = ("feed", "reference", "mark", "alert", "total")
_MINE: Final = "mapping_id in (select id from mapping where connection_id = %s)"


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """How much is kept of a connection. inbox: records that wait. settings: mappings that a person changed or
    made, and the connection's own settings. entries: of the schedule."""

    couplings: int
    inbox: int
    jobs: int
    settings: int
    entries: int


async def connections(database: Database) -> dict[str, int]:
    """The keys of all connections by name."""
    cursor = await database.execute("select name, id from connection order by name")
    return {row[0]: row[1] async for row in cursor}


async def contents(database: Database, connection_id: int) -> Contents:
    """What is kept of a connection."""
    tables = ("coupling", "inbox", "job", "schedule_entry")
    counts = {name: await _count(database, connection_id, name, _MINE) for name in tables}
    changed = "connection_id = %s and settings <> '{}'"
    own = "id = %s and settings <> '{}'"
    return Contents(
        couplings=counts["coupling"],
        inbox=counts["inbox"],
        jobs=counts["job"],
        settings=await _count(database, connection_id, "mapping", changed)
        + await _count(database, connection_id, "connection", own),
        entries=counts["schedule_entry"],
    )


async def held(database: Database, connection_id: int) -> list[str]:
    """The mappings that a run holds. The others, and the schedule, are held until this transaction ends."""
    cursor = await database.execute(
        "select name from (select name, pg_try_advisory_xact_lock(%s, id) as free,"
        " (select bool_and(pg_try_advisory_xact_lock(-id, slice)) from generate_series(0, %s) as slice)"
        " as whole from mapping where connection_id = %s) as asked where not (free and whole) order by name",
        [Lock.MAPPING, SLICES - 1, connection_id],
    )
    found = [row[0] async for row in cursor]
    kinds = {Lock.SCHEDULE: "the schedule", Lock.FULL_SYNCHRONIZATION: "a full synchronization"}
    for lock, words in kinds.items():
        cursor = await database.execute("select pg_try_advisory_xact_lock(%s, %s)", [lock, connection_id])
        row = await cursor.fetchone()
        found += [] if row is not None and row[0] else [words]
    return found


async def clean(database: Database, connection_id: int) -> None:
    """Takes away what is kept of a connection, in the transaction in hand."""
    errors = f"delete from job_error where job_id in (select id from job where {_MINE})"
    await database.execute(errors, [connection_id])
    for name in (*_OF_MAPPINGS, "job"):
        await database.execute(f"delete from {name} where {_MINE}", [connection_id])
    for name in _OF_CONNECTION:
        await database.execute(f"delete from {name} where connection_id = %s", [connection_id])
    await database.execute("update mapping set settings = '{}' where connection_id = %s", [connection_id])
    await database.execute(
        "update connection set settings = '{}', left_identity = '', right_identity = '', right_user = ''"
        " where id = %s",
        [connection_id],
    )


async def _count(database: Database, connection_id: int, table: str, condition: str) -> int:
    cursor = await database.execute(f"select count(*) from {table} where {condition}", [connection_id])
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
