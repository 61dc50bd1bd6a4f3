"""Databases of the tests' own, on the server that they share."""

from __future__ import annotations

import urllib.parse
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
