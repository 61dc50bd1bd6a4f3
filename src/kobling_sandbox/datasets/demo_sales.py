"""The Sales side of the demo company: users, currencies, accounts and contacts."""

from kobling_sandbox.datasets import demo, setup
from kobling_sandbox.datasets.demo_sales_products import (
    currency_id,
    opportunity_rows,
    order_rows,
    product_rows,
    vendor_accounts,
)
from kobling_sandbox.datasets.demo_tables import table
from kobling_sandbox.datasets.model import CompanyRows, Reference, Row, identifier

_NUMBERS = {
    "customertypecode",
    "statecode",
    "statuscode",
    "paymenttermscode",
    "address1_freighttermscode",
    "address1_shippingmethodcode",
    "creditlimit",
}
_OPTIONS = {
    "paymenttermscode": ("NET30", "2%10NET30", "NET45", "NET60"),
    "address1_freighttermscode": ("FOB", "NOCHARGE"),
    "address1_shippingmethodcode": ("AIRBORNE", "DHL", "FEDEX", "UPS", "POSTALMAIL", "FULLLOAD", "WILLCALL"),
}
_ADDRESS = {
    "address": "address1_line1",
    "address2": "address1_line2",
    "postCode": "address1_postalcode",
    "city": "address1_city",
    "county": "address1_stateorprovince",
    "countryRegionCode": "address1_country",
}
_ACCOUNT = _ADDRESS | {
    "name": "name",
    "phoneNo": "telephone1",
    "eMail": "emailaddress1",
    "homePage": "websiteurl",
    "contact": "address1_primarycontactname",
    "creditLimitLCY": "creditlimit",
}
_CONTACT = _ADDRESS | {
    "firstName": "firstname",
    "middleName": "middlename",
    "surname": "lastname",
    "jobTitle": "jobtitle",
    "phoneNo": "telephone1",
    "mobilePhoneNo": "mobilephone",
    "eMail": "emailaddress1",
}


def sales_rows(company: CompanyRows) -> dict[str, list[Row]]:
    """Rows of Dataverse by logical name, for a company that holds the whole demo data."""
    accounts = _accounts(company)
    people = _people(company, accounts)
    sellers = {cells[0]: cells[1] for cells in table("salespeople")}
    return {
        "systemuser": demo.users(),
        "transactioncurrency": demo.currencies_in_sales(),
        "account": [*accounts.values(), *vendor_accounts(company, sellers)],
        "contact": people,
        **product_rows(),
        "opportunity": opportunity_rows(accounts),
        "salesorder": order_rows(accounts),
    }


def _accounts(company: CompanyRows) -> dict[str, Row]:
    customers = {str(each["no"]): each for each in company.tables["Customer"]}
    accounts: dict[str, Row] = {}
    for key, number, matched_by, own in table("accounts"):
        account: Row = _account_of(customers[number]) if number else {"customertypecode": 3}
        if matched_by == "number":
            account["accountnumber"] = number
        account |= {"accountid": identifier("account", key), "statecode": 0, "statuscode": 1}
        accounts[key] = account | _own_values(own)
    return accounts


def _people(company: CompanyRows, accounts: dict[str, Row]) -> list[Row]:
    known = {str(each["no"]): each for each in company.tables["Contact"]}
    people = []
    for key, number, account_key, is_main, own in table("people"):
        person = _translated(known[number], _CONTACT) if number else {}
        person |= {"contactid": identifier("contact", key), "statecode": 0, "statuscode": 1}
        person |= _own_values(own)
        names = (person.get(part) for part in ("firstname", "middlename", "lastname"))
        person["fullname"] = " ".join(str(name) for name in names if name)
        if account_key:
            account = accounts[account_key]
            person["parentcustomerid"] = Reference("account", str(account["accountid"]))
            for column in ("ownerid", "transactioncurrencyid"):
                person.setdefault(column, account[column])
            if is_main:
                account["primarycontactid"] = person["contactid"]
                account["address1_primarycontactname"] = person["fullname"]
        people.append(person)
    return people


def _account_of(customer: Row) -> Row:
    account = _translated(customer, _ACCOUNT)
    for column, choices in _OPTIONS.items():
        source = {"paymenttermscode": "paymentTermsCode", "address1_freighttermscode": "shipmentMethodCode"}
        code = customer[source.get(column, "shippingAgentCode")]
        account[column] = choices.index(str(code)) + 1 if code else None
    account["customertypecode"] = 3
    account["transactioncurrencyid"] = currency_id(str(customer["currencyCode"]) or setup.LOCAL_CURRENCY)
    account["ownerid"] = Reference("systemuser", setup.user_id(_user_of(str(customer["salespersonCode"]))))
    return account


def _translated(source: Row, columns: dict[str, str]) -> Row:
    # Dataverse holds no empty text: it stores null.
    return {target: source.get(column) or None for column, target in columns.items()}


def _user_of(salesperson: str) -> str:
    return next(cells[1] for cells in table("salespeople") if cells[0] == salesperson)


def _own_values(text: str) -> Row:
    values: Row = {}
    for assignment in filter(None, (part.strip() for part in text.split(";"))):
        column, _, value = assignment.partition("=")
        if column == "owner":
            values["ownerid"] = Reference("systemuser", setup.user_id(value))
        elif column == "currency":
            values["transactioncurrencyid"] = currency_id(value)
        else:
            values[column] = (int(value) if column in _NUMBERS else value) if value else None
    return values
