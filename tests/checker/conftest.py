"""The world of the stories, on fresh demo data."""

from engine.conftest import synchronized, world

__all__ = ["synchronized", "world"]
