"""What the demo has in Sales beside customers: products without partner, opportunities, vendors."""

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.demo_tables import table
from kobling_sandbox.datasets.model import CompanyRows, Reference, Row, identifier

_STATES = {"": (0, 1), "retired": (1, 2), "draft": (2, 0)}
_LIST = identifier("pricelevel", "Sales only")


def currency_id(code: str) -> str:
    """The id of a currency in Sales."""
    return identifier("transactioncurrency", code)


def product_rows() -> dict[str, list[Row]]:
    """Unit groups, units, products, a price list and its items."""
    groups = {cells[2]: cells[3] for cells in table("sales_products")}
    products = [_product(cells) for cells in table("sales_products")]
    return {
        "uomschedule": [_group(name, unit) for name, unit in groups.items()],
        "uom": [_unit(name, unit) for name, unit in groups.items()],
        "pricelevel": [_price_list(), _list_of_invoices()],
        "product": products,
        "productpricelevel": [_price(each) for each in products if each["statecode"] == 0],
    }


def _group(name: str, unit: str) -> Row:
    return {"uomscheduleid": identifier("uomschedule", name), "name": name, "baseuomname": unit}


def _unit(group: str, name: str) -> Row:
    return {
        "uomid": identifier("uom", group, name),
        "uomscheduleid": identifier("uomschedule", group),
        "name": name,
        "quantity": 1.0,
        "isschedulebaseuom": True,
    }


def _product(cells: list[str]) -> Row:
    number, name, group, unit, price, kind, state = cells
    state_code, status_code = _STATES[state]
    return {
        "productid": identifier("product", number),
        "productnumber": number,
        "name": name,
        "defaultuomscheduleid": identifier("uomschedule", group),
        "defaultuomid": identifier("uom", group, unit),
        "price": float(price),
        "producttypecode": int(kind),
        "productstructure": 1,
        "quantitydecimal": 2,
        "transactioncurrencyid": currency_id(setup.LOCAL_CURRENCY),
        "statecode": state_code,
        "statuscode": status_code,
    }


def _price_list() -> Row:
    return {
        "pricelevelid": _LIST,
        "name": "Messepriser",
        "description": "Only in Sales",
        "transactioncurrencyid": currency_id(setup.LOCAL_CURRENCY),
        "begindate": "2026-01-01",
        "statecode": 0,
        "statuscode": 100001,
    }


def _list_of_invoices() -> Row:
    """Invoices in dollars are in this list."""
    name = "Price List in USD"
    return {
        "pricelevelid": identifier("pricelevel", name),
        "name": name,
        "transactioncurrencyid": currency_id("USD"),
        "statecode": 0,
        "statuscode": 100001,
    }


def _price(product: Row) -> Row:
    return {
        "productpricelevelid": identifier("productpricelevel", product["productnumber"]),
        "pricelevelid": _LIST,
        "productid": product["productid"],
        "productnumber": product["productnumber"],
        "uomid": product["defaultuomid"],
        "uomscheduleid": product["defaultuomscheduleid"],
        "pricingmethodcode": 1,
        "amount": product["price"],
        "transactioncurrencyid": currency_id(setup.LOCAL_CURRENCY),
    }


def opportunity_rows(accounts: dict[str, Row]) -> list[Row]:
    """Opportunities of accounts that Sales knows, one of them won."""
    return [_opportunity(accounts[cells[2]], cells) for cells in table("sales_opportunities")]


def _opportunity(account: Row, cells: list[str]) -> Row:
    key, name, _, owner, currency, value, closes, state = cells
    row: Row = {
        "opportunityid": identifier("opportunity", key),
        "name": name,
        "parentaccountid": account["accountid"],
        "customerid": Reference("account", str(account["accountid"])),
        "ownerid": Reference("systemuser", setup.user_id(owner)),
        "transactioncurrencyid": currency_id(currency),
        "estimatedvalue": float(value),
        "estimatedclosedate": closes,
        "statecode": 0,
        "statuscode": 1,
    }
    if state == "won":
        row |= {"statecode": 1, "statuscode": 3, "actualclosedate": closes, "actualvalue": float(value)}
    return row


def order_rows(accounts: dict[str, Row]) -> list[Row]:
    """Orders of accounts that Sales knows."""
    return [_order(accounts[cells[2]], cells) for cells in table("sales_orders")]


def _order(account: Row, cells: list[str]) -> Row:
    number, name, _, owner, currency, state = cells
    return {
        "salesorderid": identifier("salesorder", number),
        "ordernumber": number,
        "name": name,
        "customerid": Reference("account", str(account["accountid"])),
        "ownerid": Reference("systemuser", setup.user_id(owner)),
        "transactioncurrencyid": currency_id(currency),
        "statecode": int(state or 0),
        "statuscode": 3 if state else 1,
    }


def vendor_accounts(company: CompanyRows, users: dict[str, str]) -> list[Row]:
    """Accounts of vendors, which belong to the users of their purchasers."""
    vendors = {str(each["no"]): each for each in company.tables["Vendor"]}
    return [_vendor_account(key, vendors[number], users) for key, number in table("vendor_accounts")]


def _vendor_account(key: str, vendor: Row, users: dict[str, str]) -> Row:
    owner = setup.user_id(users[str(vendor["purchaserCode"])])
    return {
        "accountid": identifier("account", key),
        "name": vendor["name"],
        "accountnumber": vendor["no"],
        "customertypecode": 11,
        "address1_line1": vendor["address"],
        "address1_postalcode": vendor["postCode"],
        "address1_city": vendor["city"],
        "address1_country": vendor["countryRegionCode"],
        "telephone1": vendor["phoneNo"],
        "emailaddress1": vendor["eMail"],
        "paymenttermscode": 1,
        "transactioncurrencyid": currency_id(str(vendor["currencyCode"]) or setup.LOCAL_CURRENCY),
        "ownerid": Reference("systemuser", owner),
        "statecode": 0,
        "statuscode": 1,
    }
