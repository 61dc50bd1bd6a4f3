"""`$batch` of Dataverse: what stops it, and change sets, which stand or fall as one."""

import uuid
from collections.abc import Callable

from kobling_sandbox.dataverse_errors import DataverseError, bad_query
from kobling_sandbox.exchange import Gate, Request, Response
from kobling_sandbox.multipart import MultipartError, Part, finished, read_parts, write_part
from kobling_sandbox.odata import preferences

REQUESTS_MAX = 1000

Handle = Callable[[Request, dict[str, str] | None], Response]
Together = Callable[[list[Request], list[str]], list[Response]]


async def answer_batch(outer: Request, gate: Gate, handle: Handle, together: Together) -> Response:
    """Executes the parts in their order; `together` runs a change set, which stands or falls as one."""
    parts = _parts(outer)
    goes_on = "odata.continue-on-error" in preferences(outer.headers.get("prefer", ""))
    boundary = f"batchresponse_{uuid.uuid4()}"
    pieces: list[bytes] = []
    status = 200
    for part in parts:
        responses = await _execute(part, gate, handle, together)
        write_part(pieces, boundary, part, responses)
        failed = responses[-1].status
        if failed >= 400 and not goes_on:
            status = failed
            break
    return finished(status, boundary, pieces)


async def _execute(part: Part, gate: Gate, handle: Handle, together: Together) -> list[Response]:
    if not part.is_change_set:
        request = part.requests[0]
        return [await gate.part(request, lambda: handle(request, None))]
    if any(request.method == "GET" for request in part.requests):
        error = DataverseError(400, "0x80060888", "A change set does not take GET requests.")
        return [error.response()]
    return await gate.parts(part.requests, lambda: together(part.requests, part.content_ids))


def _parts(outer: Request) -> list[Part]:
    try:
        parts = read_parts(outer)
    except MultipartError as error:
        raise bad_query(str(error)) from None
    if sum(len(part.requests) for part in parts) > REQUESTS_MAX:
        raise bad_query(f"The batch holds more than {REQUESTS_MAX} requests.")
    return parts
