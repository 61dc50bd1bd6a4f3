"""The rules of statistics: what a customer owes and has bought, as the customer's ledger says.

Business Central adds these up when somebody looks at a customer, which does not change the customer. So the
ledger is a table that wakes the statistics.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from kobling.catalogue.facts import all_of, rows_of, text_of, to_sales
from kobling.model.look_up import Answer, Facts, Found, Reference, Resolver, Rows, Source, Through
from kobling.model.mapping import Side

_LEDGER: Final = "ledger of customers"
_CUSTOMERS: Final = ("CUSTOMER",)


@to_sales
def customers(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the number itself, where the customer is coupled."""
    return {key: _customer(key) for key in keys if key}


def _customer(number: str) -> Through:
    what = f"customer {number}"
    return Through(key=number, what=what, via=_CUSTOMERS, coupled_is_enough=True, coupled_only=True)


def numbers(facts: Facts, side: Side, found: Mapping[str, Found]) -> dict[str, Answer]:
    """What was asked for, not the account that was found for it."""
    return {key: key for key in found}


def _added_up(column: str) -> Resolver:
    def resolve(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
        """To Sales: this column of the customer's ledger entries, added up."""
        return {key: _sum(facts, key, column) for key in keys if key}

    return to_sales(resolve)


def _sum(facts: Facts, customer: str, column: str) -> Decimal:
    entries = all_of(rows_of(facts, _LEDGER), "customerNo", customer)
    return sum((Decimal(one.get(column) or 0) for one in entries), Decimal(0))


def customers_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The customers whose ledger entries changed."""
    return sorted({text_of(one, "customerNo") for one in changed.get(_LEDGER, [])})


def _amount(name: str, column: str) -> Source:
    resolve = _added_up(column)
    return Source(name=name, references=(_LEDGER,), resolve=resolve, touched=customers_touched)


REFERENCES: Final = (
    Reference(
        name=_LEDGER,
        side=Side.LEFT,
        route="custLedgerEntries",
        columns=("customerNo", "remainingAmtLCY", "salesLCY"),
        table_id=21,
    ),
)
SOURCES: Final = (
    Source(name="statistics_customers", resolve=customers, via=_CUSTOMERS, judge=numbers),
    _amount("customer_balances", "remainingAmtLCY"),
    _amount("customer_sales", "salesLCY"),
)
