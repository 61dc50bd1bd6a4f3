"""Aim: what a rehearsal of match-based coupling lists is what the coupling does, to the record; and the
rehearsal has written nothing anywhere.

Method: drawn customers and accounts with names and fax numbers from small sets, drawn ways to match them. The
list of the rehearsal is held against that of the coupling, and that one against the couplings that are new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import databases
from engine.world import World, wrote
from properties.deeds import DRAWN, lasting, rows_of
from sandboxes import Sandbox
from stages import Stages

# (name, number of the fax); what is the same but for case, and what is blank.
RECORDS = st.lists(
    st.tuples(st.sampled_from(("Anker", "ANKER", "Bergen", "Vestre")), st.integers(0, 3)), max_size=4
)
NAME, FAX = "Name", "Fax No."
WAYS: tuple[dict[str, dict[str, Any]], ...] = (
    {FAX: {"match": True}},
    {FAX: {"match": True}, NAME: {"match": True}},
    {FAX: {"match": True, "match_priority": 1}, NAME: {"match": True, "match_priority": 2}},
    {
        FAX: {"match": True, "match_priority": 2},
        NAME: {"match": True, "match_priority": 1, "match_case": True},
    },
)
SAID = ("matched", "ambiguous", "unmatched", "skipped", "reasons")


class Case(NamedTuple):
    """Records of both sides, how they are matched, and what becomes of the pairs and of the rest."""

    left: list[tuple[str, int]]
    right: list[tuple[str, int]]
    way: dict[str, dict[str, Any]]
    use: str
    create: bool


CASES = st.builds(
    Case, RECORDS, RECORDS, st.sampled_from(WAYS), st.sampled_from(("", "bc", "crm", "leave")), st.booleans()
)


@pytest.fixture(scope="module")
def start(served: Sandbox, postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A fresh world."""
    served.reset()
    with databases(postgres_server) as make:
        yield World(served, make(), tmp_path_factory.mktemp("matching"))


def needed(world: World) -> None:
    """Nobody is coupled but salespeople and currencies."""
    world.sync("SALESPEOPLE", "CURRENCY", full=True)


@settings(DRAWN, max_examples=6)
@given(CASES)
def test_a_match_does_what_its_preview_says(start: World, stages: Stages, case: Case) -> None:
    look_and_match(start, stages, case)


@pytest.mark.accept
@pytest.mark.timeout(1200)
@settings(DRAWN, max_examples=60)
@given(CASES)
def test_many_matches_do_what_their_previews_say(start: World, stages: Stages, case: Case) -> None:
    look_and_match(start, stages, case)


def look_and_match(world: World, stages: Stages, case: Case) -> None:
    world.stage = "fresh"
    stages.reach(world, needed)
    world.configure("CUSTOMER", fields=case.way)
    chosen = tuple(create(world, "bc", one) for one in case.left)
    for one in case.right:
        create(world, "crm", one)
    if not chosen:
        return
    before, stored, known = rows_of(world), world.stored(), coupled(world)
    said = world.match("CUSTOMER", dry_run=True, use=case.use, create=case.create, records=chosen)
    assert rows_of(world) == before
    assert world.stored() == stored
    done = world.match("CUSTOMER", use=case.use, create=case.create, records=chosen)
    assert {key: said[key] for key in SAID} == {key: done[key] for key in SAID}
    new = coupled(world) - known
    pairs = {(one["bc_id"], one["crm_id"]) for one in said["matched"]}
    created = {one["bc_id"] for one in said["unmatched"] if one["created"]}
    assert {one for one in new if one[0] not in created} == pairs
    assert {left for left, _ in new - pairs} == created
    if not case.use and not created:
        assert lasting(rows_of(world)) == lasting(before)
    assert case.use == "" or wrote(world.sync("CUSTOMER")) == 0


def coupled(world: World) -> set[tuple[str, str]]:
    return {(one["bc_id"], one["crm_id"]) for one in world.couplings()}


def create(world: World, system: str, record: tuple[str, int]) -> str:
    """A customer or an account of that name and fax number; 0 is blank."""
    name, number = record
    fax = f"+47 99 00 00 0{number}" if number else ""
    if system == "bc":
        return str(world.create("bc", "customers", name=name, faxNo=fax)["id"])
    made = world.create("crm", "accounts", name=name, fax=fax or None, customertypecode=3)
    return str(made["accountid"])
