"""A few hundred records under every fault of a load; `make accept` does the same with tens of thousands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accept.loads import assert_all_in_step, die_in_flight, serve, settle, watched
from accept.lost_answers import lost_claim, lost_create, lost_update
from engine.world import World
from kobling.model.errors import UnreachableError
from sandboxes import Sandbox
from stages import Stages, stages_of

CUSTOMERS = 300


@pytest.fixture(scope="module")
def loaded() -> Iterator[Sandbox]:
    with serve(CUSTOMERS) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def stages_of_loads(loaded: Sandbox, postgres_server: str) -> Iterator[Stages]:
    with stages_of(loaded, postgres_server) as found:
        yield found


def couple_people(world: World) -> None:
    """Customers without accounts; salespeople and currencies are coupled."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)


@pytest.fixture
def load(loaded: Sandbox, database_url: str, tmp_path: Path, stages_of_loads: Stages) -> World:
    loaded.reset()
    world = stages_of_loads.reach(World(loaded, database_url, tmp_path), couple_people)
    world.reset_requests()
    return world


def test_a_load_without_faults_is_in_step(load: World) -> None:
    settle(load, full=True)
    assert_all_in_step(load, CUSTOMERS)


EVERY_THIRD = {"method": "PATCH", "path": r"/accounts\(", "every": 3, "action": "status"}


def test_every_third_write_throttled_is_waited_for_and_all_pass(load: World) -> None:
    load.faults("crm", {**EVERY_THIRD, "status": 429, "retry_after": "1"})
    with watched() as early:
        run = load.sync("CUSTOMER", full=True)
    assert early == []
    assert (run["CUSTOMER"]["counts"]["to"]["inserted"], run[""]) == (CUSTOMERS, 0)
    assert_all_in_step(load, CUSTOMERS)


# A run of that many customers writes one batch of accounts; a batch of reads comes first.
WAYS = {
    "throttled, with a time": ("crm", {"method": "POST", "nth": 2, "status": 429, "retry_after": "1"}),
    "throttled, without one": ("bc", {"method": "GET", "nth": 1, "status": 429}),
    "a token that expires": ("crm", {"method": "POST", "nth": 2, "action": "expire_token"}),
    "not available": ("crm", {"method": "POST", "nth": 2, "status": 503}),
}


@pytest.mark.parametrize(("system", "rule"), WAYS.values(), ids=WAYS.keys())
def test_a_passing_fault_is_met_within_the_run(load: World, system: str, rule: dict[str, object]) -> None:
    path = r"\$batch$" if rule["method"] == "POST" else "/customers"
    load.faults(system, {"path": path, "action": "status", **rule})
    with watched(asked="retry_after" in rule) as early:
        run = load.sync("CUSTOMER", full=True)
    outer: Any = load.requests(system)["outer"]
    sent = {one["path"].rpartition("/")[2]: one["count"] for one in outer if one["method"] == rule["method"]}
    # The opening and the accounts are a batch each, the customers a page; one of them was sent twice.
    assert sent["$batch" if rule["method"] == "POST" else "customers"] == (
        3 if rule["method"] == "POST" else 2
    ), sent
    assert (run["CUSTOMER"]["counts"]["to"]["inserted"], run[""], early) == (CUSTOMERS, 0, [])
    assert_all_in_step(load, CUSTOMERS)


@pytest.mark.parametrize("action", ["reset_before", "reset_after"])
def test_a_create_whose_connection_breaks_is_settled_by_the_next_run(load: World, action: str) -> None:
    load.faults("crm", {"method": "POST", "path": r"\$batch$", "nth": 2, "action": action})
    with pytest.raises(UnreachableError):
        load.sync("CUSTOMER", full=True)
    load.faults("crm")
    made = load.count("crm", "account")
    assert made == (CUSTOMERS if action == "reset_after" else 0)
    settle(load)
    assert_all_in_step(load, CUSTOMERS)


def test_a_load_that_is_killed_with_a_request_on_its_way_is_ended_by_the_next(load: World) -> None:
    die_in_flight(load, CUSTOMERS // 2, "--full")
    assert load.couplings() == []
    settle(load)
    assert_all_in_step(load, CUSTOMERS)


def test_a_create_that_was_lost_with_its_run_is_found_and_not_made_twice(load: World) -> None:
    lost_create(load, CUSTOMERS)


def test_an_update_that_was_lost_with_its_run_is_not_sent_again(load: World) -> None:
    lost_update(load, CUSTOMERS)


def test_a_claim_that_was_lost_with_its_run_leaves_one_customer_an_account(load: World) -> None:
    lost_claim(load, CUSTOMERS)
