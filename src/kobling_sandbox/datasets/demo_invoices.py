"""The demo company's posted invoices, and the ledger of its customers."""

from decimal import Decimal

from kobling_sandbox.business_central_derive import line_amounts
from kobling_sandbox.datasets.demo_tables import row, table
from kobling_sandbox.datasets.model import CompanyRows, Row

_HEADER, _LINE = "Sales Invoice Header", "Sales Invoice Line"
_ENTRY, _DETAILED = "Cust. Ledger Entry", "Detailed Cust. Ledg. Entry"
_LINE_STEP = 10_000
_CANCELLED = "cancelled"
_CENT = Decimal("0.01")
_TERMS = ("currencyCode", "salespersonCode", "paymentTermsCode", "shipmentMethodCode", "shippingAgentCode")
_PLACE = ("Name", "Address", "Address2", "City", "CountryRegionCode", "PostCode", "County")


def fill_invoices(company: CompanyRows) -> None:
    """Put posted invoices, and what they left in the ledger, into a company that has its customers."""
    tables = company.tables
    customers = {each["no"]: each for each in tables["Customer"]}
    known = table("invoices")
    tables[_HEADER] = [_header(company, customers[cells[1]], cells) for cells in known]
    tables[_LINE] = [
        _line(company, header, number * _LINE_STEP, cells)
        for header in tables[_HEADER]
        for number, cells in enumerate(_lines_of(str(header["no"])), start=1)
    ]
    tables[_ENTRY], tables[_DETAILED] = [], []
    tables["Cancelled Document"] = [
        _cancelled(company, cells[0]) for cells in known if cells[7] == _CANCELLED
    ]
    for cells, header in zip(known, tables[_HEADER], strict=True):
        _enter(company, header, Decimal(1 if cells[7] == _CANCELLED else cells[7]))


def _cancelled(company: CompanyRows, number: str) -> Row:
    values: Row = {"sourceID": 112, "cancelledDocNo": number, "cancelledByDocNo": f"C{number}"}
    return row(company, "Cancelled Document", number, values)


def _lines_of(number: str) -> list[list[str]]:
    return [cells for cells in table("invoice_lines") if cells[0] == number]


def _header(company: CompanyRows, customer: Row, cells: list[str]) -> Row:
    number, customer_number, posted, due, reference, description, with_vat, _ = cells
    place: Row = {
        f"{prefix}{part}": customer.get(part[0].lower() + part[1:])
        for prefix in ("billTo", "shipTo")
        for part in _PLACE
    }
    values: Row = {
        "no": number,
        "sellToCustomerNo": customer_number,
        "sellToCustomerName": customer["name"],
        "billToCustomerNo": customer_number,
        **place,
        **{name: customer[name] for name in _TERMS},
        "yourReference": reference,
        "workDescription": description,
        "postingDate": posted,
        "shipmentDate": posted,
        "dueDate": due,
        "pricesIncludingVAT": bool(with_vat),
    }
    return row(company, _HEADER, number, values)


def _line(company: CompanyRows, header: Row, line_number: int, cells: list[str]) -> Row:
    number, kind, what, description, unit, quantity, price, rate, line_discount, discount = cells
    values: Row = {
        "documentNo": number,
        "lineNo": line_number,
        "type": kind,
        "no": what,
        "description": description,
        "unitOfMeasureCode": unit,
        "quantity": Decimal(quantity),
        "unitPrice": Decimal(price),
        "vat": Decimal(rate),
        "lineDiscountAmount": Decimal(line_discount),
        "invDiscountAmount": Decimal(discount),
        "pricesIncludingVAT": header["pricesIncludingVAT"],
    }
    line_amounts(values)
    return row(company, _LINE, f"{number}/{line_number}", values)


def _enter(company: CompanyRows, header: Row, paid: Decimal) -> None:
    """The entry of an invoice, what it came to, and what was paid of it. paid: the share."""
    tables, number = company.tables, header["no"]
    lines = [each for each in tables[_LINE] if each["documentNo"] == number]
    amount = sum((Decimal(str(each["amountIncludingVAT"])) for each in lines), Decimal(0))
    entry_number = len(tables[_ENTRY]) + 1
    entry: Row = {
        "entryNo": entry_number,
        "customerNo": header["sellToCustomerNo"],
        "documentType": "Invoice",
        "documentNo": number,
        "postingDate": header["postingDate"],
        "dueDate": header["dueDate"],
        "currencyCode": header["currencyCode"],
        "open": paid != 1,
        "salesLCY": _in_local(
            company,
            str(header["currencyCode"]),
            sum((Decimal(str(each["amount"])) for each in lines), Decimal(0)),
        ),
    }
    tables[_ENTRY].append(row(company, _ENTRY, str(number), entry))
    for kind, part in (("Initial_x0020_Entry", amount), ("Application", -(amount * paid).quantize(_CENT))):
        if part:
            _detail(company, entry, kind, part)


def _detail(company: CompanyRows, entry: Row, kind: str, amount: Decimal) -> None:
    rows = company.tables[_DETAILED]
    values: Row = {
        "entryNo": len(rows) + 1,
        "custLedgerEntryNo": entry["entryNo"],
        "entryType": kind,
        "customerNo": entry["customerNo"],
        "documentNo": entry["documentNo"],
        "postingDate": entry["postingDate"],
        "currencyCode": entry["currencyCode"],
        "amount": amount,
        "amountLCY": _in_local(company, str(entry["currencyCode"]), amount),
    }
    rows.append(row(company, _DETAILED, str(len(rows) + 1), values))


def _in_local(company: CompanyRows, currency: str, amount: Decimal) -> Decimal:
    """By the newest rate."""
    rates = [each for each in company.tables["Currency Exchange Rate"] if each["currencyCode"] == currency]
    if not rates:
        return amount
    rate = max(rates, key=lambda each: str(each["startingDate"]))
    return (amount * Decimal(str(rate["relationalExchRateAmount"])) / 100).quantize(_CENT)
