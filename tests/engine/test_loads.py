"""A few hundred records under every fault of a load; `make accept` does the same with tens of thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.loads import assert_all_in_step, serve, settle, watched
from adapters.conftest import Sandbox
from engine.world import World

CUSTOMERS = 300


@pytest.fixture(scope="module")
def loaded() -> Iterator[Sandbox]:
    with serve(CUSTOMERS) as sandbox:
        yield sandbox


@pytest.fixture
def load(loaded: Sandbox, database_url: str, tmp_path: Path) -> World:
    """Customers without accounts; salespeople and currencies are coupled."""
    for base in (loaded.business_central, loaded.dataverse):
        loaded.control(base, "reset", {})
    world = World(loaded, database_url, tmp_path)
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.reset_requests()
    return world


def test_a_load_without_faults_is_in_step(load: World) -> None:
    settle(load, full=True)
    assert_all_in_step(load, CUSTOMERS)


EVERY_THIRD = {"method": "PATCH", "path": r"/accounts\(", "every": 3, "action": "status"}


def test_every_third_write_throttled_is_waited_for_and_all_pass(load: World) -> None:
    load.faults("crm", {**EVERY_THIRD, "status": 429, "retry_after": "1"})
    with watched() as early:
        settle(load, full=True)
    assert early == []
    assert_all_in_step(load, CUSTOMERS)
