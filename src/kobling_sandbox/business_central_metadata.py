"""What Business Central tells about itself: `$metadata` of a route, with its sets and their properties."""

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from kobling_sandbox.business_central_entities import Entity, Field

_NAMESPACE = "Microsoft.NAV"
_EDM = {
    "guid": "Edm.Guid",
    "lookup": "Edm.Guid",
    "boolean": "Edm.Boolean",
    "integer": "Edm.Int32",
    "bigint": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "date": "Edm.Date",
    "datetime": "Edm.DateTimeOffset",
}


def schema_document(entities: Mapping[str, Entity]) -> bytes:
    """The document: choices as enumerations of their own, texts with their lengths."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
        f'<Schema Namespace="{_NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    for entity in entities.values():
        lines += _entity_type(entity)
    lines.append('<EntityContainer Name="NAV">')
    for name, entity in sorted(entities.items()):
        kind = quoteattr(f"{_NAMESPACE}.{entity.type_name}")
        lines.append(f"<EntitySet Name={quoteattr(name)} EntityType={kind} />")
    lines.append("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>")
    return "\n".join(lines).encode()


def _entity_type(entity: Entity) -> list[str]:
    lines = [f"<EntityType Name={quoteattr(entity.type_name)}>", '<Key><PropertyRef Name="id" /></Key>']
    lines += [_property(entity, one) for one in entity.fields.values()]
    lines.append("</EntityType>")
    for one in entity.fields.values():
        if one.column.type == "option" and not one.refers:
            lines.append(f"<EnumType Name={quoteattr(_choice(entity, one))}>")
            lines += [
                f"<Member Name={quoteattr(name)} Value={quoteattr(str(number))} />"
                for name, number in one.column.options.items()
            ]
            lines.append("</EnumType>")
    return lines


def _choice(entity: Entity, one: Field) -> str:
    return f"{entity.type_name}{one.name[:1].upper()}{one.name[1:]}"


def _property(entity: Entity, one: Field) -> str:
    column, kind = one.column, "Edm.String"
    if one.refers:
        kind = "Edm.Guid"
    elif column.type == "option":
        kind = f"{_NAMESPACE}.{_choice(entity, one)}"
    elif column.type in _EDM:
        kind = _EDM[column.type]
    length = f' MaxLength="{column.maximum_length}"' if kind == "Edm.String" and column.maximum_length else ""
    fixed = "" if one.create or one.update else _READ_ONLY
    return f"<Property Name={quoteattr(one.name)} Type={quoteattr(kind)}{length}>{fixed}</Property>"


_READ_ONLY = (
    '<Annotation Term="Org.OData.Core.V1.Permissions"><EnumMember>Org.OData.Core.V1.Permission/Read'
    "</EnumMember></Annotation>"
)
