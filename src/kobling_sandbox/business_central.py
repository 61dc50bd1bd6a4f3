"""Business Central behind HTTP: API v2.0 and the extension's own route over the same tables.

Addresses: `/v2.0/{tenant}/{environment}/` and then `api/v2.0/` or `api/kobling/sync/v1.0/`. A set lies under
`companies({id})/`; without that the company comes from `?company=`, the header `Company`, or is the first.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

from kobling_sandbox.business_central_entities import (
    EXTENSION,
    STANDARD,
    Entity,
    View,
    entities,
    etag,
)
from kobling_sandbox.business_central_errors import (
    BusinessCentralError,
    bad_request,
    changed_by_another_user,
    company_not_found,
    dialog,
    method_not_allowed,
    record_not_found,
    token_missing,
    unknown_segment,
)
from kobling_sandbox.business_central_loading import load_companies
from kobling_sandbox.business_central_metadata import schema_document
from kobling_sandbox.business_central_reads import (
    Listing,
    list_body,
    matching,
    options_of,
    page_rows,
    refuse_query,
    render,
)
from kobling_sandbox.business_central_rules import TABLE_RULES
from kobling_sandbox.business_central_values import BLANK_ID, guid
from kobling_sandbox.business_central_writes import Company, Tables
from kobling_sandbox.datasets.model import Dataset
from kobling_sandbox.datasets.setup import user_id
from kobling_sandbox.exchange import Gate, Request, Response, decode_json, encode_json
from kobling_sandbox.odata import ODataError, decode_query, preferences
from kobling_sandbox.plugins import PluginRefusal, Plugins
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Clock, Store, SystemColumns
from kobling_sandbox.tables import load_tables

TENANT, ENVIRONMENT = "sandbox", "production"
_JSON = "application/json; odata.metadata=minimal"
_STATUS_CODES = {
    400: ("BadRequest", "Invalid Request Body"),
    401: ("Authentication_InvalidCredentials", "The server has rejected the client credentials."),
    403: ("Authorization_Forbidden", "You do not have the permissions for this operation."),
    404: ("BadRequest_ResourceNotFound", "Resource not found."),
    408: ("Request_Timeout", "The request took longer than allowed."),
    409: ("Request_EntityChanged", "Another user has already changed the record."),
    413: ("RequestEntityTooLarge", "The request is larger than allowed."),
    429: ("Application_TooManyRequests", "Too many requests reached. Actual (101). Maximum (100)."),
}
_VARIANTS = {
    "Internal_EntityWithSameKeyExists": "same_key_status",
    "Request_EntityChanged": "stale_status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an address leads: `root` is the absolute address of the route, `rest` the segments after it."""

    route: str
    root: str
    rest: tuple[str, ...]


class BusinessCentral:
    """The service: holds the store and answers requests whose caller is known."""

    name = "business_central"

    def __init__(self, plugins: Plugins | None = None) -> None:
        tables = load_tables("business_central")
        system = SystemColumns(
            version="systemRowVersion",
            created_at="systemCreatedAt",
            created_by="systemCreatedBy",
            modified_at="systemModifiedAt",
            modified_by="systemModifiedBy",
        )
        self.store = Store(tables, system, Clock(fraction_digits=3))
        self.plugins = plugins or Plugins()
        self.tables = Tables(self.store, TABLE_RULES)
        self.tables.declare_keys()
        self._entities = {route: entities(tables, route) for route in (STANDARD, EXTENSION)}
        self._views: dict[tuple[str, str, str], View] = {}
        # Versions differ in the status of these two refusals; the codes are the same.
        self.variants: dict[str, Any] = {"same_key_status": 400, "stale_status": 409}

    def load(self, dataset: Dataset) -> None:
        """Replaces every row by those of the data set."""
        load_companies(self.store, dataset.companies)

    def ensure_user(self, application: str) -> str:
        """The id of a user, which depends on the name alone: Business Central needs no row for it."""
        return user_id(application)

    def error(self, status: int, headers: dict[str, str], code: str | None = None) -> Response:
        """An answer with this status in Business Central's form."""
        usual, text = _STATUS_CODES.get(status, ("Internal_ServerError", "An internal error occurred."))
        return failure(BusinessCentralError(status, usual if code is None else code, text), headers)

    def handle(self, request: Request, gate: Gate) -> Response | Awaitable[Response]:
        """Answers a request; only a batch has to be awaited."""
        from kobling_sandbox.business_central_batch import answer_batch

        try:
            place = find_place(request)
        except BusinessCentralError as error:
            return failure(error)
        if place.rest == ("$batch",):
            return answer_batch(self, request, place, gate)
        return self.answer(request)

    def answer(self, request: Request) -> Response:
        """Answers one request that is no batch; refusals are answers too."""
        try:
            with self.store.all_or_nothing():
                return self._execute(request, find_place(request))
        except BusinessCentralError as error:
            error.status = self.variants.get(_VARIANTS.get(error.code, ""), error.status)
            return failure(error)
        except ODataError as error:
            return failure(refuse_query(error))
        except PluginRefusal as refusal:
            return failure(dialog(str(refusal)))

    def _execute(self, request: Request, place: Place) -> Response:
        parameters = decode_query(request.query)
        rest = place.rest
        if not rest:
            return _answer(200, self._service_document(place))
        if rest == ("$metadata",):
            document = schema_document(self._entities[place.route])
            return Response(200, {"Content-Type": "application/xml", "OData-Version": "4.0"}, document)
        name, key = split_segment(rest[0])
        if name == "companies" and key is not None and len(rest) > 1:
            company, rest = self._company(key), rest[1:]
        elif name == "companies":
            company = ""
        else:
            company = self._default_company(request, parameters)
        view = self._view(place.route, split_segment(rest[0])[0], company)
        prefix = f"companies({company})/" if company else ""
        target = _Target(view=view, root=place.root, path=prefix + view.entity.table.set_name)
        return self._at(request, parameters, target, split_segment(rest[0])[1], rest[1:])

    def _at(
        self,
        request: Request,
        parameters: dict[str, str],
        target: "_Target",
        key: str | None,
        rest: tuple[str, ...],
    ) -> Response:
        method, set_name = request.method, target.view.entity.table.set_name
        if rest == ("$count",) and key is None and method == "GET":
            count = len(matching(target.view, options_of(parameters)))
            return Response(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, str(count).encode())
        if rest:
            raise unknown_segment(rest[0])
        if method == "GET":
            return self._read(request, parameters, target, key)
        if request.headers.get("data-access-intent", "").lower() == "readonly":
            raise bad_request("Data-Access-Intent: ReadOnly is only allowed for GET requests.")
        change = {("POST", False): "create", ("PATCH", True): "update", ("DELETE", True): "delete"}.get(
            (method, key is not None), ""
        )
        if not change or not target.view.entity.allows(change):
            raise method_not_allowed(method, set_name, "Collection" if key is None else "Entity")
        if change == "create":
            return self._create(request, target)
        row = self._row(target.view, key or "")
        return (
            self._update(request, target, row) if change == "update" else self._delete(request, target, row)
        )

    def _read(
        self, request: Request, parameters: dict[str, str], target: "_Target", key: str | None
    ) -> Response:
        if key is not None:
            row = self._row(target.view, key)
            shown = render(target.view, row, options_of(parameters))
            return _answer(200, {"@odata.context": target.entity_context, **shown}, ETag=etag(row))
        page = page_rows(preferences(request.headers.get("prefer", "")))
        listing = Listing(parameters=parameters, page=page, context=target.context, url=target.url)
        return _answer(200, list_body(target.view, listing))

    def _create(self, request: Request, target: "_Target") -> Response:
        view, table = target.view, target.view.entity.table
        values = view.read_body(_body(request), "create")
        for name in table.rules.get("api_required", ()) if view.entity.route == STANDARD else ():
            if not values.get(view.entity.fields[name].column.name):
                raise bad_request(f'"{name}" must be specified.', "BadRequest_RequiredParamNotProvided")
        identifier = str(values.pop("id", ""))
        self.plugins.normalise(table.name, "create", values)
        row = self._changer(request, view).create(
            table.name, values, "" if identifier == BLANK_ID else identifier
        )
        self.plugins.written(self, table.name, "create", row["id"], view.company)
        return _written(request, target, row, 201)

    def _update(self, request: Request, target: "_Target", row: Row) -> Response:
        table = target.view.entity.table
        condition = request.headers.get("if-match", "").strip()
        if not condition:
            raise token_missing()
        _check_condition(condition, row)
        body = _body(request)
        if isinstance(body, dict) and str(body.get("id", "")).lower() == row["id"]:
            del body["id"]
        values = target.view.read_body(body, "update")
        self.plugins.normalise(table.name, "update", values)
        new = self._changer(request, target.view).change(table.name, row, values) if values else row
        if values:
            self.plugins.written(self, table.name, "update", row["id"], target.view.company)
        return _written(request, target, new, 200)

    def _delete(self, request: Request, target: "_Target", row: Row) -> Response:
        condition = request.headers.get("if-match", "").strip()
        if condition:
            _check_condition(condition, row)
        self._changer(request, target.view).delete(target.view.entity.table.name, row)
        return Response(204, {"OData-Version": "4.0"})

    def _changer(self, request: Request, view: View) -> Company:
        return Company(self.tables, view.company, request.user)

    def _row(self, view: View, key: str) -> Row:
        identifier = str(guid(key.strip("'")))
        table = view.entity.table
        rows = (
            matching(view, options_of({"$filter": f"id eq {identifier}"}))
            if table.rules.get("log")
            else [self.store.rows(table.name, view.company).get(identifier)]
        )
        for row in rows:
            if row is not None:
                return row
        raise record_not_found(table.caption, f"SystemId='{identifier}'")

    def _view(self, route: str, set_name: str, company: str) -> View:
        known = self._views.get((route, set_name, company))
        if known is not None:
            return known
        entity: Entity | None = self._entities[route].get(set_name)
        if entity is None or (set_name == "companies") != (company == ""):
            raise unknown_segment(set_name)

        def neighbour(table: str) -> View | None:
            related = self.store.tables[table].set_name
            return self._view(route, related, company) if related in self._entities[route] else None

        view = self._views[(route, set_name, company)] = View(entity, self.store, company, neighbour)
        return view

    def _company(self, key: str) -> str:
        try:
            identifier = str(guid(key.strip("'")))
        except BusinessCentralError:
            identifier = ""
        if self.store.rows("Company").get(identifier) is None:
            raise company_not_found()
        return identifier

    def _default_company(self, request: Request, parameters: dict[str, str]) -> str:
        companies = self.store.rows("Company")
        wanted = parameters.pop("company", "") or unquote(request.headers.get("company", ""))
        if not wanted:
            return str(min(companies.by_id.values(), key=lambda row: row["systemRowVersion"])["id"])
        for row in companies.by_id.values():
            if wanted in (row["id"], row["name"]):
                return str(row["id"])
        raise company_not_found()

    def _service_document(self, place: Place) -> Row:
        names = sorted(self._entities[place.route])
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
        return {"@odata.context": f"{place.root}/$metadata", "value": sets}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A set that a request means: its view, the route's root and the path below it."""

    view: View
    root: str
    path: str

    @property
    def url(self) -> str:
        """The absolute address of the set."""
        return f"{self.root}/{self.path}"

    @property
    def context(self) -> str:
        """The context of a list of rows."""
        return f"{self.root}/$metadata#{self.path}"

    @property
    def entity_context(self) -> str:
        """The context of one row."""
        return f"{self.context}/$entity"


def find_place(request: Request) -> Place:
    """The route and the segments of a request's path. Raises 404 for an address outside both routes."""
    return _find_place(request.path, request.base)


@lru_cache(maxsize=1024)
def _find_place(address: str, base: str) -> Place:
    path = address.strip("/")
    for prefix in (f"v2.0/{TENANT}/{ENVIRONMENT}/", f"v2.0/{ENVIRONMENT}/"):
        for route in (STANDARD, EXTENSION):
            start = prefix + route
            if path[: len(start)].lower() == start and path[len(start) : len(start) + 1] in ("", "/"):
                rest = tuple(unquote(part) for part in path[len(start) :].split("/") if part)
                return Place(route=route, root=f"{base}/{path[: len(start)]}", rest=rest)
    raise unknown_segment(path.rsplit("/", 1)[-1])


def split_segment(segment: str) -> tuple[str, str | None]:
    """`customers(id)` as name and key; the key is None when there is no bracket."""
    name, bracket, key = segment.partition("(")
    if not bracket:
        return name, None
    if not key.endswith(")"):
        raise bad_request(
            f"Bad Request - Error in query syntax: '{segment}'.", "BadRequest_InvalidRequestUrl"
        )
    return name, key[:-1]


def failure(error: BusinessCentralError, headers: dict[str, str] | None = None) -> Response:
    """The answer of a refusal."""
    return Response(
        error.status,
        {"Content-Type": "application/json", "OData-Version": "4.0", **(headers or {})},
        encode_json(error.body()),
    )


def _body(request: Request) -> Any:
    try:
        return decode_json(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise bad_request("Invalid Request Body") from None


def _check_condition(condition: str, row: Row) -> None:
    if condition != "*" and condition != etag(row):
        raise changed_by_another_user()


def _written(request: Request, target: _Target, row: Row, status: int) -> Response:
    headers = {"ETag": etag(row)}
    if status == 201:
        headers["Location"] = f"{target.url}({row['id']})"
    wish = request.headers.get("prefer", "").replace(" ", "").lower() if "prefer" in request.headers else ""
    if "return-no-content" in wish or "return=minimal" in wish:
        return Response(204, {"OData-Version": "4.0", **headers})
    shown = {"@odata.context": target.entity_context, **target.view.render(row)}
    return _answer(status, shown, **headers)


def _answer(status: int, value: Any, **headers: str) -> Response:
    return Response(status, {"Content-Type": _JSON, "OData-Version": "4.0", **headers}, encode_json(value))
