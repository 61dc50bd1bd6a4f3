"""Aim: what stays in the inbox is finished by the next run once its cause is gone, and costs nobody else.

Method: for each reason, one pair whose cause ends without anybody touching its records, beside one other pair
that stays open and beside twenty. The requests of the run that finishes it are counted by the services.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.world import World
from kobling.engine.task import Held
from kobling.service.mappings import set_mapping
from kobling.service.waiting import Word, list_held, speak

Pair = tuple[str, str]
FEW, MANY = 1, 20


def _pairs(world: World) -> list[Pair]:
    found = sorted(world.couplings(), key=lambda one: str(one["number"]))
    return [(one["bc_id"], one["crm_id"]) for one in found]


def _open(world: World, reason: str) -> set[str]:
    """The left ids of the pairs of customers that stay for that reason."""
    rows = world.query(
        "select distinct left_id::text, reason from coupling join inbox using (mapping_id)"
        " join mapping on mapping.id = mapping_id"
        " where record_id in (left_id, right_id) and mapping.name = 'CUSTOMER'"
    )
    return {identifier for identifier, why in rows if why == reason}


def _requests(world: World, run: Callable[[], object]) -> tuple[int, int]:
    """What a run asks of the services: requests, and parts of batches."""
    world.reset_requests()
    run()
    counted: list[Any] = [world.requests(system) for system in ("bc", "crm")]
    outer, parts = (
        sum(line["count"] for one in counted for line in one[kind]) for kind in ("outer", "parts")
    )
    return outer, parts


def _word(world: World, pair: Pair, held: Held = Held.KEEP) -> None:
    word = Word(mapping="CUSTOMER", record=f"bc:{pair[0]}", held=held)
    document, status = world.command(lambda one: speak(one, word, wait=lambda name: None))
    assert (document["done"], status) == (1, 0)


class Conflict:
    reason = "conflict"

    def open(self, world: World, pair: Pair) -> None:
        world.edit_customer(pair[0], name="Name in BC")
        world.edit_account(pair[1], name="Name in Sales")

    def cure(self, world: World, pair: Pair) -> None:
        """A person decides; that is the run itself."""

    def finish(self, world: World, pair: Pair) -> None:
        world.resolve("bc", mapping="CUSTOMER", record=pair[0])

    def is_done(self, world: World, pair: Pair) -> bool:
        return bool(world.account(pair[1])["name"] == "Name in BC")


class Waiting:
    reason = "waiting"

    def open(self, world: World, pair: Pair) -> None:
        code = self.code(pair)
        world.create("bc", "salespeoplePurchasers", code=code, name=code, eMail=f"{code}@x.example")
        world.edit_customer(pair[0], salespersonCode=code)

    def code(self, pair: Pair) -> str:
        return f"W{pair[0][:8]}".upper()

    def cure(self, world: World, pair: Pair) -> None:
        code = self.code(pair)
        user = world.create(
            "crm",
            "systemusers",
            internalemailaddress=f"{code}@x.example",
            islicensed=True,
            isdisabled=False,
        )
        world.couple("SALESPEOPLE", code, f"crm:{user['systemuserid']}", use="leave")

    def finish(self, world: World, pair: Pair) -> None:
        world.sync("CUSTOMER")

    def is_done(self, world: World, pair: Pair) -> bool:
        owner = world.account(pair[1])["_ownerid_value"]
        user = world.get("crm", f"{world.crm('systemusers')}({owner})")
        return bool(user["internalemailaddress"] == f"{self.code(pair)}@x.example")


class Outside:
    reason = "outside"

    def open(self, world: World, pair: Pair) -> None:
        blocked = {0: "Ship", 1: "Invoice"}.get(_pairs(world).index(pair), "All")
        world.edit_customer(pair[0], blocked=blocked, address="Behind the fence")

    def cure(self, world: World, pair: Pair) -> None:
        also = world.customer(pair[0])["blocked"]
        edits = [f"bc_filter=Blocked = ''|{also}"]
        world.command(
            lambda one: set_mapping(one, "CUSTOMER", edits, existing=False, yes=True, wait=lambda name: None)
        )

    def finish(self, world: World, pair: Pair) -> None:
        world.sync("CUSTOMER")

    def is_done(self, world: World, pair: Pair) -> bool:
        return bool(world.account(pair[1])["address1_line1"] == "Behind the fence")


class Failed:
    reason = "failed"

    def open(self, world: World, pair: Pair) -> None:
        world.plugins({"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"})
        world.edit_customer(pair[0], faxNo="12121212")

    def cure(self, world: World, pair: Pair) -> None:
        world.plugins()

    def finish(self, world: World, pair: Pair) -> None:
        _word(world, pair)

    def is_done(self, world: World, pair: Pair) -> bool:
        return bool(world.account(pair[1])["fax"] == "12121212")


class ByUs:
    reason = "held"

    def open(self, world: World, pair: Pair) -> None:
        place = f"{world.crm('accounts')}({pair[1]})"
        world.send("crm", "PATCH", place, {"fax": "34343434"}, client="kobling")

    def cure(self, world: World, pair: Pair) -> None:
        """A person accepts it; that is the run itself."""

    def finish(self, world: World, pair: Pair) -> None:
        _word(world, pair, Held.ACCEPT)

    def is_done(self, world: World, pair: Pair) -> bool:
        return bool(world.customer(pair[0])["faxNo"] == "34343434")


@pytest.mark.parametrize(
    "case", [Conflict(), Waiting(), Outside(), Failed(), ByUs()], ids=lambda one: one.reason
)
def test_the_next_run_alone_finishes_it_whatever_else_stays(synchronized: World, case: Any) -> None:
    world = synchronized
    pairs = _pairs(world)
    subjects, others = pairs[:2], pairs[2 : 2 + MANY]
    costs = []
    opened: list[Pair] = []
    for subject, number in zip(subjects, (FEW, MANY), strict=True):
        for one in [subject, *others[len(opened) : number]]:
            case.open(world, one)
        opened = others[:number]
        world.sync("CUSTOMER")
        assert _open(world, case.reason) >= {one[0] for one in [subject, *opened]}
        assert not case.is_done(world, subject)
        case.cure(world, subject)
        costs.append(_requests(world, lambda subject=subject: case.finish(world, subject)))
        assert case.is_done(world, subject)
        assert subject[0] not in _open(world, case.reason)
        assert _open(world, case.reason) == {one[0] for one in opened}
    assert costs[0] == costs[1]


def test_a_record_that_was_stale_all_the_time_is_finished_by_the_next_run(synchronized: World) -> None:
    world, costs = synchronized, []
    pairs = _pairs(world)
    for subject, others in ((pairs[0], pairs[2 : 2 + FEW]), (pairs[1], pairs[2 + FEW : 2 + MANY])):
        for one in others:
            Conflict().open(world, one)
        place = rf"accounts\({subject[1]}\)"
        stale = {"action": "status", "status": 412, "code": "0x80060882"}
        world.faults("crm", {"method": "PATCH", "path": place, "every": 1, **stale})
        world.edit_customer(subject[0], address="Torget 9")
        world.sync("CUSTOMER")
        assert subject[0] in _open(world, "stale")
        world.faults("crm")
        costs.append(_requests(world, lambda: world.sync("CUSTOMER")))
        assert world.account(subject[1])["address1_line1"] == "Torget 9"
        assert subject[0] not in _open(world, "stale")
    assert len(world.conflicts()) == MANY
    assert costs[0] == costs[1]


def test_held_rows_do_not_hide_one_another(synchronized: World) -> None:
    pairs = _pairs(synchronized)[:3]
    for one in pairs:
        ByUs().open(synchronized, one)
    synchronized.sync("CUSTOMER")
    ByUs().finish(synchronized, pairs[1])
    listed = {one["crm_id"] for one in synchronized.command(list_held)["held"]}
    assert listed == {pairs[0][1], pairs[2][1]}
