"""The engine meets a served sandbox and a real PostgreSQL."""

from adapters.conftest import sandbox, served

__all__ = ["sandbox", "served"]
