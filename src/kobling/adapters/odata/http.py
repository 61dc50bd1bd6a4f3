"""One HTTP door to one service: token, gate, retries, JSON with exact decimals, and clear errors."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kobling.model.errors import CredentialsError, KoblingError, ProtocolError, UnreachableError

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_TRIES: Final = 6
_PASSING: Final = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_SECONDS: Final = 300.0


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Client credentials. The secret never shows in a representation."""

    token_url: str
    client_id: str
    secret: str
    scope: str

    def __repr__(self) -> str:
        return f"Credentials(token_url={self.token_url!r}, client_id={self.client_id!r}, secret=…)"


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and body of one answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, where: str) -> Any:
        """The body as JSON with exact decimals; ProtocolError if it is none."""
        try:
            return _decoder.decode(self.body)
        except msgspec.DecodeError as error:
            shown = self.body[:60].decode("utf-8", "replace")
            raise ProtocolError(
                f"{where} answered {self.status} with something that is not JSON ({shown!r}: {error}).",
                cure="Check that the address is the service itself and not a portal or a proxy page.",
            ) from error


class Gate:
    """Holds every sender back while a service asks for it, and bounds how many are in flight."""

    def __init__(self, at_once: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._closed_until = 0.0

    def close_for(self, seconds: float) -> None:
        """Nobody sends for that long."""
        self._closed_until = max(self._closed_until, time.monotonic() + seconds)

    async def __aenter__(self) -> None:
        await self._places.acquire()
        try:
            # The time may move on while we wait, so an event would have to be set by a timer of its own.
            while (wait_seconds := self._closed_until - time.monotonic()) > 0:  # noqa: ASYNC110
                await asyncio.sleep(wait_seconds)
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()


class Door:
    """Requests to one service. Use as an asynchronous context manager; `requests` counts what was sent.

    trust: whose certificates are believed; without one those that this machine believes.
    """

    def __init__(
        self, name: str, credentials: Credentials, at_once: int, trust: ssl.SSLContext | None = None
    ) -> None:
        self.name = name
        self.requests = 0
        self._credentials = credentials
        self._trust = trust
        self._gate = Gate(at_once)
        self._token = ""
        self._token_lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Door:
        timeout = aiohttp.ClientTimeout(total=600, connect=15)
        connector = aiohttp.TCPConnector(ssl=self._trust or True)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer:
        """One request that may be repeated without harm: throttling, outages and one expired token are met.

        Raises UnreachableError, CredentialsError. Other statuses are the caller's to read.
        """
        renewed = False
        for attempt in range(_TRIES):
            token = await self._bearer()
            async with self._gate:
                answer = await self._once(method, url, {**headers, "Authorization": f"Bearer {token}"}, body)
            if answer.status == 401 and not renewed:
                renewed, self._token = True, ""
                continue
            if answer.status == 401:
                raise CredentialsError(f"{self.name} refuses the token.", cure=self._rights())
            if answer.status not in _PASSING:
                return answer
            self._gate.close_for(_wait_seconds(answer.headers, attempt))
        raise UnreachableError(
            f"{self.name} answered {answer.status} {_TRIES} times in a row.", cure="Try again later."
        )

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        assert self._session is not None, "the door is not open"
        self.requests += 1
        try:
            async with self._session.request(method, url, headers=headers, data=body) as response:
                return Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(url, error) from error

    async def _bearer(self) -> str:
        async with self._token_lock:
            if not self._token:
                self._token = await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> str:
        assert self._session is not None, "the door is not open"
        asked = self._credentials
        form = {
            "grant_type": "client_credentials",
            "client_id": asked.client_id,
            "client_secret": asked.secret,
            "scope": asked.scope,
        }
        try:
            async with self._session.post(asked.token_url, data=form) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(asked.token_url, error) from error
        if answer.status in {400, 401, 403}:
            raise CredentialsError(
                f"{self.name}: the token endpoint refuses client {asked.client_id!r} ({answer.status}).",
                cure=self._rights(),
            )
        token = answer.json(f"The token endpoint of {self.name}")
        if not isinstance(token, dict) or not isinstance(token.get("access_token"), str):
            raise ProtocolError(f"The token endpoint of {self.name} gave no access_token.")
        return str(token["access_token"])

    def _unreachable(self, url: str, error: Exception) -> KoblingError:
        host = urlsplit(url).netloc
        return UnreachableError(
            f"{self.name} at {host} does not answer ({type(error).__name__}: {error}).",
            cure="Check the address in the configuration and that the service is up.",
        )

    def _rights(self) -> str:
        return "Check the client id, the secret and its expiry, and the application user's rights."


def _wait_seconds(headers: Mapping[str, str], attempt: int) -> float:
    """Retry-After if it is a sensible number, else from one second, doubling, with jitter."""
    asked = headers.get("Retry-After", "")
    if asked.isdecimal():
        return min(float(asked), _LONGEST_WAIT_SECONDS)
    # Jitter only spreads senders; it guards nothing.
    return float(min(2.0**attempt, 60.0) * (1.0 + random.random() / 2))  # noqa: S311
