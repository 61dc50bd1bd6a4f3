"""A whole database as one file, and back, by PostgreSQL's own programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kobling.adapters.postgres.embedded import installed_programs
from kobling.adapters.postgres.schema import ASIDE, holds_state, open_database
from kobling.model.errors import ConfigurationError, UnreachableError

_DUMP: Final = ("--format=custom", "--no-owner", "--no-acl")
_RESTORE: Final = ("--exit-on-error", "--single-transaction", "--no-owner", "--no-acl")
_SCHEMAS: Final = ("public", "procrastinate")
_CURE: Final = "Check the file, and that the server is at most PostgreSQL 18; else use its own programs."


async def write_archive(url: str, file: Path) -> None:
    """Writes what the database holds at this moment into a new file, for its owner only.

    Raises ConfigurationError where the file is there already or cannot be written.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        cure = "Name another file, in a folder that you may write to."
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}).", cure=cure) from None
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        await _run("pg_dump", url, *_DUMP, f"--file={draft}")
        os.replace(draft, file)
    except BaseException:
        for one in (draft, file):
            with contextlib.suppress(OSError):
                os.unlink(one)
        raise


async def read_archive(url: str, file: Path) -> None:
    """Puts what the file holds in the place of what the database holds; all of it, or nothing is changed.

    Raises ConfigurationError for a file that is no backup, and while anybody else uses the database.
    """
    if "schema_version" not in await _run("pg_restore", "", "--list", str(file)):
        raise ConfigurationError(f"{file} is no backup of a kobling database.", cure="Name another file.")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as database:
        await _refuse_company(database)
        await _finish_former(database)
        async with database.transaction():
            for name in await _present(database, ""):
                await database.execute(f"alter schema {name} rename to {ASIDE}{name}")
            await database.execute("create schema public authorization pg_database_owner")
        try:
            await _run("pg_restore", url, *_RESTORE, str(file))
            # An older one is brought up to date, a newer one is refused.
            await (await open_database(url)).close()
        except BaseException:
            await _put_back(database)
            raise
        await _drop_aside(database)


async def _finish_former(database: psycopg.AsyncConnection[Any]) -> None:
    """A restore that was killed ended in either of two ways: with all that it put in place, or without."""
    if await holds_state(database):
        await _drop_aside(database)
    elif await _present(database, ASIDE):
        await _put_back(database)


async def _drop_aside(database: psycopg.AsyncConnection[Any]) -> None:
    for name in _SCHEMAS:
        await database.execute(f"drop schema if exists {ASIDE}{name} cascade")


async def _refuse_company(database: psycopg.AsyncConnection[Any]) -> None:
    cursor = await database.execute(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
    )
    row = await cursor.fetchone()
    if row is not None and row[0]:
        raise ConfigurationError(
            f"{row[0]} other connections use the database.",
            cure="Stop every kobling worker and serve first, and close what else looks into it.",
        )


async def _put_back(database: psycopg.AsyncConnection[Any]) -> None:
    """What was there before is there again."""
    async with database.transaction():
        for name in _SCHEMAS:
            await database.execute(f"drop schema if exists {name} cascade")
        for name in await _present(database, ASIDE):
            await database.execute(f"alter schema {ASIDE}{name} rename to {name}")


async def _present(database: psycopg.AsyncConnection[Any], prefix: str) -> list[str]:
    """Those of our schemas that are there under their names with that prefix: a new database lacks some."""
    cursor = await database.execute(
        "select nspname from pg_namespace where nspname = any(%s)", [[f"{prefix}{one}" for one in _SCHEMAS]]
    )
    return [row[0].removeprefix(prefix) async for row in cursor]


async def _run(program: str, url: str, *options: str) -> str:
    """What a program of PostgreSQL prints. The password goes by the environment: others see command lines."""
    place: dict[str, Any] = dict(conninfo_to_dict(url))
    password = place.pop("password", None)
    environment = os.environ | ({} if password is None else {"PGPASSWORD": str(password)})
    named = [f"--dbname={make_conninfo(**place)}"] if url else []
    process = await asyncio.create_subprocess_exec(
        installed_programs() / program,
        *named,
        *options,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    if process.returncode == 0:
        return said.decode(errors="replace")
    words = " ".join(complained.decode(errors="replace").split())[:300]
    if not url:
        raise ConfigurationError(
            f"{program}: {words}.", cure="Name a file that kobling database backup wrote."
        )
    raise UnreachableError(f"{program}: {words}.", cure=_CURE)
