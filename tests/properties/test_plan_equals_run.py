"""Aim: a saved plan that is applied before anybody edits anything does what a run would have done.

Method: a drawn history, whose end is copied, both services and the database. A plan is saved and applied;
then everything goes back to the copy, and a run is made. All that can be seen of both is held against each
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import databases, name_of, replace_database
from engine.world import Document, World
from properties.deeds import DRAWN, Deed, Office, deeds, lasting, rows_of

HISTORY = st.lists(deeds(), min_size=1, max_size=8)
CONFLICTS = st.sampled_from(("none", "none", "send", "get"))
DELETIONS = st.sampled_from(("none", "none", "restore", "remove-coupling", "delete"))
SAID = ("mapping", "kind", "counts", "errors", "warnings", "open", "requests")
_TWIN: Final = "twin"


class Twin(NamedTuple):
    """A copy of a world. url: of the database's; the sandbox keeps its own."""

    server: str
    url: str

    def copy(self, world: World) -> None:
        """Takes the world as it is."""
        world.sandbox.keep(_TWIN)
        replace_database(self.server, self.url, name_of(world.database_url))

    def back(self, world: World) -> None:
        """The world as it was taken."""
        world.sandbox.reset(_TWIN)
        replace_database(self.server, world.database_url, name_of(self.url))


@pytest.fixture(scope="module")
def twin(postgres_server: str) -> Iterator[Twin]:
    with databases(postgres_server) as make:
        yield Twin(postgres_server, make())


@settings(DRAWN, max_examples=6)
@given(HISTORY, CONFLICTS, DELETIONS)
def test_a_plan_does_what_the_run_of_a_twin_does(
    office: Office, twin: Twin, tmp_path: Path, history: list[Deed], conflict: str, deletion: str
) -> None:
    apply_and_run(office, twin, tmp_path / "plan.json", history, (conflict, deletion))


@pytest.mark.accept
@pytest.mark.timeout(1200)
@settings(DRAWN, max_examples=60)
@given(HISTORY, CONFLICTS, DELETIONS)
def test_many_plans_do_what_the_runs_of_a_twin_do(
    office: Office, twin: Twin, tmp_path: Path, history: list[Deed], conflict: str, deletion: str
) -> None:
    apply_and_run(office, twin, tmp_path / "plan.json", history, (conflict, deletion))


def apply_and_run(
    office: Office, twin: Twin, plan: Path, history: list[Deed], policies: tuple[str, str]
) -> None:
    world = office.world
    office.do(office.begin(*policies), history)
    noted = len(world.audit())
    twin.copy(world)
    world.save_plan(plan, "CUSTOMER")
    applied = world.apply_plan(plan)
    seen = told(world, noted)
    twin.back(world)
    run = world.sync("CUSTOMER")
    assert applied["refused"] == []
    assert said(applied) == said(run)
    assert seen == told(world, noted)


def said(run: Document) -> tuple[int, Document]:
    """The status, and what the job says of itself."""
    return run[""], {key: run["CUSTOMER"][key] for key in SAID}


def told(world: World, noted: int) -> dict[str, object]:
    """All that can be seen of what was done since so many entries of the audit."""
    return {
        "audit": sorted(map(str, world.audit()[noted:])),
        "rows": lasting(rows_of(world)),
        "couplings": sorted(map(str, world.couplings())),
        "conflicts": sorted(map(str, world.conflicts())),
        "skipped": sorted(str({**one, "since": None}) for one in world.skipped()),
    }
