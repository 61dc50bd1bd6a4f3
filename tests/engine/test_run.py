"""The main job, end to end: real HTTP to both services, a real PostgreSQL, the real engine."""

from __future__ import annotations

import pytest

from engine.world import World, wrote
from kobling.model.errors import UnreachableError

SHARED = {"bc": 2, "crm": 6}


def test_a_full_run_of_fresh_data_leaves_one_customer_waiting_and_nothing_else(world: World) -> None:
    first = world.sync(full=True)
    assert first[""] == 1
    customer = first["CUSTOMER"]
    assert customer["counts"]["to"]["inserted"] + customer["counts"]["from"]["inserted"] >= 20
    assert customer["open"] == {"conflicts": 0, "waiting": 1, "clearable": 0, "skipped": 0, "held": 0}
    assert all(
        first[name]["counts"][way]["failed"] == 0 for name in list(first)[2:] for way in ("to", "from")
    )
    [error] = customer["errors"]
    assert "C00370" in error["message"]
    assert "'BK'" in error["message"]
    assert "SALESPEOPLE" in error["cure"]
    assert error["class"] == "dependency missing"


def test_nothing_new_costs_one_request_a_feed_and_one_batch_a_service(synchronized: World) -> None:
    # An item that the full run made is a change of the tables that look-ups read, once.
    synchronized.sync()
    synchronized.reset_requests()
    again = synchronized.sync()
    assert wrote(again) == 0
    named = list(again)[2:]
    for system in ("bc", "crm"):
        outer = synchronized.requests(system)["outer"]
        assert {one["count"] for one in outer} == {1}
        assert sum(one["path"].endswith("$batch") for one in outer) == 1
        # Accounts, products, units, price lists and prices have several mappings, which share their feeds.
        assert len(outer) == len(named) + 1 - SHARED[system]
    asked = [again[name]["requests"] for name in named]
    assert asked[0] == {"bc": 2, "crm": 2}
    for system, shared in SHARED.items():
        assert sorted(one[system] for one in asked[1:]) == [0] * shared + [1] * (len(named) - 1 - shared)


def test_edits_of_different_fields_on_both_sides_merge(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, city="Bergen")
    synchronized.edit_account(account, telephone1="+47 22 33 44 55")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert run["CUSTOMER"]["counts"]["from"]["modified"] == 1
    assert synchronized.customer(customer)["phoneNo"] == "+47 22 33 44 55"
    assert synchronized.account(account)["address1_city"] == "Bergen"
    assert wrote(synchronized.sync()) == 0


def test_one_field_edited_on_both_sides_is_the_only_conflict_and_is_resolved(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC", address="Torget 2")
    synchronized.edit_account(account, name="Name in Sales", fax="12345678")
    run = synchronized.sync("CUSTOMER")
    assert run[""] == 1
    assert run["CUSTOMER"]["open"]["conflicts"] == 1
    assert synchronized.customer(customer)["name"] == "Name in BC"
    assert synchronized.customer(customer)["faxNo"] == "12345678"
    assert synchronized.account(account)["name"] == "Name in Sales"
    assert synchronized.account(account)["address1_line1"] == "Torget 2"
    for _ in range(2):
        assert wrote(synchronized.sync()) == 0
    [conflict] = synchronized.conflicts()
    assert (conflict["field"], conflict["bc"], conflict["crm"]) == ("Name", "Name in BC", "Name in Sales")
    _, status = synchronized.resolve("bc")
    assert status == 0
    assert synchronized.account(account)["name"] == synchronized.customer(customer)["name"] == "Name in BC"
    assert synchronized.conflicts() == []
    assert wrote(synchronized.sync()) == 0


@pytest.mark.parametrize(("use", "name"), [("crm", "Name in Sales"), ("A third name", "A third name")])
def test_a_conflict_is_resolved_by_sales_or_by_a_value_of_its_own(
    synchronized: World, use: str, name: str
) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    _, status = synchronized.resolve(use, mapping="customer", record=f"crm:{account}", field="Name")
    assert status == 0
    assert synchronized.account(account)["name"] == synchronized.customer(customer)["name"] == name
    assert wrote(synchronized.sync()) == 0


def test_a_resolution_does_not_hold_for_a_version_that_nobody_saw(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, name="A newer name")
    synchronized.resolve("bc")
    assert synchronized.account(account)["name"] == "A newer name"
    assert [one["crm"] for one in synchronized.conflicts()] == ["A newer name"]


def test_values_that_only_look_different_do_not_travel(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins({"entity": "account", "on": "update", "field": "address1_line1", "upper": True})
    synchronized.edit_account(account, name="x" * 150, address1_postalcode="sw1a 1aa")
    # The fields of an address flow as one, so the street is another customer's.
    other, other_account = synchronized.pair("C00020")
    synchronized.edit_customer(other, address="storgata 1")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["name"] == "x" * 100
    assert synchronized.account(account)["name"] == "x" * 150
    assert synchronized.customer(customer)["postCode"] == "SW1A 1AA"
    assert synchronized.account(account)["address1_postalcode"] == "sw1a 1aa"
    assert synchronized.account(other_account)["address1_line1"] == "STORGATA 1"
    assert synchronized.customer(other)["address"] == "storgata 1"
    for _ in range(10):
        assert wrote(synchronized.sync()) == 0


def test_a_waiting_customer_goes_through_once_its_salesperson_is_coupled(synchronized: World) -> None:
    waiting = synchronized.customers("no eq 'C00370'")[0]["id"]
    before = synchronized.count("crm", "account")
    user = synchronized.send(
        "crm",
        "POST",
        synchronized.crm("systemusers"),
        {"fullname": "Bernt", "internalemailaddress": "b@x.example"},
    )["systemuserid"]
    synchronized.couple("SALESPEOPLE", "BK", f"crm:{user}")
    run = synchronized.sync("CUSTOMER")
    assert run[""] == 0
    assert synchronized.count("crm", "account") == before + 1
    [coupling] = [one for one in synchronized.couplings() if one["bc_id"] == waiting]
    assert synchronized.account(coupling["crm_id"])["_ownerid_value"] == user


def test_a_refused_record_fails_alone_and_passes_when_it_is_corrected(synchronized: World) -> None:
    customer, account = synchronized.pair()
    other, other_account = synchronized.pair("C00020")
    synchronized.edit_account(account, telephone1="call me")
    synchronized.edit_account(other_account, telephone1="+47 99 88 77 66")
    run = synchronized.sync("CUSTOMER")
    assert run[""] == 1
    assert run["CUSTOMER"]["counts"]["from"]["failed"] == 1
    [error] = run["CUSTOMER"]["errors"]
    assert (error["bc_id"], error["crm_id"], error["class"]) == (customer, account, "rejected")
    assert synchronized.customer(other)["phoneNo"] == "+47 99 88 77 66"
    assert [one["bc_id"] for one in synchronized.skipped()] == [customer]
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["counts"]["from"]["failed"] == 0
    synchronized.edit_account(account, telephone1="+47 11 22 33 44")
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["errors"] == []
    assert synchronized.customer(customer)["phoneNo"] == "+47 11 22 33 44"
    assert synchronized.skipped() == []


def test_an_open_transaction_holds_its_change_and_no_other(synchronized: World) -> None:
    held, held_account = synchronized.pair()
    others = [synchronized.pair("C00020"), synchronized.pair("C00030")]
    synchronized.transaction("open", "Customer")
    synchronized.edit_customer(held, city="Held")
    for index, (customer, _) in enumerate(others):
        synchronized.edit_customer(customer, city=f"Passes {index}")
    for _ in range(3):
        synchronized.sync("CUSTOMER")
        assert synchronized.account(held_account)["address1_city"] != "Held"
    for index, (_, account) in enumerate(others):
        assert synchronized.account(account)["address1_city"] == f"Passes {index}"
    synchronized.transaction("commit", "Customer")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["modified"] == 1
    assert synchronized.account(held_account)["address1_city"] == "Held"


def test_a_blocked_customer_is_left_alone_and_merged_on_its_return(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.account(account)
    synchronized.edit_customer(customer, blocked="All", address="Torget 3")
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, fax="87654321")
    run = synchronized.sync("CUSTOMER")
    assert wrote(run) == 0
    assert synchronized.account(account)["address1_line1"] == before["address1_line1"]
    synchronized.edit_customer(customer, blocked="_x0020_")
    assert synchronized.sync("CUSTOMER")[""] == 1
    assert synchronized.account(account)["address1_line1"] == "Torget 3"
    assert synchronized.customer(customer)["faxNo"] == "87654321"


@pytest.mark.scenario("CT-16")
def test_an_inactive_account_blocks_its_customer_once(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_account(account, statecode=1, statuscode=2)
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["modified"] == 1
    assert synchronized.customer(customer)["blocked"] == "All"
    synchronized.edit_customer(customer, blocked="_x0020_")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["blocked"] == "_x0020_"
    synchronized.edit_customer(customer, city="Hamar")
    synchronized.edit_account(account, statecode=0, statuscode=1)
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_city"] == "Hamar"


def test_a_create_whose_answer_is_lost_is_found_and_not_made_twice(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    before = world.count("crm", "account")
    world.faults(
        "crm", {"method": "POST", "path": r"\$batch$", "nth": 3, "times": 1, "action": "reset_after"}
    )
    with pytest.raises(UnreachableError):
        world.sync("CUSTOMER", full=True)
    world.faults("crm")
    made = world.count("crm", "account")
    assert made > before
    run = world.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["to"]["failed"] == 0
    assert world.count("crm", "account") == made
    customers = [one["bc_id"] for one in world.couplings()]
    assert len(customers) == len(set(customers)) >= made - before


def test_a_version_that_grew_old_meanwhile_is_read_and_planned_again(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.transaction("open", "Customer")
    synchronized.edit_customer(customer, address="Torget 4")
    synchronized.edit_account(account, fax="11112222")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["counts"]["from"]["failed"] <= 1
    synchronized.transaction("commit", "Customer")
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["faxNo"] == "11112222"
    assert synchronized.account(account)["address1_line1"] == "Torget 4"


def test_what_a_plug_in_changes_during_our_write_flows_back_beside_a_conflict(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC", address="Torget 5")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.plugins({"entity": "account", "on": "update", "field": "fax", "set": "99887766"})
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["faxNo"] == "99887766"
    assert [one["field"] for one in synchronized.conflicts()] == ["Name"]


def test_a_write_that_fails_in_passing_goes_through_by_itself(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 6")
    rule = {"method": "PATCH", "path": "/accounts", "every": 1, "action": "status", "status": 503}
    synchronized.faults("crm", rule)
    failed = synchronized.sync("CUSTOMER")
    assert failed["CUSTOMER"]["counts"]["to"]["failed"] == 1
    assert failed["CUSTOMER"]["errors"][0]["class"] == "transient"
    synchronized.faults("crm")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["address1_line1"] == "Torget 6"
    assert synchronized.skipped() == []
