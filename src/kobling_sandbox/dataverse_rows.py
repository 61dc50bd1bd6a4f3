"""Requests about one row: read, create by address, change, upsert, delete, one property, one relation."""

from collections.abc import Mapping
from typing import Any

from kobling_sandbox.dataverse_collections import CollectionRoutes, reference
from kobling_sandbox.dataverse_duplicates import refuse_duplicate
from kobling_sandbox.dataverse_errors import DataverseError, changed, exists, no_segment, payload
from kobling_sandbox.dataverse_keys import Address, address_of
from kobling_sandbox.dataverse_model import Entity, Model, collections_of, row_etag
from kobling_sandbox.dataverse_reads import Reads
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Request, Response, encode_json
from kobling_sandbox.odata import Options, options_of_query, preferences
from kobling_sandbox.rows import Row

_JSON = "application/json; odata.metadata=minimal"
_BATCH_FREE = {"OData-Version": "4.0"}


def json_answer(status: int, value: Any, **headers: str) -> Response:
    """An answer with a JSON body and Dataverse's headers; underscores in names become hyphens."""
    named = {"Content-Type": _JSON, "OData-Version": "4.0"}
    named |= {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, named, encode_json(value))


def annotations_of(preferred: Mapping[str, str]) -> str:
    """The patterns of annotations that a `Prefer` header asks for."""
    return preferred.get("odata.include-annotations", "")


def condition(request: Request, name: str) -> str:
    """A conditional header; `null` is what clients send for no condition."""
    value = request.headers.get(name, "").strip()
    return "" if value.lower() == "null" else value


def no_content(root: str, entity: Entity, identifier: str) -> Response:
    """204 with the row's address."""
    url = f"{root}{entity.table.set_name}({identifier})"
    return Response(204, {"OData-Version": "4.0", "OData-EntityId": url, "Location": url})


class RowRoutes:
    """Answers requests whose first segment names a row."""

    def __init__(self, model: Model, reads: Reads, writes: Writes) -> None:
        self.model, self.reads, self.writes = model, reads, writes
        self.store = model.store
        self.collections = CollectionRoutes(model, writes)

    def answer(self, request: Request, root: str, segments: list[str], body: Any) -> Response:
        """Answers by method; raises DataverseError."""
        entity, address = address_of(self.model, segments[0])
        if len(segments) > 1:
            return self._inside(request, root, entity, address, segments[1:], body)
        if request.method == "GET":
            return self._read(request, root, entity, address)
        if request.method == "PATCH":
            return self._patch(request, root, entity, address, body)
        if request.method == "DELETE":
            return self._delete(request, entity, address)
        raise DataverseError(405, "0x80060888", f"The method '{request.method}' is not allowed on a row.")

    def _found(self, address: Address) -> Row:
        row = address.find(self.store)
        if row is None:
            raise address.missing()
        return row

    def _read(self, request: Request, root: str, entity: Entity, address: Address) -> Response:
        options = options_of_query(request.query)
        preferred = preferences(request.headers.get("prefer", ""))
        annotations = annotations_of(preferred)
        row = self._found(address)
        known = condition(request, "if-none-match")
        if known == row_etag(row) and not options.expand and not annotations:
            return Response(304, {"OData-Version": "4.0", "ETag": row_etag(row)})
        shown = self._shown(root, entity, row, options, annotations)
        return json_answer(200, shown, ETag=row_etag(row), **_applied(preferred))

    def _shown(
        self, root: str, entity: Entity, row: Row, options: Options, annotations: str
    ) -> dict[str, Any]:
        context = self.reads.context(root, entity, options, "/$entity")
        return {"@odata.context": context, **self.reads.shape(entity, options, annotations)(row)}

    def _patch(self, request: Request, root: str, entity: Entity, address: Address, body: Any) -> Response:
        row = address.find(self.store)
        match = condition(request, "if-match")
        if row is None:
            if match:
                raise address.missing()
            return self._create_at(request, root, entity, address, body)
        if condition(request, "if-none-match") == "*":
            raise exists()
        if match not in ("", "*", row_etag(row)):
            raise changed()
        refuse_duplicate(request, self.store, entity, body, row)
        row = self.writes.update(entity, row, self._without_key(address, body), request.user)
        return self._written(request, root, entity, row, 200)

    def _without_key(self, address: Address, body: Any) -> Any:
        """An upsert may repeat the values of its address in the body: they are no change."""
        if not address.columns or type(body) is not dict:
            return body
        same = address.body(self.model)
        return {name: value for name, value in body.items() if name not in same or value != same[name]}

    def _create_at(
        self, request: Request, root: str, entity: Entity, address: Address, body: Any
    ) -> Response:
        if type(body) is not dict:
            raise payload(entity.table.set_name, "A JSON object was expected.")
        refuse_duplicate(request, self.store, entity, body, {})
        with self.store.all_or_nothing():
            row = self.writes.create(entity, {**body, **address.body(self.model)}, request.user, address.id)
        return self._written(request, root, entity, row, 201)

    def created(self, request: Request, root: str, entity: Entity, body: Any) -> Response:
        """Creates a row for a POST on the set."""
        refuse_duplicate(request, self.store, entity, body, {})
        with self.store.all_or_nothing():
            row = self.writes.create(entity, body, request.user)
        return self._written(request, root, entity, row, 201)

    def _written(self, request: Request, root: str, entity: Entity, row: Row, status: int) -> Response:
        prefer = request.headers.get("prefer")
        if prefer is None or "return" not in prefer:
            return no_content(root, entity, row[entity.table.key])
        preferred = preferences(prefer)
        if preferred.get("return") != "representation":
            return no_content(root, entity, row[entity.table.key])
        options = options_of_query(request.query)
        shown = self._shown(root, entity, row, options, annotations_of(preferred))
        url = f"{root}{entity.table.set_name}({row[entity.table.key]})"
        headers = {
            "Content-Type": _JSON,
            "OData-Version": "4.0",
            "ETag": shown["@odata.etag"],
            "Preference-Applied": "return=representation",
            "OData-EntityId": url,
            "Location": url,
        }
        return Response(status, headers, encode_json(shown))

    def _delete(self, request: Request, entity: Entity, address: Address) -> Response:
        row = self._found(address)
        if condition(request, "if-match") not in ("", "*", row_etag(row)):
            raise changed()
        self.writes.delete(entity, row[entity.table.key], request.user)
        return Response(204, dict(_BATCH_FREE))

    def _inside(
        self, request: Request, root: str, entity: Entity, address: Address, rest: list[str], body: Any
    ) -> Response:
        row = self._found(address)
        name = rest[0]
        if rest[1:] == ["$ref"]:
            return self._relation(request, root, entity, row, name, body)
        if request.method == "GET" and name not in entity.properties:
            return self._related(request, root, entity, row, name, rest[1:])
        if name not in entity.properties or rest[1:] not in ([], ["$value"]):
            raise no_segment(name)
        if request.method == "GET":
            return self._property(root, entity, row, name, raw=bool(rest[1:]))
        if request.method == "PUT" and type(body) is dict and "value" in body:
            self.writes.update(entity, row, {name: body["value"]}, request.user)
        elif request.method == "DELETE":
            self.writes.update(entity, row, {name: None}, request.user)
        else:
            raise payload(entity.table.set_name, "A body with a 'value' was expected.")
        return no_content(root, entity, row[entity.table.key])

    def _property(self, root: str, entity: Entity, row: Row, name: str, *, raw: bool) -> Response:
        found = entity.properties[name]
        if found.type in ("lookup", "customer", "owner") and name in entity.navigation:
            return self._single(root, entity, row, name)
        value = found.read(row)
        if value is None:
            return Response(204, {"OData-Version": "4.0"})
        if raw:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            return Response(200, {"Content-Type": "text/plain", "OData-Version": "4.0"}, text.encode())
        context = f"{root}$metadata#{entity.table.set_name}({row[entity.table.key]})/{name}"
        return json_answer(200, {"@odata.context": context, "value": value})

    def _related(
        self, request: Request, root: str, entity: Entity, row: Row, name: str, rest: list[str]
    ) -> Response:
        if rest:
            raise no_segment(rest[0])
        if name in entity.navigation:
            return self._single(root, entity, row, name)
        if name not in collections_of(entity):
            raise no_segment(name)
        collection = collections_of(entity)[name]
        inner = self.model.far_of(collection)
        options = options_of_query(request.query)
        shape = self.reads.shape(
            inner, options, annotations_of(preferences(request.headers.get("prefer", "")))
        )
        found = self.model.members(entity, collection, row[entity.table.key])
        context = self.reads.context(root, inner, options)
        rows = [shape(other) for other in found[: options.top]]
        return json_answer(200, {"@odata.context": context, "value": rows})

    def _single(self, root: str, entity: Entity, row: Row, name: str) -> Response:
        column, target = entity.navigation[name]
        table = entity.target_of(row, column)
        identifier = row.get(column.stored, "")
        other = self.store.rows(target).get(identifier) if table == target or name == column.name else None
        if other is None and name == column.name and table in self.model.entities:
            target, other = table, self.store.rows(table).get(identifier)
        if other is None:
            return Response(204, {"OData-Version": "4.0"})
        return json_answer(200, self._shown(root, self.model.entities[target], other, Options(), ""))

    def _relation(
        self, request: Request, root: str, entity: Entity, row: Row, name: str, body: Any
    ) -> Response:
        if name.partition("(")[0] in collections_of(entity):
            return self.collections.answer(request, entity, row, name, body)
        if name not in entity.navigation:
            raise no_segment(name)
        column, target = entity.navigation[name]
        if request.method == "DELETE":
            self.writes.update(entity, row, {name: None}, request.user)
            return Response(204, {"OData-Version": "4.0"})
        if request.method in ("PUT", "POST"):
            self.writes.update(entity, row, {f"{name}@odata.bind": reference(entity, body)}, request.user)
            return Response(204, {"OData-Version": "4.0"})
        identifier = row.get(column.stored)
        if identifier is None:
            return Response(204, {"OData-Version": "4.0"})
        set_name = self.model.entities[target].table.set_name
        return json_answer(
            200, {"@odata.context": f"{root}$metadata#$ref", "@odata.id": f"{root}{set_name}({identifier})"}
        )


def _applied(preferred: Mapping[str, str]) -> dict[str, str]:
    notes = annotations_of(preferred)
    return {"Preference_Applied": f'odata.include-annotations="{notes}"'} if notes else {}
