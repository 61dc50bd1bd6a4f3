"""The keeper: a small process that starts the embedded PostgreSQL and stops it when nobody uses it.

It runs by its path with `python -I -S`, so it starts in a few milliseconds and imports the standard
library only. Four files in the data directory carry the whole agreement between processes:

- `users.lock`: every user of the database holds it shared. The kernel lets go of it however the
  user died, so the keeper needs no list of processes and no heartbeat.
- `starting.lock`: held by the one user who has a keeper started, so the others wait for that one.
- `keeper.lock`: held exclusively by the keeper and, by inheritance, by each process of the server that
  it started. Whoever obtains it therefore knows that no process of an earlier server is left, also
  where the process table shows zombies or another container's numbers.
- `cluster/`: PostgreSQL's data, and its socket.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

if __name__ == "__main__":
    # Run by its path without site packages: find this package wherever it lies. At the end of the
    # path, so that nothing beside it can stand in for the standard library.
    sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "..")))

from kobling.adapters.postgres.embedded_cluster import (
    KEEPER_LOCK,
    LOG,
    USERS_LOCK,
    Cluster,
    Order,
    StartError,
    open_private,
    stop,
    take,
)

# Long enough for a stopping keeper to go away, short enough that its caller looks again soon.
BUSY_SECONDS = 0.5
# A dead server's processes notice at once; one that is stuck in the disk takes longer.
LEFTOVERS_SECONDS_MAX = 20.0
# A server that dies sooner than this after its start is not started again: it would die for ever.
RESTART_SECONDS_MIN = 5.0
WATCH_SECONDS = 0.2
LOG_BYTES_MAX = 10_000_000


def users_are_gone(server: subprocess.Popen[bytes], users: int, order: Order) -> bool:
    """Watch until the last user has been gone for the linger time; False if the server died first.

    Returns with the exclusive lock held, so a user who arrives now waits until this keeper is gone.
    """
    free_since: float | None = None
    while server.poll() is None:
        if not is_in_place(users, order.path(USERS_LOCK)):
            return True  # somebody removed the data directory: there is nothing left to keep
        if take(users, fcntl.LOCK_EX, 0):
            free_since = time.monotonic() if free_since is None else free_since
            if time.monotonic() - free_since >= order.linger_seconds:
                return True
            fcntl.flock(users, fcntl.LOCK_UN)
        else:
            free_since = None
        time.sleep(min(WATCH_SECONDS, order.linger_seconds or WATCH_SECONDS))
    return False


def is_in_place(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def answer(state: str, reason: str = "") -> None:
    """Tell the process that waits for this keeper, once, and let go of its pipe."""
    with contextlib.suppress(BrokenPipeError):  # the caller was killed; others may be waiting
        os.write(1, json.dumps({"state": state, "reason": reason}).encode() + b"\n")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 1)
    os.close(silence)


def keep(order: Order, log: int) -> None:
    """Start the server, answer `ready`, and stop it when its last user is gone.

    A server that dies under its users is started again. The lock is opened anew each time: only then
    does it wait for the dead server's remaining processes, which would write to the same files.
    """
    users = open_private(order.path(USERS_LOCK))
    answered = False
    while True:
        lock = open_private(order.path(KEEPER_LOCK))
        if not take(lock, fcntl.LOCK_EX, LEFTOVERS_SECONDS_MAX if answered else BUSY_SECONDS):
            if not answered:
                answer("busy")
            return
        cluster = Cluster(order, lock, log)
        is_new = cluster.make()
        server = cluster.start()
        started = time.monotonic()
        if not answered:
            answer("ready")
            answered = True
        if is_new and order.durable:
            os.sync()  # initdb wrote without waiting for the disk; nobody waits for this
        if users_are_gone(server, users, order):
            stop(server)
            return
        if time.monotonic() - started < RESTART_SECONDS_MIN:
            return
        os.close(lock)


def main(arguments: list[str]) -> None:
    order = Order(**json.loads(arguments[0]))
    # The caller made this process the leader of a session; its child can never get a terminal, is no
    # child of the caller (so no zombie of it either) and hears of none of the caller's signals.
    if os.fork():
        os._exit(0)
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # The keeper ends with its last user: a service manager that ends all processes of a service
        # at once must not take the database from those who still finish their work. A function, as
        # SIG_IGN would be inherited by the server.
        signal.signal(ignored, lambda *_: None)
    try:
        log = open_private(order.path(LOG), os.O_APPEND)
        if os.fstat(log).st_size > LOG_BYTES_MAX:
            os.ftruncate(log, 0)
        os.dup2(log, 2)
        keep(order, log)
    except (StartError, OSError) as error:
        answer("failed", str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
