"""The world of the stories, on fresh demo data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import databases
from engine.world import World
from sandboxes import Sandbox
from stages import Stages


@pytest.fixture
def world(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[World]:
    """Fresh demo data on both sides; nothing is coupled yet."""
    one = World(sandbox, database_url, tmp_path)
    yield one
    one.plugins()


def in_step(world: World) -> None:
    """Salespeople and currencies coupled by their finders, every customer and account with a partner."""
    world.sync(full=True)
    world.sync()


@pytest.fixture
def synchronized(world: World, stages: Stages) -> World:
    """Demo data in step."""
    return stages.reach(world, in_step)


@pytest.fixture(scope="module")
def common(
    served: Sandbox, postgres_server: str, stages: Stages, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Demo data in step, which all tests of a module share: each works on pairs of its own."""
    served.reset()
    with databases(postgres_server) as make:
        yield stages.reach(World(served, make(), tmp_path_factory.mktemp("common")), in_step)


@pytest.fixture(scope="module")
def _pairs(common: World) -> Iterator[tuple[str, str]]:
    found = sorted(common.couplings(), key=lambda one: str(one["number"]))
    return iter([(one["bc_id"], one["crm_id"]) for one in found])


@pytest.fixture
def pair(common: World, _pairs: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """(customer, account) in the common world that no other test of the module has; nothing is due."""
    common.sync("CUSTOMER")
    return next(_pairs)


@pytest.fixture
def other_pair(_pairs: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """One more of the kind."""
    return next(_pairs)


@pytest.fixture
def third_pair(_pairs: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """One more of the kind."""
    return next(_pairs)
