"""`$batch` of Business Central: JSON or multipart, at most 100 operations, in order.

An atomicity group of a JSON batch is what a change set is in a multipart one: it stands or falls as one.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kobling_sandbox.business_central import BusinessCentral, Place, failure
from kobling_sandbox.business_central_errors import BusinessCentralError, bad_request
from kobling_sandbox.exchange import Gate, Request, Response, decode_json, encode_json
from kobling_sandbox.multipart import MultipartError, Part, finished, read_parts, write_part

OPERATIONS_MAX = 100
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
_UNDONE = 424


class _RolledBack(Exception):  # noqa: N818 - it is no error of ours but the way out of a transaction
    """An operation of a batch that is one transaction failed."""


@dataclass(slots=True)
class _Operation:
    """One operation; `group` is blank outside of groups, `needs` are ids and groups that must succeed."""

    request: Request
    id: str | None
    group: str
    needs: tuple[str, ...]


async def answer_batch(service: BusinessCentral, request: Request, place: Place, gate: Gate) -> Response:
    """Answers a whole batch; its own refusals are answers with one error."""
    try:
        if request.method != "POST":
            raise BusinessCentralError(405, "BadRequest_MethodNotAllowed", "A batch must be sent by POST.")
        if "multipart" in request.headers.get("content-type", "").lower():
            return await _answer_multipart(service, request, place, gate)
        operations = _operations(request, place)
    except BusinessCentralError as error:
        return failure(error)
    responses = await _executed(service, request, operations, gate)
    # What comes after the operation that stopped the batch has no answer.
    shown = [_shown(each, response) for each, response in zip(operations, responses, strict=False)]
    body = encode_json({"responses": shown})
    return Response(200, {"Content-Type": "application/json", "OData-Version": "4.0"}, body)


async def _answer_multipart(service: BusinessCentral, outer: Request, place: Place, gate: Gate) -> Response:
    parts = _multipart(outer)
    operations = [
        _Operation(_at_place(request, outer, place), None, f"set {number}" if part.is_change_set else "", ())
        for number, part in enumerate(parts)
        for request in part.requests
    ]
    responses = await _executed(service, outer, operations, gate)
    boundary = f"batchresponse_{uuid.uuid4()}"
    pieces: list[bytes] = []
    for part in parts:
        own, responses = responses[: len(part.requests)], responses[len(part.requests) :]
        if own:
            refused = [each for each in own if each.status >= 400 and each.status != _UNDONE]
            write_part(pieces, boundary, part, refused[:1] or own)
    return finished(200, boundary, pieces)


def _multipart(outer: Request) -> list[Part]:
    try:
        parts = read_parts(outer)
    except MultipartError as error:
        raise bad_request(f"Invalid Request Body: {error}") from None
    _check_number(sum(len(part.requests) for part in parts))
    if any(request.method not in _METHODS for part in parts for request in part.requests):
        raise bad_request("Each request of a batch needs a method and a url.")
    if any(each.is_change_set and any(r.method == "GET" for r in each.requests) for each in parts):
        raise bad_request("A change set must not hold a GET request.")
    return parts


def _check_number(operations: int) -> None:
    if operations > OPERATIONS_MAX:
        raise bad_request(f"The batch holds {operations} operations, but the maximum is {OPERATIONS_MAX}.")


def _at_place(request: Request, outer: Request, place: Place, *, is_absolute: bool = False) -> Request:
    if not (is_absolute or request.path.startswith("/v2.0/")):
        request.path = f"{place.root.removeprefix(outer.base)}/{request.path.lstrip('/')}"
    if request.path.rstrip("/").endswith("$batch"):
        raise bad_request("A batch must not hold another batch.")
    return request


def _operations(request: Request, place: Place) -> list[_Operation]:
    try:
        body = decode_json(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad_request("Invalid Request Body") from None
    given = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise bad_request("Invalid Request Body")
    _check_number(len(given))
    operations = [_operation(each, request, place) for each in given]
    _check_names(operations)
    return operations


def _operation(given: Mapping[str, Any], outer: Request, place: Place) -> _Operation:
    identifier, needs = given.get("id"), given.get("dependsOn") or ()
    if not isinstance(needs, list | tuple):
        raise bad_request("Invalid Request Body")
    return _Operation(
        _part(given, outer, place),
        None if identifier is None else str(identifier),
        str(given.get("atomicityGroup") or ""),
        tuple(map(str, needs)),
    )


def _check_names(operations: list[_Operation]) -> None:
    """Ids are unique, a group's operations stand together, and only earlier ones can be waited for."""
    seen: set[str] = set()
    for group, members in _runs(operations):
        if group in seen:
            raise bad_request("The requests of an atomicity group must stand together.")
        for each in members:
            if each.id is not None and each.id in seen:
                raise bad_request("The request id is not unique within the batch.")
            if not seen.issuperset(each.needs):
                raise bad_request("A request can only depend on requests before it.")
            if each.id is not None:
                seen.add(each.id)
        if group:
            seen.add(group)


def _runs(operations: list[_Operation]) -> Iterator[tuple[str, list[_Operation]]]:
    """Neighbours of one group together, all others alone."""
    for group, members in groupby(operations, key=lambda each: each.group):
        if group:
            yield group, list(members)
        else:
            yield from (("", [each]) for each in members)


def _part(operation: Mapping[str, Any], outer: Request, place: Place) -> Request:
    method, url = str(operation.get("method", "")).upper(), operation.get("url")
    if method not in _METHODS or not isinstance(url, str):
        raise bad_request("Each request of a batch needs a method and a url.")
    parsed = urlsplit(url)
    headers = operation.get("headers") or {}
    if not isinstance(headers, dict):
        raise bad_request("Invalid Request Body")
    request = Request(
        method=method,
        path=parsed.path,
        query=parsed.query,
        headers={str(name).lower(): str(value) for name, value in headers.items()},
        body=encode_json(operation["body"]) if operation.get("body") is not None else b"",
        base=outer.base,
        user=outer.user,
        application=outer.application,
    )
    return _at_place(request, outer, place, is_absolute=bool(parsed.scheme))


async def _executed(
    service: BusinessCentral, outer: Request, operations: list[_Operation], gate: Gate
) -> list[Response]:
    """The answers, one an operation, up to the one that stopped the batch."""
    if outer.headers.get("isolation", "").lower() == "snapshot":
        requests = [each.request for each in operations]
        return await gate.parts(requests, lambda: _as_one(service, requests))
    goes_on = "odata.continue-on-error" in outer.headers.get("prefer", "").lower()
    responses: list[Response] = []
    failed: set[str] = set()
    for group, members in _runs(operations):
        answers = await _run(service, members, group, failed, gate)
        responses += answers
        if any(each.status >= 400 for each in answers):
            failed.update({group} if group else ())
            failed.update(each.id for each in members if each.id is not None)
            if not goes_on:
                break
    return responses


async def _run(
    service: BusinessCentral, members: list[_Operation], group: str, failed: set[str], gate: Gate
) -> list[Response]:
    if failed and any(not failed.isdisjoint(each.needs) for each in members):
        return [_undone() for _ in members]
    request = members[0].request
    if not group:
        return [await gate.part(request, lambda: service.answer(request))]
    requests = [each.request for each in members]
    answers = await gate.parts(requests, lambda: _as_one(service, requests))
    return answers + [_undone() for _ in members[len(answers) :]]


def _as_one(service: BusinessCentral, requests: list[Request]) -> list[Response]:
    """All or nothing: after a failure the earlier operations are undone and answer 424."""
    responses: list[Response] = []
    try:
        with service.store.all_or_nothing():
            for request in requests:
                responses.append(service.answer(request))
                if responses[-1].status >= 400:
                    raise _RolledBack
    except _RolledBack:
        return [*(_undone() for _ in responses[:-1]), responses[-1]]
    return responses


def _undone() -> Response:
    text = "The operation was not carried out because another one of the batch failed."
    return failure(BusinessCentralError(_UNDONE, "BadRequest_FailedDependency", text))


def _shown(operation: _Operation, response: Response) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": operation.id,
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.headers.items()},
    }
    if operation.group:
        shown["atomicityGroup"] = operation.group
    if response.body:
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        shown["body"] = msgspec.Raw(response.body) if is_json else response.body.decode("utf-8", "replace")
    return shown
