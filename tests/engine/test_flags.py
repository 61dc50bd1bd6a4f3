"""Opening a mapping wider: from now on, or also for the records that were read past until then."""

from __future__ import annotations

from engine.world import World
from kobling.service.mappings import set_mapping


def _set(world: World, *edits: str, existing: bool) -> None:
    def nobody_waits(name: str) -> None:
        raise AssertionError(f"somebody else holds {name}")

    world.command(lambda one: set_mapping(one, "CUSTOMER", edits, existing=existing, wait=nobody_waits))


def _new_customer(world: World, number: str) -> None:
    body = {"no": number, "name": f"New {number}", "salespersonCode": "AH"}
    world.send("bc", "POST", world.bc("customers"), body)


def _passed_by(world: World) -> int:
    """Some runs that read every uncoupled record past; how many accounts there are then."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    for _ in range(2):
        world.sync("CUSTOMER")
    assert world.couplings() == []
    return world.count("crm", "account")


def test_only_new_records_are_created_from_now_on(world: World) -> None:
    before = _passed_by(world)
    _set(world, "synch_only_coupled=off", existing=False)
    world.sync("CUSTOMER")
    assert world.count("crm", "account") == before
    _new_customer(world, "N1")
    run = world.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] == 1
    assert world.count("crm", "account") == before + 1


def test_the_existing_ones_arrive_untouched(world: World) -> None:
    before = _passed_by(world)
    unblocked = len(world.customers("blocked eq ' '"))
    _set(world, "synch_only_coupled=off", existing=True)
    run = world.sync("CUSTOMER")
    # All but the one whose salesperson has no user.
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] == unblocked - 1
    assert world.count("crm", "account") == before + unblocked - 1


def test_a_wider_filter_takes_in_the_existing_ones_when_it_is_asked_to(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    _set(world, "bc_filter=City = Nowhere", "synch_only_coupled=off", existing=True)
    world.sync("CUSTOMER", direction="to")
    assert world.couplings() == []
    _set(world, "bc_filter=default", existing=True)
    run = world.sync("CUSTOMER", direction="to")
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] >= 20
