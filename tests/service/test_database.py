"""Aim: a database of one's own or the embedded one, by configuration alone; a URL that cannot be used is
refused without its password.
"""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from kobling.model.errors import ConfigurationError, KoblingError, UnreachableError
from kobling.service.configuration import Configuration, read_configuration
from kobling.service.database import database, database_error, describe_database, explained

CANARY = "canary-51c0"


def configured(folder: Path, url: str = "") -> Configuration:
    path = folder / "kobling.toml"
    path.write_text("")
    return read_configuration(path, {"KOBLING_DATABASE_URL": url})


def test_without_a_url_an_embedded_database_lies_beside_the_configuration(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    with database(configuration) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert (tmp_path / "kobling-data").is_dir()
    assert str(tmp_path / "kobling-data") in describe_database(configuration)


def test_a_url_is_used_as_it_is(tmp_path: Path, database_url: str) -> None:
    with database(configured(tmp_path, database_url)) as url, psycopg.connect(url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert not (tmp_path / "kobling-data").exists()


def test_an_embedded_database_that_cannot_start_says_so(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    (tmp_path / "kobling-data").write_text("no directory")
    with pytest.raises(UnreachableError, match="set KOBLING_DATABASE_URL") as caught, database(configuration):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{CANARY}@host/db?no_such_option=1",
        f"postgresql://user:half/{CANARY}@host/db",
        f"postgresql://user:half@{CANARY}@host/db",
        f"postgresql://user:%zz{CANARY}@host/db",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_password(tmp_path: Path, url: str) -> None:
    configuration = configured(tmp_path, url)
    with pytest.raises(ConfigurationError, match="%40") as caught, database(configuration):
        pass
    assert CANARY not in str(caught.value)
    with pytest.raises(ConfigurationError, match="%40"):
        describe_database(configuration)


def test_a_database_is_described_without_its_password(tmp_path: Path) -> None:
    shown = describe_database(configured(tmp_path, f"postgresql://user:{CANARY}@db.example/sales"))
    assert shown == "PostgreSQL at db.example, database sales"


def test_what_the_server_refuses_becomes_an_error_for_a_person(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        # Undone with the transaction.
        connection.execute("create role nobody_here")
        connection.execute("set role nobody_here")
        with pytest.raises(UnreachableError, match="grant it create"), explained():
            connection.execute("create table public.t (a int)")
        connection.rollback()


def test_a_server_that_goes_away_becomes_an_error_and_a_mistake_of_ours_stays_one(database_url: str) -> None:
    with psycopg.connect(database_url) as connection, psycopg.connect(database_url, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        with pytest.raises(UnreachableError, match="gave up"), explained():
            connection.execute("select 1")
        with pytest.raises(psycopg.errors.SyntaxError), explained():
            other.execute("selec 1")
    known: KoblingError | None = database_error(ValueError("x"))
    assert known is None
