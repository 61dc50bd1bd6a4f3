"""The world of the stories, with people at work in it."""

from __future__ import annotations

import pytest

from engine.conftest import common
from engine.world import World
from properties.deeds import Office
from stages import Stages

__all__ = ["common"]


@pytest.fixture(scope="module")
def office(common: World, stages: Stages) -> Office:
    """Each example begins there anew."""
    return Office(common, stages)
