"""The rules of prices in a list: whose list, product and unit it is, and that its currency is the list's.

A price without a unit is of the base unit of its item or resource.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from kobling.catalogue.facts import first_of, rows_of, text_of, to_sales
from kobling.catalogue.rates import CURRENCIES, IN_SALES, iso_code, local_code
from kobling.catalogue.rates import SETUP as LEDGER
from kobling.catalogue.units import GROUPS, UNITS, UNITS_OF_MEASURE, only_units
from kobling.model.look_up import (
    KEEP,
    Answer,
    Facts,
    Found,
    Reference,
    Rejected,
    Resolver,
    Rows,
    Source,
    Through,
    key_of_parts,
    parts_of_key,
)
from kobling.model.mapping import Side

_ITEM: Final = "Item"
IN_LISTS: Final = "pricelevels"
_OF_GROUPS: Final = ("CUSTPRCGRP-PRICE",)
_OF_LISTS: Final = ("PLHEADER-PRICE",)
_PRODUCTS: Final = {_ITEM: "ITEM-PRODUCT", "Resource": "RESOURCE-PRODUCT"}
_UNITS: Final = {_ITEM: "ITEM UOM", "Resource": "RESOURCE UOM"}
_BASES: Final = {_ITEM: "base units of items", "Resource": "base units of resources"}
# Makes of a key what is looked up for Sales.
_Maker: TypeAlias = Callable[[Facts, str], Answer | Through]


def _of_each(make: _Maker) -> Resolver:
    def resolve(facts: Facts, keys: Collection[str]) -> Mapping[str, Answer | Through]:
        """To Sales: what is coupled to that of the price."""
        return {key: make(facts, key) if key else "" for key in keys}

    return to_sales(resolve)


def _list_of_group(facts: Facts, group: str) -> Through:
    return Through(key=group, what=f"its price group {group}", via=_OF_GROUPS, with_pair=True)


def _list_of_header(facts: Facts, code: str) -> Through:
    return Through(key=code, what=f"its price list {code}", via=_OF_LISTS, with_pair=True)


def _product(facts: Facts, key: str) -> Answer | Through:
    kind, number = parts_of_key(key)
    if kind not in _PRODUCTS:
        return Rejected(f"{kind} {number} is neither an item nor a resource, so it is no product of Sales")
    return Through(key=number, what=f"its {kind.lower()} {number}", via=(_PRODUCTS[kind],), with_pair=True)


def _unit(facts: Facts, kind: str, number: str, code: str) -> str | Rejected:
    """The unit that is meant."""
    row = None if code else first_of(rows_of(facts, _BASES[kind]), "no", number)
    unit = code or ("" if row is None else text_of(row, "baseUnitOfMeasure"))
    return unit or Rejected(
        f"{kind} {number} has no Base Unit of Measure; fill it in, or give the price a unit"
    )


def _with_unit(look_up: Callable[[str, str, str], Through]) -> _Maker:
    """Looks up the unit of a kind, a number and a code, of which the code may be blank."""

    def make(facts: Facts, key: str) -> Answer | Through:
        kind, number, given = parts_of_key(key)
        unit = _unit(facts, kind, number, given) if kind in _UNITS else ""
        return look_up(kind, number, unit) if isinstance(unit, str) and unit else unit

    return make


def _own_unit(kind: str, number: str, code: str) -> Through:
    what = f"the unit {code} of its {kind.lower()} {number}"
    return Through(key=key_of_parts(number, code), what=what, via=(_UNITS[kind],))


def _common_unit(kind: str, number: str, code: str) -> Through:
    return Through(key=code, what=f"the unit of measure {code}", via=(UNITS_OF_MEASURE,))


def _of_item(make: _Maker) -> _Maker:
    """Sales prices are of items alone, so their keys do not say so."""
    return lambda facts, key: make(facts, key_of_parts(_ITEM, *parts_of_key(key)))


def _second_part(make: Callable[[Facts, str], Through]) -> _Maker:
    return lambda facts, key: make(facts, parts_of_key(key)[1])


def agreed(facts: Facts, side: Side, found: Mapping[str, Found]) -> dict[str, Answer]:
    """Nothing to write where a price is in the currency of its list in Sales; else it is refused. Keys: the
    currency of the price, and the code of its list."""
    return {key: _agreed(facts, key, one[1]) for key, one in found.items()}


def currency_of_list(facts: Facts, price_list: dict[str, Any]) -> str:
    """The ISO code of the currency of a price list of Sales; '' where it is not known."""
    held = text_of(price_list, "_transactioncurrencyid_value")
    row = first_of(rows_of(facts, IN_SALES), "transactioncurrencyid", held) or {}
    return text_of(row, "isocurrencycode").upper()


def _agreed(facts: Facts, key: str, price_list: str) -> Answer:
    currency, code = parts_of_key(key)
    theirs = currency_of_list(facts, first_of(rows_of(facts, IN_LISTS), "pricelevelid", price_list) or {})
    ours = iso_code(facts, currency or local_code(facts))
    if theirs in {"", ours}:
        return KEEP
    words = f"the price is in {ours}, but the price list {code} is in {theirs} in Sales"
    return Rejected(f"{words}; give it the currency of the list, or couple another list")


def products_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The items and resources that changed; every price where something else did."""
    if changed.keys() - set(_BASES.values()):
        return None
    return sorted({text_of(row, "no") for rows in changed.values() for row in rows})


def _currency_source(name: str, make: Callable[[Facts, str], Through], via: tuple[str, ...]) -> Source:
    return Source(
        name=name,
        references=(IN_LISTS, LEDGER, CURRENCIES, IN_SALES),
        resolve=_of_each(_second_part(make)),
        via=via,
        judge=agreed,
    )


def _own_source(name: str, make: _Maker, kinds: Collection[str]) -> Source:
    return Source(
        name=name,
        references=tuple(_BASES[one] for one in kinds),
        resolve=_of_each(make),
        via=tuple(_UNITS[one] for one in kinds),
        touched=products_touched,
    )


def _common_source(name: str, make: _Maker, kinds: Collection[str]) -> Source:
    return Source(
        name=name,
        references=(*(_BASES[one] for one in kinds), GROUPS, UNITS),
        resolve=_of_each(make),
        via=(UNITS_OF_MEASURE,),
        finish=only_units,
        touched=products_touched,
    )


def _bases(kind: str, route: str, table_id: int) -> Reference:
    columns = ("no", "baseUnitOfMeasure")
    return Reference(name=_BASES[kind], side=Side.LEFT, route=route, columns=columns, table_id=table_id)


REFERENCES: Final = (
    Reference(
        name=IN_LISTS,
        side=Side.RIGHT,
        route=IN_LISTS,
        columns=("pricelevelid", "name", "_transactioncurrencyid_value"),
        made_with=(IN_LISTS,),
    ),
    _bases(_ITEM, "items", 27),
    _bases("Resource", "resources", 156),
)
SOURCES: Final = (
    Source(name="lists_of_groups", resolve=_of_each(_list_of_group), via=_OF_GROUPS),
    Source(name="lists_of_headers", resolve=_of_each(_list_of_header), via=_OF_LISTS),
    Source(name="priced_items", resolve=_of_each(_of_item(_product)), via=(_PRODUCTS[_ITEM],)),
    Source(name="priced_products", resolve=_of_each(_product), via=tuple(_PRODUCTS.values())),
    _own_source("units_of_priced_items", _of_item(_with_unit(_own_unit)), [_ITEM]),
    _own_source("units_of_priced_products", _with_unit(_own_unit), list(_UNITS)),
    _common_source("common_units_of_priced_items", _of_item(_with_unit(_common_unit)), [_ITEM]),
    _common_source("common_units_of_priced_products", _with_unit(_common_unit), list(_UNITS)),
    _currency_source("currencies_of_group_prices", _list_of_group, _OF_GROUPS),
    _currency_source("currencies_of_list_prices", _list_of_header, _OF_LISTS),
)
