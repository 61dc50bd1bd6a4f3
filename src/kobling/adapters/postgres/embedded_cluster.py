"""The data of the embedded PostgreSQL: the locks beside it, how it is made and how its server starts.

The standard library only: the keeper runs this without site packages.

PostgreSQL refuses to run as root. Then the server runs as the owner of the data directory, or as
`nobody` if that is root. Such a user need not reach the directory by its path: the server is started
inside it and knows it as `/proc/self/cwd`, so no parent directory is ever opened to others.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from typing import NamedTuple

USERS_LOCK = "users.lock"
STARTING_LOCK = "starting.lock"
KEEPER_LOCK = "keeper.lock"
CLUSTER = "cluster"
LOG = "server.log"
SOCKET = ".s.PGSQL.5432"
ROLE = "kobling"

# Recovery after a crash replays at most `max_wal_size`; a slow disk may take minutes for it.
READY_SECONDS_MAX = 300.0
STOP_SECONDS_MAX = 20.0
READY_POLL_SECONDS = 0.002
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)

# `log_min_messages` and `log_error_verbosity` keep statements and values out of the log: both hold
# personal data. No parallel plans: containers give /dev/shm 64 MB. UTC: times never depend on a host.
SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "shared_buffers=128MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=1GB",
    "checkpoint_timeout=15min",
    "max_parallel_workers_per_gather=0",
    "jit=off",
    "log_checkpoints=off",
    "log_min_messages=log",
    "log_error_verbosity=terse",
    "timezone=UTC",
)
THROWAWAY_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
INITDB_OPTIONS = (
    f"--username={ROLE}",
    "--auth=trust",  # the socket lies in a directory of mode 700, and there is no TCP
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # the same order and case rules on every machine
    "--no-sync",
    "--no-instructions",
)
FAILURE_MARKS = ("PANIC:", "FATAL:", "error:", "ERROR:")


class StartError(Exception):
    """The server cannot start; the text says why."""


class Order(NamedTuple):
    """What the keeper is asked to keep; travels as one JSON argument.

    `directory` and `installation` are absolute paths; the latter holds `bin/postgres`.
    """

    directory: str
    installation: str
    durable: bool
    linger_seconds: float

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)


class Account(NamedTuple):
    """The operating system user who runs the server when the keeper is root."""

    user: int
    group: int


def open_private(path: str, flags: int = 0) -> int:
    """Open, and create if missing, a file that only the owner of its directory can read."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    owner = os.stat(os.path.dirname(path))
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != owner.st_uid:
        # Root helps out in a user's directory: the user must still be able to open the file.
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def take(descriptor: int, kind: int, seconds: float) -> bool:
    """Take a flock of `kind` (`fcntl.LOCK_SH` or `LOCK_EX`), waiting at most `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.005)


def server_account(directory: str) -> Account | None:
    """Who runs the server: None is the present user, which does for everybody but root."""
    if os.geteuid() != 0:
        return None
    cluster = os.path.join(directory, CLUSTER)
    owner = os.stat(cluster if os.path.isdir(cluster) else directory)
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    if not os.path.isdir("/proc/self/cwd"):
        raise StartError("as root the embedded PostgreSQL needs /proc, which is not mounted")
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StartError("PostgreSQL refuses to run as root, and there is no user 'nobody'") from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def spawn(
    command: list[str], *, account: Account | None, directory: str, output: int, lock: int
) -> subprocess.Popen[bytes]:
    """Start a program of PostgreSQL in `directory`; it ends with this process and inherits `lock`."""
    parent = os.getpid()

    def tie_to_keeper() -> None:
        # After the change of user, which would clear the setting, and before the program runs.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return subprocess.Popen(  # noqa: S603 - a fixed program with our own arguments, no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=directory,
        env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        pass_fds=(lock,),
        user=account.user if account else None,
        group=account.group if account else None,
        extra_groups=[] if account else None,
        preexec_fn=tie_to_keeper,
    )


def failure_reason(log: str, offset: int) -> str:
    """The last complaint that a program wrote to the log after `offset` bytes."""
    with open(log, "rb") as stream:
        stream.seek(offset)
        written = stream.read().decode("utf-8", "replace")
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith("postgres: "):  # before its log works it complains in several lines
            return " ".join(lines[index:])
        for mark in FAILURE_MARKS:
            if mark in lines[index]:
                return lines[index][lines[index].index(mark) :]
    return lines[-1] if lines else "it ended without a message"


class Cluster:
    """The data of one PostgreSQL server, and the means to make and start it."""

    def __init__(self, order: Order, lock: int, log: int) -> None:
        self.order = order
        self.lock = lock
        self.log = log
        self.path = order.path(CLUSTER)
        self.account = server_account(order.directory)
        self.installation = reachable_installation(order.installation, self.account, lock)
        # By its path for everybody but root, so that a list of processes says whose server it is.
        self.place = "/proc/self/cwd" if self.account else self.path

    def log_size(self) -> int:
        return os.fstat(self.log).st_size

    def program(self, name: str) -> str:
        return os.path.join(self.installation, "bin", name)

    def make(self) -> bool:
        """Make the data if there are none yet; True if they were made. Never leaves half of them."""
        if os.path.isdir(self.path):
            return False
        fresh = self.path + ".new"
        if os.path.lexists(fresh):
            shutil.rmtree(fresh)
        os.mkdir(fresh, 0o700)
        if self.account:
            os.chown(fresh, *self.account, follow_symlinks=False)
        place = self.place if self.account else fresh
        offset = self.log_size()
        command = [self.program("initdb"), "-D", place, *INITDB_OPTIONS]
        process = spawn(command, account=self.account, directory=fresh, output=self.log, lock=self.lock)
        if process.wait() != 0:
            reason = failure_reason(self.order.path(LOG), offset)
            shutil.rmtree(fresh, ignore_errors=True)
            raise StartError(reason)
        os.rename(fresh, self.path)
        return True

    def clear_traces(self) -> None:
        """Remove what a killed server left, which PostgreSQL may take for a living one (zombies).

        Only where /proc tells whether the process that the file names is a server in this directory:
        such a one was started by somebody else, and two servers would ruin the data.
        """
        if not os.path.isdir("/proc/self"):
            return
        for name in ("postmaster.pid", SOCKET, SOCKET + ".lock"):
            path = os.path.join(self.path, name)
            if name == "postmaster.pid" and (other := self.foreign_server(path)):
                raise StartError(f"process {other} is a server on these data that kobling did not start")
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue

    def foreign_server(self, pid_file: str) -> int | None:
        """The process in the pid file, if it lives and works in this directory."""
        try:
            with open(pid_file, encoding="ascii", errors="replace") as stream:
                process = int(stream.readline())
            here = os.path.samestat(os.stat(f"/proc/{process}/cwd"), os.stat(self.path))
        except (OSError, ValueError):
            return None
        return process if here else None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and return once it accepts connections."""
        self.clear_traces()
        offset = self.log_size()
        settings = SETTINGS if self.order.durable else SETTINGS + THROWAWAY_SETTINGS
        options = [part for setting in settings for part in ("-c", setting)]
        command = [self.program("postgres"), "-D", self.place, "-k", ".", *options]
        server = spawn(command, account=self.account, directory=self.path, output=self.log, lock=self.lock)
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self.is_ready(server.pid):
            if server.poll() is not None:
                raise StartError(self.explain(failure_reason(self.order.path(LOG), offset)))
            if time.monotonic() > deadline:
                stop(server)
                raise StartError(f"it was not ready after {READY_SECONDS_MAX:.0f} seconds")
            time.sleep(READY_POLL_SECONDS)
        return server

    def is_ready(self, process: int) -> bool:
        try:
            with open(os.path.join(self.path, "postmaster.pid"), "rb") as stream:
                lines = stream.read().split(b"\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(process).encode() and lines[7:8] == [b"ready   "]

    def explain(self, reason: str) -> str:
        """Add what the server leaves out: which version the data are of, and where they really lie."""
        reason = reason.replace("/proc/self/cwd", self.path)
        if "incompatible" not in reason:
            return reason
        with open(os.path.join(self.path, "PG_VERSION"), encoding="ascii", errors="replace") as stream:
            return f"{reason} (the data say that they are of PostgreSQL {stream.readline().strip()[:20]})"


def reachable_installation(
    installation: str,
    account: Account | None,
    lock: int,
    caches: tuple[str, ...] = ("/var/cache/kobling", "/var/tmp", "/tmp"),  # noqa: S108 - checked below
) -> str:
    """The installation, or a copy of it that `account` can reach.

    Python packages under a home of mode 700 are closed to the server's user; PostgreSQL resolves its
    own path, so starting it in place does not help. A copy of the 30 MB that a server needs is made
    once in a directory that only root can write.
    """
    if account is None or can_run(installation, account, lock):
        return installation
    changed = os.stat(os.path.join(installation, "bin", "postgres"))
    name = f"kobling-postgres-{changed.st_size:x}-{changed.st_mtime_ns:x}"
    reason = ""
    for cache in caches:
        copy = os.path.join(cache, name)
        try:
            copy_installation(installation, copy)
        except (OSError, shutil.Error) as error:
            reason = f", and it cannot be copied: {error}"
            continue
        if can_run(copy, account, lock):
            return copy
    raise StartError(
        f"user {account.user}, who runs the server for root, cannot reach {installation}{reason}"
    )


def can_run(installation: str, account: Account, lock: int) -> bool:
    command = [os.path.join(installation, "bin", "postgres"), "--version"]
    try:
        process = spawn(command, account=account, directory="/", output=subprocess.DEVNULL, lock=lock)
    except PermissionError:
        return False
    return process.wait() == 0


def copy_installation(source: str, target: str) -> None:
    """Copy what a server needs; a copy that somebody else than root could have made is refused."""
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    if not os.path.lexists(target):
        fresh = f"{target}.{os.getpid()}"
        try:
            copy_parts(source, fresh)
            os.rename(fresh, target)
        except (OSError, shutil.Error):
            shutil.rmtree(fresh, ignore_errors=True)
            if not os.path.lexists(target):  # else another keeper was faster
                raise
    found = os.lstat(target)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o022:
        raise PermissionError(f"{target} is not a directory of root's alone")


def copy_parts(source: str, target: str) -> None:
    os.mkdir(target, 0o755)
    os.mkdir(os.path.join(target, "bin"), 0o755)
    for program in ("postgres", "initdb"):
        shutil.copy2(os.path.join(source, "bin", program), os.path.join(target, "bin", program))
    for part in ("lib", "share"):
        shutil.copytree(os.path.join(source, part), os.path.join(target, part), symlinks=True)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server: cleanly, else at once, else by force. The next start repairs what that cost."""
    for wanted in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            server.send_signal(wanted)
        try:
            server.wait(STOP_SECONDS_MAX)
            return
        except subprocess.TimeoutExpired:
            continue
