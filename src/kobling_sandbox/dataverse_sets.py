"""Requests about a set of rows, and the functions of the root: WhoAmI, the service document, `$metadata`."""

from typing import Any

from kobling_sandbox.dataverse_changes import count_changes, delta_page, first_page, refuse_options
from kobling_sandbox.dataverse_customizing import Customizing
from kobling_sandbox.dataverse_errors import DataverseError, bad_query, no_segment
from kobling_sandbox.dataverse_metadata import schema_document
from kobling_sandbox.dataverse_model import Entity, Model
from kobling_sandbox.dataverse_reads import PAGE_ROWS_MAX, Reads
from kobling_sandbox.dataverse_rows import RowRoutes, annotations_of, json_answer
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Request, Response
from kobling_sandbox.odata import Options, decode_query, options_of_query, page_size, preferences

_TRACK = "odata.track-changes"
_NOT_HERE = frozenset({"$apply", "fetchXml", "savedQuery", "userQuery", "sql"})


class SetRoutes:
    """Answers requests whose first segment is a set or a function."""

    def __init__(self, model: Model, reads: Reads, writes: Writes, customizing: Customizing) -> None:
        self.customizing = customizing
        self.model, self.reads = model, reads
        self.rows = RowRoutes(model, reads, writes)

    def answer(self, request: Request, root: str, segments: list[str], body: Any) -> Response:
        """Answers by method; raises DataverseError."""
        if not segments:
            return self.service_document(root)
        first = segments[0]
        if first.rstrip("()") == "WhoAmI" and request.method == "GET":
            return self._who_am_i(request, root)
        if first == "$metadata" and request.method == "GET":
            headers = {"Content-Type": "application/xml", "OData-Version": "4.0"}
            annotated = decode_query(request.query).get("annotations", "").lower() == "true"
            return Response(200, headers, schema_document(self.model, annotated=annotated))
        entity = self.model.entity_of_set(first)
        if segments[1:] == ["$count"] and request.method == "GET":
            return self._count(request, entity)
        if len(segments) > 1:
            raise no_segment(segments[1])
        if request.method == "GET":
            return self._list(request, root, entity)
        if request.method == "POST":
            return self.rows.created(request, root, entity, body)
        text = f"The method '{request.method}' is not allowed on the collection '{first}'."
        raise DataverseError(405, "0x80060888", text)

    def service_document(self, root: str) -> Response:
        """The list of entity sets."""
        sets = [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(self.model.by_set)]
        return json_answer(200, {"@odata.context": f"{root}$metadata", "value": sets})

    def _who_am_i(self, request: Request, root: str) -> Response:
        store = self.model.store
        user = store.rows("systemuser").by_id[request.user]
        organization = next(iter(store.rows("organization").by_id), None)
        answer = {
            "@odata.context": f"{root}$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": user.get("_businessunitid_value"),
            "UserId": request.user,
            "OrganizationId": organization,
        }
        return json_answer(200, answer, x_ms_dop_hint="4")

    def _count(self, request: Request, entity: Entity) -> Response:
        options = options_of_query(request.query)
        if options.delta_token:
            number = count_changes(self.reads, entity, options.delta_token)
        else:
            number = self.reads.count(entity, options)
        return Response(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, str(number).encode())

    def _list(self, request: Request, root: str, entity: Entity) -> Response:
        options = options_of_query(request.query)
        _refuse_others(options)
        preferred = preferences(request.headers.get("prefer", ""))
        size = page_size(preferred, PAGE_ROWS_MAX)
        page = self.reads.page
        applied = [f"odata.maxpagesize={size}"] if "odata.maxpagesize" in preferred else []
        if _TRACK in preferred or options.delta_token:
            refuse_options(entity, options, tracked=self.customizing.tells_changes(entity))
            applied.insert(0, _TRACK)
            page = _changes(self.reads, options)
        annotations = annotations_of(preferred)
        if annotations:
            applied.append(f'odata.include-annotations="{annotations}"')
        link = _own_link(request)
        answer = page(root, entity, options, size=size, annotations=annotations, link=link)
        headers = {"Preference_Applied": ",".join(applied)} if applied else {}
        return json_answer(200, answer, **headers)


def _changes(reads: Reads, options: Options) -> Any:
    chosen = delta_page if options.delta_token else first_page

    def page(root: str, entity: Entity, options: Options, **rest: Any) -> dict[str, Any]:
        return chosen(reads, root, entity, options, **rest)

    return page


def _refuse_others(options: Options) -> None:
    for name in options.other:
        if name in _NOT_HERE:
            raise DataverseError(501, "0x80060888", f"The query option '{name}' is not implemented here.")
        if name.startswith("$"):
            raise bad_query(f"The query parameter {name} is not supported.")
    if options.skip:
        raise bad_query("Skip Clause is not supported in CRM")


def _own_link(request: Request) -> str:
    """The request's URL without its tokens: links to further pages repeat everything else."""
    kept = [
        part
        for part in request.query.split("&")
        if part and not part.lower().replace("%24", "$").startswith(("$skiptoken=", "$deltatoken="))
    ]
    return f"{request.base}{request.path}" + (f"?{'&'.join(kept)}" if kept else "")
