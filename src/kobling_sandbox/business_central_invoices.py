"""What Business Central does by itself with orders and posted invoices: amounts, and the customer's ledger.

A person posts an invoice by creating its header and lines. The ledger holds an entry for it from the start,
and a detailed one for each line; a payment is one more of these, which changes the entry it is applied to.
"""

from decimal import ROUND_HALF_UP, Decimal

from kobling_sandbox.business_central_derive import line_amounts
from kobling_sandbox.business_central_products import number_entry
from kobling_sandbox.business_central_writes import Company, Rules
from kobling_sandbox.rows import Row

_HEADER, _LINE = "Sales Invoice Header", "Sales Invoice Line"
_ORDER_LINE = "Sales Line"
_ENTRY, _DETAILED = "Cust. Ledger Entry", "Detailed Cust. Ledg. Entry"
_CENT = Decimal("0.01")
_LINE_STEP = 10_000
# What a document takes from its customer, unless it is sent.
_FROM_CUSTOMER = (
    "currencyCode",
    "salespersonCode",
    "paymentTermsCode",
    "shipmentMethodCode",
    "shippingAgentCode",
)
_PLACE = ("Name", "Address", "Address2", "City", "CountryRegionCode", "PostCode", "County")
_number_entry = number_entry(_ENTRY)
_number_detailed = number_entry(_DETAILED)


def take_customer(company: Company, values: Row) -> None:
    """A new document takes names, addresses and terms from its customer."""
    for customer in company.find("Customer", "no", values.get("sellToCustomerNo")):
        values.setdefault("sellToCustomerName", customer.get("name", ""))
        values.setdefault("billToCustomerNo", customer["no"])
        for name in _FROM_CUSTOMER:
            values.setdefault(name, customer.get(name, ""))
        for part in _PLACE:
            for prefix in ("billTo", "shipTo"):
                values.setdefault(f"{prefix}{part}", customer.get(part[0].lower() + part[1:], ""))


def _derive_header(company: Company, old: Row | None, values: Row) -> None:
    if old is None:
        take_customer(company, values)
        for name in ("postingDate", "dueDate", "shipmentDate"):
            values.setdefault(name, company.today)


def _enter(company: Company, header: Row) -> None:
    """A posted invoice stands in the ledger of its customer."""
    company.create(
        _ENTRY,
        {
            "customerNo": header["sellToCustomerNo"],
            "documentType": "Invoice",
            "documentNo": header["no"],
            "postingDate": header["postingDate"],
            "dueDate": header["dueDate"],
            "currencyCode": header.get("currencyCode", ""),
        },
    )


def _derive_line(company: Company, old: Row | None, values: Row) -> None:
    if old is not None:
        return
    number = values.get("documentNo")
    known = company.find(_LINE, "documentNo", number)
    if not values.get("lineNo"):
        values["lineNo"] = max((one["lineNo"] for one in known), default=0) + _LINE_STEP
    for header in company.find(_HEADER, "no", number):
        values["pricesIncludingVAT"] = header.get("pricesIncludingVAT", False)
    line_amounts(values)


def _enter_line(company: Company, line: Row) -> None:
    for entry in company.find(_ENTRY, "documentNo", line["documentNo"]):
        if entry.get("documentType") == "Invoice":
            company.create(
                _DETAILED,
                {
                    "custLedgerEntryNo": entry["entryNo"],
                    "entryType": "Initial_x0020_Entry",
                    "documentNo": line["documentNo"],
                    "amount": line.get("amountIncludingVAT", Decimal(0)),
                },
            )
            [now] = company.find(_ENTRY, "entryNo", entry["entryNo"])
            sold = _in_local(company, now.get("currencyCode", ""), line.get("amount", Decimal(0)))
            company.change(_ENTRY, now, {"salesLCY": now.get("salesLCY", Decimal(0)) + sold})


def _derive_entry(company: Company, old: Row | None, values: Row) -> None:
    _number_entry(company, old, values)
    if old is None:
        values.setdefault("postingDate", company.today)
        values["open"] = True


def _derive_detailed(company: Company, old: Row | None, values: Row) -> None:
    _number_detailed(company, old, values)
    if old is not None:
        return
    values.setdefault("postingDate", company.today)
    for entry in company.find(_ENTRY, "entryNo", values["custLedgerEntryNo"]):
        currency, amount = entry.get("currencyCode", ""), values.get("amount", Decimal(0))
        values |= {"customerNo": entry["customerNo"], "currencyCode": currency}
        values.setdefault("amountLCY", _in_local(company, currency, amount))


def _in_local(company: Company, currency: str, amount: Decimal) -> Decimal:
    rates = company.find("Currency Exchange Rate", "currencyCode", currency)
    begun = [one for one in rates if one.get("startingDate", "") <= company.today]
    if not begun:
        return amount
    rate = max(begun, key=lambda one: str(one.get("startingDate", "")))
    local = amount * rate["relationalExchRateAmount"] / rate["exchangeRateAmount"]
    return Decimal(local).quantize(_CENT, ROUND_HALF_UP)


def _apply(company: Company, detailed: Row) -> None:
    """The entry is changed by whatever is applied to it, and closed once nothing remains."""
    rows = company.find(_DETAILED, "custLedgerEntryNo", detailed["custLedgerEntryNo"])
    remaining = sum((one.get("amount", Decimal(0)) for one in rows), Decimal(0))
    for entry in company.find(_ENTRY, "entryNo", detailed["custLedgerEntryNo"]):
        company.change(_ENTRY, entry, {"open": remaining != 0})


def _derive_order(company: Company, old: Row | None, values: Row) -> None:
    if old is None:
        take_customer(company, values)
        values.setdefault("orderDate", company.today)


def _derive_order_line(company: Company, old: Row | None, values: Row) -> None:
    """A line takes description, unit and price from what it sells, unless they are sent."""
    if old is None and not values.get("lineNo"):
        known = company.find(_ORDER_LINE, "documentNo", values.get("documentNo"))
        values["lineNo"] = max((one["lineNo"] for one in known), default=0) + _LINE_STEP
    kind = values.get("type", (old or {}).get("type"))
    for sold in company.find(str(kind), "no", values.get("no")) if kind in ("Item", "Resource") else ():
        values.setdefault("description", sold.get("description" if kind == "Item" else "name", ""))
        values.setdefault("unitOfMeasureCode", sold.get("baseUnitOfMeasure", ""))
        values.setdefault("unitPrice", sold.get("unitPrice", Decimal(0)))
    whole = (old or {}) | values
    line_amounts(whole)
    values |= {name: whole[name] for name in ("amount", "amountIncludingVAT")}


def _delete_lines(company: Company, order: Row) -> None:
    for line in company.find(_ORDER_LINE, "documentNo", order["no"]):
        company.delete(_ORDER_LINE, line)


INVOICE_RULES = {
    "Sales Header": Rules(derive=_derive_order, after_delete=_delete_lines),
    _ORDER_LINE: Rules(derive=_derive_order_line),
    _HEADER: Rules(derive=_derive_header, after_create=_enter),
    _LINE: Rules(derive=_derive_line, after_create=_enter_line),
    _ENTRY: Rules(derive=_derive_entry),
    _DETAILED: Rules(derive=_derive_detailed, after_create=_apply),
}
