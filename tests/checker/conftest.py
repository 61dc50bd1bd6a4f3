"""The world of the stories, on fresh demo data."""

from engine.conftest import sandbox, served, world

__all__ = ["sandbox", "served", "world"]
