"""Relations of a row to many others: their rows, and rows added and taken away by `$ref`.

One side of such a relation is a look-up of the other table. Where both sides are many, an intersect table
holds a row with two look-ups for each pair.
"""

from typing import Any
from urllib.parse import quote

from kobling_sandbox.dataverse_errors import no_segment, payload
from kobling_sandbox.dataverse_model import Collection, Entity, Model, collections_of, read_guid
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Request, Response
from kobling_sandbox.odata import decode_query
from kobling_sandbox.rows import Row


def reference(entity: Entity, body: Any) -> str:
    """The URL of the row that a body of `$ref` names. Raises DataverseError."""
    url = body.get("@odata.id") if type(body) is dict else None
    if type(url) is not str:
        raise payload(entity.table.set_name, "A body with '@odata.id' was expected.")
    return url


class CollectionRoutes:
    """Answers `$ref` on a relation to many; raises DataverseError."""

    def __init__(self, model: Model, writes: Writes) -> None:
        self.model, self.writes = model, writes

    def answer(self, request: Request, entity: Entity, row: Row, segment: str, body: Any) -> Response:
        """Adds a row by POST; takes one away by DELETE, named in the path or by `$id`."""
        name, _, rest = segment.partition("(")
        collection = collections_of(entity)[name]
        if request.method == "POST" and not rest:
            url = reference(entity, body)
        elif request.method == "DELETE":
            url = self._named(request, collection, rest)
        else:
            raise no_segment(segment[:80])
        table, identifier = self.writes.resolve(entity, url)
        far = self.model.far_of(collection)
        if table != far.name:
            raise payload(entity.table.set_name, f"'{name}' holds rows of '{far.name}'.")
        if collection.far:
            self._pair(request, collection, row[entity.table.key], identifier)
        else:
            self._point(request, entity, collection, row[entity.table.key], identifier)
        return Response(204, {"OData-Version": "4.0"})

    def _named(self, request: Request, collection: Collection, rest: str) -> str:
        if not rest:
            return decode_query(request.query).get("$id", "")
        return f"{self.model.far_of(collection).table.set_name}({read_guid(rest.removesuffix(')'))})"

    def _point(
        self, request: Request, entity: Entity, collection: Collection, identifier: str, other: str
    ) -> None:
        inner = self.model.entities[collection.table]
        column = inner.table.columns[collection.near]
        navigation, row = column.navigation[entity.name], self.model.store.rows(inner.name).by_id[other]
        if request.method == "POST":
            url = f"/{entity.table.set_name}({quote(identifier)})"
            self.writes.update(inner, row, {f"{navigation}@odata.bind": url}, request.user)
        elif row.get(column.stored) == identifier:
            self.writes.update(inner, row, {navigation: None}, request.user)

    def _pair(self, request: Request, collection: Collection, identifier: str, other: str) -> None:
        holder = self.model.entities[collection.table]
        near, far = (holder.table.columns[name].stored for name in (collection.near, collection.far))
        if request.method == "POST":
            self.writes.associate(holder, {near: identifier, far: other}, request.user)
            return
        for row in self.model.store.rows(holder.name).find(near, identifier):
            if row[far] == other:
                self.model.store.delete(holder.name, row[holder.table.key], user=request.user)
