"""A sandbox of many customers in a process of its own, and what must hold once a load is through."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import sandboxes
from checker.compare import Services, complaints
from engine.world import World, wrote
from kobling.adapters.odata.answer import Answer
from kobling.adapters.odata.http import Door
from kobling.service.verify import verify
from sandboxes import Sandbox

# As a header of an answer or of a part of it.
RETRY_AFTER = re.compile(r"""Retry-After['"]?:\s*['"]?(\d+)""", re.IGNORECASE)


@contextmanager
def serve(customers: int) -> Iterator[Sandbox]:
    """A sandbox with so many customers and no accounts, on free ports."""
    with sandboxes.serve("--dataset", f"synthetic:{customers}") as sandbox:
        yield sandbox


class Run:
    """`kobling sync CUSTOMER` in a process of its own, and how far it is by the sandbox's account."""

    def __init__(self, world: World, *options: str) -> None:
        self._world = world
        world.reset_requests()
        self.accounts_before = world.count("crm", "account")
        command = [sys.executable, "-m", "kobling", "--config", str(world.path), "sync", "CUSTOMER", *options]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **world.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def until(self, reached: Callable[[], bool]) -> None:
        """Waits for a moment of the run, which must not end before."""
        while not reached():
            assert self._process.poll() is None, "the run ended before it could be killed"

    def made(self) -> int:
        """Accounts that the run has made."""
        return self._world.count("crm", "account") - self.accounts_before

    def stop(self) -> None:
        """The process stands still, and sees nothing of what comes."""
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """What no process can prepare for; it must have been at work."""
        assert self._process.poll() is None, "the run ended before it could be killed"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def die_with_a_lost_answer(world: World, nth: int, *options: str) -> None:
    """A run whose second batch to Sales breaks off after its n-th write, and which dies unaware of it."""
    slow = {"method": "POST", "path": r"\$batch$", "nth": 2, "action": "delay", "seconds": 1}
    lost = {"method": "PATCH", "path": r"/accounts\(", "nth": nth, "action": "reset_after"}
    world.faults("crm", slow, lost)
    run = Run(world, *options)
    run.until(lambda: arrived(world) >= 2)
    run.stop()
    run.until(lambda: sum(carried_out(world, "PATCH").values()) >= nth)
    run.kill()
    world.faults("crm")


def die_in_flight(world: World, nth: int, *options: str) -> None:
    """A run that dies while the batch with its n-th account is on its way; it is carried out all the same."""
    world.faults(
        "crm", {"method": "PATCH", "path": r"/accounts\(", "nth": nth, "action": "delay", "seconds": 5}
    )
    run = Run(world, *options)
    run.until(lambda: sum(carried_out(world, "PATCH").values()) >= nth)
    run.kill()
    written = run.made()
    while run.made() == written:
        pass
    world.faults("crm")


def die_between(world: World, accounts: int, *options: str) -> None:
    """A run that dies when it has made so many accounts."""
    world.faults("crm", {"method": "POST", "path": r"\$batch$", "action": "delay", "seconds": 0.1})
    run = Run(world, *options)
    run.until(lambda: run.made() >= accounts)
    run.kill()
    world.faults("crm")


def arrived(world: World, system: str = "crm") -> int:
    """Batches that the service has received."""
    outer: Any = world.requests(system)["outer"]
    return sum(one["count"] for one in outer if one["path"].endswith("$batch"))


def carried_out(world: World, method: str, system: str = "crm") -> dict[str, int]:
    """Parts of batches that were carried out with that method, by path."""
    parts: Any = world.requests(system)["parts"]
    return {one["path"]: one["count"] for one in parts if one["method"] == method}


@contextmanager
def watched(*, asked: bool = True) -> Iterator[list[str]]:
    """Requests that were sent while their service had asked to wait; seen where they are sent, so exactly.

    asked: whether it asks at all, so that a rule that never strikes is no proof.
    """
    told: dict[int, float] = {}
    early: list[str] = []
    once = Door._once

    # Kept alive, so that no later run's door gets the identity of one that is gone.
    doors: list[Door] = []

    async def watch(door: Door, method: str, url: str, *rest: Any) -> Answer:
        doors.append(door)
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
    assert bool(told) is asked


def settle(world: World, *, full: bool = False) -> None:
    """Runs until nothing is written and nothing fails; a dead run may hold its locks for a moment."""
    run = world.sync("CUSTOMER", full=full, alone=False)
    for _ in range(20):
        if wrote(run) == 0 and not run["CUSTOMER"]["errors"]:
            return
        run = world.sync("CUSTOMER", alone=False)
    raise AssertionError(f"twenty runs, and still something to write: {run['CUSTOMER']}")


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
