"""The rules of the default price list: the prices of items and resources themselves, in local currency.

Sales wants each product in a price list. So the company has one of its own there, and each unit of a coupled
product stands in it with the price of its item or resource.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Final

from kobling.catalogue.facts import all_of, by_code, rows_of, text_of, to_sales
from kobling.catalogue.price_lines import IN_LISTS, currency_of_list
from kobling.catalogue.rates import CURRENCIES, IN_SALES, iso_code, local_code
from kobling.catalogue.rates import SETUP as LEDGER
from kobling.catalogue.units import GROUPS, UNITS, UNITS_OF_MEASURE, only_units
from kobling.model.look_up import (
    Answer,
    Facts,
    Reference,
    Rejected,
    Rows,
    Source,
    Through,
    key_of_parts,
    parts_of_key,
)
from kobling.model.mapping import Side

_LIST: Final = ("DEFAULT-PRICE",)
_PRODUCT: Final = "Business Central"
_KINDS: Final = {"item": ("ITEM-PRODUCT", "ITEM UOM"), "resource": ("RESOURCE-PRODUCT", "RESOURCE UOM")}
_ROUTES: Final = {"item": ("items", 27), "resource": ("resources", 156)}


@to_sales
def names(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: how the list is called; with the currency where a list in another one has that name."""
    plain = f"{_PRODUCT} Default Price List"
    taken = {currency_of_list(facts, one) for one in all_of(rows_of(facts, IN_LISTS), "name", plain)}
    return {
        key: f"{_PRODUCT} {key} Default Price List" if _other(facts, taken, key) else plain for key in keys
    }


def _other(facts: Facts, taken: set[str], local: str) -> bool:
    return bool(taken) and iso_code(facts, local) not in taken


def _list_of_company(facts: Facts, *, wanted: bool) -> Answer | Through:
    local = local_code(facts)
    if not local:
        return Rejected(
            "General Ledger Setup has no LCY Code, so the local currency is not known; fill it in"
        )
    otherwise = None if wanted else ""
    what = f"the default price list in {local}"
    return Through(
        key=local, what=what, via=_LIST, with_pair=wanted, coupled_only=wanted, otherwise=otherwise
    )


def list_of_company(wanted: bool, facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the list of this company, whatever the key."""
    return dict.fromkeys(keys, _list_of_company(facts, wanted=wanted))


def coupled(kind: str, facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the product of the item or resource, where it is coupled."""
    return {key: _coupled(f"its {kind} {key}", key, _KINDS[kind][0]) for key in keys}


def coupled_units(kind: str, facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the unit of this unit of the item or resource, where it is coupled; keys: number and code."""
    return {key: _coupled_unit(kind, *parts_of_key(key)) if key else "" for key in keys}


def _coupled_unit(kind: str, number: str, code: str) -> Through:
    return _coupled(f"the unit {code} of its {kind} {number}", key_of_parts(number, code), _KINDS[kind][1])


@to_sales
def common_units(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the only unit of the group of this unit of measure, where it is coupled."""
    return {key: _coupled(f"the unit of measure {key}", key, UNITS_OF_MEASURE) for key in keys}


def _coupled(what: str, key: str, mapping: str) -> Through:
    return Through(key=key, what=what, via=(mapping,), with_pair=True, coupled_only=True)


def prices(kind: str, facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the price of the item or resource; a negative one is 0."""
    known = by_code(rows_of(facts, _prices(kind)), "no")
    return {key: _price(known.get(key.upper(), [])) for key in keys}


def _price(rows: Rows) -> Answer:
    found = rows[0].get("unitPrice") if rows else 0
    return max(found, 0) if isinstance(found, int | Decimal) else 0


def numbers_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The items or resources whose price changed."""
    return sorted({text_of(row, "no") for rows in changed.values() for row in rows})


def _prices(kind: str) -> str:
    return f"prices of {kind}s"


def _of_kind(kind: str) -> tuple[Source, ...]:
    product, units = _KINDS[kind]
    return (
        Source(name=f"coupled_{kind}s", resolve=to_sales(partial(coupled, kind)), via=(product,)),
        Source(name=f"coupled_{kind}_units", resolve=to_sales(partial(coupled_units, kind)), via=(units,)),
        Source(
            name=f"{kind}_prices",
            references=(_prices(kind),),
            resolve=to_sales(partial(prices, kind)),
            touched=numbers_touched,
        ),
    )


REFERENCES: Final = tuple(
    Reference(name=_prices(kind), side=Side.LEFT, route=route, columns=("no", "unitPrice"), table_id=table_id)
    for kind, (route, table_id) in _ROUTES.items()
)
SOURCES: Final = (
    Source(
        name="default_price_list_names",
        references=(IN_LISTS, LEDGER, CURRENCIES, IN_SALES),
        resolve=names,
    ),
    Source(
        name="default_price_lists",
        references=(LEDGER,),
        resolve=to_sales(partial(list_of_company, True)),
        via=_LIST,
    ),
    Source(
        name="product_price_list",
        references=(LEDGER,),
        resolve=to_sales(partial(list_of_company, False)),
        via=_LIST,
    ),
    Source(
        name="coupled_units_of_measure",
        references=(GROUPS, UNITS),
        resolve=common_units,
        via=(UNITS_OF_MEASURE,),
        finish=only_units,
    ),
    *(one for kind in _KINDS for one in _of_kind(kind)),
)
