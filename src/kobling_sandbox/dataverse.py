"""Dataverse behind HTTP: `/api/data/v9.2/` and what lies under it."""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import unquote

import msgspec

from kobling_sandbox.datasets.model import Dataset
from kobling_sandbox.dataverse_actions import Actions
from kobling_sandbox.dataverse_batch import answer_batch
from kobling_sandbox.dataverse_bulk import Bulk
from kobling_sandbox.dataverse_customizing import Customizing
from kobling_sandbox.dataverse_errors import (
    DataverseError,
    bad_query,
    no_segment,
    payload,
    query,
    status_response,
)
from kobling_sandbox.dataverse_loading import PersonRows, load_rows
from kobling_sandbox.dataverse_metadata import Metadata
from kobling_sandbox.dataverse_model import Model
from kobling_sandbox.dataverse_reads import Reads
from kobling_sandbox.dataverse_rows import RowRoutes, annotations_of, json_answer
from kobling_sandbox.dataverse_sets import SetRoutes
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Gate, Request, Response, decode_json
from kobling_sandbox.odata import ODataError, preferences
from kobling_sandbox.plugins import PluginRefusal, Plugins
from kobling_sandbox.store import Clock, RowLockedError

ROOT = "/api/data/v9.2/"
_ROOTS = tuple(f"/api/data/v9.{minor}/" for minor in (2, 1, 0))
_EMPTY_CODES = (404, 412)
_URL_LENGTH_MAX = 32_768
_URL_LENGTH_MAX_IN_BATCH = 65_536


class Dataverse:
    """The service: holds the store and answers requests whose caller is known."""

    name = "dataverse"

    def __init__(self, plugins: Plugins | None = None) -> None:
        self.plugins = plugins or Plugins()
        self.model = Model(Clock(fraction_digits=0))
        self.store = self.model.store
        self.people = PersonRows(self.store)
        # Older builds leave the code of 404 and 412 empty; a table's changes may be untracked.
        self.variants: dict[str, Any] = {
            "empty_codes": False,
            "tracked": True,
            "untracked": [],
            "keyless": [],
        }
        customizing = Customizing(self.variants)
        reads, writes = Reads(self.model), Writes(self.model, self.plugins)
        self.rows = RowRoutes(self.model, reads, writes)
        self.sets = SetRoutes(self.model, reads, writes, customizing)
        self.bulk = Bulk(self.model, writes)
        self.actions = Actions(self.model, writes)
        self.metadata = Metadata(self.model, customizing)

    def load(self, dataset: Dataset) -> None:
        """Replaces every row by those of the data set."""
        load_rows(self.model, dataset)

    def ensure_user(self, application: str) -> str:
        """The id of the systemuser of a client id; a person's row is made at the first call."""
        return self.people.ensure(application)

    def error(self, status: int, headers: dict[str, str], code: str | None = None) -> Response:
        """An answer with this status as Dataverse's servers give it."""
        return status_response(status, headers, code)

    def handle(self, request: Request, gate: Gate) -> Response | Awaitable[Response]:
        """Answers a request; only a batch needs to be awaited."""
        if request.method == "POST" and request.path.endswith("/$batch"):
            return self._batch(request, gate)
        if len(request.path) + len(request.query) > _URL_LENGTH_MAX:
            return DataverseError(414, "0x80060888", "The URL is too long.").response()
        return self.answer(request, None)

    async def _batch(self, request: Request, gate: Gate) -> Response:
        try:
            return await answer_batch(request, gate, self.answer, self._together)
        except DataverseError as error:
            return error.response()

    def _together(self, requests: list[Request], content_ids: list[str]) -> list[Response]:
        """A change set: all or nothing; `$1` stands for the row of the request with that Content-ID."""
        known: dict[str, str] = {}
        responses = []
        try:
            with self.store.all_or_nothing():
                for request, content_id in zip(requests, content_ids, strict=True):
                    response = self.answer(request, known)
                    if response.status >= 400:
                        raise _ChangeSetError(response)
                    responses.append(response)
                    known[content_id] = response.headers.get("OData-EntityId", "")
        except _ChangeSetError as error:
            return [error.response]
        return responses

    def answer(self, request: Request, known: dict[str, str] | None) -> Response:
        """Answers one request; `known` are the rows of its change set so far, None outside of one."""
        try:
            if len(request.path) + len(request.query) > _URL_LENGTH_MAX_IN_BATCH:
                raise bad_query("The URL is too long.")
            return self._route(request, known)
        except DataverseError as error:
            return self._refused(request, error)
        except ODataError as error:
            return self._refused(request, query(error, ""))
        except PluginRefusal as refusal:
            return self._refused(request, DataverseError(400, "0x80040265", str(refusal)))
        except RowLockedError:
            text = "SQL Server error: the transaction was chosen as a deadlock victim (1205)."
            return self._refused(request, DataverseError(503, "0x80044150", text))

    def _refused(self, request: Request, error: DataverseError) -> Response:
        if self.variants["empty_codes"] and error.status in _EMPTY_CODES:
            error.code = ""
        return error.response(annotations_of(preferences(request.headers.get("prefer", ""))))

    def _route(self, request: Request, known: dict[str, str] | None) -> Response:
        path = request.path
        if path.startswith("$") and known is not None:
            path = _replaced(path, known)
        base = next((root for root in _ROOTS if path.startswith(root)), None)
        if base is None:
            if path.rstrip("/") + "/" in _ROOTS:
                return self.sets.service_document(f"{request.base}{ROOT}")
            raise no_segment(unquote(path)[:80])
        root, rest = f"{request.base}{base}", unquote(path[len(base) :])
        body = self._body(request, rest, known) if request.method in ("POST", "PATCH", "PUT") else None
        segments = split_path(rest)
        first = segments[0] if segments else ""
        if first in ("EntityDefinitions", "GlobalOptionSetDefinitions") or first.startswith(
            "EntityDefinitions("
        ):
            return self.metadata.answer(request, root, segments, body)
        if first == "$batch":
            raise bad_query("A batch request cannot stand inside a batch.")
        if first.startswith("sdkmessagefilters"):
            return self.metadata.message_filters(request, root)
        if first in self.actions.unbound and len(segments) == 1:
            return self.actions.answer(request, root, first, body)
        if len(segments) == 2 and segments[1].startswith("Microsoft.Dynamics.CRM.") and "(" in first:
            return self.actions.answer_bound(request, segments, body)
        if len(segments) == 2 and segments[1].startswith("Microsoft.Dynamics.CRM."):
            return self.bulk.answer(request, root, segments, body)
        if "(" in first and first.rstrip("()") not in ("WhoAmI",):
            return self.rows.answer(request, root, segments, body)
        return self.sets.answer(request, root, segments, body)

    def _body(self, request: Request, rest: str, known: dict[str, str] | None) -> Any:
        if not request.body:
            return {}
        if known is not None:
            return _with_known(self._json(request, rest), known)
        return self._json(request, rest)

    def _json(self, request: Request, rest: str) -> Any:
        try:
            return decode_json(request.body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise payload(rest.partition("(")[0], f"Newtonsoft.Json.JsonReaderException: {error}") from None


class _ChangeSetError(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def _replaced(path: str, known: dict[str, str]) -> str:
    name, slash, rest = path[1:].partition("/")
    if name not in known:
        raise bad_query(f"Content-ID reference '${name}' does not exist in the change set so far.")
    url = known[name]
    return "/" + url.partition("://")[2].partition("/")[2] + slash + rest


def _with_known(body: Any, known: dict[str, str]) -> Any:
    if not isinstance(body, dict):
        return body
    changed = {}
    for name, value in body.items():
        if name.endswith("@odata.bind") and isinstance(value, str) and value.startswith("$"):
            if value[1:] not in known:
                raise bad_query(f"Content-ID reference '{value}' does not exist in the change set so far.")
            value = known[value[1:]]
        changed[name] = value
    return changed


def split_path(rest: str) -> list[str]:
    """The segments of a decoded path; a slash inside quotes belongs to a key's value."""
    if "'" not in rest:
        return [segment for segment in rest.split("/") if segment]
    segments, start, quoted = [], 0, False
    for position, letter in enumerate(rest):
        if letter == "'":
            quoted = not quoted
        elif letter == "/" and not quoted:
            segments.append(rest[start:position])
            start = position + 1
    segments.append(rest[start:])
    return [segment for segment in segments if segment]


__all__ = ["ROOT", "Dataverse", "json_answer", "split_path"]
