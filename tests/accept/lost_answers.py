"""Writes whose answer is lost with the run that sent them: the next run finds out what became of them."""

from __future__ import annotations

from accept.loads import assert_all_in_step, carried_out, die_with_a_lost_answer, settle
from engine.world import World


def lost_create(load: World, customers: int) -> None:
    die_with_a_lost_answer(load, 5, "--full")
    made = {one["accountid"]: one["@odata.etag"] for one in load.accounts()}
    unknown = made.keys() - {one["crm_id"] for one in load.couplings()}
    assert unknown
    assert len(made) < customers
    load.reset_requests()
    settle(load)
    # Each id was asked for, and nobody sent it again.
    assert unknown <= {_id_in(path) for path in carried_out(load, "GET")}
    assert not made.keys() & {_id_in(path) for path in carried_out(load, "PATCH")}
    assert made.items() <= {one["accountid"]: one["@odata.etag"] for one in load.accounts()}.items()
    assert_all_in_step(load, customers)


def lost_update(load: World, customers: int) -> None:
    settle(load, full=True)
    pairs = [(one["bc_id"], one["crm_id"]) for one in load.couplings()][:5]
    for number, (customer, _) in enumerate(pairs):
        load.edit_customer(customer, address=f"Torget {number}")
    die_with_a_lost_answer(load, 2)
    load.reset_requests()
    settle(load)
    # Five were to be written and two had arrived.
    assert sorted(carried_out(load, "PATCH").values()) == [1, 1, 1]
    assert [load.account(one)["address1_line1"] for _, one in pairs] == [f"Torget {n}" for n in range(5)]
    assert_all_in_step(load, customers)


def lost_claim(load: World, customers: int) -> None:
    settle(load, full=True)
    seller = load.accounts()[0]["_ownerid_value"]
    values = {"customertypecode": 3, "ownerid@odata.bind": f"/systemusers({seller})"}
    made = [load.create("crm", "accounts", name=f"From Sales {number}", **values) for number in range(3)]
    # The first one: a page of the feed may end right after it.
    die_with_a_lost_answer(load, 1, "--full")
    assert load.count("bc", "Customer") == customers
    load.reset_requests()
    settle(load)
    claimed = {_id_in(path) for path in carried_out(load, "PATCH")}
    assert claimed <= {one["accountid"] for one in made}
    assert list(carried_out(load, "PATCH").values()) == [1, 1]
    assert_all_in_step(load, customers + len(made))


def _id_in(path: str) -> str:
    return path.rpartition("(")[2].rstrip(")")
