"""The database in use: the one that the configuration names, else an embedded one beside its file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Final

from kobling.model.errors import ConfigurationError, KoblingError, UnreachableError
from kobling.service.configuration import DATABASE_EXAMPLE, Configuration
from kobling.service.secret import Secret

EMBEDDED_FOLDER: Final = "kobling-data"


@contextmanager
def database(configuration: Configuration) -> Iterator[str]:
    """A URL for `open_database`, good until the end of the block.

    Raises ConfigurationError for a URL that cannot be used, EmbeddedDatabaseError where the embedded server
    does not start. It may hold a password: it is not for eyes, see `describe_database`.
    """
    if configuration.database.url:
        _parts(configuration.database.url)
        yield configuration.database.url.reveal()
        return
    from kobling.adapters.postgres.embedded import open_embedded_database

    with open_embedded_database(configuration.folder / EMBEDDED_FOLDER) as embedded:
        yield embedded.url


@asynccontextmanager
async def database_meanwhile(configuration: Configuration) -> AsyncIterator[str]:
    """As `database`; whatever else is at work need not wait while an embedded server starts.

    Only the start has a thread of its own. What is done with the database has none: values are read and
    written by types that are made ready at their first use, which is not safe in two threads at once.
    """
    with ExitStack() as stack:
        yield await asyncio.to_thread(stack.enter_context, database(configuration))


def describe_database(configuration: Configuration) -> str:
    """Which database it is, in words, without its password."""
    if not configuration.database.url:
        return f"embedded PostgreSQL in {configuration.folder / EMBEDDED_FOLDER}"
    parts = _parts(configuration.database.url)
    return f"PostgreSQL at {parts.get('host', 'the local socket')}, database {parts.get('dbname', 'default')}"


@contextmanager
def explained() -> Iterator[None]:
    """What the database itself refuses, as an error for a person."""
    try:
        yield
    except Exception as error:
        known = database_error(error)
        if known is None:
            raise
        raise known from error


def database_error(error: BaseException) -> KoblingError | None:
    """The error for a person, if this is the database's own: gone, full, or a right is missing; else None."""
    # Whoever has not loaded it has no error of it, and it takes long to load.
    psycopg = sys.modules.get("psycopg")
    if psycopg is None or not isinstance(error, psycopg.Error):
        return None
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, psycopg.OperationalError):
        return UnreachableError(f"The database gave up: {said}.", cure="Check that it runs and has space.")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        cure = "Make its user the owner of the database, or grant it create on the schema public."
        return UnreachableError(f"The database refuses: {said}.", cure=cure)
    return None


def _parts(url: Secret) -> dict[str, object]:
    """The URL taken apart as libpq does it. Raises ConfigurationError."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts: dict[str, object] = {**conninfo_to_dict(url.reveal())}
    except psycopg.Error:
        # libpq's own words quote pieces of the URL, and so of the password.
        raise _wrong(url) from None
    # A password with a bare @ or / in it ends up in one of these, and so in messages.
    if any("@" in str(parts.get(name, "")) for name in ("host", "port", "dbname")):
        raise _wrong(url)
    return parts


def _wrong(url: Secret) -> ConfigurationError:
    return ConfigurationError(
        f"{url.where} cannot be read as a PostgreSQL URL.",
        cure=f"Write it like {DATABASE_EXAMPLE}, with @ : / ? # % in the password as %40 %3A %2F %3F %23 %25",
    )
