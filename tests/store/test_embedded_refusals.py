"""Aim: whatever keeps the embedded PostgreSQL from starting, the user reads one clear error: the
directory, the reason in the words of whoever refused, and the way out.

Method: each cause is brought about for real, in a directory of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.store.embedded_sharing import server_process

from databases import until_idle
from kobling.adapters.postgres import embedded_cluster
from kobling.adapters.postgres.embedded import (
    EmbeddedDatabaseError,
    _installation,
    open_embedded_database,
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """A data directory to be made, of which nothing may still run when the test is over."""
    path = tmp_path / "kobling-data"
    yield path
    until_idle(path)


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory that every user can reach, the one who runs the server for root included."""
    path = Path(tempfile.mkdtemp(prefix="kobling-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def open_throwaway(directory: Path, installation: Path | None = None) -> str:
    """Open and close at once; gives the URL, or raises."""
    with open_embedded_database(
        directory, durable=False, linger_seconds=0.0, installation=installation
    ) as database:
        return database.url


def stopped(directory: Path) -> Path:
    """A data directory with a database in it and no server."""
    open_throwaway(directory)
    until_idle(directory)
    return directory / "cluster"


def refusal(directory: Path, installation: Path | None = None) -> str:
    with pytest.raises(EmbeddedDatabaseError) as caught:
        open_throwaway(directory, installation)
    text = str(caught.value)
    assert str(directory) in text
    assert "KOBLING_DATABASE_URL" in text
    assert "postgresql://user:password@host/database" in text
    return text


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "Not a directory" in refusal(tmp_path / "file" / "kobling-data")


def test_data_of_another_version_are_named(directory: Path) -> None:
    cluster = stopped(directory)
    (cluster / "PG_VERSION").write_text("14\n")
    text = refusal(directory)
    assert "incompatible with server" in text
    assert "they are of PostgreSQL 14" in text


def test_damaged_data_give_the_servers_own_complaint(directory: Path) -> None:
    cluster = stopped(directory)
    control = cluster / "global" / "pg_control"
    control.write_bytes(bytes(control.stat().st_size))
    assert "FATAL:" in refusal(directory)
    control.unlink()
    text = refusal(directory)
    assert "could not find the database system" in text
    assert str(control) in text


def test_a_platform_without_programs_is_named(directory: Path, tmp_path: Path) -> None:
    assert f"no PostgreSQL programs for this platform in {tmp_path}" in refusal(directory, tmp_path)


def test_programs_that_do_not_run_are_named(directory: Path, reachable: Path) -> None:
    (reachable / "bin").mkdir()
    for name in ("postgres", "initdb"):
        (reachable / "bin" / name).write_bytes(b"\x7fELF of some other machine")
        (reachable / "bin" / name).chmod(0o755)
    assert "Exec format error" in refusal(directory, reachable)


def test_a_server_that_kobling_did_not_start_is_left_alone(directory: Path, tmp_path: Path) -> None:
    stopped(directory)
    order = embedded_cluster.Order(str(directory), str(_installation(directory, None)), False, 0.0)
    lock = os.open(tmp_path / "another.lock", os.O_RDWR | os.O_CREAT)
    log = os.open(directory / "server.log", os.O_RDWR | os.O_APPEND)
    server = embedded_cluster.Cluster(order, lock, log).start()
    try:
        with pytest.raises(embedded_cluster.StartError, match=f"process {server.pid} is a server"):
            embedded_cluster.Cluster(order, lock, log).start()
        assert server_process(directory) == server.pid
    finally:
        embedded_cluster.stop(server)
        os.close(lock)
        os.close(log)
