"""What Dataverse tells about itself: EntityDefinitions, attributes, option sets, keys, `$metadata`."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from kobling_sandbox.dataverse_bulk import MESSAGES, supports
from kobling_sandbox.dataverse_customizing import Customizing
from kobling_sandbox.dataverse_errors import DataverseError, bad_query, no_segment, query, unknown_property
from kobling_sandbox.dataverse_model import Entity, Model
from kobling_sandbox.dataverse_rows import json_answer
from kobling_sandbox.exchange import Request, Response
from kobling_sandbox.odata import (
    DATAVERSE,
    Expand,
    ODataError,
    Options,
    Property,
    compile_filter,
    options_of_query,
    parse_filter,
)
from kobling_sandbox.tables import Column

_NAMESPACE = uuid.UUID("0f3e4dd2-5f0e-5f54-8c2f-6a7f6f1d8b11")
_CRM = "Microsoft.Dynamics.CRM."
_LANGUAGE = 1033
_LEVELS = {
    "required": "ApplicationRequired",
    "systemrequired": "SystemRequired",
    "recommended": "Recommended",
}
_TYPES = {
    "string": "String",
    "memo": "Memo",
    "picklist": "Picklist",
    "state": "State",
    "status": "Status",
    "boolean": "Boolean",
    "integer": "Integer",
    "bigint": "BigInt",
    "decimal": "Decimal",
    "money": "Money",
    "double": "Double",
    "datetime": "DateTime",
    "date": "DateTime",
    "guid": "Uniqueidentifier",
    "lookup": "Lookup",
    "customer": "Customer",
    "owner": "Owner",
}
_EDM = {
    "boolean": "Edm.Boolean",
    "bigint": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "money": "Edm.Decimal",
    "double": "Edm.Double",
    "datetime": "Edm.DateTimeOffset",
    "date": "Edm.Date",
    "string": "Edm.String",
    "memo": "Edm.String",
}
_OPTION_SETS = ("OptionSet", "GlobalOptionSet")


def label(text: str) -> dict[str, Any]:
    """A label in the one language that there is."""
    one = {"Label": text, "LanguageCode": _LANGUAGE, "IsManaged": True, "MetadataId": _id("label", text)}
    return {"LocalizedLabels": [one], "UserLocalizedLabel": one}


def _managed(value: Any, name: str) -> dict[str, Any]:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


def definition(entity: Entity) -> dict[str, Any]:
    """The properties of a table."""
    table = entity.table
    return {
        "MetadataId": _id("entity", entity.name),
        "LogicalName": entity.name,
        "SchemaName": table.rules.get("schema", entity.name),
        "EntitySetName": table.set_name,
        "LogicalCollectionName": table.set_name,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": table.rules["name"],
        "DisplayName": label(table.caption),
        "IsCustomEntity": entity.name.startswith(("bcbi_", "new_")),
        "IsActivity": False,
        "IsPrivate": False,
        "CanChangeTrackingBeEnabled": _managed(True, "canchangetrackingbeenabled"),
        "OwnershipType": "UserOwned" if "ownerid" in table.columns else "OrganizationOwned",
    }


def attribute(entity: Entity, column: Column) -> dict[str, Any]:
    """The properties of a column, those of its kind included."""
    kind = _TYPES[column.type]
    described: dict[str, Any] = {
        "@odata.type": f"#{_CRM}{kind if kind != 'Uniqueidentifier' else ''}AttributeMetadata",
        "MetadataId": _id("attribute", entity.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.rules.get("schema", column.name),
        "EntityLogicalName": entity.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "DisplayName": label(column.caption),
        "IsPrimaryId": column.name == entity.table.key,
        "IsPrimaryName": column.name == entity.table.rules["name"],
        "IsCustomAttribute": column.name.startswith(("bcbi_", "new_")),
        "IsValidForCreate": column.create,
        "IsValidForUpdate": column.update,
        "IsValidForRead": True,
        "RequiredLevel": _managed(
            _LEVELS.get(str(column.rules.get("level")), "None"), "canmodifyrequirementlevel"
        ),
    }
    return described | _of_kind(entity, column)


def _of_kind(entity: Entity, column: Column) -> dict[str, Any]:
    if column.type in ("string", "memo"):
        return {
            "MaxLength": column.maximum_length,
            "Format": "Text" if column.type == "string" else "TextArea",
        }
    if column.type in ("integer", "decimal", "money", "double"):
        limits = {"MinValue": _number(column.minimum), "MaxValue": _number(column.maximum)}
        return limits if column.type == "integer" else limits | {"Precision": column.precision}
    if column.type in ("datetime", "date"):
        only = column.type == "date"
        return {
            "Format": "DateOnly" if only else "DateAndTime",
            "DateTimeBehavior": {"Value": "DateOnly" if only else "UserLocal"},
        }
    if column.is_lookup:
        return {"Targets": list(column.targets)}
    return {}


def _number(text: str | None) -> Any:
    from decimal import Decimal

    return None if text is None else Decimal(text)


def option_set(entity: Entity, column: Column, labels: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a choice or of a yes-no column, with their labels."""
    described: dict[str, Any] = {
        "MetadataId": _id("optionset", entity.name, column.name),
        "Name": f"{entity.name}_{column.name}",
        "IsGlobal": False,
        "OptionSetType": _TYPES[column.type],
        "DisplayName": label(column.caption),
    }
    if column.type == "boolean":
        yes, no = ({"Value": value, "Label": label(text)} for value, text in ((1, "Yes"), (0, "No")))
        return described | {"TrueOption": yes, "FalseOption": no}
    states = column.rules.get("states", {})
    options = []
    for number, text in labels.items():
        option: dict[str, Any] = {"Value": int(number), "Label": label(str(text)), "IsManaged": True}
        if column.type == "status":
            option["State"] = states.get(number)
        if column.type == "state":
            option["DefaultStatus"] = entity.status_of_state.get(int(number))
        options.append(option)
    return described | {"Options": options}


class Metadata:
    """Answers requests for metadata."""

    def __init__(self, model: Model, customizing: Customizing) -> None:
        self.model = model
        self.customizing = customizing
        self.definitions = {name: definition(entity) for name, entity in model.entities.items()}

    def answer(self, request: Request, root: str, segments: list[str], body: Any) -> Response:
        """Answers a request under EntityDefinitions; raises DataverseError."""
        if request.method != "GET" and "(" not in segments[0]:
            raise DataverseError(405, "0x80060888", "Metadata cannot be made here.")
        if request.method != "GET":
            entity = self._entity(segments[0])
            return self.customizing.change(request, entity, segments[1:], body)
        options = options_of_query(request.query)
        if options.order or options.top is not None or options.count:
            raise bad_query("The query options $orderby, $top and $count are not supported on metadata.")
        if segments[0] == "GlobalOptionSetDefinitions":
            return json_answer(200, {"@odata.context": f"{root}$metadata#{segments[0]}", "value": []})
        if segments == ["EntityDefinitions"]:
            rows = _filtered(list(self.model.entities.values()), self._described, options)
            value = [self._shown(entity, options) for entity in rows]
            return json_answer(200, {"@odata.context": f"{root}$metadata#EntityDefinitions", "value": value})
        entity = self._entity(segments[0])
        context = {"@odata.context": f"{root}$metadata#EntityDefinitions/$entity"}
        if len(segments) == 1:
            return json_answer(200, context | self._shown(entity, options))
        return self._inside(root, entity, segments[1:], options)

    def message_filters(self, request: Request, root: str) -> Response:
        """Which tables have which bulk messages, as clients ask for it."""
        options = options_of_query(request.query)
        rows = [
            {
                "sdkmessagefilterid": _id("filter", entity.name, message),
                "primaryobjecttypecode": entity.name,
                "sdkmessageid/name": message,
            }
            for entity in self.model.entities.values()
            for message in MESSAGES
            if supports(entity, message)
        ]
        chosen = _filtered(rows, lambda row: row, options)
        value = [{"sdkmessagefilterid": row["sdkmessagefilterid"]} for row in chosen]
        return json_answer(200, {"@odata.context": f"{root}$metadata#sdkmessagefilters", "value": value})

    def _described(self, entity: Entity) -> dict[str, Any]:
        tracked = self.customizing.is_tracked(entity)
        return self.definitions[entity.name] | {"ChangeTrackingEnabled": tracked}

    def _keys(self, entity: Entity) -> list[dict[str, Any]]:
        return _keys(entity) if self.customizing.has_keys(entity) else []

    def _entity(self, segment: str) -> Entity:
        inner = segment[len("EntityDefinitions(") : -1]
        name = inner.partition("=")[2].strip().strip("'") if "=" in inner else ""
        for entity in self.model.entities.values():
            if entity.name == name or self.definitions[entity.name]["MetadataId"] == inner.lower():
                return entity
        text = f"Could not find an entity with specified logical name: {name or inner[:60]}."
        raise DataverseError(404, "0x80060888", text)

    def _shown(self, entity: Entity, options: Options) -> dict[str, Any]:
        shown = _selected(self._described(entity), options.select, "EntityMetadata")
        for part in options.expand:
            if part.name == "Attributes":
                shown["Attributes"] = self._attributes(entity, part.options, "")
            elif part.name == "Keys":
                shown["Keys"] = self._keys(entity)
            else:
                raise unknown_property(part.name, "EntityMetadata")
        return shown

    def _inside(self, root: str, entity: Entity, rest: list[str], options: Options) -> Response:
        context = f"{root}$metadata#EntityDefinitions('{entity.name}')/{rest[0]}"
        if rest[0] == "Keys" and len(rest) == 1:
            return json_answer(200, {"@odata.context": context, "value": self._keys(entity)})
        if rest[0] == "ManyToOneRelationships" and len(rest) == 1:
            return json_answer(200, {"@odata.context": context, "value": _many_to_one(self.model, entity)})
        if rest[0] == "Attributes":
            cast = rest[1].removeprefix(_CRM) if len(rest) > 1 else ""
            return json_answer(
                200, {"@odata.context": context, "value": self._attributes(entity, options, cast)}
            )
        if not rest[0].startswith("Attributes("):
            raise no_segment(rest[0])
        name = rest[0].partition("=")[2].strip("')")
        column = entity.table.columns.get(name)
        if column is None:
            text = f"Could not find an attribute with specified name: {name[:60]} on entity {entity.name}."
            raise DataverseError(404, "0x80060888", text)
        return json_answer(
            200, {"@odata.context": context, **_attribute_shown(self.model, entity, column, options)}
        )

    def _attributes(self, entity: Entity, options: Options, cast: str) -> list[dict[str, Any]]:
        kind = cast.removesuffix("AttributeMetadata")
        if cast and kind not in _TYPES.values():
            raise no_segment(_CRM + cast)
        columns = [c for c in entity.table.columns.values() if not kind or _TYPES[c.type] == kind]
        chosen = _filtered(columns, lambda column: attribute(entity, column), options)
        return [_attribute_shown(self.model, entity, column, options) for column in chosen]


def _attribute_shown(model: Model, entity: Entity, column: Column, options: Options) -> dict[str, Any]:
    described = attribute(entity, column)
    shown = _selected(described, options.select, "AttributeMetadata")
    for part in options.expand:
        shown[part.name] = _expanded(model, entity, column, part)
    return shown


def _expanded(model: Model, entity: Entity, column: Column, part: Expand) -> Any:
    if part.name not in _OPTION_SETS:
        raise unknown_property(part.name, "AttributeMetadata")
    if part.name == "GlobalOptionSet" or not (column.options or column.type == "boolean"):
        return None
    described = option_set(entity, column, model.options.of(entity.name, column))
    return _selected(described, part.options.select, "OptionSetMetadata")


def _selected(described: dict[str, Any], names: tuple[str, ...], type_name: str) -> dict[str, Any]:
    if not names:
        return dict(described)
    shown: dict[str, Any] = {key: described[key] for key in ("@odata.type", "MetadataId") if key in described}
    for name in names:
        if name in described:
            shown[name] = described[name]
        elif name not in _OF_SOME_KINDS:
            raise unknown_property(name, type_name)
    return shown


_OF_SOME_KINDS = frozenset(
    {"MaxLength", "MinValue", "MaxValue", "Precision", "Targets", "Format", "DateTimeBehavior"}
)


def _filtered(rows: list[Any], describe: Callable[[Any], dict[str, Any]], options: Options) -> list[Any]:
    if not options.filter:
        return rows
    if any(word in options.filter for word in ("startswith(", "contains(", "endswith(")):
        raise DataverseError(501, "0x8006088a", "The query function is not supported on metadata.")

    def find(name: str) -> Property | None:
        sample = describe(rows[0]).get(name, _MISSING) if rows else _MISSING
        if sample is _MISSING:
            return None
        kind = "boolean" if isinstance(sample, bool) else "guid" if name == "MetadataId" else "string"
        return Property(name, kind, lambda row: describe(row).get(name))

    try:
        accepts = compile_filter(parse_filter(options.filter, DATAVERSE), find, DATAVERSE)
    except ODataError as error:
        raise query(error, "EntityMetadata") from None
    return [row for row in rows if accepts(row)]


_MISSING = object()


def _keys(entity: Entity) -> list[dict[str, Any]]:
    return [
        {
            "MetadataId": _id("key", entity.name, *columns),
            "LogicalName": f"{entity.name}_{'_'.join(columns)}_key",
            "SchemaName": f"{entity.name}_{'_'.join(columns)}_key",
            "EntityLogicalName": entity.name,
            "KeyAttributes": list(columns),
            "EntityKeyIndexStatus": "Active",
        }
        for columns in entity.table.alternate_keys
    ]


def _many_to_one(model: Model, entity: Entity) -> list[dict[str, Any]]:
    return [
        {
            "SchemaName": f"{target}_{entity.name}_{column.name}",
            "ReferencingEntity": entity.name,
            "ReferencingAttribute": column.name,
            "ReferencedEntity": target,
            "ReferencedAttribute": model.entities[target].table.key,
            "ReferencingEntityNavigationPropertyName": column.navigation[target],
        }
        for column in entity.table.columns.values()
        for target in column.targets
        if target in model.entities
    ]


_TRACKED = (
    '<Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record><PropertyValue '
    'Property="Supported" Bool="true" /></Record></Annotation>'
)


def schema_document(model: Model, *, annotated: bool = False) -> bytes:
    """`$metadata`: entity types with their properties, and the sets; which of them are tracked, if asked."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    for entity in model.entities.values():
        lines.append(f"<EntityType Name={quoteattr(entity.name)}>")
        lines.append(f"<Key><PropertyRef Name={quoteattr(entity.table.key)} /></Key>")
        for name, column in entity.readable.items():
            kind = (
                "Edm.Guid"
                if column.is_lookup or column.type == "guid"
                else _EDM.get(column.type, "Edm.Int32")
            )
            lines.append(f"<Property Name={quoteattr(name)} Type={quoteattr(kind)} />")
        lines.append("</EntityType>")
    lines.append('<EntityContainer Name="System">')
    for entity in model.entities.values():
        kind = quoteattr(f"{_CRM}{entity.name}")
        note = _TRACKED if annotated and entity.table.rules.get("tracked") else ""
        name = quoteattr(entity.table.set_name)
        lines.append(f"<EntitySet Name={name} EntityType={kind}>{note}</EntitySet>")
    lines.append("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>")
    return "\n".join(lines).encode()
