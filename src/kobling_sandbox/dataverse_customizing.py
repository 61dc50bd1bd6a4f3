"""What a customizer changes of tables: change tracking, and alternate keys.

Which tables lack them is a variant of the service: `untracked` and `keyless` name tables.
"""

from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, bad_query
from kobling_sandbox.dataverse_model import Entity
from kobling_sandbox.exchange import Request, Response

_TRACKING = "ChangeTrackingEnabled"
# A definition is replaced as a whole; one that lacks these is none.
_NEEDED = ("MetadataId", "LogicalName", "SchemaName", _TRACKING)


class Customizing:
    """Carries out changes of metadata."""

    def __init__(self, variants: dict[str, Any]) -> None:
        self.variants = variants

    def is_tracked(self, entity: Entity) -> bool:
        """Whether the table's changes are tracked."""
        return bool(entity.table.rules.get("tracked")) and entity.name not in self.variants["untracked"]

    def tells_changes(self, entity: Entity) -> bool:
        """Whether it answers who asks for changes; a variant lets it refuse, whatever the definition says."""
        return bool(self.variants["tracked"]) and self.is_tracked(entity)

    def has_keys(self, entity: Entity) -> bool:
        """Whether the table has its alternate keys."""
        return entity.name not in self.variants["keyless"]

    def change(self, request: Request, entity: Entity, rest: list[str], body: Any) -> Response:
        """Answers a PUT of a definition, or a POST of a key; raises DataverseError."""
        if request.method == "PUT" and not rest:
            self._define(entity, body)
        elif request.method == "POST" and rest == ["Keys"]:
            self._add_key(entity, body)
        else:
            raise DataverseError(405, "0x80060888", "The method is not supported on metadata.")
        return Response(204, {"OData-Version": "4.0"})

    def _define(self, entity: Entity, body: Any) -> None:
        if not isinstance(body, dict) or any(name not in body for name in _NEEDED):
            raise bad_query("A definition must be given as a whole.")
        if self.is_tracked(entity) and body[_TRACKING] is not True:
            raise DataverseError(400, "0x80044351", "Change tracking cannot be switched off again.")
        if body[_TRACKING] is True:
            self.variants["untracked"] = [one for one in self.variants["untracked"] if one != entity.name]

    def _add_key(self, entity: Entity, body: Any) -> None:
        columns = body.get("KeyAttributes") if isinstance(body, dict) else None
        if not isinstance(columns, list) or tuple(columns) not in entity.table.alternate_keys:
            raise bad_query("The sandbox makes only the keys that it knows.")
        if self.has_keys(entity):
            text = f"A key of {entity.name} with the attributes {', '.join(columns)} exists already."
            raise DataverseError(400, "0x80040237", text)
        self.variants["keyless"] = [one for one in self.variants["keyless"] if one != entity.name]
