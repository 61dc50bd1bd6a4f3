"""The rules of orders that are submitted in Sales: which order a line is of, and what it sells."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from kobling.catalogue.facts import rows_of, text_of
from kobling.model.look_up import Answer, Facts, Found, Reference, Rejected, Source, Through
from kobling.model.mapping import Side

_ORDERS: Final = ("SUBMITTED-ORDER",)
_PRODUCTS: Final = {"ITEM-PRODUCT": "Item", "RESOURCE-PRODUCT": "Resource"}
_UNITS: Final = ("ITEM UOM", "RESOURCE UOM")
_SETUP: Final = "write-in set-up"
_Maker: TypeAlias = Callable[[Facts, str], Answer | Through]


def _to_business_central(
    make: _Maker,
) -> Callable[[Facts, Side, Collection[str]], Mapping[str, Answer | Through]]:
    def resolve(facts: Facts, side: Side, keys: Collection[str]) -> Mapping[str, Answer | Through]:
        """To Business Central: what stands there for that of the line."""
        return {} if side is Side.RIGHT else {key: make(facts, key) for key in keys}

    return resolve


def _order(facts: Facts, key: str) -> Answer | Through:
    if not key:
        return ""
    return Through(key=key, what=f"its order {key}", via=_ORDERS, coupled_is_enough=True, coupled_only=True)


def _product(key: str) -> Through:
    return Through(key=key, what=f"its product {key}", via=tuple(_PRODUCTS))


def _kind(facts: Facts, key: str) -> Answer | Through:
    return _product(key) if key else _write_in(facts, "writeInProductType", "Item")


def _number(facts: Facts, key: str) -> Answer | Through:
    return _product(key) if key else _write_in(facts, "writeInProductNo", "")


def _write_in(facts: Facts, column: str, otherwise: str) -> Answer:
    setup: dict[str, Any] = next(iter(rows_of(facts, _SETUP)), {})
    if not text_of(setup, "writeInProductNo"):
        words = "Sales & Receivables Setup has no Write-in Product No. for a line without product; fill it in"
        return Rejected(words, "line_numbers/")
    return text_of(setup, column) or otherwise


def _unit(facts: Facts, key: str) -> Answer | Through:
    return Through(key=key, what=f"its unit {key}", via=_UNITS, shut="") if key else ""


def kinds(facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """Whether it is an item or a resource, by the mapping that couples it."""
    return {one: _PRODUCTS[one[0]] for one in values}


REFERENCES: Final = (
    Reference(
        name=_SETUP,
        side=Side.LEFT,
        route="salesReceivablesSetup",
        columns=("writeInProductNo", "writeInProductType"),
        table_id=311,
    ),
)
SOURCES: Final = (
    Source(name="orders_of_lines", resolve=_to_business_central(_order), via=_ORDERS),
    Source(
        name="line_types",
        references=(_SETUP,),
        resolve=_to_business_central(_kind),
        via=tuple(_PRODUCTS),
        finish=kinds,
    ),
    Source(
        name="line_numbers",
        references=(_SETUP,),
        resolve=_to_business_central(_number),
        via=tuple(_PRODUCTS),
    ),
    Source(name="line_units", resolve=_to_business_central(_unit), via=_UNITS),
)
