"""Dataverse's multipart `$batch`, split on the boundary by hand: the email package is far slower."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from kobling.model.errors import ProtocolError

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r?\n")


class Part(msgspec.Struct, frozen=True):
    """One request of a batch: method, absolute URL, header lines and JSON body (None for none)."""

    method: str
    url: str
    headers: tuple[str, ...] = ()
    body: bytes | None = None


class PartAnswer(msgspec.Struct, frozen=True):
    """One answer of a batch."""

    status: int
    body: bytes


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


def decode(body: bytes, content_type: str) -> list[PartAnswer]:
    """The answers of a batch in order; ProtocolError if the body is none."""
    found = re.search(r'boundary="?([^";,\s]+)', content_type)
    if found is None:
        raise ProtocolError(f"Dataverse answered a batch with {content_type!r}, which has no boundary.")
    pieces = body.split(b"--" + found[1].encode())
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise ProtocolError("Dataverse's answer to a batch ends in the middle.")
    return [_answer(piece) for piece in pieces[1:-1]]


def _answer(piece: bytes) -> PartAnswer:
    found = _STATUS.search(piece)
    if found is None:
        raise ProtocolError("A part of Dataverse's answer to a batch has no status line.")
    _, _, content = piece[found.end() - 2 :].partition(b"\r\n\r\n")
    return PartAnswer(int(found[1]), content.strip())
