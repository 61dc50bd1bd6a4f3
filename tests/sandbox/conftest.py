"""One sandbox for a module, reset for each test.

`sales` and `business` share a process with the set-up rows alone; `bc` and `crm` are both services with the
demo company, served in a thread of the test's own process.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from crm_support import Client
from tests.sandbox import bc_support

from sandboxes import addresses as served


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, Any]]:
    """The addresses of a sandbox that holds the set-up rows alone."""
    with served("--dataset", "empty", "--companies", "2") as found:
        yield found


@pytest.fixture
def sales(addresses: dict[str, Any]) -> Client:
    """The integration user at the Dataverse port of a fresh sandbox."""
    client = Client(addresses["dataverse"])
    client.control("POST", "reset")
    return client


@pytest.fixture
def business(addresses: dict[str, Any], sales: Client) -> Client:
    """The integration user at the Business Central port of the same sandbox."""
    return Client(addresses["business_central"])


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[bc_support.Client, bc_support.Client]]:
    """A person at both ports of a sandbox with the demo company, Business Central's first."""
    with bc_support.served_both() as clients:
        yield clients


@pytest.fixture(scope="module")
def server(demo: tuple[bc_support.Client, bc_support.Client]) -> bc_support.Client:
    """The same person at Business Central's port."""
    return demo[0]


@pytest.fixture
def crm(demo: tuple[bc_support.Client, bc_support.Client]) -> bc_support.Client:
    """The same person at Dataverse's port."""
    return demo[1]


@pytest.fixture
def bc(server: bc_support.Client) -> bc_support.Client:
    """The same client, with the demo company as it was loaded."""
    server.control("reset")
    return server
