"""Aim: PostgreSQL is stopped in the middle of everything and started again half a minute later; everything
goes on by itself, and nothing is lost or made twice.

Method: three workers share a load on a database server of the test's own, which is told to stop as an
administrator would. ACCEPT_RECORDS makes it smaller, ACCEPT_OUTAGE_SECONDS shorter.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from accept.loads import assert_all_in_step, serve
from accept.test_shared_mapping import Fleet, until
from engine.world import World
from jobs.processes import only
from kobling.adapters.postgres.embedded import open_embedded_database
from kobling.service.schedule import ask_for_run

RECORDS = int(os.environ.get("ACCEPT_RECORDS", "40000"))
OUTAGE_SECONDS = float(os.environ.get("ACCEPT_OUTAGE_SECONDS", "30"))
WORKERS = 3

pytestmark = [pytest.mark.accept, pytest.mark.timeout(1800)]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """A world whose database server lies in a folder of its own."""
    folder = tmp_path / "data"
    with serve(RECORDS) as sandbox, ExitStack() as stack:
        server = stack.enter_context(open_embedded_database(folder, linger_seconds=0.0))
        world = World(sandbox, server.url, tmp_path)
        world.sync("SALESPEOPLE", "CURRENCY", full=True)
        only(world)
        yield world, folder


def test_everything_goes_on_once_the_database_is_back(load: tuple[World, Path]) -> None:
    world, folder = load
    with ExitStack() as again, ExitStack() as stack:
        fleet = Fleet(world, stack)
        for _ in range(WORKERS):
            fleet.start()
        world.command(lambda session: ask_for_run(session, "CUSTOMER", full=True))
        until(lambda: world.count("crm", "account") >= RECORDS // 4)
        with stopped(folder, again):
            time.sleep(OUTAGE_SECONDS)
            # What was on its way when it stopped has arrived by now.
            made = world.count("crm", "account")
            assert made < RECORDS
        begun = time.monotonic()
        until(lambda: world.count("crm", "account") > made + RECORDS // 50)
        print(f"\n{made:,} of {RECORDS:,} made; at work {time.monotonic() - begun:.1f} s after the start")
        until(lambda: world.query("select 1 from schedule_entry where not recurring and status = 'Finished'"))
        assert all(one.process.poll() is None for one in fleet.processes.values())
        assert [one.stop() for one in fleet.processes.values()] == [0] * WORKERS
        world.sync("CUSTOMER")
        assert_all_in_step(world, RECORDS)


@contextmanager
def stopped(folder: Path, stack: ExitStack) -> Iterator[None]:
    """The server is told to stop at once, and is started again at the end; the stack keeps it."""
    place = folder / "cluster" / "postmaster.pid"
    os.kill(int(place.read_text(encoding="ascii").split()[0]), signal.SIGINT)
    until(lambda: not place.exists())
    yield
    stack.enter_context(open_embedded_database(folder))
