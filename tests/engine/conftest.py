"""The world of the stories, on fresh demo data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.conftest import Sandbox, sandbox, served
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
