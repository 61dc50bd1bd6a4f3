"""A served sandbox for the adapters: a process of its own, on free ports."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kobling.adapters.odata.http import Credentials, Door


@dataclass(frozen=True)
class Sandbox:
    """Where the sandbox listens, and its test controls."""

    business_central: str
    dataverse: str

    def control(self, base: str, path: str, body: object | None = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{base}/_sandbox/{path}", data=data, method="POST" if data else "GET"
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
        return json.loads(text) if text else {}

    def door(self, base: str, *, client: str = "kobling", secret: str = "sandbox") -> Door:
        credentials = Credentials(
            token_url=f"{base}/sandbox/oauth2/v2.0/token",
            client_id=client,
            secret=secret,
            scope=f"{base}/.default",
        )
        return Door("The sandbox", credentials, at_once=5)


@pytest.fixture(scope="session")
def served() -> Iterator[Sandbox]:
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", "--bc-port", "0", "--crm-port", "0"]
    with subprocess.Popen([*command, "--dataset", "demo"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        place = json.loads(process.stdout.readline())
        yield Sandbox(place["business_central"].rstrip("/"), place["dataverse"].rstrip("/"))
        process.terminate()
        assert process.wait(timeout=20) == 0


def fresh(served: Sandbox) -> Sandbox:
    """The sandbox as it was when it was started."""
    for base in (served.business_central, served.dataverse):
        served.control(base, "reset", {})
        served.control(base, "faults", {"rules": []})
    return served


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    return fresh(served)
