"""Fixtures that several test packages share. Everything in them runs for real, on this machine only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from databases import PLACE, NewDatabase, choose_place, databases, leave_place
from sandboxes import Sandbox, serve
from stages import Stages, stages_of

# A change is judged by the same examples everywhere; `make sim` draws new ones (HYPOTHESIS_PROFILE=drawn).
settings.register_profile("kept", derandomize=True)
settings.register_profile("drawn", print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "kept"))


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        choose_place()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        leave_place()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of the maintenance database of a PostgreSQL server that all workers of this run share."""
    from kobling.adapters.postgres.embedded import open_embedded_database

    # Some linger, as one worker may be through before the next one has begun.
    with open_embedded_database(Path(os.environ[PLACE]), durable=False, linger_seconds=1.0) as server:
        yield server.url_of("postgres")


@pytest.fixture
def new_database(postgres_server: str) -> Iterator[NewDatabase]:
    """Databases of the test's own."""
    with databases(postgres_server) as make:
        yield make


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """The URL of an empty database of the test's own."""
    return new_database()


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    """Both services with the demo data, as other tests may have left them."""
    with serve("--dataset", "demo") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    """Both services with fresh demo data."""
    served.reset()
    return served


@pytest.fixture(scope="session")
def stages(served: Sandbox, postgres_server: str) -> Iterator[Stages]:
    """States of the demo world that are copied once they were reached."""
    with stages_of(served, postgres_server) as found:
        yield found
