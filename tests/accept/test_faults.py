"""Thousands of customers under faults: all pass, none twice, and nobody sends while told to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accept.loads import assert_all_in_step, serve, settle, watched
from accept.lost_answers import lost_claim, lost_create, lost_update
from engine.world import World
from kobling.model.errors import UnreachableError

CUSTOMERS = 5_000
SALES = (
    {"method": "POST", "path": r"\$batch$", "nth": 3, "action": "expire_token"},
    {"method": "POST", "path": r"\$batch$", "nth": 6, "action": "status", "status": 503},
    {"method": "POST", "path": r"\$batch$", "nth": 9, "action": "reset_before"},
    {
        "method": "PATCH",
        "path": r"/accounts\(",
        "every": 3,
        "action": "status",
        "status": 429,
        "retry_after": "1",
    },
)
BUSINESS_CENTRAL = ({"method": "GET", "path": "/customers", "nth": 1, "action": "status", "status": 429},)

pytestmark = [pytest.mark.accept, pytest.mark.timeout(900)]


@pytest.fixture
def load(database_url: str, tmp_path: Path) -> Iterator[World]:
    with serve(CUSTOMERS) as sandbox:
        world = World(sandbox, database_url, tmp_path)
        world.sync("SALESPEOPLE", "CURRENCY", full=True)
        world.reset_requests()
        yield world


def test_a_load_under_every_passing_fault_ends_in_step(load: World) -> None:
    load.faults("crm", *SALES)
    load.faults("bc", *BUSINESS_CENTRAL)
    with watched() as early:
        with pytest.raises(UnreachableError, match="broke off during a write"):
            load.sync("CUSTOMER", full=True)
        settle(load)
    assert early == []
    load.faults("crm")
    assert_all_in_step(load, CUSTOMERS)


@pytest.mark.parametrize("story", [lost_create, lost_update, lost_claim])
def test_a_write_that_was_lost_with_its_run_is_done_once(
    load: World, story: Callable[[World, int], None]
) -> None:
    story(load, CUSTOMERS)
