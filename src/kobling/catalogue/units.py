"""The rules of units. With unit groups each item and resource has a group in Sales, named after it; without,
each unit of measure is a group of Sales with one unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from kobling.catalogue.facts import all_of, all_touched, first_of, missing, rows_of, text_of, to_sales
from kobling.model.look_up import (
    Answer,
    Facts,
    Found,
    Reference,
    Rejected,
    Rows,
    Source,
    Through,
    key_of_parts,
    parts_of_key,
)
from kobling.model.mapping import Side

_PREFIX: Final = "NAV "
GROUPS: Final = "uomschedules"
UNITS: Final = "uoms"
UNITS_OF_MEASURE: Final = "UNIT OF MEASURE"
_UNIT_GROUPS: Final = "UNIT GROUP"
_BY_NAME: Final = "units_by_name"
_CODES: Final = "units of measure"
_PRODUCTS: Final = "products by unit group"
# What is refused waits for any change of the groups and units that the source reads.
_NAMES: Final = "unit_names"
_GROUP_UNITS: Final = "group_units"
_GROUP: Final = "_defaultuomscheduleid_value"
_NAMED_MAX: Final = 5
_NO_UNIT: Final = "Base Unit of Measure is blank; fill it in"


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Items and resources are alike. mapping: of their units of measure."""

    name: str
    word: str
    mapping: str


_KINDS: Final = (
    _Kind(name="Item", word="item", mapping="ITEM UOM"),
    _Kind(name="Resource", word="resource", mapping="RESOURCE UOM"),
)


@to_sales
def unit_names(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: `NAV ` and the code, as the unit group of a unit of measure is called; refused where that
    group could not take the unit."""
    return {key: _unit_name(facts, f"{_PREFIX}{key}") for key in keys if key}


def _unit_name(facts: Facts, name: str) -> Answer:
    for group in all_of(rows_of(facts, GROUPS), "name", name):
        if group.get("statecode"):
            return _refused(_NAMES, f"the unit group {name} is not active in Sales; activate it")
        units = _units_of(facts, text_of(group, "uomscheduleid"))
        if len(units) > 1:
            return _refused(_NAMES, _several(name, units))
    return name


def _refused(source: str, words: str) -> Rejected:
    return Rejected(words, f"{source}/")


@to_sales
def group_units(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the only unit of the group that is coupled to this unit of measure."""
    return {key: _group_of(key) if key else Rejected(_NO_UNIT) for key in keys}


def _group_of(code: str) -> Through:
    return Through(key=code, what=f"the unit of measure {code}", via=(UNITS_OF_MEASURE,))


def only_units(facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """The unit of each of these groups, refused where it is not the one that stands for the code."""
    return {one: _only_unit(facts, one[1]) for one in values}


def _only_unit(facts: Facts, group_id: str) -> Answer:
    wrong = _wrong_with(facts, group_id)
    if wrong:
        return _refused(_GROUP_UNITS, wrong)
    return text_of(_units_of(facts, group_id)[0], "uomid").lower()


def _wrong_with(facts: Facts, group_id: str) -> str:
    """Why a group cannot stand for a unit of measure; '' where it can."""
    group = next(iter(all_of(rows_of(facts, GROUPS), "uomscheduleid", group_id)), {})
    name, units = text_of(group, "name") or group_id, _units_of(facts, group_id)
    if len(units) != 1:
        return _several(name, units)
    unit, code = units[0], name.removeprefix(_PREFIX)
    if group.get("statecode"):
        return f"the unit group {name} is not active in Sales; activate it"
    if not unit.get("isschedulebaseuom"):
        return f"the unit {text_of(unit, 'name')} of {name} is not its base unit in Sales; mend it"
    if unit.get("quantity") != Decimal(1):
        return f"the unit {text_of(unit, 'name')} of {name} is not of quantity 1 in Sales; set it to 1"
    if name.startswith(_PREFIX) and text_of(unit, "name") != code:
        return f"the unit of {name} is called {text_of(unit, 'name')} in Sales; call it {code}"
    return ""


def _units_of(facts: Facts, group_id: str) -> Rows:
    return all_of(rows_of(facts, UNITS), "_uomscheduleid_value", group_id)


def _several(name: str, units: Rows) -> str:
    if not units:
        return f"the unit group {name} has no unit in Sales; add one"
    names = ", ".join(sorted(text_of(one, "name") for one in units))
    return f"the unit group {name} has {len(units)} units in Sales ({names}); leave one"


@to_sales
def unit_group_names(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: how the group of an item or resource is called, `ITEM 1000 UOM GR`; keys: kind and number."""
    return {key: _group_name(*parts_of_key(key)) for key in keys if key}


def _group_name(kind: str, number: str) -> str:
    return f"{kind.upper()} {number} UOM GR"


def unit_groups(kind: _Kind, facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the group that is coupled to the one of this item or resource."""
    return {key: _coupled_group(kind, key) if key else "" for key in keys}


def _coupled_group(kind: _Kind, number: str) -> Through:
    what = f"the unit group of {kind.word} {number}"
    return Through(key=key_of_parts(number, kind.name), what=what, via=(_UNIT_GROUPS,))


def units_of(kind: _Kind, facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the unit that is coupled to this unit of this item or resource; keys: number and code. To
    Business Central: the code of the unit that is coupled to that unit."""
    if side is Side.LEFT:
        return {key: _coupled_unit(kind, key, f"the unit {key}") if key else "" for key in keys}
    return {key: _of_item(kind, *parts_of_key(key)) if key else Rejected(_NO_UNIT) for key in keys}


def _of_item(kind: _Kind, number: str, code: str) -> Through | Rejected:
    if not code:
        return Rejected(_NO_UNIT)
    return _coupled_unit(kind, key_of_parts(number, code), f"the unit {code} of {kind.word} {number}")


def units_by_name(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Business Central: the unit of measure that is called like the unit of a product that is alone in its
    group. An item or resource that is made of it has that unit from the start."""
    if side is Side.RIGHT:
        return {}
    return {key: _by_name(facts, key) for key in keys if key}


def _by_name(facts: Facts, key: str) -> Answer:
    unit = first_of(rows_of(facts, UNITS), "uomid", key)
    if unit is None:
        return None
    name, group_id = text_of(unit, "name"), text_of(unit, "_uomscheduleid_value")
    group = text_of(first_of(rows_of(facts, GROUPS), "uomscheduleid", group_id) or {}, "name")
    sharing = [text_of(one, "productnumber") for one in all_of(rows_of(facts, _PRODUCTS), _GROUP, group_id)]
    if len(sharing) > 1:
        return missing(_BY_NAME, _shared(group, sharing))
    if not unit.get("isschedulebaseuom"):
        words = f"the unit {name} is not the base unit of its group {group} in Sales"
        return missing(_BY_NAME, f"{words}; make the base unit the default one of its product")
    code = first_of(rows_of(facts, _CODES), "code", name)
    words = f"no unit of measure in Business Central is called {name}, as the unit of its product is; add one"
    return missing(_BY_NAME, words) if code is None else text_of(code, "code")


def _shared(group: str, numbers: Collection[str]) -> str:
    some = ", ".join(sorted(numbers)[:_NAMED_MAX])
    more = ", ..." if len(numbers) > _NAMED_MAX else ""
    return (
        f"{len(numbers)} products share the unit group {group} in Sales ({some}{more}); "
        "give each product that is to come a group of its own"
    )


def _none_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """An item that is there keeps its unit."""
    return ()


def _coupled_unit(kind: _Kind, key: str, what: str) -> Through:
    return Through(key=key, what=what, via=(kind.mapping,))


def _of_kind(kind: _Kind) -> tuple[Source, ...]:
    return (
        Source(
            name=f"{kind.word}_unit_groups", resolve=to_sales(partial(unit_groups, kind)), via=(_UNIT_GROUPS,)
        ),
        Source(
            name=f"{kind.word}_units",
            resolve=partial(units_of, kind),
            via=(kind.mapping,),
            instead=_BY_NAME,
        ),
    )


def _reference(name: str, *columns: str, route: str = "", made_with: tuple[str, ...] = ()) -> Reference:
    route = route or name
    return Reference(name=name, side=Side.RIGHT, route=route, columns=columns, made_with=made_with)


REFERENCES: Final = (
    _reference(GROUPS, "uomscheduleid", "name", "statecode"),
    # A new group has its base unit from the start.
    _reference(
        UNITS,
        *("uomid", "name", "quantity", "isschedulebaseuom", "_uomscheduleid_value"),
        made_with=(GROUPS,),
    ),
    _reference(_PRODUCTS, "productid", "productnumber", _GROUP, route="products"),
    Reference(name=_CODES, side=Side.LEFT, route="unitsOfMeasure", columns=("code",), table_id=204),
)
SOURCES: Final = (
    Source(name=_NAMES, references=(GROUPS, UNITS), resolve=unit_names, touched=all_touched),
    Source(
        name=_GROUP_UNITS,
        references=(GROUPS, UNITS),
        resolve=group_units,
        via=(UNITS_OF_MEASURE,),
        finish=only_units,
        touched=all_touched,
    ),
    Source(name="unit_group_names", resolve=unit_group_names),
    Source(
        name=_BY_NAME,
        references=(GROUPS, UNITS, _PRODUCTS, _CODES),
        resolve=units_by_name,
        touched=_none_touched,
    ),
    *(one for kind in _KINDS for one in _of_kind(kind)),
)
