"""Any number of customers without accounts, for loads and measurements; the same number, the same rows."""

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.demo import address, rate
from kobling_sandbox.datasets.model import CompanyRows, Dataset, Row, identifier

_SELLERS = (
    ("S1", "Astrid", "Berg"),
    ("S2", "Bruno", "Conti"),
    ("S3", "Chloé", "Durand"),
    ("S4", "Dagmar", "Engel"),
    ("S5", "Eero", "Forsström"),
)
_CURRENCIES = (
    ("GBP", "Pound Sterling", "£", 118.25),
    ("NOK", "Norwegian Krone", "kr", 8.55),
    ("USD", "US Dollar", "$", 96.30),
)
_FIRST_WORDS = ("Nordic", "Alpine", "Baltic", "Åland", "Iberian", "Hanseatic", "Côte", "Highland")
_SECOND_WORDS = ("Trading", "Foods", "Möbel", "Tools", "Textiles", "Logistics", "Optics")
_TERMS = ("NET30", "2%10NET30", "NET45", "NET60", "")
_METHODS = ("FOB", "NOCHARGE", "")
_AGENTS = ("AIRBORNE", "DHL", "FEDEX", "UPS", "POSTALMAIL", "FULLLOAD", "WILLCALL", "")
_CODES = ("", "", "NOK", "USD", "GBP")


def synthetic_dataset(companies: list[CompanyRows], customers: int) -> Dataset:
    """`customers` unblocked customers in the first company; no accounts."""
    fill_synthetic(companies[0], customers)
    dataverse = setup.organization(companies)
    dataverse["systemuser"].extend(
        setup.person(_user(last), first, last, phone=f"+47 900 00 00{code[1]}", title="Seller")
        for code, first, last in _SELLERS
    )
    return Dataset(companies=companies, dataverse=dataverse)


def fill_synthetic(company: CompanyRows, customers: int) -> None:
    """Put sellers, currencies with rates and so many customers into a company."""
    company.tables["Salesperson/Purchaser"] = [_seller(company, *each) for each in _SELLERS]
    company.tables["Currency"] = [_currency(company, *each[:3]) for each in _CURRENCIES]
    company.tables["Currency Exchange Rate"] = [
        rate(company, code, date, amount)
        for code, _, _, amount in _CURRENCIES
        for date in ("2025-01-01", "2026-01-01")
    ]
    places = [address(code) for code in setup.places()]
    company.tables["Customer"] = [_customer(company, number, places) for number in range(1, customers + 1)]


def _user(last_name: str) -> str:
    return last_name.lower().replace("ö", "o")


def _seller(company: CompanyRows, code: str, first: str, last: str) -> Row:
    return {
        "id": identifier(company.id, "Salesperson/Purchaser", code),
        "code": code,
        "name": f"{first} {last}",
        "eMail": f"{_user(last)}@fjordlys.example",
        "phoneNo": f"+47 900 00 00{code[1]}",
        "jobTitle": "Seller",
    }


def _currency(company: CompanyRows, code: str, name: str, symbol: str) -> Row:
    return {
        "id": identifier(company.id, "Currency", code),
        "code": code,
        "description": name,
        "symbol": symbol,
        "isoCode": code,
        "amountRoundingPrecision": 0.01,
    }


def _pick(choices: tuple[str, ...], number: int) -> str:
    return choices[number % len(choices)]


def _customer(company: CompanyRows, number: int, places: list[Row]) -> Row:
    name = f"{_pick(_FIRST_WORDS, number)} {_pick(_SECOND_WORDS, number)} {number:07}"
    return {
        "id": identifier(company.id, "Customer", number),
        "no": f"S{number:07}",
        "name": name,
        "searchName": name.upper(),
        "address": f"Industry street {number % 997 + 1}",
        **places[number % len(places)],
        "phoneNo": f"+47 {number:08}",
        "eMail": f"orders{number}@synthetic.example",
        "salespersonCode": _SELLERS[number % len(_SELLERS)][0],
        "currencyCode": _pick(_CODES, number),
        "paymentTermsCode": _pick(_TERMS, number),
        "shipmentMethodCode": _pick(_METHODS, number),
        "shippingAgentCode": _pick(_AGENTS, number),
        "creditLimitLCY": number % 100 * 1000,
        "blocked": "_x0020_",
    }
