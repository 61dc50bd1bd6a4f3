"""What Dataverse says of a table: its set, key and columns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from kobling.adapters.odata.answer import refused
from kobling.adapters.odata.described import Described
from kobling.adapters.odata.http import Door
from kobling.catalogue.definition import Column, ColumnType
from kobling.model.errors import ConfigurationError, ProtocolError

_NAME: Final = "Dataverse"
_TYPES: Final = {
    "String": ColumnType.TEXT,
    "Memo": ColumnType.TEXT,
    "Picklist": ColumnType.INTEGER,
    "State": ColumnType.INTEGER,
    "Status": ColumnType.INTEGER,
    "Integer": ColumnType.INTEGER,
    "BigInt": ColumnType.INTEGER,
    "Decimal": ColumnType.DECIMAL,
    "Money": ColumnType.DECIMAL,
    "Double": ColumnType.DECIMAL,
    "Boolean": ColumnType.BOOLEAN,
    "DateTime": ColumnType.DATE,
    "Uniqueidentifier": ColumnType.ID,
    "Lookup": ColumnType.ID,
    "Customer": ColumnType.ID,
    "Owner": ColumnType.ID,
}
_LOGICAL_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,127}")
_HEADERS: Final = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"}
_OF_A_TABLE: Final = "LogicalName,EntitySetName,PrimaryIdAttribute,PrimaryNameAttribute,ChangeTrackingEnabled"
_OF_A_RELATION: Final = "ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName"
_TABLES_AT_ONCE: Final = 20
_Document = TypeVar("_Document", bound=msgspec.Struct)


class _Table(msgspec.Struct, rename="pascal"):
    logical_name: str
    entity_set_name: str | None = None
    primary_id_attribute: str | None = None
    primary_name_attribute: str | None = None
    change_tracking_enabled: bool = False


class _Tables(msgspec.Struct):
    value: list[_Table]


class _Label(msgspec.Struct, rename="pascal"):
    label: str | None = None


class _DisplayName(msgspec.Struct, rename="pascal"):
    user_localized_label: _Label | None = None


class _Attribute(msgspec.Struct, rename="pascal"):
    logical_name: str
    attribute_type: str
    display_name: _DisplayName | None = None
    max_length: int | None = None
    targets: list[str] | None = None
    is_valid_for_create: bool = True
    is_valid_for_update: bool = True
    is_valid_for_read: bool = True


class _Attributes(msgspec.Struct):
    value: list[_Attribute]


class _Relation(msgspec.Struct, rename="pascal"):
    referencing_attribute: str
    referenced_entity: str
    referencing_entity_navigation_property_name: str | None = None


class _Relations(msgspec.Struct):
    value: list[_Relation]


async def described(door: Door, url: str, entity: str) -> Described:
    """The table of that logical name. Raises ConfigurationError where the environment has none."""
    place = f"{url}/api/data/v9.2/EntityDefinitions"
    # A name that could be more than a name is none.
    found = entity if _LOGICAL_NAME.fullmatch(entity) else "-"
    one = f"{place}(LogicalName='{found}')"
    table = await _asked(door, f"{one}?$select={_OF_A_TABLE}", _Table, entity)
    attributes = (await _asked(door, f"{one}/Attributes", _Attributes, entity)).value
    relations = (
        await _asked(door, f"{one}/ManyToOneRelationships?$select={_OF_A_RELATION}", _Relations, entity)
    ).value
    readable = [each for each in attributes if each.is_valid_for_read and each.attribute_type in _TYPES]
    sets = await _sets(door, place, {name for each in readable for name in each.targets or ()})
    if not table.entity_set_name or not table.primary_id_attribute:
        raise ProtocolError(f"{_NAME} gives no set or key of {entity}.", cure="Name another table.")
    return Described(
        table=table.logical_name,
        route=table.entity_set_name,
        key=table.primary_id_attribute,
        title=table.primary_name_attribute or "",
        columns={each.logical_name: _column(each, sets, relations) for each in readable},
        fixed=frozenset(
            each.logical_name
            for each in readable
            if not (each.is_valid_for_create or each.is_valid_for_update)
        ),
        options=frozenset(each.logical_name for each in readable if each.attribute_type == "Picklist"),
        tracked=table.change_tracking_enabled or "modifiedon" in {each.logical_name for each in readable},
    )


async def _sets(door: Door, place: str, names: Iterable[str]) -> dict[str, str]:
    """The sets of these tables, by logical name."""
    known = sorted(names)
    found: dict[str, str] = {}
    for at in range(0, len(known), _TABLES_AT_ONCE):
        condition = " or ".join(f"LogicalName eq '{one}'" for one in known[at : at + _TABLES_AT_ONCE])
        url = f"{place}?$select=LogicalName,EntitySetName&$filter={quote(condition)}"
        for one in (await _asked(door, url, _Tables, "tables")).value:
            found[one.logical_name] = one.entity_set_name or ""
    return found


def _column(one: _Attribute, sets: dict[str, str], relations: list[_Relation]) -> Column:
    label = None if one.display_name is None else one.display_name.user_localized_label
    targets = {name: sets[name] for name in one.targets or () if sets.get(name)}
    names = [
        each.referencing_entity_navigation_property_name
        for each in relations
        if each.referencing_attribute == one.logical_name and each.referenced_entity in targets
    ]
    navigation = names[0] if names and names[0] and len(targets) == 1 else ""
    return Column(
        caption=(label.label if label else None) or one.logical_name,
        type=_TYPES[one.attribute_type],
        maximum=one.max_length if _TYPES[one.attribute_type] is ColumnType.TEXT else None,
        targets=targets,
        navigation="" if navigation == one.logical_name else navigation,
    )


async def _asked(door: Door, url: str, shape: type[_Document], entity: str) -> _Document:
    answer = await door.send("GET", url, _HEADERS)
    if answer.status == 404:
        raise ConfigurationError(
            f"{_NAME} has no table {entity!r}.",
            cure="Give the table's logical name, as Power Apps shows it, and check its solution.",
        )
    if answer.status != 200:
        raise refused(_NAME, f"the definition of {entity}", answer, "Give the application user read rights.")
    return answer.decoded(msgspec.json.Decoder(shape), f"{_NAME} for the definition of {entity}")
