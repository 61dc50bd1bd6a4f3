"""The demo company's prices and opportunities."""

from kobling_sandbox.datasets.demo_tables import row, table
from kobling_sandbox.datasets.model import CompanyRows, Row

_GROUP = "Customer_x0020_Price_x0020_Group"
_ALL = "All_x0020_Customers"
_KINDS = {"group": _GROUP, "customer": "Customer", "all": _ALL}
_LINE_STEP = 10_000
_STATUS = {"": "Not_x0020_Started", "Won": "Won", "Lost": "Lost"}
_CREATED = "2026-01-05"


def fill_prices(company: CompanyRows) -> None:
    """Put price groups, sales prices and price lists into a company that has its products."""
    tables = company.tables
    tables["Customer Price Group"] = [_group(company, *cells) for cells in table("price_groups")]
    tables["Sales Price"] = [_price(company, cells) for cells in table("sales_prices")]
    headers = {cells[0]: _header(company, cells) for cells in table("price_lists")}
    tables["Price List Header"] = list(headers.values())
    tables["Price List Line"] = [
        _line(company, headers[cells[0]], number * _LINE_STEP, cells)
        for number, cells in enumerate(table("price_list_lines"), start=1)
    ]


def _group(company: CompanyRows, code: str, description: str, with_vat: str) -> Row:
    values: Row = {
        "code": code,
        "description": description,
        "priceIncludesVAT": bool(with_vat),
        "allowLineDisc": True,
        "allowInvoiceDisc": True,
    }
    return row(company, "Customer Price Group", code, values)


def _price(company: CompanyRows, cells: list[str]) -> Row:
    item, kind, code, currency, unit, minimum, begins, ends, price = cells
    values: Row = {
        "itemNo": item,
        "salesType": _KINDS[kind],
        "salesCode": code,
        "currencyCode": currency,
        "unitOfMeasureCode": unit,
        "minimumQuantity": float(minimum),
        "startingDate": begins or None,
        "endingDate": ends or None,
        "unitPrice": float(price),
    }
    return row(company, "Sales Price", "/".join(cells[:7]), values)


def _header(company: CompanyRows, cells: list[str]) -> Row:
    code, description, kind, number, currency, begins, ends, status = cells
    values: Row = {
        "code": code,
        "description": description,
        "sourceGroup": "Customer",
        "sourceType": _KINDS[kind],
        "sourceNo": number,
        "priceType": "Sale",
        "amountType": "Price",
        "currencyCode": currency,
        "startingDate": begins or None,
        "endingDate": ends or None,
        "allowLineDisc": True,
        "allowInvoiceDisc": True,
        "status": status,
    }
    return row(company, "Price List Header", code, values)


def _line(company: CompanyRows, header: Row, number: int, cells: list[str]) -> Row:
    code, kind, asset, unit, minimum, price = cells
    assets = {each["no"]: each for each in company.tables[kind]}
    own = ("id", "code", "description")
    values = {name: value for name, value in header.items() if name not in own} | {
        "priceListCode": code,
        "lineNo": number,
        "assetType": kind,
        "assetNo": asset,
        "assetID": assets[asset]["id"],
        "description": assets[asset]["description" if kind == "Item" else "name"],
        "unitOfMeasureCode": unit,
        "minimumQuantity": float(minimum),
        "unitPrice": float(price),
    }
    return row(company, "Price List Line", f"{code}/{number}", values)


def fill_opportunities(company: CompanyRows) -> None:
    """Put opportunities and their entries into a company that has its contacts."""
    contacts = {each["no"]: each for each in company.tables["Contact"]}
    known = [cells for cells in table("opportunities") if cells[2] in contacts]
    company.tables["Opportunity"] = [_opportunity(company, contacts[cells[2]], cells) for cells in known]
    company.tables["Opportunity Entry"] = [
        _entry(company, number, cells) for number, cells in enumerate(known, start=1) if cells[4]
    ]


def _opportunity(company: CompanyRows, contact: Row, cells: list[str]) -> Row:
    number, description, contact_number, seller, action, _, _, closes, _ = cells
    is_closed = action in ("Won", "Lost")
    values: Row = {
        "no": number,
        "description": description,
        "contactNo": contact_number,
        "contactCompanyNo": contact["companyNo"],
        "salespersonCode": seller,
        "creationDate": _CREATED,
        "status": _STATUS.get(action, "In_x0020_Progress"),
        "priority": "Normal",
        "closed": is_closed,
        "dateClosed": closes if is_closed else None,
    }
    return row(company, "Opportunity", number, values)


def _entry(company: CompanyRows, entry_number: int, cells: list[str]) -> Row:
    number, _, _, seller, action, value, probability, closes, chances = cells
    values: Row = {
        "entryNo": entry_number,
        "opportunityNo": number,
        "salespersonCode": seller,
        "active": True,
        "dateOfChange": _CREATED,
        "actionTaken": action,
        "estimatedValueLCY": float(value),
        "calcdCurrentValueLCY": float(value) * float(probability) / 100,
        "probability": float(probability),
        "chancesOfSuccess": float(chances),
        "estimatedCloseDate": closes,
    }
    return row(company, "Opportunity Entry", str(entry_number), values)
