"""A full synchronization of 40,000 customers that is killed ten times, and then left alone once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accept.loads import assert_all_in_step, die_between, die_in_flight, serve, settle
from engine.world import World

CUSTOMERS = 40_000
KILLS = 10
# Kills with a request on its way; the others come when so many accounts were made.
IN_FLIGHT = frozenset({1, 4, 7})
MADE_BEFORE_A_KILL = 1_200
# More than a dead run can have left open, which is sent again first.
SENT_BEFORE_A_KILL = 3_200

pytestmark = [pytest.mark.accept, pytest.mark.timeout(1800)]


@pytest.fixture
def load(database_url: str, tmp_path: Path) -> Iterator[World]:
    with serve(CUSTOMERS) as sandbox:
        world = World(sandbox, database_url, tmp_path)
        world.sync("SALESPEOPLE", "CURRENCY", full=True)
        yield world


def test_a_load_that_is_killed_ten_times_makes_each_account_once(load: World) -> None:
    made = 0
    for kill in range(KILLS):
        if kill in IN_FLIGHT:
            die_in_flight(load, SENT_BEFORE_A_KILL, "--full")
        else:
            die_between(load, MADE_BEFORE_A_KILL, "--full")
        before, made = made, load.count("crm", "account")
        # Each kill falls between the first and the last write.
        assert before < made < CUSTOMERS
    settle(load, full=True)
    assert_all_in_step(load, CUSTOMERS)
