"""The demo trading company, Fjordlys: what a new user sees, and what a first synchronization is judged by.

The names lie in `data/demo/`. They carry accents, lengths near the limits, blanks and look-alikes on
purpose: a synchronization that only works for `Customer 1` shows nothing.
"""

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.demo_invoices import fill_invoices
from kobling_sandbox.datasets.demo_prices import fill_opportunities, fill_prices
from kobling_sandbox.datasets.demo_products import fill_products
from kobling_sandbox.datasets.demo_tables import row, table
from kobling_sandbox.datasets.model import CompanyRows, Dataset, Row

_SALES_ONLY_USERS = (
    setup.person("ingrid.solberg", "Ingrid", "Solberg", phone="+47 901 10 107", title="Marketing"),
    setup.person("olga.tidligere", "Olga", "Tidligere", licensed=False) | {"isdisabled": True},
)
_RATE_DATES = ("2025-01-01", "2025-07-01", "2026-01-01")
# Sales has these before the first synchronization; the company's other currencies it gets then.
_CURRENCIES_IN_SALES = ("NOK", "SEK", "USD")


def demo_dataset(companies: list[CompanyRows]) -> Dataset:
    """The demo company in the first company; the organization knows all companies."""
    # demo_sales takes users and currencies from this module.
    from kobling_sandbox.datasets.demo_sales import sales_rows

    fill(companies[0])
    fill_prices(companies[0])
    fill_opportunities(companies[0])
    fill_invoices(companies[0])
    dataverse = setup.organization(companies)
    for name, rows in sales_rows(companies[0]).items():
        dataverse.setdefault(name, []).extend(rows)
    return Dataset(companies=companies, dataverse=dataverse)


def fill(company: CompanyRows, *, customers: str = "customers", people: str = "contacts") -> None:
    """Put the demo company's rows into a company; its customers and people stand in these text tables."""
    tables = company.tables
    tables["Salesperson/Purchaser"] = [_salesperson(company, cells) for cells in table("salespeople")]
    tables["Currency"] = [currency(company, cells) for cells in table("currencies")]
    tables["Currency Exchange Rate"] = rates(company)
    tables["Customer"] = [_customer(company, cells) for cells in table(customers)]
    tables["Vendor"] = [_vendor(company, cells) for cells in table("vendors")]
    fill_products(company)
    add_company_contacts(company)
    _add_people(company, table(people))


def users() -> list[Row]:
    """The users of Sales who are persons."""
    sellers = [
        setup.person(user, first, last, phone=phone, title=title)
        for _, user, first, last, phone, title in table("salespeople")
        if user
    ]
    return [*sellers, *(dict(each) for each in _SALES_ONLY_USERS)]


def currencies_in_sales() -> list[Row]:
    """Dataverse's currencies besides the base currency, with the newest rate."""
    return [
        setup.currency(code, name, symbol, round(100 / float(newest), 10), int(decimals))
        for code, name, symbol, decimals, *_, newest in table("currencies")
        if code in _CURRENCIES_IN_SALES
    ]


def address(post_code: str) -> Row:
    """Post code, city, county and country of a place that the set-up knows."""
    city, county, country = setup.places()[post_code]
    return {"postCode": post_code, "city": city, "county": county, "countryRegionCode": country}


def _salesperson(company: CompanyRows, cells: list[str]) -> Row:
    code, user, first, last, phone, title = cells
    email = f"{user or f'{first}.kvaale'.lower()}@fjordlys.example"
    values: Row = {
        "code": code,
        "name": f"{first} {last}",
        "eMail": email,
        "phoneNo": phone,
        "jobTitle": title,
    }
    return row(company, "Salesperson/Purchaser", code, values)


def currency(company: CompanyRows, cells: list[str]) -> Row:
    """A currency of Business Central from its code, name, symbol and decimals."""
    code, name, symbol, decimals, *_ = cells
    values: Row = {
        "code": code,
        "description": name,
        "symbol": symbol,
        "isoCode": code,
        "amountRoundingPrecision": 0.01,
        "unitAmountRoundingPrecision": 0.00001,
        "invoiceRoundingPrecision": 0.01,
        "amountDecimalPlaces": f"{decimals}:{decimals}",
        "unitAmountDecimalPlaces": f"{decimals}:5",
    }
    return row(company, "Currency", code, values)


def rates(company: CompanyRows) -> list[Row]:
    """The exchange rates of the demo's currencies, in euro."""
    return [
        rate(company, cells[0], date, float(amount))
        for cells in table("currencies")
        for date, amount in zip(_RATE_DATES, cells[4:], strict=True)
    ]


def rate(company: CompanyRows, code: str, date: str, per_hundred: float) -> Row:
    """An exchange rate: 100 of the currency are `per_hundred` of the local currency from the date on."""
    values: Row = {
        "currencyCode": code,
        "startingDate": date,
        "exchangeRateAmount": 100,
        "adjustmentExchRateAmount": 100,
        "relationalExchRateAmount": per_hundred,
        "relationalAdjmtExchRateAmt": per_hundred,
    }
    return row(company, "Currency Exchange Rate", f"{code}/{date}", values)


def _customer(company: CompanyRows, cells: list[str]) -> Row:
    number, name, name_2, line_1, line_2, post_code, phone, email, home, *rest = cells
    seller, currency, terms, shipment, agent, credit, blocked = rest
    values: Row = {
        "no": number,
        "name": name,
        "name2": name_2,
        "searchName": name.upper(),
        "address": line_1,
        "address2": line_2,
        **address(post_code),
        "phoneNo": phone,
        "eMail": email,
        "homePage": home,
        "salespersonCode": seller,
        "currencyCode": currency,
        "paymentTermsCode": terms,
        "shipmentMethodCode": shipment,
        "shippingAgentCode": agent,
        "creditLimitLCY": float(credit),
        "customerPostingGroup": "DOMESTIC",
        "blocked": blocked or "_x0020_",
    }
    return row(company, "Customer", number, values)


def _vendor(company: CompanyRows, cells: list[str]) -> Row:
    number, name, line_1, post_code, phone, email, currency, purchaser = cells
    values: Row = {
        "no": number,
        "name": name,
        "searchName": name.upper(),
        "address": line_1,
        **address(post_code),
        "phoneNo": phone,
        "eMail": email,
        "currencyCode": currency,
        "paymentTermsCode": "NET30",
        "purchaserCode": purchaser,
    }
    return row(company, "Vendor", number, values)


_SHARED_WITH_PERSON = (
    "address",
    "address2",
    "postCode",
    "city",
    "county",
    "countryRegionCode",
    "currencyCode",
    "salespersonCode",
)
_SHARED_WITH_CONTACT = (*_SHARED_WITH_PERSON, "name", "name2", "searchName", "phoneNo", "eMail", "homePage")


def add_company_contacts(company: CompanyRows) -> None:
    """Give each customer and vendor the company contact and the relation that Business Central makes."""
    contacts: list[Row] = []
    relations: list[Row] = []
    for table_name, code in (("Customer", "CUST"), ("Vendor", "VEND")):
        for owner in company.tables.get(table_name, []):
            number = f"CT{len(contacts) + 1:06}" if len(contacts) < 100 else f"CT{len(contacts) + 1001:06}"
            contacts.append(company_contact(company, number, owner, table_name))
            relations.append(relation(company, number, code, table_name, str(owner["no"])))
    company.tables["Contact"] = contacts
    company.tables["Contact Business Relation"] = relations


def company_contact(company: CompanyRows, number: str, owner: Row, kind: str) -> Row:
    """The contact of type Company that stands for a customer or vendor."""
    shared = {column: owner[column] for column in _SHARED_WITH_CONTACT if column in owner}
    own: Row = {
        "no": number,
        "type": "Company",
        "companyNo": number,
        "companyName": owner["name"],
        "contactBusinessRelation": kind,
    }
    if "purchaserCode" in owner:
        shared["salespersonCode"] = owner["purchaserCode"]
    return row(company, "Contact", number, shared | own)


def relation(company: CompanyRows, contact: str, code: str, kind: str, number: str) -> Row:
    """The row that ties a company contact to its customer or vendor."""
    values: Row = {
        "contactNo": contact,
        "businessRelationCode": code,
        "linkToTable": kind,
        "no": number,
    }
    return row(company, "Contact Business Relation", f"{contact}/{code}", values)


def _add_people(company: CompanyRows, people: list[list[str]]) -> None:
    customers = {each["no"]: each for each in company.tables["Customer"]}
    company_contacts = {
        each["no"]: each["contactNo"]
        for each in company.tables["Contact Business Relation"]
        if each["linkToTable"] == "Customer"
    }
    for cells in people:
        customer = customers.get(cells[1])
        if customer is None:
            continue
        person = _person(company, cells, customer, str(company_contacts[cells[1]]))
        company.tables["Contact"].append(person)
        if not customer.get("primaryContactNo"):
            customer["primaryContactNo"] = person["no"]
            customer["contact"] = person["name"]


def _person(company: CompanyRows, cells: list[str], customer: Row, company_contact_number: str) -> Row:
    number, _, first, middle, surname, title, phone, mobile, email = cells
    name = " ".join(part for part in (first, middle, surname) if part)
    values: Row = {
        "no": number,
        "type": "Person",
        "name": name,
        "searchName": name.upper(),
        "firstName": first,
        "middleName": middle,
        "surname": surname,
        "jobTitle": title,
        "companyNo": company_contact_number,
        "companyName": customer["name"],
        "phoneNo": phone,
        "mobilePhoneNo": mobile,
        "eMail": email,
        "contactBusinessRelation": "Customer",
    }
    return row(
        company, "Contact", number, values | {column: customer[column] for column in _SHARED_WITH_PERSON}
    )
