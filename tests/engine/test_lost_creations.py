"""Creations whose run never learned of them: what is there is asked for and coupled, not sent once more."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import Document, World, wrote
from kobling.adapters.postgres.store import PostgresStore
from kobling.model.errors import UnreachableError
from stages import Stages


class _Killed(BaseException):
    """The process is gone."""


async def _die(*arguments: Any, **options: Any) -> None:
    raise _Killed


def _run_that_dies(world: World, **request: Any) -> None:
    """A run of customers that is gone when everything is written and nothing is noted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgresStore, "settle", _die)
        with pytest.raises(_Killed):
            world.sync("CUSTOMER", full=True, **request)


def _written(world: World, system: str) -> list[str]:
    """Paths of parts that created or changed something, since the last reset of the record."""
    parts: Any = world.requests(system)["parts"]
    return [one["path"] for one in parts if one["method"] in {"PATCH", "POST"}]


def _create_unnoted(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    _run_that_dies(world)


@pytest.fixture
def made(world: World, stages: Stages) -> list[Document]:
    """Customers stand in Sales as these accounts, and nobody has noted it."""
    before = {one["accountid"] for one in world.accounts()}
    stages.reach(world, _create_unnoted)
    new = [one for one in world.accounts() if one["accountid"] not in before]
    assert len(new) >= 5
    assert world.couplings() == []
    world.reset_requests()
    return new


def _of(world: World, account: dict[str, Any]) -> str:
    """The customer that an account was made of."""
    [customer] = [one["id"] for one in world.customers() if one["name"] == account["name"]]
    return str(customer)


def test_what_was_created_is_coupled_and_not_sent_again(world: World, made: list[Document]) -> None:
    run = world.sync("CUSTOMER")
    ids = {one["accountid"] for one in made}
    assert ids <= {one["crm_id"] for one in world.couplings()}
    assert [one for one in _written(world, "crm") if any(each in one for each in ids)] == []
    assert all(world.account(one["accountid"])["@odata.etag"] == one["@odata.etag"] for one in made)
    assert run["CUSTOMER"]["counts"]["to"]["inserted"] >= len(ids)
    noted = [one[1] for one in world.audit() if one[2:4] == ("right", "create") and one[1] in ids]
    assert sorted(noted) == sorted(ids)
    world.sync("CUSTOMER")
    assert wrote(world.sync("CUSTOMER")) == 0
    assert world.query("select count(*) from intent") == [(0,)]


@pytest.mark.parametrize("system", ["bc", "crm"])
def test_an_edit_since_then_arrives(world: World, made: list[Document], system: str) -> None:
    account = made[0]
    customer = _of(world, account)
    if system == "bc":
        world.edit_customer(customer, address="Edited since", eMail="")
    else:
        world.edit_account(account["accountid"], address1_line1="Edited since", emailaddress1=None)
    for _ in range(2):
        world.sync("CUSTOMER")
    assert world.customer(customer)["address"] == "Edited since"
    assert world.account(account["accountid"])["address1_line1"] == "Edited since"
    assert world.customer(customer)["eMail"] == ""
    assert world.account(account["accountid"])["emailaddress1"] is None
    assert world.conflicts() == []
    run = world.sync("CUSTOMER")
    assert wrote(run) == 0
    assert run["CUSTOMER"]["open"]["held"] == 0


def test_edits_of_both_since_then_are_a_conflict(world: World, made: list[Document]) -> None:
    account = made[0]
    customer = _of(world, account)
    world.edit_customer(customer, address="By the one", city="Bergen")
    world.edit_account(account["accountid"], address1_line1="By the other", fax="11223344")
    world.sync("CUSTOMER")
    world.sync("CUSTOMER")
    assert [(one["bc_id"], one["field"]) for one in world.conflicts()] == [(customer, "address")]
    assert world.customer(customer)["faxNo"] == "11223344"
    assert world.customer(customer)["address"] == "By the one"
    assert world.account(account["accountid"])["address1_line1"] == "By the other"


def test_what_has_left_the_filter_since_is_coupled_all_the_same(world: World, made: list[Document]) -> None:
    account = made[0]
    customer = _of(world, account)
    world.edit_customer(customer, blocked="All")
    world.sync("CUSTOMER")
    assert account["accountid"] in {one["crm_id"] for one in world.couplings()}
    world.edit_customer(customer, blocked="_x0020_", address="Back again")
    world.sync("CUSTOMER")
    assert world.account(account["accountid"])["address1_line1"] == "Back again"


def test_what_is_left_of_a_deleted_source_is_a_deletion_like_any_other(
    world: World, made: list[Document]
) -> None:
    account = made[0]
    customer = _of(world, account)
    world.delete("bc", "customers", customer)
    world.sync("CUSTOMER")
    world.sync("CUSTOMER")
    assert customer in [one["bc_id"] for one in world.skipped()]
    world.configure("CUSTOMER", deletion_conflict="delete")
    world.command(lambda one: one.state.mapping_changed("CUSTOMER", ()))
    world.sync("CUSTOMER")
    assert account["accountid"] not in {one["accountid"] for one in world.accounts()}


@pytest.mark.parametrize("nth", [1, 3])
def test_a_batch_without_an_answer_is_asked_about_by_the_next_run_of_the_same_process(
    world: World, nth: int
) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    world.faults("crm", {"method": "PATCH", "path": r"/accounts\(", "nth": nth, "action": "reset_after"})
    before, made = {one["accountid"] for one in world.accounts()}, set[str]()

    async def twice(session: Any) -> None:
        from kobling.service.synchronize import Request, synchronize

        ways: Any = {"progress": lambda what, count: None, "wait": lambda name: None}
        asked = Request(mappings=("CUSTOMER",), full=True)
        with pytest.raises(UnreachableError, match="unknown whether it was done"):
            await synchronize(session, asked, **ways)
        made.update(one["accountid"] for one in world.accounts() if one["accountid"] not in before)
        world.faults("crm")
        world.reset_requests()
        await synchronize(session, asked, **ways)

    world.command(twice)
    assert made
    assert [one for one in _written(world, "crm") if any(each in one for each in made)] == []
    assert made <= {one["crm_id"] for one in world.couplings()}
    assert wrote(world.sync("CUSTOMER")) == 0
