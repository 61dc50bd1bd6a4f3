"""One HTTP door to one service: token, gate, retries, and clear errors."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from kobling.adapters.odata.answer import Answer, one_line, wait_seconds
from kobling.adapters.odata.gate import Gate, SharedGate
from kobling.adapters.telemetry.tracing import span
from kobling.model.errors import CredentialsError, KoblingError, ProtocolError, UnreachableError

_TRIES: Final = 6
# A connection that breaks is no plea for patience, so it is tried again at once, but not for long.
_BREAKS: Final = 3
_AGAIN_FOR_READS: Final = frozenset({429, 502, 503, 504})
# These two are sent before anything is done; behind a 502 or 504 the work may have been done.
_AGAIN_FOR_WRITES: Final = frozenset({429, 503})
_RIGHTS: Final = "Check the client id, the secret and its expiry, and the application user's rights."


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Client credentials. The secret never shows in a representation."""

    token_url: str
    client_id: str
    secret: str
    scope: str

    def __repr__(self) -> str:
        return f"Credentials(token_url={self.token_url!r}, client_id={self.client_id!r}, secret=…)"


class Door:
    """Requests to one service. Use as an asynchronous context manager.

    requests: what was sent so far, retries included, token requests not. ssl: trust of one's own, e.g. for a
    certificate authority of the house. shared: the gate that other processes go through, too.
    """

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        at_once: int,
        *,
        ssl: ssl.SSLContext | None = None,
        shared: SharedGate | None = None,
    ) -> None:
        self.name = name
        self.requests = 0
        self._credentials = credentials
        self._gate = Gate(name, at_once, shared)
        self._ssl = ssl
        self._token = ""
        self._token_lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Door:
        timeout = aiohttp.ClientTimeout(total=600, connect=15)
        connector = aiohttp.TCPConnector(ssl=self._ssl if self._ssl is not None else True)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=True, connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        writes: bool = False,
    ) -> Answer:
        """One request; throttling, outages, broken connections and an expired token are met.

        What `writes` is repeated only where the service has surely done nothing: else its outcome is unknown
        and for the caller to find out. Raises UnreachableError, CredentialsError, and ProtocolError for a
        redirect. Other statuses are the caller's to read.
        """
        renewed = False
        for attempt in range(_TRIES):
            token = await self._bearer()
            try:
                async with self._gate:
                    sent = {**headers, "Authorization": f"Bearer {token}"}
                    answer = await self._once(method, url, sent, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                if writes or attempt + 1 >= _BREAKS or not _broke_off(error):
                    raise self._unreachable(url, error, writes=writes) from error
                continue
            if answer.status == 401:
                self._forget(token, again=renewed)
                renewed = True
                continue
            if answer.status not in (_AGAIN_FOR_WRITES if writes else _AGAIN_FOR_READS):
                return self._settled(answer, url, writes=writes)
            await self.hold([answer.headers], attempt)
        raise UnreachableError(
            f"{self.name} answered {answer.status} {_TRIES} times in a row.", cure="Try again later."
        )

    async def hold(self, refused: Sequence[Mapping[str, str]], attempt: int) -> None:
        """Nobody sends for as long as the headers of these answers ask for, or as the attempts suggest."""
        await self._gate.close_for(max(wait_seconds(headers, attempt) for headers in refused))

    async def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        assert self._session is not None, "the door is not open"
        self.requests += 1
        kind = "batch" if url.endswith("$batch") else "request"
        with span(kind, system=self.name, method=method) as told:
            async with self._session.request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as response:
                told.note(status=response.status)
                return Answer(response.status, response.headers, await response.read())

    def _settled(self, answer: Answer, url: str, *, writes: bool) -> Answer:
        if 300 <= answer.status < 400:
            raise self._redirected(url, answer)
        if writes and answer.status in _AGAIN_FOR_READS:
            raise UnreachableError(
                f"{self.name} answered {answer.status} to a write, so it is unknown whether it was done.",
                cure="Run again: the next run asks what became of it.",
            )
        return answer

    def _forget(self, token: str, *, again: bool) -> None:
        """A token that is refused once has expired; a fresh one that is refused is no use."""
        if again:
            raise CredentialsError(f"{self.name} refuses the token.", cure=_RIGHTS)
        # Another sender may have fetched a new one meanwhile.
        if self._token == token:
            self._token = ""

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
            async with self._session.post(asked.token_url, data=form, allow_redirects=False) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(asked.token_url, error, writes=False) from error
        return self._granted(answer)

    def _granted(self, answer: Answer) -> str:
        asked = self._credentials
        where = f"The token endpoint of {self.name} at {urlsplit(asked.token_url).netloc}"
        if 300 <= answer.status < 400:
            raise self._redirected(asked.token_url, answer)
        if answer.status == 429 or answer.status >= 500:
            raise UnreachableError(f"{where} answered {answer.status}.", cure="Try again later.")
        document = answer.json(where)
        if isinstance(document, dict) and answer.status in {400, 401, 403}:
            reason = one_line(str(document.get("error_description") or document.get("error") or ""))
            if asked.secret:
                reason = reason.replace(asked.secret, "…")
            raise CredentialsError(
                f"{where} refuses client {asked.client_id!r} ({answer.status}): {reason}", cure=_RIGHTS
            )
        token = document.get("access_token") if isinstance(document, dict) else None
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise ProtocolError(
                f"{where} answered {answer.status} without an access_token.",
                cure="Check the token address in the configuration.",
            )
        return token

    def _redirected(self, url: str, answer: Answer) -> KoblingError:
        place = urlsplit(answer.headers.get("Location", ""))
        where = f"{place.scheme}://{place.netloc}" if place.netloc else "another path"
        return ProtocolError(
            f"{self.name} at {urlsplit(url).netloc} redirects to {where} ({answer.status}), "
            "which is not followed.",
            cure="Put the service's own address into the configuration.",
        )

    def _unreachable(self, url: str, error: Exception, *, writes: bool) -> KoblingError:
        where = f"{self.name} at {urlsplit(url).netloc}"
        words = type(error).__name__
        # Where an answer is no HTTP, the library shows the whole address, and a filter holds data of records.
        if not isinstance(error, aiohttp.ClientResponseError):
            words = one_line(f"{words}: {error}")
        if writes and not isinstance(error, aiohttp.ClientConnectorError):
            return UnreachableError(
                f"{where} broke off during a write ({words}), so it is unknown whether it was done.",
                cure="Run again: the next run asks what became of it.",
            )
        if _broke_off(error):
            return UnreachableError(
                f"{where} broke off before the end of its answer ({words}).",
                cure="Try again; if it stays, look at the service and what stands between.",
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return UnreachableError(
                f"{where} shows a certificate that is not trusted ({words}).",
                cure="If it is of your own authority, name its file as ca_file in the configuration.",
            )
        return UnreachableError(
            f"{where} does not answer ({words}).",
            cure="Check the address in the configuration and that the service is up.",
        )


def _broke_off(error: Exception) -> bool:
    """Whether there was a connection and it was lost, before or in the middle of the answer."""
    if isinstance(error, aiohttp.ClientConnectorError | TimeoutError):
        return False
    lost = aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError | OSError
    return isinstance(error, lost)
