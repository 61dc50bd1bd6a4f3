"""Requests and responses as both services see them, and the gate that every batch part passes.

A service answers with plain values and does no input or output: `app.py` speaks HTTP for it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from kobling_sandbox.datasets.model import Dataset
from kobling_sandbox.store import Store

__all__ = ["Gate", "Request", "Response", "Service", "decode_json", "encode_json", "json_response"]

# Numbers of the outside become Decimal, never binary floats; Decimals go out as numbers, digit for digit.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
encode_json = _ENCODER.encode


def decode_json(body: bytes) -> Any:
    """The value of a JSON text. Raises msgspec.DecodeError."""
    return _DECODER.decode(body)


@dataclass(slots=True, kw_only=True)
class Request:
    """One request, alone or as a part of a batch.

    `path` begins with a slash and is not percent-decoded; `query` is raw, without the question mark;
    header names are in lower case; `base` is `http://host:port`; `user` is the id of the caller's user
    row in this service, `application` the client id it came with.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""
    user: str = ""
    application: str = ""


@dataclass(slots=True)
class Response:
    """One answer; header names in their usual letters."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def json_response(status: int, value: Any, **headers: str) -> Response:
    """An answer with a JSON body; underscores in header names become hyphens."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, {"Content-Type": "application/json", **named}, encode_json(value))


class Gate(Protocol):
    """What stands between a batch and its parts: it records each part and may answer in its stead."""

    async def part(self, request: Request, execute: Callable[[], Response]) -> Response:
        """Records the part, applies the fault that fits, and executes it when no fault forbids it."""
        ...

    async def parts(self, requests: list[Request], execute: Callable[[], list[Response]]) -> list[Response]:
        """The same for parts that are one transaction: a fault of any of them is the answer of all."""
        ...


class Service(Protocol):
    """One of the two services behind a port."""

    name: str
    store: Store
    # What differs between builds of the real service, by name; the values are those in force.
    variants: dict[str, Any]

    def load(self, dataset: Dataset) -> None:
        """Replaces every row by those of the data set."""
        ...

    def ensure_user(self, application: str) -> str:
        """The id of the user row of a client id; a person's row is made at the first call."""
        ...

    def handle(self, request: Request, gate: Gate) -> Response | Awaitable[Response]:
        """Answers a request whose caller is known. Only a batch needs to be awaited."""
        ...

    def error(self, status: int, headers: dict[str, str], code: str | None = None) -> Response:
        """An answer with this status in the service's own form; with another code than the usual if given."""
        ...
