"""Brings a database's schema up to date from numbered SQL files, one transaction each.

A plain look at one table decides whether anything is to be done, so a command that finds the schema in order
pays one query.
"""

from __future__ import annotations

import os
from importlib.resources import files
from typing import Any, Final

import psycopg

from kobling.model.errors import ConfigurationError, UnreachableError

# Any number will do, as long as every kobling takes the same: only one process migrates at a time.
_LOCK: Final = 7_105_118_105
# What a restore puts aside until it is through has this before its name.
ASIDE: Final = "kobling_before_"


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of every migration, in order."""
    folder = files("kobling.adapters.postgres") / "migrations"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text(encoding="utf-8")) for name in names]


async def open_database(url: str) -> psycopg.AsyncConnection[Any]:
    """A connection to a database whose schema is up to date.

    Raises UnreachableError where nobody answers, ConfigurationError where a newer kobling wrote the schema.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            url, autocommit=True, connect_timeout=15, fallback_application_name=f"kobling {os.getpid()}"
        )
    except psycopg.OperationalError as error:
        raise UnreachableError(
            f"The database cannot be reached: {str(error).strip().splitlines()[0]}.",
            cure="Check KOBLING_DATABASE_URL, e.g. postgresql://user:password@host/database.",
        ) from None
    try:
        await _migrate(connection)
    except BaseException:
        await connection.close()
        raise
    return connection


async def holds_state(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Whether a kobling has used the database."""
    return await _version(connection) > 0


async def _refuse_broken_restore(connection: psycopg.AsyncConnection[Any]) -> None:
    """Where a restore was killed, the database looks like a new one: everything would be made twice."""
    query = "select 1 from pg_namespace where starts_with(nspname, %s)"
    if await (await connection.execute(query, [ASIDE])).fetchone() is not None:
        raise ConfigurationError(
            "A restore of the database was killed before it was through.",
            cure="Restore again: kobling database restore FILE --yes.",
        )


async def _migrate(connection: psycopg.AsyncConnection[Any]) -> None:
    known = migrations()
    if await _version(connection) == known[-1][0]:
        return
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute("create table if not exists schema_version (version integer primary key)")
        present = await _version(connection)
        if not present:
            await _refuse_broken_restore(connection)
        if present > known[-1][0]:
            raise ConfigurationError(
                f"The database has schema {present}, this kobling knows {known[-1][0]}.",
                cure="Upgrade kobling, or name another database.",
            )
        for number, script in known:
            if number > present:
                await connection.execute(script.encode())
                await connection.execute("insert into schema_version values (%s)", [number])


async def _version(connection: psycopg.AsyncConnection[Any]) -> int:
    """The newest migration that the database holds; 0 for an empty one."""
    cursor = await connection.execute("select to_regclass('schema_version') is not null")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return 0
    cursor = await connection.execute("select coalesce(max(version), 0) from schema_version")
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])
