"""`$batch` of Business Central: JSON, at most 100 operations, in order."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kobling_sandbox.business_central import BusinessCentral, Place, failure
from kobling_sandbox.business_central_errors import BusinessCentralError, bad_request
from kobling_sandbox.exchange import Gate, Request, Response, decode_json, encode_json

OPERATIONS_MAX = 100
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


class _RolledBack(Exception):  # noqa: N818 - it is no error of ours but the way out of a transaction
    """An operation of a batch that is one transaction failed."""


async def answer_batch(service: BusinessCentral, request: Request, place: Place, gate: Gate) -> Response:
    """Answers a whole batch; its own refusals are answers with one error."""
    try:
        if request.method != "POST":
            raise BusinessCentralError(405, "BadRequest_MethodNotAllowed", "A batch must be sent by POST.")
        operations = _operations(request)
        parts = [_part(operation, request, place) for operation in operations]
    except BusinessCentralError as error:
        return failure(error)
    identifiers = [operation.get("id") for operation in operations]
    if request.headers.get("isolation", "").lower() == "snapshot":
        responses = await gate.parts(parts, lambda: _as_one(service, parts))
    else:
        goes_on = "odata.continue-on-error" in request.headers.get("prefer", "").lower()
        needs = [operation.get("dependsOn") or () for operation in operations]
        responses = await _one_by_one(service, parts, identifiers, needs, gate, goes_on)
    shown = [
        _shown(identifier, response) for identifier, response in zip(identifiers, responses, strict=False)
    ]
    body = encode_json({"responses": shown})
    return Response(200, {"Content-Type": "application/json", "OData-Version": "4.0"}, body)


def _operations(request: Request) -> list[dict[str, Any]]:
    try:
        body = decode_json(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad_request("Invalid Request Body") from None
    operations = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(operations, list) or not all(isinstance(each, dict) for each in operations):
        raise bad_request("Invalid Request Body")
    if len(operations) > OPERATIONS_MAX:
        raise bad_request(
            f"The batch holds {len(operations)} operations, but the maximum is {OPERATIONS_MAX}."
        )
    named = [each["id"] for each in operations if each.get("id") is not None]
    if len(set(map(str, named))) != len(named):
        raise bad_request("The request id is not unique within the batch.")
    return operations


def _part(operation: Mapping[str, Any], outer: Request, place: Place) -> Request:
    method, url = str(operation.get("method", "")).upper(), operation.get("url")
    if method not in _METHODS or not isinstance(url, str):
        raise bad_request("Each request of a batch needs a method and a url.")
    parsed = urlsplit(url)
    root = place.root.removeprefix(outer.base)
    path = (
        parsed.path
        if parsed.scheme or parsed.path.startswith("/v2.0/")
        else f"{root}/{parsed.path.lstrip('/')}"
    )
    if path.rstrip("/").endswith("$batch"):
        raise bad_request("A batch must not hold another batch.")
    headers = operation.get("headers") or {}
    if not isinstance(headers, dict):
        raise bad_request("Invalid Request Body")
    return Request(
        method=method,
        path=path,
        query=parsed.query,
        headers={str(name).lower(): str(value) for name, value in headers.items()},
        body=encode_json(operation["body"]) if operation.get("body") is not None else b"",
        base=outer.base,
        user=outer.user,
        application=outer.application,
    )


async def _one_by_one(
    service: BusinessCentral,
    parts: list[Request],
    identifiers: list[Any],
    needs: list[Any],
    gate: Gate,
    goes_on: bool,
) -> list[Response]:
    responses: list[Response] = []
    failed: set[str] = set()
    for part, identifier, needed in zip(parts, identifiers, needs, strict=True):
        if failed.intersection(map(str, needed)):
            response = _undone()
        else:
            response = await gate.part(part, lambda part=part: service.answer(part))  # type: ignore[misc]
        responses.append(response)
        if response.status >= 400:
            failed.add(str(identifier))
            if not goes_on:
                break
    return responses


def _as_one(service: BusinessCentral, parts: list[Request]) -> list[Response]:
    """All or nothing: after a failure the earlier operations are undone and answer 424."""
    responses: list[Response] = []
    try:
        with service.store.all_or_nothing():
            for part in parts:
                responses.append(service.answer(part))
                if responses[-1].status >= 400:
                    raise _RolledBack
    except _RolledBack:
        return [*(_undone() for _ in responses[:-1]), responses[-1]]
    return responses


def _undone() -> Response:
    text = "The operation was not carried out because another one of the batch failed."
    return failure(BusinessCentralError(424, "BadRequest_FailedDependency", text))


def _shown(identifier: Any, response: Response) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": None if identifier is None else str(identifier),
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.headers.items()},
    }
    if response.body:
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        shown["body"] = msgspec.Raw(response.body) if is_json else response.body.decode("utf-8", "replace")
    return shown
