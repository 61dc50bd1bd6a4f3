"""The PostgreSQL server that all workers of a run of the tests share, and the tests' own databases on it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from kobling.adapters.postgres import embedded_cluster

MEMORY = Path("/dev/shm")
ROOM_BYTES_MIN = 2 * 1024**3
NAME = "kobling-tests-"
OLD_SECONDS = 3600.0
# The variable that tells the workers of a run where their server is.
PLACE = "TESTS_POSTGRES"


def choose_place() -> None:
    """Names a directory for the server of this run; nothing is made yet.

    Hundreds of databases are copied and dropped, which takes a twentieth of the time in memory.
    """
    writable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    roomy = writable and shutil.disk_usage(MEMORY).free >= ROOM_BYTES_MIN
    root = MEMORY if roomy else Path(tempfile.gettempdir())
    for old in root.glob(f"{NAME}*"):
        # Of a run that was killed.
        if time.time() - old.stat().st_mtime > OLD_SECONDS and is_idle(old):
            shutil.rmtree(old, ignore_errors=True)
    os.environ[PLACE] = str(root / f"{NAME}{uuid.uuid4().hex}")


def leave_place() -> None:
    """Removes that directory once nobody is there any more."""
    place = Path(os.environ.pop(PLACE))
    until_idle(place)
    shutil.rmtree(place, ignore_errors=True)


def is_idle(directory: Path) -> bool:
    """True if neither a keeper nor any process of an embedded server is left there."""
    return not (directory / embedded_cluster.KEEPER_LOCK).exists() or _lock(directory, fcntl.LOCK_NB)


def until_idle(directory: Path) -> None:
    """Return once that is so."""
    if (directory / embedded_cluster.KEEPER_LOCK).exists():
        _lock(directory, 0)


def _lock(directory: Path, flags: int) -> bool:
    """Takes the lock that keeper and server hold, and gives it back at once; False if they hold it."""
    with (directory / embedded_cluster.KEEPER_LOCK).open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | flags)
        except BlockingIOError:
            return False
    return True


class NewDatabase(Protocol):
    """Makes a database of the test's own and gives its URL; `template` is the name of one to copy."""

    def __call__(self, template: str | None = None) -> str: ...


@contextmanager
def databases(postgres_server: str) -> Iterator[NewDatabase]:
    """A maker of databases that are dropped at the end, whoever is still connected to them."""
    made: list[str] = []
    with psycopg.connect(postgres_server, autocommit=True) as administration:

        def make(template: str | None = None) -> str:
            name = f"test_{uuid.uuid4().hex}"
            _create(administration, name, template or "template0")
            made.append(name)
            return postgres_server.replace("///postgres?", f"///{name}?", 1)

        yield make
        for name in made:
            _drop(administration, name)


def replace_database(postgres_server: str, url: str, template: str) -> None:
    """The database of that URL begins anew as a copy of the one with the name `template`."""
    with psycopg.connect(postgres_server, autocommit=True) as administration:
        _drop(administration, name_of(url))
        _create(administration, name_of(url), template)


def name_of(url: str) -> str:
    """The name of the database to which a URL leads."""
    return urllib.parse.urlsplit(url).path.removeprefix("/")


def _create(administration: psycopg.Connection, name: str, template: str) -> None:
    # Copying files beats copying through the log, as nothing is synchronised to disk here.
    administration.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


def _drop(administration: psycopg.Connection, name: str) -> None:
    administration.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
