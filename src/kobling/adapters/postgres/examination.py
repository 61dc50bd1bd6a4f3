"""What the database of an installation tells of its health."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.dataverse.untracked import BY_TIME
from kobling.adapters.postgres.locks import Lock, is_held

Row = tuple[Any, ...]
_WAIT_SECONDS: Final = 10
_HELD: Final = is_held(Lock.MAPPING, "mapping.id")


async def keeps_sessions(url: str) -> bool:
    """Whether a connection stays with one session of the server between its transactions.

    Behind a pooler in transaction mode it does not: a second connection gets the session that the first one
    had, and a lock that belongs to a session is lost, or held for ever.
    """
    try:
        async with asyncio.timeout(_WAIT_SECONDS), await _connect(url) as one, await _connect(url) as other:
            first = await _session_of(one)
            async with other.transaction():
                return await _session_of(other) != first == await _session_of(one)
    except TimeoutError:
        # The only session that the pooler has is taken.
        return False


async def _connect(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)


async def _session_of(connection: psycopg.AsyncConnection[Any]) -> int:
    [row] = await (await connection.execute("select pg_backend_pid()")).fetchall()
    return int(row[0])


async def held_mappings(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[str]:
    """The mappings that some run holds now."""
    query = f"select name from mapping where connection_id = %s and {_HELD} order by name"
    return [row[0] for row in await _all(database, query, [connection_id])]


async def old_rows(database: psycopg.AsyncConnection[Any], connection_id: int, days: int) -> list[Row]:
    """(mapping, reason, rows, days of the oldest) of what has been in the inbox for longer; some
    reasons belong there."""
    query = (
        "select name, reason, count(*), max(extract(day from now() - since))::int from inbox"
        " join mapping on mapping.id = mapping_id where connection_id = %s"
        " and reason not in ('outside', 'clearable', 'undone')"
        " and since < now() - make_interval(days => %s) group by name, reason order by name, reason"
    )
    return await _all(database, query, [connection_id, days])


async def open_intents(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[Row]:
    """(mapping, entries) of writes that were journalled by a run that is gone, and never settled."""
    query = (
        "select name, count(*) from intent join mapping on mapping.id = mapping_id"
        f" where connection_id = %s and not {_HELD} group by name order by name"
    )
    return await _all(database, query, [connection_id])


async def failed_entries(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[Row]:
    """(mapping, message) of job queue entries that have failed as often as they may."""
    query = (
        "select name, message from schedule_entry join mapping on mapping.id = mapping_id"
        " where connection_id = %s and status = 'Error' order by name"
    )
    return await _all(database, query, [connection_id])


async def worked(database: psycopg.AsyncConnection[Any], connection_id: int) -> bool:
    """Whether a worker has ever taken up an entry of the schedule."""
    query = (
        "select 1 from schedule_entry join mapping on mapping.id = mapping_id"
        " where connection_id = %s and started_at is not null limit 1"
    )
    return bool(await _all(database, query, [connection_id]))


async def old_jobs(database: psycopg.AsyncConnection[Any], connection_id: int, days: int) -> int:
    """How many jobs ended longer ago."""
    query = (
        "select count(*) from job join mapping on mapping.id = mapping_id where connection_id = %s"
        " and ended_at < now() - make_interval(days => %s)"
    )
    [row] = await _all(database, query, [connection_id, days])
    return int(row[0])


async def size_bytes(database: psycopg.AsyncConnection[Any]) -> int:
    """What the database takes on the server's disk."""
    [row] = await _all(database, "select pg_database_size(current_database())", [])
    return int(row[0])


async def home(database: psycopg.AsyncConnection[Any]) -> str:
    """What tells this database from copies of it that were made by dumps: they make every table anew."""
    query = "select system_identifier || '/' || 'connection'::regclass::oid from pg_control_system()"
    [row] = await _all(database, query, [])
    return str(row[0])


async def _all(database: psycopg.AsyncConnection[Any], query: str, parameters: Sequence[object]) -> list[Row]:
    return await (await database.execute(query, parameters)).fetchall()


async def feed_tokens(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[Row]:
    """(table, when its token was given) of the right side's feeds that go by the service's own tokens."""
    query = (
        "select table_name, token_at from feed where connection_id = %s and side = 'right'"
        " and token is not null and not starts_with(token, %s) order by table_name"
    )
    return await _all(database, query, [connection_id, BY_TIME])


async def guarded_mappings(database: psycopg.AsyncConnection[Any], connection_id: int) -> list[Row]:
    """(mapping, message) of those whose last run was stopped by a guard."""
    query = (
        "select distinct on (name) name, job_error.message from mapping cross join lateral (select id from"
        " job where mapping_id = mapping.id and ended_at is not null order by ended_at desc limit 1) as last"
        " join job_error on job_id = last.id where connection_id = %s and class = 'guard'"
        " order by name, job_error.id"
    )
    return await _all(database, query, [connection_id])
