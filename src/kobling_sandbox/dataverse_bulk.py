"""Bulk messages: CreateMultiple, UpdateMultiple, UpsertMultiple. All targets or none."""

from typing import Any
from urllib.parse import unquote

from kobling_sandbox.dataverse_errors import DataverseError, no_rows, no_segment, payload
from kobling_sandbox.dataverse_keys import Address, address_of
from kobling_sandbox.dataverse_model import Entity, Model
from kobling_sandbox.dataverse_rows import json_answer
from kobling_sandbox.dataverse_writes import Writes
from kobling_sandbox.exchange import Request, Response

_PREFIX = "Microsoft.Dynamics.CRM."
MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


def supports(entity: Entity, message: str) -> bool:
    """Whether the table has the message; not every one has."""
    return message in MESSAGES and bool(entity.table.rules.get("multiple", True))


class Bulk:
    """Answers bulk messages."""

    def __init__(self, model: Model, writes: Writes) -> None:
        self.model, self.writes = model, writes

    def answer(self, request: Request, root: str, segments: list[str], body: Any) -> Response:
        """Answers a bound action of a set; raises DataverseError."""
        entity = self.model.entity_of_set(segments[0])
        message = segments[1].removeprefix(_PREFIX)
        if message == "DeleteMultiple":
            raise DataverseError(501, "0x80040265", "DeleteMultiple has not yet been implemented.")
        if request.method != "POST" or not supports(entity, message):
            raise no_segment(segments[1])
        targets = self._targets(entity, body)
        with self.writes.store.all_or_nothing():
            identifiers = [self._one(entity, message, target, request.user) for target in targets]
        if message != "CreateMultiple":
            return Response(204, {"OData-Version": "4.0"})
        context = f"{root}$metadata#{_PREFIX}CreateMultipleResponse"
        return json_answer(200, {"@odata.context": context, "Ids": identifiers})

    def _targets(self, entity: Entity, body: Any) -> list[dict[str, Any]]:
        targets = body.get("Targets") if type(body) is dict else None
        if type(targets) is not list or not targets:
            raise payload(entity.table.set_name, "The parameter 'Targets' is missing.")
        for target in targets:
            if type(target) is not dict or target.get("@odata.type", "").lstrip("#") != _PREFIX + entity.name:
                raise payload(entity.table.set_name, "Each target needs an '@odata.type'.")
        return targets

    def _one(self, entity: Entity, message: str, target: dict[str, Any], user: str) -> str:
        key = entity.table.key
        if message == "CreateMultiple":
            return str(self.writes.create(entity, target, user)[key])
        address = self._address(entity, target)
        row = address.find(self.writes.store)
        if row is not None:
            values = {name: value for name, value in target.items() if name != key}
            return str(self.writes.update(entity, row, values, user)[key])
        if message == "UpdateMultiple":
            raise no_rows(entity.name.capitalize(), address.id) if not address.columns else address.missing()
        return str(self.writes.create(entity, {**target, **address.body(self.model)}, user, address.id)[key])

    def _address(self, entity: Entity, target: dict[str, Any]) -> Address:
        identifier = target.get(entity.table.key)
        if identifier is None and type(target.get("@odata.id")) is str:
            head, bracket, rest = unquote(target["@odata.id"]).partition("(")
            return address_of(self.model, head.rpartition("/")[2] + bracket + rest)[1]
        if type(identifier) is not str:
            raise payload(entity.table.set_name, "Each target needs its key.")
        return address_of(self.model, f"{entity.table.set_name}({identifier})")[1]
