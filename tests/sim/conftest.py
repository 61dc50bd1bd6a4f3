"""The world of the stories serves the simulation, too."""

from engine.conftest import sandbox, served, synchronized, world

__all__ = ["sandbox", "served", "synchronized", "world"]
