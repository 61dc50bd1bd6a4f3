"""Aim: the embedded PostgreSQL serves any number of processes, ends with the last of them however they
die, comes back after everything was killed, and says clearly when it cannot.

Method: real servers in directories of their own, shared by real processes that are really killed.
The end of a server is known by its lock; no test relies on how long something takes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from tests.store.embedded_sharing import (
    SOURCE,
    Sharer,
    kill_all_of,
    parent_of,
    server_process,
    user_of,
)

from databases import is_idle, until_idle
from kobling.adapters.postgres import embedded_cluster
from kobling.adapters.postgres.embedded import (
    _installation,
    open_embedded_database,
)


class Share(Protocol):
    """Starts a process that shares the directory; `durable` where commits must outlive the server."""

    def __call__(self, path: Path, *, durable: bool = False) -> Sharer: ...


IS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can act as two users")
ORDINARY_USER = 65534


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A data directory to be made, of which nothing may still run when the test is over."""
    path = tmp_path / "kobling-data"
    yield path
    until_idle(path)


@pytest.fixture
def share(directory: Path) -> Iterator[Share]:
    """Starts processes that share a directory; those still there are killed before it is checked."""
    sharers: list[Sharer] = []

    def start(path: Path, *, durable: bool = False) -> Sharer:
        sharers.append(Sharer(path, durable=durable))
        return sharers[-1]

    yield start
    for sharer in sharers:
        sharer.kill()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory of the ordinary user's own, which that user can reach; only root can make it."""
    path = Path(tempfile.mkdtemp(prefix="kobling-test-", dir="/tmp"))
    os.chown(path, ORDINARY_USER, ORDINARY_USER)
    yield path
    for data in path.iterdir():
        until_idle(data)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def ordinary_python() -> str:
    """A Python that the ordinary user can run with our packages: root's own may lie in a closed home."""
    paths = [str(SOURCE), *(path for path in sys.path if path.endswith("site-packages"))]
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        command = [python, "-c", "import psycopg, kobling.adapters.postgres.embedded"]
        environment = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            outcome = subprocess.run(
                command, user=ORDINARY_USER, env=environment, cwd="/", capture_output=True, check=False
            )
        except OSError:
            continue
        if outcome.returncode == 0:
            return python
    pytest.skip("no Python here that another user than root can run")


def one(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


# What one gets


def test_it_holds_text_of_all_languages_and_orders_it_alike_everywhere(directory: Path) -> None:
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SHOW server_encoding") == "UTF8"
        assert one(database.url, "SELECT upper('blåbærøl')") == "BLÅBÆRØL"
        assert (
            one(database.url, "SELECT string_agg(t, '' ORDER BY t) FROM unnest('{b,Å,a,B}'::text[]) t")
            == "BabÅ"
        )
        assert one(database.url, "SELECT current_user || '/' || current_database()") == "kobling/kobling"
        assert one(database.url_of("postgres"), "SELECT current_database()") == "postgres"


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
def test_only_data_that_may_be_lost_are_not_synchronised(
    directory: Path, durable: bool, expected: str
) -> None:
    with open_embedded_database(directory, durable=durable, linger_seconds=0.0) as database:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert one(database.url, f"SHOW {setting}") == expected


def test_it_is_closed_to_the_network_and_to_other_users(directory: Path) -> None:
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SHOW listen_addresses") == ""
        for path in (directory, directory / "cluster"):
            assert path.stat().st_mode & 0o777 == 0o700
        for path in directory.glob("*.*"):
            assert path.stat().st_mode & 0o777 == 0o600


def test_the_log_holds_no_statement_and_no_value(directory: Path) -> None:
    with (
        open_embedded_database(directory, durable=False, linger_seconds=0.0) as database,
        psycopg.connect(database.url, autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE people (name text PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES ('Solveig')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('Solveig')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'Solveig'::integer")
    log = (directory / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "Solveig" not in log


@only_root
def test_for_root_the_server_runs_as_somebody_else_without_opening_a_parent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    directory = home / "kobling-data"
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SELECT 1") == 1
        assert user_of(server_process(directory)) == ORDINARY_USER
        assert home.stat().st_mode & 0o777 == 0o700
        assert home.stat().st_uid == directory.stat().st_uid == 0
    until_idle(directory)


@only_root
def test_an_ordinary_user_has_one_and_root_can_help_out(open_directory: Path, ordinary_python: str) -> None:
    directory = open_directory / "kobling-data"
    sharer = Sharer(directory, user=ORDINARY_USER, python=ordinary_python)
    try:
        assert "url" in sharer.opened()
        sharer.sql("CREATE TABLE kept AS SELECT 7 AS value")
        assert user_of(server_process(directory)) == ORDINARY_USER
    finally:
        sharer.leave()
    until_idle(directory)
    for lock in directory.glob("*.lock"):
        lock.unlink()  # so that root makes them anew
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SELECT value FROM kept") == 7
        assert user_of(server_process(directory)) == ORDINARY_USER
    again = Sharer(directory, user=ORDINARY_USER, python=ordinary_python)
    try:
        assert "url" in again.opened()
        assert again.sql("SELECT value FROM kept") == [[7]]
    finally:
        again.leave()


# Sharing


def test_two_processes_share_one_server_and_the_first_may_be_killed(directory: Path, share: Share) -> None:
    first, second = share(directory), share(directory)
    assert first.opened() == second.opened()
    server = server_process(directory)
    first.sql("CREATE TABLE kept AS SELECT 7 AS value")
    first.kill()
    assert second.sql("SELECT value FROM kept") == [[7]]
    third = share(directory)
    third.opened()
    assert third.sql("SELECT value FROM kept") == [[7]]
    assert server_process(directory) == server


@pytest.mark.parametrize("end", [Sharer.leave, Sharer.kill])
def test_the_server_stops_in_good_order_after_its_last_user(
    directory: Path, share: Share, end: Callable[[Sharer], None]
) -> None:
    first, second = share(directory), share(directory)
    first.opened()
    second.opened()
    first.kill()
    assert second.sql("SELECT 1") == [[1]]
    assert not is_idle(directory)
    end(second)
    until_idle(directory)
    assert not (directory / "cluster" / "postmaster.pid").exists()
    assert (directory / "server.log").read_text().rstrip().endswith("database system is shut down")


def test_users_who_come_and_go_all_the_time_are_always_served(directory: Path) -> None:
    program = """
import sys
from pathlib import Path
from typing import Protocol
from kobling.adapters.postgres.embedded import open_embedded_database
import psycopg
for _ in range(15):
    with open_embedded_database(Path(sys.argv[1]), durable=False, linger_seconds=0.0) as database:
        with psycopg.connect(database.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
"""
    command = [sys.executable, "-c", program, str(directory)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    complaints = [process.communicate(timeout=120)[1] for process in processes]
    assert complaints == [""] * 4


def test_a_server_that_lingers_serves_the_next_user(directory: Path) -> None:
    with open_embedded_database(directory, durable=False, linger_seconds=30.0):
        server = server_process(directory)
    with open_embedded_database(directory, durable=False, linger_seconds=30.0):
        assert server_process(directory) == server
    kill_all_of(directory)


def test_a_server_whose_directory_was_removed_stops(directory: Path) -> None:
    with open_embedded_database(directory, durable=False, linger_seconds=30.0):
        lock = os.open(directory / embedded_cluster.KEEPER_LOCK, os.O_RDWR)
        # The server removes files of its own meanwhile; one that is gone already is no error.
        shutil.rmtree(directory, ignore_errors=True)
        fcntl.flock(lock, fcntl.LOCK_EX)  # the end of keeper and server
        os.close(lock)


# After violence


@pytest.mark.parametrize("reused", [False, True])
def test_it_starts_again_after_everything_was_killed(directory: Path, share: Share, reused: bool) -> None:
    user = share(directory, durable=True)
    user.opened()
    user.sql("CREATE TABLE kept AS SELECT 7 AS value")
    kill_all_of(directory)
    user.kill()
    pid_file = directory / "cluster" / "postmaster.pid"
    assert pid_file.exists()
    assert (directory / "cluster" / embedded_cluster.SOCKET).exists()
    if reused:
        # The number now belongs to a living process of the same user, which PostgreSQL cannot tell.
        pid_file.write_text(f"{os.getpid()}\n" + pid_file.read_text().split("\n", 1)[1])
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SELECT value FROM kept") == 7


def test_a_server_that_was_killed_under_its_users_is_there_for_the_next(
    directory: Path, share: Share
) -> None:
    first = share(directory, durable=True)
    first.opened()
    first.sql("CREATE TABLE kept AS SELECT 7 AS value")
    killed = server_process(directory)
    os.kill(killed, signal.SIGKILL)
    second = share(directory, durable=True)
    assert "url" in second.opened()
    assert second.sql("SELECT value FROM kept") == [[7]]
    assert first.sql("SELECT value FROM kept") == [[7]]
    assert server_process(directory) != killed


def test_a_server_without_keeper_ends_and_the_next_user_gets_a_new_pair(
    directory: Path, share: Share
) -> None:
    first = share(directory, durable=True)
    first.opened()
    first.sql("CREATE TABLE kept AS SELECT 7 AS value")
    os.kill(parent_of(server_process(directory)), signal.SIGKILL)
    until_idle(directory)
    second = share(directory, durable=True)
    assert "url" in second.opened()
    assert second.sql("SELECT value FROM kept") == [[7]]


def test_data_that_were_half_made_are_made_anew(directory: Path) -> None:
    half = directory / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert one_of_new(directory) == 1
    assert not half.exists()


def one_of_new(directory: Path) -> object:
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        return one(database.url, "SELECT 1")


# Paths


def test_a_path_too_long_for_a_socket_is_no_hindrance(tmp_path: Path) -> None:
    directory = tmp_path.joinpath(*["a-rather-long-name-of-a-directory"] * 5, "kobling-data")
    with open_embedded_database(directory, durable=False, linger_seconds=0.0) as database:
        assert one(database.url, "SELECT 1") == 1
        host = parse_qs(urlsplit(database.url).query)["host"][0]
        assert len(host) < 90
        assert Path(host).samefile(directory / "cluster")
        assert Path(host).parent.stat().st_mode & 0o777 == 0o700
    until_idle(directory)
    Path(host).unlink()


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    directory = tmp_path / "Bø & Søn 100% 'a?b=c' \"#1\"" / "kobling-data"
    assert one_of_new(directory) == 1
    until_idle(directory)


@only_root
def test_programs_that_the_servers_user_cannot_reach_are_copied(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    source = _installation(tmp_path, None)
    for part in ("bin", "lib", "share"):
        shutil.copytree(source / part, closed / "pginstall" / part, symlinks=True)
    account = embedded_cluster.Account(ORDINARY_USER, ORDINARY_USER)
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    cache = Path(tempfile.mkdtemp(prefix="kobling-test-", dir="/tmp"))
    cache.chmod(0o755)
    try:
        copy = embedded_cluster.reachable_installation(
            str(closed / "pginstall"), account, lock, (str(tmp_path), str(cache))
        )
        assert Path(copy).parent == cache
        assert embedded_cluster.can_run(copy, account, lock)
        # Somebody else's directory under that name must never be run.
        os.chown(copy, ORDINARY_USER, ORDINARY_USER)
        with pytest.raises(embedded_cluster.StartError, match="cannot reach"):
            embedded_cluster.reachable_installation(str(closed / "pginstall"), account, lock, (str(cache),))
    finally:
        os.close(lock)
        shutil.rmtree(cache)


def test_a_handle_may_be_closed_twice(directory: Path) -> None:
    database = open_embedded_database(directory, durable=False, linger_seconds=0.0)
    database.close()
    database.close()
    until_idle(directory)


@only_root
def test_a_directory_that_the_user_may_not_write_is_named(open_directory: Path, ordinary_python: str) -> None:
    os.chown(open_directory, 0, 0)
    open_directory.chmod(0o755)
    sharer = Sharer(open_directory / "kobling-data", user=ORDINARY_USER, python=ordinary_python)
    error = sharer.opened()["error"]
    sharer.leave()
    assert "Permission denied" in error
    assert "KOBLING_DATABASE_URL" in error
