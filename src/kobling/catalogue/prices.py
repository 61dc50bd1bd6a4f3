"""The rules of price lists: in which currency a price list is, and whether it is active.

A customer price group has no currency; its sales prices have. A price list of Sales has one from its creation
on, and every amount in it is in that currency, whatever is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from kobling.catalogue.currency import local_currency
from kobling.catalogue.facts import all_touched, rows_of, text_of, to_sales
from kobling.catalogue.rates import CURRENCIES, IN_SALES
from kobling.catalogue.rates import SETUP as LEDGER
from kobling.model.look_up import Answer, Facts, Outside, Reference, Rejected, Rows, Source, Through
from kobling.model.mapping import Side

_PRICES: Final = "salesPrices"
_SETUP: Final = "price list setup"
_GROUP: Final = "Customer_x0020_Price_x0020_Group"
_GROUP_CURRENCIES: Final = "price_group_currencies"
_STATES: Final[dict[str, int]] = {"Active": 0, "Inactive": 1}


@to_sales
def price_group_currencies(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the currency of all sales prices of a price group; without one the local currency."""
    codes: dict[str, set[str]] = {}
    for price in rows_of(facts, _PRICES):
        if price.get("salesType") == _GROUP:
            codes.setdefault(text_of(price, "salesCode").upper(), set()).add(text_of(price, "currencyCode"))
    return {key: _currency_of(facts, key, codes.get(key.upper(), {""})) for key in keys}


def _currency_of(facts: Facts, group: str, codes: Collection[str]) -> Answer | Through:
    if len(codes) > 1:
        named = ", ".join(sorted(one or "the local currency" for one in codes))
        words = f"the sales prices of price group {group} are in several currencies ({named})"
        return Rejected(f"{words}; a price list has one, so give them all the same", _waits(group))
    [code] = codes
    local = local_currency(facts, Side.RIGHT, [code])
    return local.get(code) or Through(key=code, what=f"the currency {code} of its prices", via=("CURRENCY",))


def _waits(group: str) -> str:
    return f"{_GROUP_CURRENCIES}/{group}"


def groups_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The groups whose prices changed; all where the local currency did."""
    if changed.keys() - {_PRICES}:
        return None
    return sorted({text_of(one, "salesCode") for one in changed.get(_PRICES, [])})


@to_sales
def price_list_states(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the state of a price list with that status; a draft is nobody's business there."""
    draft = Outside("the price list is a draft in Business Central; activate it")
    return {key: _STATES.get(key, draft) for key in keys}


def default_price_list(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """Whether Business Central keeps its prices in a default price list; then only lists that allow to change
    defaults have prices of their own."""
    setups = rows_of(facts, _SETUP)
    return dict.fromkeys(keys, any(text_of(one, "defaultPriceListCode") for one in setups))


REFERENCES: Final = (
    Reference(
        name=_PRICES,
        side=Side.LEFT,
        route=_PRICES,
        columns=("salesType", "salesCode", "currencyCode"),
        table_id=7002,
    ),
    Reference(
        name=_SETUP,
        side=Side.LEFT,
        route="salesReceivablesSetup",
        columns=("defaultPriceListCode",),
        table_id=311,
    ),
)
SOURCES: Final = (
    Source(
        name=_GROUP_CURRENCIES,
        references=(_PRICES, LEDGER, CURRENCIES, IN_SALES),
        resolve=price_group_currencies,
        touched=groups_touched,
        via=("CURRENCY",),
    ),
    Source(name="price_list_states", resolve=price_list_states),
    Source(name="default_price_list", references=(_SETUP,), resolve=default_price_list, touched=all_touched),
)
