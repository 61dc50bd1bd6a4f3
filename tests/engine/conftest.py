"""The world of the stories, on fresh demo data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.conftest import Sandbox, fresh, sandbox, served
from databases import databases
from engine.world import World

__all__ = ["sandbox", "served"]


@pytest.fixture
def world(sandbox: Sandbox, database_url: str, tmp_path: Path) -> Iterator[World]:
    """Fresh demo data on both sides; nothing is coupled yet."""
    one = World(sandbox, database_url, tmp_path)
    yield one
    one.plugins()


@pytest.fixture
def synchronized(world: World) -> World:
    """Salespeople and currencies coupled by their finders, every customer and account with a partner."""
    world.sync(full=True)
    world.sync()
    return world


@pytest.fixture(scope="module")
def common(
    served: Sandbox, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Demo data in step, which all tests of a module share: each works on pairs of its own."""
    with databases(postgres_server) as make:
        one = World(fresh(served), make(), tmp_path_factory.mktemp("common"))
        one.sync(full=True)
        one.sync()
        yield one


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
