"""Commands of the documents meet a served sandbox."""

from adapters.conftest import sandbox, served

__all__ = ["sandbox", "served"]
