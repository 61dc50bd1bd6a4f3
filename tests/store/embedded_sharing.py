"""Processes that share an embedded database, for the tests: each is one real Python that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from databases import until_idle
from kobling.adapters.postgres import embedded_cluster

DEADLINE_SECONDS = 60.0
SOURCE = Path(embedded_cluster.__file__).parents[3]

# Opens the database, says so, then answers each line of SQL with a line of JSON until its input ends.
PROGRAM = """
import json, sys
from pathlib import Path
from kobling.adapters.postgres.embedded import EmbeddedDatabaseError, open_embedded_database
import psycopg
try:
    database = open_embedded_database(Path(sys.argv[1]), durable=sys.argv[2] == "durable", linger_seconds=0.0)
except EmbeddedDatabaseError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit(0)
print(json.dumps({"url": database.url}), flush=True)
for statement in sys.stdin:
    with psycopg.connect(database.url) as connection:
        cursor = connection.execute(statement)
        rows = cursor.fetchall() if cursor.description else []
    print(json.dumps(rows), flush=True)
"""


def server_process(directory: Path) -> int:
    """The number of the server's main process, as its pid file tells."""
    return int((directory / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def parent_of(process: int) -> int:
    return int(_status(process, "PPid"))


def user_of(process: int) -> int:
    return int(_status(process, "Uid").split()[0])


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _status(process: int, name: str) -> str:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(name + ":"))


def kill_all_of(directory: Path) -> None:
    """Kill the keeper and every process of the server so that nothing can tidy up after itself."""
    server = server_process(directory)
    keeper = parent_of(server)
    os.kill(keeper, signal.SIGSTOP)  # else it would start the server again
    workers = children_of(server)
    for process in (server, *workers, keeper):
        os.kill(process, signal.SIGKILL)
    until_idle(directory)


class Sharer:
    """A process that shares the embedded database in `directory`, as `user` if given."""

    def __init__(
        self,
        directory: Path,
        *,
        durable: bool = False,
        user: int | None = None,
        python: str = sys.executable,
    ) -> None:
        paths = [str(SOURCE), *(path for path in sys.path if path.endswith("site-packages"))]
        self.process = subprocess.Popen(
            [python, "-c", PROGRAM, str(directory), "durable" if durable else "throwaway"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.orders, self.answers = self.process.stdin, self.process.stdout

    def opened(self) -> dict[str, str]:
        """Wait for the first answer: `{"url"}` or `{"error"}`."""
        answer: dict[str, str] = json.loads(self.answers.readline())
        return answer

    def sql(self, statement: str) -> list[list[object]]:
        self.orders.write(statement + "\n")
        self.orders.flush()
        rows: list[list[object]] = json.loads(self.answers.readline())
        return rows

    def leave(self) -> None:
        """End in good order."""
        self.orders.close()
        self._end()

    def kill(self) -> None:
        """End without a chance to do anything."""
        self.process.kill()
        self._end()

    def _end(self) -> None:
        self.process.wait(DEADLINE_SECONDS)
        if not self.orders.closed:
            self.orders.close()
        self.answers.close()
