"""Dataverse's multipart `$batch`, split on the boundary by hand: the email package is far slower."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from kobling.adapters.odata.answer import Answer
from kobling.model.errors import KoblingError, ProtocolError

_REFUSED = 400
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*(?=\r?\n)")
_LINES: Final = re.compile(rb"\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_NONE: Final[dict[str, str]] = {}
_BOUNDARY: Final = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)


class Part(msgspec.Struct, frozen=True):
    """One request of a batch: method, absolute URL, header lines and JSON body (None for none)."""

    method: str
    url: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None


def encode(parts: Sequence[Part], boundary: str) -> bytes:
    """The body of a batch with one part for each request."""
    lines = bytearray()
    for part in parts:
        head = [
            f"--{boundary}",
            "Content-Type: application/http",
            "Content-Transfer-Encoding: binary",
            "",
            f"{part.method} {part.url} HTTP/1.1",
            *part.headers,
        ]
        if part.body is not None:
            head.append("Content-Type: application/json")
        lines += "\r\n".join(head).encode() + b"\r\n\r\n" + (part.body or b"") + b"\r\n"
    return bytes(lines + f"--{boundary}--\r\n".encode())


def decode(answer: Answer) -> list[Answer]:
    """The answers of a batch in their order; ProtocolError if the body is none or ends in the middle."""
    content_type = answer.headers.get("Content-Type", "")
    found = _BOUNDARY.search(content_type)
    if found is None:
        shown = bytes(answer.body)[:60].decode("utf-8", "replace")
        raise _broken(f"is {content_type!r} ({shown!r}) and not multipart with a boundary")
    pieces = bytes(answer.body).split(b"--" + (found[1] or found[2]).encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _broken("ends in the middle")
    return [_answer(piece) for piece in pieces[1:-1]]


def _answer(piece: bytes) -> Answer:
    found = _STATUS.search(piece)
    if found is None:
        raise _broken("has a part without a status line")
    head, separator, body = piece[found.end() :].partition(b"\r\n\r\n")
    if not separator:
        head_end = _HEAD_END.search(piece, found.end())
        if head_end is None:
            raise _broken("has a part that ends in the middle")
        head, body = piece[found.end() : head_end.start()], piece[head_end.end() :]
    status = int(found[1])
    # Only a refusal's headers are ever read, and a first load has many parts.
    return Answer(status, _headers(head) if status >= _REFUSED else _NONE, body.strip())


def _headers(head: bytes) -> dict[str, str]:
    pairs = (line.decode("latin-1").partition(":") for line in _LINES.split(head))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _broken(how: str) -> KoblingError:
    return ProtocolError(
        f"Dataverse's answer to a batch {how}.",
        cure="Check that the address is the service itself; a proxy between may change or cut its answers.",
    )
