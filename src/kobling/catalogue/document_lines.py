"""The rules of lines of documents: which product and unit a line sells, its price and its tax.

A line that sells nothing that has a place in Sales, such as a comment, a fee or a blocked item, is a write-in
product there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final, TypeAlias

from kobling.catalogue.facts import to_sales
from kobling.catalogue.units import GROUPS, UNITS, UNITS_OF_MEASURE, only_units
from kobling.model.look_up import (
    KEEP,
    Answer,
    Facts,
    Found,
    Resolver,
    Source,
    Through,
    key_of_parts,
    parts_of_key,
)
from kobling.model.mapping import Side

_INVOICES: Final = "POSTEDSALESINV-INV"
_PRODUCTS: Final = {"Item": "ITEM-PRODUCT", "Resource": "RESOURCE-PRODUCT"}
_UNITS: Final = {"Item": "ITEM UOM", "Resource": "RESOURCE UOM"}
_UNIT_AMOUNT: Final = Decimal("0.00001")
_Maker: TypeAlias = Callable[[str], Answer | Through]


def _of_each(make: _Maker) -> Resolver:
    def resolve(facts: Facts, keys: Collection[str]) -> Mapping[str, Answer | Through]:
        """To Sales: what stands for that of the line."""
        return {key: make(key) for key in keys if key}

    return to_sales(resolve)


def _invoice(number: str) -> Through:
    return Through(key=number, what=f"its invoice {number}", via=(_INVOICES,), coupled_only=True)


def product(kind: str, number: str) -> Through | None:
    """The product that is coupled with an item or resource, blank for one outside; None for other lines."""
    if kind not in _PRODUCTS or not number:
        return None
    return Through(key=number, what=f"its {kind.lower()} {number}", via=(_PRODUCTS[kind],), shut="")


def _product(key: str) -> Answer | Through:
    return product(*parts_of_key(key)) or ""


def _is_write_in(key: str) -> Answer | Through:
    return product(*parts_of_key(key)) or True


def _write_in_text(key: str) -> Answer | Through:
    kind, number, description = parts_of_key(key)
    return product(kind, number) or written_in(number, description)


def written_in(number: str, description: str) -> str:
    """What a write-in product is called."""
    return f"{number} {description}".strip() or "-"


def overridden(facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """Whether there is no product."""
    return {one: not one[1] for one in values}


def texts(facts: Facts, side: Side, found: Mapping[str, Found]) -> dict[str, Answer]:
    """What a line without a product is called; nothing where there is one."""
    return {key: KEEP if one[1] else written_in(*parts_of_key(key)[1:]) for key, one in found.items()}


def _own_unit(key: str) -> Answer | Through:
    kind, number, code = parts_of_key(key)
    if kind not in _UNITS or not code:
        return ""
    what = f"the unit {code} of its {kind.lower()} {number}"
    return Through(key=key_of_parts(number, code), what=what, via=(_UNITS[kind],), shut="")


def _common_unit(key: str) -> Answer | Through:
    kind, _, code = parts_of_key(key)
    if kind not in _UNITS or not code:
        return ""
    return Through(key=code, what=f"the unit of measure {code}", via=(UNITS_OF_MEASURE,), shut="")


def common_units(facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """The only unit of each of these groups; blank where there is none."""
    blank: dict[Found, Answer] = {one: "" for one in values if not one[1]}
    return blank | only_units(facts, side, [one for one in values if one[1]])


def _tax(key: str) -> Answer:
    amount, including = (_number(one) for one in parts_of_key(key))
    return including - amount


def _price(key: str) -> Answer:
    """The price without VAT; keys: whether prices include VAT, quantity, both amounts, the price."""
    includes, *numbers = parts_of_key(key)
    quantity, amount, including, price = (_number(one) for one in numbers)
    if includes != str(True) or not quantity:
        return price
    return price - ((including - amount) / quantity).quantize(_UNIT_AMOUNT, ROUND_HALF_UP)


def _number(text: str) -> Decimal:
    try:
        return Decimal(text or 0)
    except InvalidOperation:
        return Decimal(0)


SOURCES: Final = (
    Source(name="invoices_of_lines", resolve=_of_each(_invoice), via=(_INVOICES,)),
    Source(name="ordered_products", resolve=_of_each(_product), via=tuple(_PRODUCTS.values())),
    Source(
        name="write_ins",
        resolve=_of_each(_is_write_in),
        via=tuple(_PRODUCTS.values()),
        finish=overridden,
    ),
    Source(
        name="write_in_texts",
        resolve=_of_each(_write_in_text),
        via=tuple(_PRODUCTS.values()),
        judge=texts,
    ),
    Source(name="ordered_units", resolve=_of_each(_own_unit), via=tuple(_UNITS.values())),
    Source(
        name="common_ordered_units",
        references=(GROUPS, UNITS),
        resolve=_of_each(_common_unit),
        via=(UNITS_OF_MEASURE,),
        finish=common_units,
    ),
    Source(name="line_taxes", resolve=_of_each(_tax)),
    Source(name="line_prices", resolve=_of_each(_price)),
)
REFERENCES: Final = ()
