"""Aim: nobody sends while a service asks to wait, however it says so, and no run waits for hours.

Method: a server that refuses for good whoever comes too early, so coming late enough is all that passes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from adapters.kits import CRM, everything
from adapters.ways import Way, error_of, feed, write
from adapters.wrong_server import Request, WrongServer, meet, reply
from kobling.model.errors import UnreachableError
from kobling.ports import Service


class Patience:
    """Asks for patience once, and refuses for good whoever comes before the time is over."""

    def __init__(self, headers: Callable[[], dict[str, str]], seconds: float, then: bytes) -> None:
        self.headers = headers
        self.seconds = seconds
        self.then = then
        self.until = 0.0

    def __call__(self, request: Request) -> bytes:
        if not self.until:
            self.until = time.monotonic() + self.seconds
            return reply(429, {"error": {}}, **self.headers())
        return self.then if time.monotonic() >= self.until else reply(400, {"error": {"code": "too early"}})


def dated() -> dict[str, str]:
    """A date one second ahead of a clock that runs years before ours."""
    now = datetime(2079, 5, 1, 12, tzinfo=UTC)
    return {
        "Date": format_datetime(now, usegmt=True),
        "Retry_After": format_datetime(now + timedelta(seconds=1), usegmt=True),
    }


RETRY_HEADERS = [
    pytest.param(lambda: {"Retry_After": "1"}, id="seconds"),
    pytest.param(dated, id="date"),
    pytest.param(dict, id="absent"),
    pytest.param(lambda: {"Retry_After": "soon"}, id="words"),
    pytest.param(lambda: {"Retry_After": "-5"}, id="negative"),
]


@pytest.mark.parametrize("headers", RETRY_HEADERS)
def test_nobody_sends_while_told_to_wait(headers: Callable[[], dict[str, str]]) -> None:
    page = reply(body={"value": [], "@odata.deltaLink": "x"})

    async def work(service: Service, server: WrongServer) -> None:
        await asyncio.gather(*(everything(service, CRM) for _ in range(3)))
        assert len(server.seen) == 4

    meet(CRM, Patience(headers, 1.0, page), work, at_once=1)


@pytest.mark.parametrize("asked", ["301", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize("way", [feed, write])
def test_a_wait_longer_than_a_run_is_told_and_nothing_more_is_sent(way: Way, asked: str) -> None:
    async def work(service: Service, server: WrongServer) -> None:
        for _ in range(2):
            with pytest.raises(UnreachableError, match=r"The service asks to wait \d+ seconds") as caught:
                await way(service, CRM)
            error_of(caught.value)
        assert len(server.seen) == 1

    meet(CRM, lambda request: reply(429, {"error": {}}, Retry_After=asked), work)
