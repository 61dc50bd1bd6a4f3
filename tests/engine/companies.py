"""Two companies of Business Central, each with a connection of its own to one organization of Sales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.world import World
from kobling.service.configuration import read_configuration
from sandboxes import Sandbox, serve


class Branch(World):
    """What somebody does in one of the companies, by its place in the list of companies."""

    def __init__(self, sandbox: Sandbox, database_url: str, folder: Path, place: int, name: str = "") -> None:
        folder.mkdir()
        super().__init__(sandbox, database_url, folder)
        companies = self.get("bc", f"{self.configuration.bc.root}/api/v2.0/companies")["value"]
        self.company = companies[place]["id"]
        self.name = name or f"company {place}"
        self.environment |= {"KOBLING_BC_COMPANY": self.company, "KOBLING_CONNECTION_NAME": self.name}
        self.configuration = read_configuration(self.path, self.environment)


@pytest.fixture(scope="session")
def served_companies() -> Iterator[Sandbox]:
    with serve("--companies", "2") as sandbox:
        yield sandbox


@pytest.fixture
def branches(served_companies: Sandbox, database_url: str, tmp_path: Path) -> tuple[Branch, Branch]:
    """The first company, whose local currency is the euro, and the second one, whose is the krone."""
    served_companies.reset()
    one, other = (Branch(served_companies, database_url, tmp_path / str(at), at) for at in range(2))
    return one, other
