"""Further companies of the demo: customers of their own, and for the second one another local currency."""

from typing import Any

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.demo import currency, fill, rate, rates
from kobling_sandbox.datasets.demo_tables import table
from kobling_sandbox.datasets.model import CompanyRows

_WITH_OTHER_CURRENCY = 2
_OTHER_CURRENCY = "NOK"
_NUMBERED = ("Customer", "Vendor", "Item", "Resource")
_NUMBERS = ("no", "vendorNo", "itemNo", "resourceNo", "sourceNo", "writeInProductNo")
_CENT_PLACES = 4


def fill_further(company: CompanyRows, number: int) -> None:
    """Put a few customers, vendors and products into the company with this number, counted from 1.

    Their numbers are no other company's, so that all companies fit into one organization.
    """
    fill(company, customers="further_customers", people="further_contacts")
    if number == _WITH_OTHER_CURRENCY:
        _settle(company)
    _renumber(company, number)


def _renumber(company: CompanyRows, company_number: int) -> None:
    known = {row["no"] for name in _NUMBERED for row in company.tables[name]}
    for rows in company.tables.values():
        for row in rows:
            for column in _NUMBERS:
                if row.get(column) in known:
                    row[column] = f"{row[column]}-{company_number}"


def _settle(company: CompanyRows) -> None:
    """Make another currency the company's own: the euro becomes a foreign one, all rates are of the krone."""
    codes = {cells[0]: cells for cells in table("currencies")}
    _, name, symbol, *_ = codes[_OTHER_CURRENCY]
    (ledger,) = company.tables["General Ledger Setup"]
    ledger |= {"lcyCode": _OTHER_CURRENCY, "localCurrencySymbol": symbol, "localCurrencyDescription": name}
    kept = [row for row in company.tables["Currency"] if row["code"] != _OTHER_CURRENCY]
    company.tables["Currency"] = [*kept, currency(company, [setup.LOCAL_CURRENCY, "Euro", "€", "2"])]
    company.tables["Currency Exchange Rate"] = _converted(company)
    for name in ("Customer", "Vendor", "Contact"):
        for row in company.tables[name]:
            if row["currencyCode"] == _OTHER_CURRENCY:
                row["currencyCode"] = ""


def _converted(company: CompanyRows) -> list[dict[str, Any]]:
    in_euro = {(row["currencyCode"], row["startingDate"]): row for row in rates(company)}
    converted = []
    for (code, date), row in in_euro.items():
        krone: Any = in_euro[_OTHER_CURRENCY, date]["relationalExchRateAmount"]
        if code == _OTHER_CURRENCY:
            converted.append(_rate(company, setup.LOCAL_CURRENCY, str(date), 100, krone))
        else:
            converted.append(_rate(company, str(code), str(date), row["relationalExchRateAmount"], krone))
    return converted


def _rate(company: CompanyRows, code: str, date: str, in_euro: Any, krone: Any) -> dict[str, Any]:
    """How many kroner 100 of a currency are, from what 100 of it and 100 kroner are in euro."""
    return rate(company, code, date, round(in_euro / krone * 100, _CENT_PLACES))
