"""What posted invoices and lines of documents come to in Sales: state, price list, product, price and tax."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algebra.drawn import light
from catalogue.known_facts import DOLLAR, EURO, facts
from kobling.algebra.order import LookUpCycleError, order, whole
from kobling.catalogue.load import default_mappings
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import KEEP, Answer, Facts, Found, Rejected, Through, key_of_parts
from kobling.model.mapping import Mapping, Moment, Side
from kobling.model.pair import Missing

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
LIST = "dddddddd-0000-4000-8000-000000000001"
MONEY = {
    "generalLedgerSetup": [{"lcyCode": "EUR"}],
    "currencies": [{"code": "USD", "isoCode": "USD"}],
    "transactioncurrencies": [
        {"transactioncurrencyid": EURO, "isocurrencycode": "EUR"},
        {"transactioncurrencyid": DOLLAR, "isocurrencycode": "USD"},
    ],
}
amounts = st.decimals(Decimal(1), Decimal(10_000), places=2)


def asked(source: str, *parts: str, state: Facts | None = None) -> Answer | Through:
    key = key_of_parts(*parts)
    return SOURCES[source].resolve(facts() if state is None else state, Side.RIGHT, [key])[key]


def judged(source: str, state: Facts, *parts: str, found: Found) -> Answer:
    judge, key = SOURCES[source].judge, key_of_parts(*parts)
    assert judge is not None
    return judge(state, Side.RIGHT, {key: found})[key]


def ledger(remaining: Any, *, amount: Any = 100, kind: str = "Invoice") -> Facts:
    entry = {"documentType": kind, "documentNo": "INV1", "amount": amount, "remainingAmount": remaining}
    return facts(custLedgerEntries=[entry])


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (ledger(Decimal(100)), (0, 4)),
        (ledger(Decimal("0.01")), (2, 100002)),
        (ledger(Decimal(0)), (2, 100001)),
        (ledger(Decimal(0), kind="Payment"), (KEEP, KEEP)),
        (facts(cancelledDocuments=[{"sourceID": 112, "cancelledDocNo": "inv1"}]), (3, 100003)),
        (facts(cancelledDocuments=[{"sourceID": 114, "cancelledDocNo": "INV1"}]), (KEEP, KEEP)),
    ],
)
def test_the_state_is_what_the_ledger_says(state: Facts, wanted: tuple[Answer, Answer]) -> None:
    found = ("POSTEDSALESLINE-INV", "INV1")
    sources = ("invoice_states", "invoice_status_reasons")
    assert tuple(judged(one, state, "2", "INV1", found=found) for one in sources) == wanted


def test_the_state_waits_for_as_many_lines_as_there_are() -> None:
    found = asked("invoice_states", "3", "INV1")
    assert isinstance(found, Through)
    assert (found.key, found.parts, found.via) == ("INV1", 3, ("POSTEDSALESLINE-INV",))


def test_the_ledger_wakes_the_invoices_that_it_tells_of() -> None:
    changed = {
        "custLedgerEntries": [
            {"documentType": "Invoice", "documentNo": "INV1"},
            {"documentType": "Payment", "documentNo": "PAY1"},
        ],
        "cancelledDocuments": [{"cancelledDocNo": "INV2"}],
    }
    assert SOURCES["invoice_states"].touched(changed) == ["INV1", "INV2"]


def test_the_price_list_is_that_of_the_order_else_the_default_one_else_that_of_the_currency() -> None:
    orders = [{"ordernumber": "ORD-1", "_pricelevelid_value": LIST}]
    lists = [
        {"name": "Price List in USD", "pricelevelid": "wrong", "_transactioncurrencyid_value": EURO},
        {"name": "Price List in USD", "pricelevelid": LIST, "_transactioncurrencyid_value": DOLLAR},
    ]
    known = facts(salesorders=orders, pricelevels=lists, **MONEY)
    assert asked("invoice_price_lists", "ord-1", "USD", state=known) == LIST
    for local in ("", "EUR"):
        default = asked("invoice_price_lists", "", local, state=known)
        assert isinstance(default, Through)
        assert default.via == ("DEFAULT-PRICE",)
    assert asked("invoice_price_lists", "", "USD", state=known) == LIST
    assert isinstance(asked("invoice_price_lists", "", "SEK", state=known), Missing)


def test_the_order_of_an_invoice_is_of_the_same_customer() -> None:
    orders = [{"ordernumber": "ORD-1", "_customerid_value": ACCOUNT.upper()}]
    known = facts(salesorders=orders)
    for reference, account, wanted in (("ORD-1", ACCOUNT, True), ("", LIST, True), ("ORD-1", LIST, False)):
        found = judged("invoice_customers", known, reference, "C1", found=("CUSTOMER", account))
        assert (found == account) is wanted
        assert isinstance(found, Rejected) is not wanted


@pytest.mark.parametrize(
    ("kind", "via"), [("Item", ("ITEM-PRODUCT",)), ("Resource", ("RESOURCE-PRODUCT",)), ("_x0020_", None)]
)
def test_items_and_resources_are_products_and_all_else_is_written_in(
    kind: str, via: tuple[str, ...] | None
) -> None:
    found = asked("ordered_products", kind, "1000")
    written = asked("write_ins", kind, "1000")
    text = asked("write_in_texts", kind, "1000", "Bord")
    if via is None:
        assert (found, written, text) == ("", True, "1000 Bord")
        return
    for one in (found, written, text):
        assert isinstance(one, Through)
        assert (one.via, one.shut) == (via, "")
    parts = (kind, "1000", "Bord")
    assert judged("write_in_texts", facts(), *parts, found=(via[0], LIST)) is KEEP
    assert judged("write_in_texts", facts(), *parts, found=(via[0], "")) == "1000 Bord"
    ends = SOURCES["write_ins"].finish(facts(), Side.RIGHT, [(via[0], LIST), (via[0], "")])
    assert list(ends.values()) == [False, True]


def test_a_line_without_any_text_has_a_name_that_sales_takes() -> None:
    assert asked("write_in_texts", "_x0020_", "", "") == "-"


@light
@given(amounts, st.decimals(Decimal("0.1"), Decimal(100), places=1), st.sampled_from([0, 12, 25]))
def test_a_price_with_vat_is_sent_without(price: Decimal, quantity: Decimal, rate: int) -> None:
    including = price * quantity
    amount = including / (1 + Decimal(rate) / 100)
    plain = [str(one) for one in (quantity, amount, including, price)]
    found = asked("line_prices", "True", *plain)
    assert isinstance(found, Decimal)
    assert abs(found * quantity - amount) <= quantity * Decimal("0.00001")
    assert asked("line_prices", "False", *plain) == price
    assert asked("line_taxes", str(amount), str(including)) == including - amount


def test_a_header_is_made_before_its_lines_and_finished_after_them() -> None:
    mappings = default_mappings()
    header, lines = "POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"
    alone = {name: mappings[name] for name in (header, lines)}
    assert order(alone) == (header, lines)
    assert whole([lines], mappings) == whole([header], mappings)[::-1] == [lines, header]
    firm = [row for row in mappings[header].rows if row.moment is Moment.FINISH]
    assert {name for row in firm for name in row.conversion.needs} == {lines}
    with pytest.raises(LookUpCycleError):
        order(alone | {header: _always(mappings[header])})


def _always(mapping: Mapping) -> Mapping:
    """The mapping whose state goes with the creation."""
    rows = tuple(msgspec.structs.replace(one, moment=Moment.ALWAYS) for one in mapping.rows)
    return msgspec.structs.replace(mapping, rows=rows)
