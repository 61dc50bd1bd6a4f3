"""Aim: after the database is lost or an older one restored, couplings are found anew, and nothing is made
twice.

Method: two installations on one served sandbox; the second one begins on an empty database where the first
one has synchronized.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from databases import NewDatabase
from engine.test_default_prices import price_products
from engine.test_own_mappings import FIELDS, add, make, put
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.rebuilding import rebuild_couplings
from sandboxes import Sandbox
from stages import Stages

MAPPINGS = ("SALESPEOPLE", "CURRENCY", "CUSTOMER")


def rebuilt(world: World, mapping: str, use: str = "", *, dry_run: bool = False) -> Document:
    return world.command(
        lambda one: rebuild_couplings(one, mapping, use, dry_run=dry_run, wait=lambda name: None)
    )[0]


def coupled(world: World, mapping: str) -> set[tuple[str, str]]:
    return {(one["bc_id"], one["crm_id"]) for one in world.couplings(mapping)}


@pytest.fixture
def lost(sandbox: Sandbox, new_database: NewDatabase, tmp_path: Path) -> tuple[World, World]:
    """(as it was, on an empty database): some pairs matched by hand, the others created both ways."""
    worlds = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        worlds.append(World(sandbox, new_database(), tmp_path / name))
    before, after = worlds
    before.sync("SALESPEOPLE", "CURRENCY", full=True)
    before.match("CUSTOMER", "No.=accountnumber", use="bc")
    before.match("CUSTOMER", "Name=name", use="bc")
    before.sync(*MAPPINGS, full=True)
    before.sync(*MAPPINGS)
    return before, after


def test_a_lost_database_is_named_and_nothing_is_created(lost: tuple[World, World]) -> None:
    _, after = lost
    counts = after.count("bc", "Customer"), after.count("crm", "account")
    after.sync("SALESPEOPLE", "CURRENCY", full=True)
    for dry_run in (True, False):
        with pytest.raises(ConfigurationError, match="the database has been lost") as error:
            after.sync("CUSTOMER", full=True, dry_run=dry_run)
        assert "coupling rebuild CUSTOMER" in error.value.cure
    after.configure("CUSTOMER", synch_only_coupled=False)
    with pytest.raises(ConfigurationError, match="the database has been lost"):
        after.sync("CUSTOMER")
    assert (after.count("bc", "Customer"), after.count("crm", "account")) == counts


def test_couplings_are_found_anew_and_the_next_run_writes_nothing(lost: tuple[World, World]) -> None:
    before, after = lost
    counts = after.count("bc", "Customer"), after.count("crm", "account")
    after.sync("SALESPEOPLE", "CURRENCY", full=True)
    said = rebuilt(after, "CUSTOMER", dry_run=True)
    assert coupled(after, "CUSTOMER") == set()
    done = rebuilt(after, "CUSTOMER")
    assert said["coupled"] == done["coupled"]
    assert {one["by"] for one in done["coupled"]} == {"id", "match"}
    assert coupled(after, "CUSTOMER") == coupled(before, "CUSTOMER")
    assert done["left_over"] == []
    run = after.sync("CUSTOMER", full=True)
    assert wrote(run) == 0
    assert (after.count("bc", "Customer"), after.count("crm", "account")) == counts
    assert rebuilt(after, "CUSTOMER")["coupled"] == []
    customer, account = after.pair()
    after.edit_customer(customer, address="Torget 99")
    after.sync("CUSTOMER")
    assert after.account(account)["address1_line1"] == "Torget 99"


def test_what_an_older_database_does_not_know_is_found(lost: tuple[World, World]) -> None:
    before, after = lost
    after.sync("SALESPEOPLE", "CURRENCY", full=True)
    rebuilt(after, "CUSTOMER", "leave")
    old = coupled(after, "CUSTOMER")
    # The first installation goes on; the second one is what was restored.
    made = str(before.create("bc", "customers", name="After the backup")["id"])
    other = str(before.create("crm", "accounts", name="After it, too", customertypecode=3)["accountid"])
    assert before.counterparts("CUSTOMER", made, other)[1] == 0
    counts = after.count("bc", "Customer"), after.count("crm", "account")
    done = rebuilt(after, "CUSTOMER", "leave")
    assert [one["by"] for one in done["coupled"]] == ["id", "id"]
    assert coupled(after, "CUSTOMER") == coupled(before, "CUSTOMER") > old
    assert wrote(after.sync("CUSTOMER", full=True)) == 0
    assert (after.count("bc", "Customer"), after.count("crm", "account")) == counts


def test_an_empty_database_over_systems_without_marks_is_a_new_one(world: World) -> None:
    assert wrote(world.sync(*MAPPINGS, full=True)) > 0


def test_marks_of_another_mapping_on_the_same_table_are_no_sign_of_a_loss(world: World) -> None:
    world.sync(*MAPPINGS, full=True)
    assert wrote(world.sync("VENDOR", full=True)) > 0


def test_what_another_mapping_of_a_table_without_marks_has_is_not_coupled_again(
    world: World, stages: Stages
) -> None:
    stages.reach(world, price_products)
    assert len(coupled(world, "ITEM-PRICE")) > 1
    # A customer's own price is outside, and has the number of its item as any other price has.
    assert rebuilt(world, "SALESPRC-PRODPRICE")["coupled"] == []
    assert coupled(world, "SALESPRC-PRODPRICE") == set()


def vehicles(world: World) -> None:
    """A mapping of tables whose records carry no mark, ready to run."""
    make(world)
    for bc, crm in FIELDS:
        add(world, bc, crm, "enabled=on")
    put(world, "enabled=on")


def new_vehicles(world: World) -> None:
    world.create("bc", "serviceVehicles", no="VH1", description="Blue van")
    world.create("crm", "new_vehicles", new_name="Truck", new_number="VH2")


def test_where_records_carry_no_mark_their_author_tells_of_a_loss(
    sandbox: Sandbox, new_database: NewDatabase, tmp_path: Path
) -> None:
    worlds = []
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        worlds.append(World(sandbox, new_database(), tmp_path / name))
        vehicles(worlds[-1])
    before, after = worlds
    new_vehicles(before)
    assert wrote(before.sync("VEHICLE", full=True)) == 2
    before.sync("VEHICLE")
    counts = after.count("bc", "Service Vehicle"), after.count("crm", "new_vehicle")
    with pytest.raises(ConfigurationError, match=r"created by kobling's user.*the database has been lost"):
        after.sync("VEHICLE", full=True)
    rebuilt(after, "VEHICLE")
    assert coupled(after, "VEHICLE") == coupled(before, "VEHICLE")
    assert wrote(after.sync("VEHICLE", full=True)) == 0
    assert (after.count("bc", "Service Vehicle"), after.count("crm", "new_vehicle")) == counts


def test_what_was_uncoupled_here_is_no_sign_of_a_loss(world: World) -> None:
    vehicles(world)
    new_vehicles(world)
    world.sync("VEHICLE", full=True)
    assert world.uncouple("VEHICLE")["uncoupled"] == 2
    assert wrote(world.sync("VEHICLE", full=True)) > 0


@pytest.mark.parametrize("way", ["bc", "crm"])
def test_a_record_that_was_made_before_is_told_by_its_id_and_not_made_again(common: World, way: str) -> None:
    made = (
        common.create("bc", "customers", name=f"Made before, {way}")["id"]
        if way == "bc"
        else common.create("crm", "accounts", name=f"Made before, {way}", customertypecode=3)["accountid"]
    )
    common.counterparts("CUSTOMER", f"{way}:{made}")
    counts = common.count("bc", "Customer"), common.count("crm", "account")
    common.query(
        f"delete from coupling where '{made}' in (left_id::text, right_id::text) returning 1"  # type: ignore[arg-type]
    )
    document, status = common.counterparts("CUSTOMER", f"{way}:{made}")
    [said] = document["skipped"]
    assert (status, document["created"]) == (1, [])
    assert "so it was made before" in said["reason"]
    assert (common.count("bc", "Customer"), common.count("crm", "account")) == counts
    rebuilt(common, "CUSTOMER")
    assert made in {one[0 if way == "bc" else 1] for one in coupled(common, "CUSTOMER")}
