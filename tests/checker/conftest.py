"""The world of the stories, on fresh demo data."""

from engine.conftest import world

__all__ = ["world"]
