"""The rules of posted invoices: whose they are, from which order they came, and whether they are paid.

An invoice is whole in Sales once all its lines are there; only then does it take its state, as Sales lets
nobody add a line to one that is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from kobling.catalogue.facts import all_of, first_of, missing, rows_of, text_of, to_sales
from kobling.catalogue.price_lines import IN_LISTS, currency_of_list
from kobling.catalogue.rates import CURRENCIES, IN_SALES, iso_code, local_code
from kobling.catalogue.rates import SETUP as LEDGER
from kobling.model.look_up import (
    KEEP,
    Answer,
    Facts,
    Found,
    Judge,
    Reference,
    Rejected,
    Resolver,
    Rows,
    Source,
    Through,
    parts_of_key,
)
from kobling.model.mapping import Side

ORDERS: Final = "salesorders"
_ENTRIES: Final = "custLedgerEntries"
_CANCELLED: Final = "cancelledDocuments"
_LINES: Final = ("POSTEDSALESLINE-INV",)
_PRICE_LISTS: Final = "invoice_price_lists"
_INVOICE_TABLE: Final = 112
_ACTIVE, _PAID, _CANCELED = 0, 2, 3
_BILLED, _COMPLETE, _PARTIAL, _CANCELED_REASON = 4, 100001, 100002, 100003


def order_of(facts: Facts, reference: str) -> dict[str, Any]:
    """The order of Sales with that number; empty for none."""
    return first_of(rows_of(facts, ORDERS), "ordernumber", reference) or {}


@to_sales
def names(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the name of the order that the invoice came from, else its own number; keys: number and Your
    Reference."""
    return {key: _name(facts, *parts_of_key(key)) for key in keys if key}


def _name(facts: Facts, number: str, reference: str) -> str:
    return text_of(order_of(facts, reference), "name") or number


@to_sales
def customers(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the account of the customer; keys: Your Reference and Sell-to Customer No."""
    return {key: _customer(parts_of_key(key)[1]) for key in keys if key}


def _customer(number: str) -> Through:
    return Through(key=number, what=f"its customer {number}", via=("CUSTOMER",), coupled_is_enough=True)


def of_order(facts: Facts, side: Side, found: Mapping[str, Found]) -> dict[str, Answer]:
    """To Sales: that account; refused where the order that the invoice came from has another one."""
    return {key: _same_customer(facts, account[1], *parts_of_key(key)) for key, account in found.items()}


def _same_customer(facts: Facts, account: str, reference: str, number: str) -> Answer:
    order = order_of(facts, reference)
    theirs = text_of(order, "_customerid_value").lower()
    if theirs in {"", account.lower()}:
        return account
    words = f"the invoice is for customer {number}, but order {reference} in Sales is for another account"
    return Rejected(f"{words}; correct Your Reference, or the customer of the order")


def _of_order(column: str) -> Resolver:
    def resolve(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
        """To Sales: what the order with the number in Your Reference holds; blank without one."""
        return {key: text_of(order_of(facts, key), column) for key in keys}

    return to_sales(resolve)


@to_sales
def price_lists(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the price list of the order that the invoice came from, else the default one, else the one
    that is called `Price List in` its currency; keys: Your Reference and currency."""
    return {key: _price_list(facts, *(parts_of_key(key) if key else ("", ""))) for key in keys}


def _price_list(facts: Facts, reference: str, currency: str) -> Answer | Through:
    of_order, local = text_of(order_of(facts, reference), "_pricelevelid_value"), local_code(facts)
    if of_order:
        return of_order
    if currency in {"", local}:
        what = f"the default price list in {local}"
        return Through(key=local, what=what, via=("DEFAULT-PRICE",), coupled_is_enough=True)
    name, iso = f"Price List in {currency}", iso_code(facts, currency)
    lists = all_of(rows_of(facts, IN_LISTS), "name", name)
    found = [text_of(one, "pricelevelid") for one in lists if currency_of_list(facts, one) == iso]
    return found[0] if found else missing(_PRICE_LISTS, f"Sales has no {name!r} in {iso}; add it there")


@to_sales
def wholes(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the number of the invoice, once all its lines are there; keys: how many there are, number."""
    return {key: _whole(*parts_of_key(key)) for key in keys if key}


def _whole(lines: str, number: str) -> Through:
    return Through(key=number, what=f"lines of invoice {number}", via=_LINES, parts=int(lines or 0))


def _judged(of: Callable[[tuple[int, int]], int]) -> Judge:
    def judge(facts: Facts, side: Side, found: Mapping[str, Found]) -> dict[str, Answer]:
        """To Sales: billed, paid or cancelled, as the customer's ledger says."""
        states = {key: _state(facts, number) for key, (_, number) in found.items()}
        return {key: KEEP if state is None else of(state) for key, state in states.items()}

    return judge


def _state(facts: Facts, number: str) -> tuple[int, int] | None:
    """State and status reason of an invoice; None for one that the ledger does not know."""
    cancelled = all_of(rows_of(facts, _CANCELLED), "cancelledDocNo", number)
    if any(one.get("sourceID") == _INVOICE_TABLE for one in cancelled):
        return _CANCELED, _CANCELED_REASON
    entry = next(_invoices(all_of(rows_of(facts, _ENTRIES), "documentNo", number)), None)
    if entry is None:
        return None
    remaining, amount = (Decimal(entry.get(name) or 0) for name in ("remainingAmount", "amount"))
    if not remaining:
        return _PAID, _COMPLETE
    return (_ACTIVE, _BILLED) if remaining == amount else (_PAID, _PARTIAL)


def _invoices(entries: Rows) -> Iterator[dict[str, Any]]:
    return (one for one in entries if one.get("documentType") == "Invoice")


def invoices_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The invoices whose ledger entries changed, or that were cancelled."""
    entries = _invoices(changed.get(_ENTRIES, []))
    numbers = {text_of(one, "documentNo") for one in entries}
    return sorted(numbers | {text_of(one, "cancelledDocNo") for one in changed.get(_CANCELLED, [])})


def _state_source(name: str, of: Callable[[tuple[int, int]], int]) -> Source:
    return Source(
        name=name,
        references=(_ENTRIES, _CANCELLED),
        resolve=wholes,
        touched=invoices_touched,
        via=_LINES,
        judge=_judged(of),
    )


def _order_source(name: str, column: str) -> Source:
    return Source(name=name, references=(ORDERS,), resolve=_of_order(column))


REFERENCES: Final = (
    Reference(
        name=ORDERS,
        side=Side.RIGHT,
        route=ORDERS,
        columns=(
            *("salesorderid", "ordernumber", "name"),
            *("_opportunityid_value", "_pricelevelid_value", "_customerid_value"),
        ),
    ),
    Reference(
        name=_ENTRIES,
        side=Side.LEFT,
        route=_ENTRIES,
        columns=("documentType", "documentNo", "amount", "remainingAmount"),
        table_id=21,
    ),
    Reference(
        name=_CANCELLED,
        side=Side.LEFT,
        route=_CANCELLED,
        columns=("sourceID", "cancelledDocNo"),
        table_id=1900,
    ),
)
SOURCES: Final = (
    Source(name="invoice_names", references=(ORDERS,), resolve=names),
    Source(
        name="invoice_customers",
        references=(ORDERS,),
        resolve=customers,
        via=("CUSTOMER",),
        judge=of_order,
    ),
    _order_source("invoice_orders", "salesorderid"),
    _order_source("invoice_opportunities", "_opportunityid_value"),
    Source(
        name=_PRICE_LISTS,
        references=(ORDERS, IN_LISTS, LEDGER, CURRENCIES, IN_SALES),
        resolve=price_lists,
        via=("DEFAULT-PRICE",),
    ),
    _state_source("invoice_states", lambda state: state[0]),
    _state_source("invoice_status_reasons", lambda state: state[1]),
)
