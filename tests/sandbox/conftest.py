"""One sandbox process for a module, reset for each test."""

from collections.abc import Iterator
from typing import Any

import pytest
from crm_support import Client, served


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
