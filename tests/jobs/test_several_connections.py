"""Aim: one process serves several connections, and tells of each by its name.

Method: two companies of Business Central, a configuration file each, and one `kobling serve`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.companies import Branch, served_companies
from jobs.processes import Process, ask, only
from kobling.service.configuration import read_configuration
from sandboxes import Sandbox

__all__ = ["served_companies"]


@pytest.fixture
def connections(served_companies: Sandbox, database_url: str, tmp_path: Path) -> tuple[Branch, Branch]:
    """Two connections of one deployment; the file of the first names that of the second."""
    served_companies.reset()
    found = tuple(Branch(served_companies, database_url, tmp_path / str(at), at) for at in range(2))
    for at, one in enumerate(found):
        for name in ("KOBLING_BC_COMPANY", "KOBLING_CONNECTION_NAME"):
            del one.environment[name]
        text = one.path.read_text(encoding="utf-8")
        text = text.replace('company = ""', f'company = "{one.company}"')
        text = text.replace('name = "default"', f'name = "company {at}"')
        if at == 0:
            text += f'\n[worker]\nconnections = "{found[1].path}"\n'
        one.path.write_text(text, encoding="utf-8")
        one.configuration = read_configuration(one.path, one.environment)
    return found


def test_one_process_serves_every_connection_and_measures_each(connections: tuple[Branch, Branch]) -> None:
    for one in connections:
        only(one, "CURRENCY")
    with Process(connections[0], "serve") as process:
        place = f"http://127.0.0.1:{process.said('listens')['port']}"
        left = {"company 0", "company 1"}
        while left:
            left.discard(process.said("finished", mapping="CURRENCY")["connection"])
        _, text = ask(f"{place}/metrics")
        ran = re.findall(r'^kobling_jobs_total{connection="(.*?)",mapping="CURRENCY".*} 1\.0$', text, re.M)
        assert sorted(ran) == ["company 0", "company 1"]
        # Of the whole database there is one number.
        assert len(re.findall(r"^kobling_workers ", text, re.M)) == 1
        assert process.stop() == 0
