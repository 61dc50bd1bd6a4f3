"""A sandbox of many customers in a process of its own, and what must hold once a load is through."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from adapters.conftest import Sandbox
from checker.compare import Services, complaints
from engine.world import World, wrote
from kobling.adapters.odata.answer import Answer
from kobling.adapters.odata.http import Door
from kobling.service.verify import verify

# As a header of an answer or of a part of it.
RETRY_AFTER = re.compile(r"""Retry-After['"]?:\s*['"]?(\d+)""", re.IGNORECASE)


@contextmanager
def serve(customers: int) -> Iterator[Sandbox]:
    """A sandbox with so many customers and no accounts, on free ports."""
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--bc-port", "0", "--crm-port", "0"]
    with subprocess.Popen(
        [*command, "--dataset", f"synthetic:{customers}"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            place = json.loads(process.stdout.readline())
            yield Sandbox(place["business_central"].rstrip("/"), place["dataverse"].rstrip("/"))
        finally:
            process.terminate()


class Run:
    """`kobling sync CUSTOMER --full` in a process of its own, and how far it is by the sandbox's account."""

    def __init__(self, world: World) -> None:
        self._world = world
        world.reset_requests()
        self.accounts_before = world.count("crm", "account")
        command = [sys.executable, "-m", "kobling", "--config", str(world.path), "sync", "CUSTOMER", "--full"]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **world.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """What no process can prepare for."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def until_written(self, accounts: int) -> bool:
        """Waits until the run has made so many accounts; whether it still runs."""
        while self.process.poll() is None:
            if self._world.count("crm", "account") - self.accounts_before >= accounts:
                return True
        return False

    def until_in_flight(self, batches: int) -> bool:
        """Waits until so many batches of the run have arrived and one has not been carried out."""
        while self.process.poll() is None:
            if arrived(self._world) >= batches and self._writes_wait():
                return True
        return False

    def _writes_wait(self) -> bool:
        """More writes were sent off than were carried out: the journal is ahead of the service."""
        [(journalled,)] = self._world.query("select count(*) from intent")
        return bool(journalled)


def arrived(world: World, system: str = "crm") -> int:
    """Batches that the service has received."""
    outer: Any = world.requests(system)["outer"]
    return sum(one["count"] for one in outer if one["path"].endswith("$batch"))


def carried_out(world: World, method: str, system: str = "crm") -> dict[str, int]:
    """Parts of batches that were carried out with that method, by path."""
    parts: Any = world.requests(system)["parts"]
    return {one["path"]: one["count"] for one in parts if one["method"] == method}


@contextmanager
def watched() -> Iterator[list[str]]:
    """Requests that were sent while their service had asked to wait; seen where they are sent, so exactly."""
    told: dict[int, float] = {}
    early: list[str] = []
    once = Door._once

    async def watch(door: Door, method: str, url: str, *rest: Any) -> Answer:
        if time.monotonic() < told.get(id(door), 0.0):
            early.append(f"{method} {url}")
        answer = await once(door, method, url, *rest)
        waits = [float(one) for one in RETRY_AFTER.findall(str(answer.headers) + answer.body.decode())]
        if waits:
            told[id(door)] = max(told.get(id(door), 0.0), time.monotonic() + max(waits))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Door, "_once", watch)
        yield early
    assert told


def settle(world: World, *, full: bool = False) -> None:
    """Runs until nothing is written any more; whoever was killed may hold its locks for a moment."""
    world.sync("CUSTOMER", full=full, alone=False)
    for _ in range(10):
        if wrote(world.sync("CUSTOMER", alone=False)) == 0:
            return
    raise AssertionError("ten runs, and still something to write")


def assert_all_in_step(world: World, customers: int) -> None:
    """One account a customer, coupled with it; `verify` and the outside checker find no difference."""
    assert world.count("bc", "Customer") == customers
    assert world.count("crm", "account") == customers
    pairs = {
        name: [(one["bc_id"], one["crm_id"]) for one in world.couplings(name)]
        for name in ("SALESPEOPLE", "CURRENCY", "CUSTOMER")
    }
    assert len(pairs["CUSTOMER"]) == customers
    assert complaints(Services(world.sandbox.business_central, world.sandbox.dataverse), pairs) == []
    document, status = world.command(lambda one: verify(one, (), progress=lambda what, count: None))
    assert (document["differences"], document["waiting"], status) == ([], 0, 0)
    assert document["checked"] == sum(len(one) for one in pairs.values())
    assert world.query("select count(*) from intent") == [(0,)]
