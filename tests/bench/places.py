"""What the load benchmarks share: who runs on which core, and what each spent there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kobling.adapters.postgres.embedded import open_embedded_database
from kobling.service.initial import Ports, write_initial

_TICKS = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """What a command spent. peak: megabytes of its own process."""

    seconds: float
    cpu_seconds: float
    peak: float
    document: Any


class Place(NamedTuple):
    """A sandbox on the last core; a database and whoever is started here on the first."""

    business_central: str
    dataverse: str
    sandbox: int
    postmaster: int
    environment: dict[str, str]

    def kobling(self, *words: str) -> Spent:
        return self.run("-m", "kobling", *words, "--json")

    def run(self, *words: str) -> Spent:
        """A program of ours in a process of its own; what it prints is one JSON document."""
        command = [sys.executable, *words]
        clock = os.times().elapsed
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | self.environment)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        # 1: done, and something waits for a person.
        assert process.returncode in {0, 1}, (process.returncode, said)
        cpu = usage.ru_utime + usage.ru_stime
        return Spent(os.times().elapsed - clock, cpu, usage.ru_maxrss / 1024, json.loads(said))

    def control(self, base: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{base}/_sandbox/{path}", data)) as answer:
            return json.load(answer)

    def sandbox_cpu(self) -> float:
        """CPU seconds of the sandbox so far."""
        return _cpu_of(self.sandbox)

    def database_cpu(self) -> float:
        """CPU seconds of the database so far; those of ended connections are their parent's."""
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        return _cpu_of(self.postmaster, ended=True) + sum(_cpu_of(int(one)) for one in children)


def _cpu_of(process: int, *, ended: bool = False) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(one) for one in fields[11 : 15 if ended else 13]) / _TICKS


@contextmanager
def place(customers: int) -> Iterator[Place]:
    """Both services with so many customers and no accounts, and an empty database. Linux with two cores."""
    cores = sorted(os.sched_getaffinity(0))
    serve = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--dataset", f"synthetic:{customers}"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            os.sched_setaffinity(process.pid, {cores[-1]})
            os.sched_setaffinity(0, {cores[0]})
            assert process.stdout is not None
            bases = json.loads(process.stdout.readline())
            bc, crm = bases["business_central"].rstrip("/"), bases["dataverse"].rstrip("/")
            ports = Ports(bc=_port(bc), crm=_port(crm))
            write_initial(Path(folder) / "kobling.toml", ports, replace=False)
            with open_embedded_database(Path(folder) / "data") as database:
                postmaster = next((Path(folder) / "data").rglob("postmaster.pid"))
                yield Place(
                    business_central=bc,
                    dataverse=crm,
                    sandbox=process.pid,
                    postmaster=int(postmaster.read_text().split()[0]),
                    environment={
                        "KOBLING_CONFIG": str(Path(folder) / "kobling.toml"),
                        "KOBLING_DATABASE_URL": database.url_of("postgres"),
                    },
                )
        finally:
            os.sched_setaffinity(0, set(cores))
            process.terminate()


def _port(base: str) -> int:
    port = urllib.parse.urlsplit(base).port
    assert port is not None
    return port
