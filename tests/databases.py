"""Databases of the tests' own, on the server that they share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import psycopg
from psycopg import sql


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
