"""Seeded histories: people at work, services that fail, runs that are gone at any moment; then quiet.

At rest no edit is lost, no record has two counterparts, both sides agree or say why not, and nothing is
written any more. A failure names its seed and prints its history; `pytest -k 'seed17'` tells it again.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from engine.world import World, wrote
from kobling.model.errors import KoblingError
from sim.chaos import Killed, Moments, some_faults
from sim.people import BC, CRM, FIELDS, Firm, People, Sides

ROUNDS = 5
FIRMS = 4
# As many runs as the deepest look-ups of these mappings need, and two more.
QUIET_RUNS = 5
_REQUESTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"full": True},
    {"every_record": True},
    {"direction": "to"},
    {"direction": "from"},
)


# Some that have gone wrong once.
@pytest.mark.parametrize("seed", [1, 103, 121, 137, 141, 143], ids=lambda one: f"seed{one}")
def test_a_history_ends_at_rest(synchronized: World, seed: int) -> None:
    live(synchronized, seed)


@pytest.mark.accept
@pytest.mark.parametrize("seed", range(1000, 1060), ids=lambda one: f"seed{one}")
def test_a_history_of_the_long_list_ends_at_rest(synchronized: World, seed: int) -> None:
    live(synchronized, seed)


def live(world: World, seed: int) -> None:
    """One history."""
    chance = Random(seed)
    world.configure("CUSTOMER", synch_only_coupled=False)
    people = People(world, chance)
    people.adopt(FIRMS)
    try:
        for _ in range(ROUNDS):
            for _ in range(chance.randrange(1, 6)):
                people.act()
            disturbed_run(world, people, chance)
        rest(world, people)
        assert_at_rest(world, people)
        for use in ("bc", "crm"):
            if world.conflicts():
                world.resolve(use, mapping="CUSTOMER")
                break
        rest(world, people)
        assert world.conflicts() == []
    except BaseException:
        print("\n".join(people.log))
        raise


def disturbed_run(world: World, people: People, chance: Random) -> None:
    """A run among faults, that may be gone at any moment, while people go on working."""
    rules = {system: some_faults(chance, system) for system in (BC, CRM)}
    people.log.append(f"faults: {rules}")
    fatal = chance.choice((0, 0, chance.randrange(1, 30), chance.randrange(1, 100)))
    request = chance.choice(_REQUESTS)

    def meanwhile() -> None:
        # People have better luck with their requests.
        if chance.random() < 0.02:
            set_faults(world, {})
            people.act()
            set_faults(world, rules)

    moments = Moments(fatal, meanwhile)
    set_faults(world, rules)
    try:
        with moments.watched():
            world.sync("CUSTOMER", alone=False, **request)
        people.log.append(f"run {request}: through")
    except Killed:
        people.log.append(f"run {request}: killed {moments.last} ({fatal})")
    except KoblingError as error:
        people.log.append(f"run {request}: {error}")
    set_faults(world, {})


def set_faults(world: World, rules: dict[str, list[dict[str, Any]]]) -> None:
    for system in (BC, CRM):
        world.faults(system, *rules.get(system, []))


def rest(world: World, people: People) -> None:
    """Runs without anybody at work, until nothing is written."""
    for _ in range(QUIET_RUNS):
        run = world.sync("CUSTOMER", alone=False)
        people.log.append(f"quiet run: {run['CUSTOMER']['counts']} {run['CUSTOMER']['open']}")
        if not wrote(run):
            break
    else:
        raise AssertionError(f"{QUIET_RUNS} quiet runs, and still something to write")
    run = world.sync("CUSTOMER")
    assert wrote(run) == 0
    assert run["CUSTOMER"]["open"]["held"] == 0, "our own write was taken for somebody else's"


def assert_at_rest(world: World, people: People) -> None:
    """The invariants, by what both services hold."""
    sides = Sides(world)
    pairs = {one["bc_id"]: one["crm_id"] for one in world.couplings()}
    assert len(pairs) == len(set(pairs.values())) == len(world.couplings())
    skipped = {(one["bc_id"], one["crm_id"]) for one in world.skipped()}
    contested = {(one["bc_id"], one["field"]) for one in world.conflicts()}
    # The fields of an address are in conflict as one.
    captions = {"name": "Name", "address": "address", "address2": "address", "eMail": "E-Mail"}
    captions |= {"faxNo": "Fax No.", "phoneNo": "Phone No."}
    for firm in people.firms:
        ids = [sides.identifier(side, firm.tag) for side in (BC, CRM)]
        if firm.deleted:
            assert_survivor(firm, sides, skipped)
            continue
        assert None not in ids, f"{firm.tag} has no counterpart: {ids}"
        assert pairs[str(ids[0])] == ids[1], f"{firm.tag} is not coupled with its counterpart"
        for name, (side, value) in firm.last.items():
            held = {each: sides.value(each, firm.tag, name) for each in (BC, CRM)}
            if captions[name] == "address" and (ids[0], "address") in contested:
                assert held[side] == value, f"{firm.tag} {name}: {value!r} of {side} is lost: {held}"
            elif (ids[0], captions[name]) in contested:
                own = {each: firm.own[each, name] for each in (BC, CRM)}
                assert held == own, f"{firm.tag} {name}: in conflict, {held} but people wrote {own}"
            else:
                assert held == {BC: value, CRM: value}, f"{firm.tag} {name}: {value!r} of {side}, {held}"


def assert_survivor(firm: Firm, sides: Sides, skipped: set[tuple[str, str]]) -> None:
    """Of a deleted record the other one stays as its people left it, is listed, and gets no new partner."""
    [gone] = firm.deleted
    there = CRM if gone == BC else BC
    assert sides.identifier(gone, firm.tag) is None, f"{firm.tag} was deleted in {gone} and is back"
    identifier = sides.identifier(there, firm.tag)
    if identifier is None:
        return
    assert any(identifier in one for one in skipped), f"{firm.tag}: nobody says that {gone} is deleted"
    for name in FIELDS:
        side, value = firm.last.get(name, (gone, ""))
        if side == there:
            assert sides.value(there, firm.tag, name) == value
