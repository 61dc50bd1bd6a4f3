"""HTTP for both services: tokens, controls, faults, the record of requests.

One `Endpoint` is the ASGI application of one port. It reads a request whole before anything is done with
it, and goes on with it when the caller has gone: so does a real service.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from kobling_sandbox import controls
from kobling_sandbox.exchange import Request, Response
from kobling_sandbox.faults import Fault, first_fault
from kobling_sandbox.hooks import answer_subscriptions
from kobling_sandbox.sides import Side
from kobling_sandbox.tokens import Tokens

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Set by the server protocol in the scope, so that a fault can drop the connection.
TRANSPORT = "kobling_sandbox.transport"
_SUBSCRIPTIONS = re.compile(r"/subscriptions(?:\('([^']*)'\))?$")
_BODY_BYTES_MAX = 350_000_000
_HTML = b"<!DOCTYPE html><html><head><title>Service unavailable</title></head><body>Try later.</body></html>"


class ConnectionDropped(Exception):  # noqa: N818 - it is no error of ours but an order
    """The connection is to be dropped without an answer."""


class Endpoint:
    """The ASGI application of one port."""

    def __init__(self, side: Side, sandbox: controls.Sandbox, tokens: Tokens) -> None:
        self.side = side
        self.sandbox = sandbox
        self.tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one HTTP request; other kinds of ASGI scope are refused."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        request = await _read(scope, receive)
        try:
            response = await self._answer(request)
        except ConnectionDropped:
            _drop(scope)
            return
        await _write(scope, send, response)

    async def _answer(self, request: Request) -> Response:
        if len(request.body) > _BODY_BYTES_MAX or _announced(request) > _BODY_BYTES_MAX:
            return self.side.service.error(413, {})
        if request.path.startswith("/_sandbox/"):
            return controls.answer(self.sandbox, self.side, request)
        is_token = request.path.endswith("/oauth2/v2.0/token")
        faults = self.side.faults
        if is_token:
            # A rule for everything means the service: a token that cannot be had is asked for by its path.
            faults = [fault for fault in faults if fault.path and fault.action != "expire_token"]
        fault = first_fault(faults, request.method, request.path, request.query)
        if is_token:
            self.side.record.tokens += 1
        else:
            self.side.record.outer[(request.method, request.path)] += 1
        if fault is None:
            return await self._execute(request, is_token)
        return await self._faulty(request, fault, lambda: self._execute(request, is_token))

    async def _execute(self, request: Request, is_token: bool) -> Response:
        if is_token:
            return self._token(request)
        application = self.tokens.application(request.headers.get("authorization", ""))
        if not application:
            return self.side.service.error(401, {})
        request.application = application
        request.user = self.side.service.ensure_user(application)
        self.side.plugins.run_due(self.side.service)
        answer = self._subscriptions(request) or self.side.service.handle(request, _Gate(self, request))
        response = answer if isinstance(answer, Response) else await answer
        self.side.plugins.run_due(self.side.service)
        self.side.hooks.tell(self.side.service.store)
        return response

    def _subscriptions(self, request: Request) -> Awaitable[Response] | None:
        """Business Central's subscriptions, which need the network to be made; None for another request."""
        service = self.sandbox.business_central.service
        found = _SUBSCRIPTIONS.search(request.path)
        if self.side.service is not service or found is None:
            return None
        tables = {table.set_name: name for name, table in service.store.tables.items()}
        return answer_subscriptions(self.side.hooks, service.store, request, found[1] or "", tables)

    def _token(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(405, {"Allow": "POST"})
        tenant = request.path.split("/")[1]
        response, application = self.tokens.grant(tenant, request.body)
        if application:
            for side in self.sandbox.sides:
                side.service.ensure_user(application)
        return response

    async def _faulty(
        self, request: Request, fault: Fault, execute: Callable[[], Awaitable[Response]]
    ) -> Response:
        if fault.action == "status":
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
            return self.side.service.error(fault.status, headers, fault.code)
        if fault.action == "html":
            return Response(fault.status, {"Content-Type": "text/html; charset=utf-8"}, _HTML)
        if fault.action == "reset_before":
            raise ConnectionDropped
        if fault.action == "expire_token":
            self.tokens.expire(request.headers.get("authorization", ""))
            return self.side.service.error(401, {})
        if fault.action == "delay":
            await asyncio.sleep(fault.seconds)
        response = await execute()
        if fault.action == "reset_after":
            raise ConnectionDropped
        if fault.action == "truncate":
            return _Truncated(response.status, response.headers, response.body)
        return response


class _Truncated(Response):
    """An answer of which only the first half is sent."""


class _Gate:
    """Records the parts of one batch and gives them their faults."""

    def __init__(self, endpoint: Endpoint, outer: Request) -> None:
        self.endpoint = endpoint
        self.outer = outer

    async def part(self, request: Request, execute: Callable[[], Response]) -> Response:
        """One part on its own."""
        side = self.endpoint.side
        side.record.parts[(request.method, request.path)] += 1
        if not side.faults:
            return execute()
        fault = first_fault(side.faults, request.method, request.path, request.query)
        if fault is None:
            return execute()
        return await self._faulty(fault, execute)

    async def parts(self, requests: list[Request], execute: Callable[[], list[Response]]) -> list[Response]:
        """Parts that are one transaction; a fault that answers in their stead answers once."""
        side, struck = self.endpoint.side, None
        for request in requests:
            side.record.parts[(request.method, request.path)] += 1
            struck = struck or first_fault(side.faults, request.method, request.path, request.query)
        if struck is None:
            return execute()
        done: list[Response] = []

        def run() -> Response:
            done.extend(execute())
            return done[-1]

        response = await self._faulty(struck, run)
        return done or [response]

    async def _faulty(self, fault: Fault, execute: Callable[[], Response]) -> Response:
        async def run() -> Response:
            return execute()

        response = await self.endpoint._faulty(self.outer, fault, run)
        if isinstance(response, _Truncated):
            return Response(response.status, response.headers, response.body[: len(response.body) // 2])
        return response


async def _read(scope: Scope, receive: Receive) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        base=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
    )
    if _announced(request) > _BODY_BYTES_MAX:
        return request
    message = await receive()
    body = message.get("body", b"")
    if message.get("more_body"):
        pieces, size = [body], len(body)
        while message.get("more_body") and size <= _BODY_BYTES_MAX:
            message = await receive()
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
        body = b"".join(pieces)
    request.body = body
    return request


def _announced(request: Request) -> int:
    """How long the body is said to be: a body that is too long is refused before it is read."""
    return int(request.headers.get("content-length", 0))


def _drop(scope: Scope) -> None:
    transport = scope.get(TRANSPORT)
    assert transport is not None, "the server's protocol gives the transport"
    transport.abort()


async def _write(scope: Scope, send: Send, response: Response) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"Content-Length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(response, _Truncated):
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        transport = scope.get(TRANSPORT)
        assert transport is not None, "the server's protocol gives the transport"
        transport.close()
        return
    await send({"type": "http.response.body", "body": response.body})
