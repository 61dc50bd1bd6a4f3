"""Runs at the same time: they wait for each other where they share a mapping, and lose no wake."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.adapters.postgres.store import PostgresStore
from kobling.service.session import Session
from kobling.service.synchronize import Request, synchronize


def test_a_second_run_of_a_mapping_waits_and_does_nothing_twice(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 60")
    noted = len(synchronized.audit())
    waiting, found = threading.Event(), []

    def other() -> None:
        async def work(session: Session) -> Any:
            request = Request(mappings=("CUSTOMER",))
            return await synchronize(
                session, request, progress=lambda what, count: None, wait=lambda name: waiting.set()
            )

        found.append(synchronized.command(work))

    second = threading.Thread(target=other)
    with pytest.MonkeyPatch.context() as patch:
        whole = PostgresStore.settle

        async def settle(store: PostgresStore, *arguments: Any) -> None:
            if not second.ident:
                second.start()
                assert waiting.wait(timeout=30)
            await whole(store, *arguments)

        patch.setattr(PostgresStore, "settle", settle)
        synchronized.sync("CUSTOMER")
    second.join(timeout=30)
    [(_, status)] = found
    assert status == 1
    assert synchronized.account(account)["address1_line1"] == "Torget 60"
    assert len(synchronized.audit()) == noted + 1


def test_a_partner_coupled_while_its_customer_was_being_planned_is_not_missed(world: World) -> None:
    world.sync("SALESPEOPLE", "CURRENCY", full=True)
    user = world.create(
        "crm",
        "systemusers",
        fullname="Bernt",
        internalemailaddress="b@x.example",
        islicensed=True,
        isdisabled=False,
    )["systemuserid"]
    with pytest.MonkeyPatch.context() as patch:
        whole, coupled = PostgresStore.settle, []

        async def settle(store: PostgresStore, *arguments: Any) -> None:
            if store.mapping.name == "CUSTOMER" and not coupled:
                coupled.append(True)
                other = threading.Thread(target=lambda: world.couple("SALESPEOPLE", "BK", f"crm:{user}"))
                other.start()
                other.join(timeout=30)
            await whole(store, *arguments)

        patch.setattr(PostgresStore, "settle", settle)
        world.sync("CUSTOMER", full=True)
    world.sync("CUSTOMER")
    run = world.sync("CUSTOMER")
    assert run["CUSTOMER"]["open"]["waiting"] == 0


def test_a_deletion_learned_while_its_pair_was_being_settled_is_not_missed(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", deletion_conflict="remove-coupling")
    customer, _ = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 61")
    with pytest.MonkeyPatch.context() as patch:
        whole, gone = PostgresStore.settle, []

        async def settle(store: PostgresStore, *arguments: Any) -> None:
            if store.mapping.name == "CUSTOMER" and not gone:
                gone.append(True)
                synchronized.delete("bc", "customers", customer)
                other = threading.Thread(target=lambda: synchronized.sync("SALESPEOPLE"))
                other.start()
                other.join(timeout=30)
            await whole(store, *arguments)

        patch.setattr(PostgresStore, "settle", settle)
        synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    assert customer not in {one["bc_id"] for one in synchronized.couplings()}


def test_a_rate_changed_while_a_pair_was_being_settled_is_not_missed(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, currencyCode="USD", creditLimitLCY=1000)
    synchronized.sync("CUSTOMER")
    before = synchronized.account(account)["creditlimit"]
    synchronized.edit_customer(customer, address="Torget 62")
    rates = synchronized.get("bc", synchronized.bc("currencyExchangeRates"))["value"]
    rate = max(
        (one for one in rates if one["currencyCode"] == "USD"), key=lambda one: str(one["startingDate"])
    )
    with pytest.MonkeyPatch.context() as patch:
        whole, changed = PostgresStore.settle, []

        async def settle(store: PostgresStore, *arguments: Any) -> None:
            if store.mapping.name == "CUSTOMER" and not changed:
                changed.append(True)
                place = f"{synchronized.bc('currencyExchangeRates')}({rate['id']})"
                values = {"exchangeRateAmount": rate["exchangeRateAmount"] * 2}
                synchronized.send("bc", "PATCH", place, values)
                other = threading.Thread(target=lambda: synchronized.sync("CURRENCY"))
                other.start()
                other.join(timeout=30)
            await whole(store, *arguments)

        patch.setattr(PostgresStore, "settle", settle)
        synchronized.sync("CUSTOMER")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["creditlimit"] == before * 2
    assert wrote(synchronized.sync()) == 0
