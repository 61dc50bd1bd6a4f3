"""The world of the stories serves the simulation, too."""

from engine.conftest import synchronized, world

__all__ = ["synchronized", "world"]
