"""A server that answers as a test says, byte by byte: what no proper service would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from adapters.kits import ACCOUNTS, CUSTOMERS, Kit
from adapters.ways import Way, error_of
from kobling.adapters.business_central.service import BusinessCentral
from kobling.adapters.dataverse.service import Dataverse
from kobling.adapters.odata.http import Credentials, Door
from kobling.model.errors import KoblingError
from kobling.ports import Service

SECRET = "secret-canary"


class Request(msgspec.Struct, frozen=True):
    """What was asked. headers: names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_token(self) -> bool:
        return self.path.endswith("/token")

    def json(self) -> Any:
        return json.loads(self.body)


# None drops the connection.
Replies = Callable[[Request], bytes | None]


class WrongServer(msgspec.Struct):
    """Where it listens, and what it was asked so far, tokens apart."""

    base: str
    seen: list[Request]

    def door(self, *, at_once: int = 5) -> Door:
        credentials = Credentials(
            token_url=f"{self.base}/token", client_id="kobling", secret=SECRET, scope="x/.default"
        )
        return Door("The service", credentials, at_once)


def reply(status: int = 200, body: Any = b"", *, cut: int = 0, **headers: str) -> bytes:
    """An answer; a body that is no bytes is sent as JSON. cut: so many bytes are promised and missing."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): text for name, text in headers.items()
    }
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {text}" for name, text in named.items())]
    lines += [f"Content-Length: {len(content)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + content[: len(content) - cut]


def granted(request: Request) -> bytes:
    """The usual answer to the request for a token."""
    return reply(body={"access_token": "token-canary", "expires_in": 3599})


@asynccontextmanager
async def wrong_server(answer: Replies, token: Replies = granted) -> AsyncIterator[WrongServer]:
    """Serves until the end of the block."""
    seen: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {
            line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, path, headers, body)
        if not request.is_token:
            seen.append(request)
        answered = token(request) if request.is_token else answer(request)
        if answered is None:
            writer.transport.abort()
            return
        writer.write(answered)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield WrongServer(f"http://127.0.0.1:{port}", seen)


def adapter(kit: Kit, door: Door, base: str) -> Service:
    if kit.side == "crm":
        return Dataverse(door, base, [ACCOUNTS])
    return BusinessCentral(door, f"{base}/v2.0/sandbox/production", "company", [CUSTOMERS])


def meet(
    kit: Kit,
    answer: Replies,
    work: Callable[[Service, WrongServer], Awaitable[Any]],
    token: Replies = granted,
    at_once: int = 5,
) -> Any:
    """Does the work against a server that answers so."""

    async def inside() -> Any:
        async with wrong_server(answer, token) as server, server.door(at_once=at_once) as door:
            return await work(adapter(kit, door, server.base), server)

    return asyncio.run(inside())


def refused(
    kit: Kit, answer: Replies, way: Way, kind: type[KoblingError], token: Replies = granted
) -> tuple[str, int]:
    """What a person reads when the server answers so, and how many requests it took."""

    async def work(service: Service, server: WrongServer) -> tuple[str, int]:
        with pytest.raises(kind) as caught:
            await way(service, kit)
        return error_of(caught.value), len(server.seen)

    told, count = meet(kit, answer, work, token)
    return told, count
