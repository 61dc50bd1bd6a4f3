"""Fixtures that several test packages share. Everything in them runs for real, on this machine only."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Protocol

import pytest
from hypothesis import settings

# A change is judged by the same examples everywhere; `make sim` draws new ones (HYPOTHESIS_PROFILE=drawn).
settings.register_profile("kept", derandomize=True)
settings.register_profile("drawn", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "kept"))


class NewDatabase(Protocol):
    """Makes a database of the test's own and gives its URL; `template` is the name of one to copy."""

    def __call__(self, template: str | None = None) -> str: ...


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the maintenance database of a PostgreSQL server that all workers of this run share."""
    from kobling.adapters.postgres.embedded import open_embedded_database

    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    # Some linger, as one worker may be through before the next one has begun.
    with open_embedded_database(root / "postgres", durable=False, linger_seconds=1.0) as server:
        yield server.url_of("postgres")


@pytest.fixture
def new_database(postgres_server: str) -> Iterator[NewDatabase]:
    """A maker of databases that are dropped after the test, whoever is still connected to them."""
    import psycopg
    from psycopg import sql

    made: list[str] = []
    with psycopg.connect(postgres_server, autocommit=True) as administration:

        def make(template: str | None = None) -> str:
            name = f"test_{uuid.uuid4().hex}"
            # Copying files beats copying through the log, as nothing is synchronised to disk here.
            administration.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template or "template0")
                )
            )
            made.append(name)
            return postgres_server.replace("///postgres?", f"///{name}?", 1)

        yield make
        for name in made:
            administration.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """The URL of an empty database of the test's own."""
    return new_database()
