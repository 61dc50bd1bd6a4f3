"""Multipart batches of both services: bodies split by hand, change sets, answers put together.

The standard library's email package would read these bodies too, at several times the cost of the writes
themselves. Clients differ in line ends and blank lines, so the reading is lenient.
"""

import re
import uuid
from dataclasses import dataclass, field
from functools import lru_cache

from kobling_sandbox.exchange import Request, Response

_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
_LINE_END = "\r\n"
_REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Payload Too Large",
    424: "Failed Dependency",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class MultipartError(ValueError):
    """The body is no batch that can be read; the text says why."""


@dataclass(slots=True)
class Part:
    """One part: a request, or the requests of a change set."""

    requests: list[Request] = field(default_factory=list)
    content_ids: list[str] = field(default_factory=list)
    is_change_set: bool = False


def read_parts(outer: Request) -> list[Part]:
    """The parts of a batch's body. Raises MultipartError for a body that is none."""
    boundary = _boundary(outer.headers.get("content-type", ""))
    body = outer.body
    if b"\r\n" in body:
        body = body.replace(b"\r\n", b"\n")
    parts = [_read_part(piece, outer) for piece in _split(body, boundary)]
    if not parts:
        raise MultipartError("The batch holds no request.")
    return parts


def _boundary(content_type: str) -> str:
    found = _BOUNDARY.search(content_type)
    if found is None or "multipart/mixed" not in content_type.lower():
        raise MultipartError("The content type of a batch is multipart/mixed with a boundary.")
    return found.group(1) or found.group(2)


def _split(body: bytes, boundary: str) -> list[bytes]:
    pieces = (b"\n" + body).split(b"\n--" + boundary.encode("latin-1"))
    if len(pieces) < 2:
        raise MultipartError("The batch's boundary does not stand in its body.")
    found = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        if piece.strip():
            found.append(piece)
    return found


def _read_part(piece: bytes, outer: Request) -> Part:
    headers, content = _head_and_rest(piece.lstrip(b"\n \t"))
    content_type = headers.get("content-type", "application/http")
    if content_type.lower().startswith("multipart/mixed"):
        part = Part(is_change_set=True)
        for inner in _split(content, _boundary(content_type)):
            inner_headers, inner_content = _head_and_rest(inner.lstrip(b"\n \t"))
            if "content-id" not in inner_headers:
                raise MultipartError("Each request of a change set needs a Content-ID.")
            part.content_ids.append(inner_headers["content-id"])
            part.requests.append(_read_request(inner_content, outer))
        if not part.requests:
            raise MultipartError("A change set holds no request.")
        return part
    return Part(requests=[_read_request(content, outer)], content_ids=[headers.get("content-id", "")])


def _head_and_rest(piece: bytes) -> tuple[dict[str, str], bytes]:
    head, _, rest = piece.partition(b"\n\n")
    return dict(_headers(head)), rest


@lru_cache(maxsize=512)
def _headers(head: bytes) -> dict[str, str]:
    """The header lines by lower-case name; the parts of a batch mostly have the same ones."""
    headers = {}
    for line in head.decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def _read_request(content: bytes, outer: Request) -> Request:
    head, _, body = content.lstrip(b"\n").partition(b"\n\n")
    first, _, lines = head.partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) < 2:
        raise MultipartError("A part of the batch has no request line.")
    # A URL may hold blanks that a careless client did not encode.
    target = " ".join(words[1:-1]) if words[-1].upper().startswith("HTTP/") else " ".join(words[1:])
    path, _, query = target.partition("?")
    return Request(
        method=words[0].upper(),
        path=_path(path, outer.path),
        query=query,
        headers=dict(_headers(lines)),
        body=body.strip(),
        base=outer.base,
        user=outer.user,
        application=outer.application,
    )


def _path(path: str, batch_path: str) -> str:
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    if path.startswith(("/", "$")):
        return path
    return batch_path.rpartition("/")[0] + "/" + path


def finished(status: int, boundary: str, pieces: list[bytes]) -> Response:
    """The answer of a whole batch from the parts written so far."""
    headers = {"Content-Type": f"multipart/mixed; boundary={boundary}", "OData-Version": "4.0"}
    return Response(status, headers, b"".join([*pieces, f"--{boundary}--\r\n".encode()]))


def write_part(pieces: list[bytes], boundary: str, part: Part, responses: list[Response]) -> None:
    """Adds one part's answer: of a change set those of all its requests, or its one error."""
    if not part.is_change_set or responses[-1].status >= 400:
        pieces.append(f"--{boundary}\r\n".encode())
        pieces.append(_part_bytes(responses[-1], ""))
        return
    inner = f"changesetresponse_{uuid.uuid4()}"
    pieces.append(f"--{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n".encode())
    for response, content_id in zip(responses, part.content_ids, strict=True):
        pieces.append(f"--{inner}\r\n".encode())
        pieces.append(_part_bytes(response, content_id))
    pieces.append(f"--{inner}--\r\n\r\n".encode())


def _part_bytes(response: Response, content_id: str) -> bytes:
    status = response.status
    named = f"Content-ID: {content_id}\r\n" if content_id else ""
    lines = "\r\n".join([f"{name}: {value}" for name, value in response.headers.items()])
    head = (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n{named}\r\n"
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}\r\n{lines}{_LINE_END if lines else ''}\r\n"
    )
    return head.encode("latin-1") + response.body + b"\r\n"
