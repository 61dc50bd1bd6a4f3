"""Served sandboxes: each a process of its own, on free ports unless told otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

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

    def keep(self, name: str) -> None:
        """Keeps what both services hold now, for `reset`."""
        self.control(self.dataverse, "keep", {"name": name})

    def reset(self, name: str = "") -> None:
        """Both services as they were kept under that name, or as they were started."""
        self.control(self.dataverse, "reset", {"to": name} if name else {})


@contextmanager
def addresses(*arguments: str) -> Iterator[dict[str, Any]]:
    """What a sandbox process says of itself; at the end it must stop by SIGTERM with status 0, in silence."""
    command = [sys.executable, "-m", "kobling_sandbox.cli", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield json.loads(line)
        finally:
            process.terminate()
            rest = process.communicate(timeout=30)
        assert (process.returncode, rest) == (0, ("", ""))


@contextmanager
def serve(*arguments: str) -> Iterator[Sandbox]:
    """The same, with its test controls."""
    with addresses(*arguments) as place:
        yield Sandbox(place["business_central"].rstrip("/"), place["dataverse"].rstrip("/"))
