"""What Business Central does by itself with price groups, sales prices, price lists and their lines."""

from decimal import Decimal

from kobling_sandbox.business_central_derive import changes, value_of
from kobling_sandbox.business_central_errors import dialog
from kobling_sandbox.business_central_writes import Company, Rules
from kobling_sandbox.rows import Row

_GROUP = "Customer_x0020_Price_x0020_Group"
_ALL_CUSTOMERS = "All_x0020_Customers"
_FROM_GROUP = ("priceIncludesVAT", "vatBusPostingGrPrice", "allowLineDisc", "allowInvoiceDisc")
# What a line takes from its header.
_SHARED = (
    "sourceGroup",
    "sourceType",
    "sourceNo",
    "parentSourceNo",
    "priceType",
    "currencyCode",
    "startingDate",
    "endingDate",
    "status",
    *_FROM_GROUP,
)
# What nobody may change in a price list that is no draft.
_FIXED = (*(name for name in _SHARED if name not in ("status", "sourceGroup")), "amountType", "code")
_ANYBODY = ("All", _ALL_CUSTOMERS, "All_x0020_Vendors", "All_x0020_Jobs")
_SOURCE_GROUPS = {
    _ALL_CUSTOMERS: "Customer",
    "Customer": "Customer",
    _GROUP: "Customer",
    "Customer_x0020_Disc_x002E__x0020_Group": "Customer",
    "Contact": "Customer",
    "Campaign": "Customer",
    "All_x0020_Vendors": "Vendor",
    "Vendor": "Vendor",
    "All_x0020_Jobs": "Job",
    "Job": "Job",
    "Job_x0020_Task": "Job",
}
_LINE_STEP = 10_000


def _check_dates(old: Row | None, values: Row) -> None:
    begins, ends = value_of(old, values, "startingDate"), value_of(old, values, "endingDate")
    if begins and ends and ends != "0001-01-01" and begins > ends:
        raise dialog(f"Starting Date {begins} cannot be after Ending Date {ends}.")


def _derive_sales_price(company: Company, old: Row | None, values: Row) -> None:
    _check_dates(old, values)
    kind, code = value_of(old, values, "salesType") or "Customer", value_of(old, values, "salesCode")
    if kind == _ALL_CUSTOMERS:
        if code:
            raise dialog("Sales Code must be blank when Sales Type is All Customers.")
        return
    if not code:
        raise dialog("Sales Code must have a value in Sales Price. It cannot be zero or empty.")
    if old is None and kind == _GROUP:
        for group in company.find("Customer Price Group", "code", code):
            _take(group, values, _FROM_GROUP)
    elif old is None and kind == "Customer":
        for customer in company.find("Customer", "no", code):
            _take(customer, values, ("currencyCode",))


def _take(source: Row, values: Row, names: tuple[str, ...]) -> None:
    for name in names:
        if name in source:
            values.setdefault(name, source[name])


def _delete_group_prices(company: Company, group: Row) -> None:
    for price in company.find("Sales Price", "salesCode", group["code"]):
        if price.get("salesType") == _GROUP:
            company.delete("Sales Price", price)


def delete_prices(company: Company, asset_type: str, number: str) -> None:
    """Prices of an item or resource that is gone go too."""
    for price in company.find("Sales Price", "itemNo", number) if asset_type == "Item" else ():
        company.delete("Sales Price", price)
    for line in company.find("Price List Line", "assetNo", number):
        if line.get("assetType") == asset_type:
            company.delete("Price List Line", line)


def _derive_header(company: Company, old: Row | None, values: Row) -> None:
    _check_dates(old, values)
    kind = value_of(old, values, "sourceType") or "All"
    values["sourceGroup"] = _SOURCE_GROUPS.get(kind, "All")
    if kind in _ANYBODY and value_of(old, values, "sourceNo"):
        raise dialog("Assign-to No. must be blank for this Assign-to Type.")
    if kind not in _ANYBODY and not value_of(old, values, "sourceNo"):
        raise dialog("Assign-to No. must have a value in Price List Header. It cannot be zero or empty.")
    if old is not None and value_of(old, values, "status") != "Draft" and not _is_draft(old):
        blanks = company.tables.facts["Price List Header"].blanks
        if any(values[name] != old.get(name, blanks[name]) for name in _FIXED if name in values):
            _refuse("Price List Header")
    if old is not None and changes(old, values, "status") and values["status"] == "Active":
        _check_lines(company, old)


def _is_draft(header: Row) -> bool:
    return bool(header.get("status", "Draft") == "Draft")


def _refuse(table: str) -> None:
    raise dialog(f"Status must be equal to 'Draft' in {table}.")


def _check_lines(company: Company, header: Row) -> None:
    """A price list is verified when it becomes active."""
    for line in company.find("Price List Line", "priceListCode", header["code"]):
        if line.get("assetType") and not line.get("assetNo"):
            raise dialog(
                f"Product No. must have a value in Price List Line {header['code']} {line['lineNo']}."
            )


def _pass_on(company: Company, old: Row, new: Row) -> None:
    """Lines follow their header."""
    blanks = company.tables.facts["Price List Line"].blanks
    changed = {name: new.get(name, blanks[name]) for name in _SHARED if old.get(name) != new.get(name)}
    for line in company.find("Price List Line", "priceListCode", new["code"]) if changed else ():
        company.tables.store.update(
            "Price List Line",
            line["id"],
            {name: None if value == blanks[name] else value for name, value in changed.items()},
            user=company.user,
            company=company.company,
        )


def _delete_lines(company: Company, header: Row) -> None:
    if header.get("status") == "Active":
        raise dialog(f"You cannot delete the active price list {header['code']}.")
    for line in company.find("Price List Line", "priceListCode", header["code"]):
        company.delete("Price List Line", line)


def _derive_line(company: Company, old: Row | None, values: Row) -> None:
    for header in company.find("Price List Header", "code", value_of(old, values, "priceListCode")):
        _check_editable(company, header)
        if old is None:
            _number(company, header, values)
            _take(header, values, (*_SHARED, "amountType"))
    _check_dates(old, values)
    if changes(old, values, "assetNo"):
        _describe(company, old, values)
    if old is None:
        values.setdefault("amountType", _amount_type(values))


def _check_editable(company: Company, header: Row) -> None:
    setups = company.store.rows("Sales & Receivables Setup", company.company).by_id.values()
    may_edit_active = any(setup.get("allowEditingActivePrice") for setup in setups)
    if not _is_draft(header) and not (may_edit_active and header["status"] == "Active"):
        _refuse("Price List Line")


def _number(company: Company, header: Row, values: Row) -> None:
    lines = company.find("Price List Line", "priceListCode", header["code"])
    if not values.get("lineNo"):
        values["lineNo"] = max((line["lineNo"] for line in lines), default=0) + _LINE_STEP


def _amount_type(values: Row) -> str:
    return "Discount" if values.get("lineDiscount") and not values.get("unitPrice") else "Price"


def _describe(company: Company, old: Row | None, values: Row) -> None:
    """The product gives the line its id, text and unit."""
    kind = value_of(old, values, "assetType")
    for asset in company.find(kind, "no", values["assetNo"]) if kind in ("Item", "Resource") else ():
        values["assetID"] = asset["id"]
        values.setdefault("description", asset.get("description" if kind == "Item" else "name", ""))
        unit = asset.get("salesUnitOfMeasure") or asset.get("baseUnitOfMeasure")
        if unit:
            values.setdefault("unitOfMeasureCode", unit)
        price = asset.get("unitPrice", Decimal(0))
        if old is None and price:
            values.setdefault("unitPrice", price)


def _keep_active(company: Company, line: Row) -> None:
    for header in company.find("Price List Header", "code", line["priceListCode"]):
        _check_editable(company, header)


PRICE_RULES = {
    "Customer Price Group": Rules(after_delete=_delete_group_prices),
    "Sales Price": Rules(derive=_derive_sales_price),
    "Price List Header": Rules(derive=_derive_header, after_change=_pass_on, after_delete=_delete_lines),
    "Price List Line": Rules(derive=_derive_line, after_delete=_keep_active),
}
