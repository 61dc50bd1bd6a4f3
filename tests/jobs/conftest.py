"""Processes of their own meet a served sandbox and a database of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from engine.conftest import synchronized, world
from engine.world import World
from jobs.processes import Process

__all__ = ["synchronized", "world"]


@pytest.fixture
def start(world: World) -> Iterator[Callable[..., Process]]:
    """Starts commands that run until they are told to stop; what still runs is killed at the end."""
    with ExitStack() as stack:
        yield lambda *words, **options: stack.enter_context(Process(world, *words, **options))
