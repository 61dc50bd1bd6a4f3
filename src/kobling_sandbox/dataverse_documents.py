"""Orders, invoices and their products: what they need, and the amounts that Dataverse works out of them."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, invalid, missing
from kobling_sandbox.dataverse_products import after
from kobling_sandbox.dataverse_rules import Changes, EntityRules
from kobling_sandbox.rows import Row

_CENT = Decimal("0.01")
_CURRENCY, _CUSTOMER, _LIST = "_transactioncurrencyid_value", "_customerid_value", "_pricelevelid_value"
_PRODUCT, _UNIT = "_productid_value", "_uomid_value"
_DRAFT = 2
_OPEN = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A document and its lines are alike in all kinds."""

    document: str
    line: str
    number: str
    prefix: str

    @property
    def parent(self) -> str:
        """The key of a line that names its document."""
        return f"_{self.document}id_value"


_KINDS = (
    _Kind(document="invoice", line="invoicedetail", number="invoicenumber", prefix="INV"),
    _Kind(document="salesorder", line="salesorderdetail", number="ordernumber", prefix="ORD"),
)


def _number(value: Any) -> Decimal:
    return Decimal(value or 0)


def _prepare_document(kind: _Kind, changes: Changes, values: Row, row: Row | None) -> None:
    if after(values, row, _CUSTOMER) is None:
        raise missing("customerid", kind.document)
    if row is None and not values.get(kind.number):
        values[kind.number] = f"{kind.prefix}-{len(changes.store.rows(kind.document)) + 1001:05}"
    if row is None and values.get(_CURRENCY) is None:
        values[_CURRENCY] = changes.base_currency()
    price_list = changes.store.rows("pricelevel").get(after(values, row, _LIST) or "")
    if price_list is not None and price_list.get(_CURRENCY) != after(values, row, _CURRENCY):
        raise invalid(f"The currency of the {kind.document} is not that of its price list.")
    values |= _totals(kind, changes, values, row)


def _totals(kind: _Kind, changes: Changes, values: Row, row: Row | None) -> Row:
    lines: list[Row] = []
    if row is not None:
        lines = changes.store.rows(kind.line).find(kind.parent, row[f"{kind.document}id"])
    items = sum((_number(one.get("extendedamount")) - _number(one.get("tax")) for one in lines), Decimal(0))
    tax = sum((_number(one.get("tax")) for one in lines), Decimal(0))
    discounts = sum((_number(one.get("manualdiscountamount")) for one in lines), Decimal(0))
    share = _number(after(values, row, "discountpercentage")) / 100
    discount = _number(after(values, row, "discountamount")) + (items * share).quantize(_CENT, ROUND_HALF_UP)
    freight = _number(after(values, row, "freightamount"))
    return {
        "totallineitemamount": items,
        "totallineitemdiscountamount": discounts,
        "totaldiscountamount": discount + discounts,
        "totalamountlessfreight": items - discount,
        "totaltax": tax,
        "totalamount": items - discount + freight + tax,
    }


def _prepare_line(kind: _Kind, changes: Changes, values: Row, row: Row | None) -> None:
    document = changes.store.rows(kind.document).get(after(values, row, kind.parent) or "")
    if document is None:
        raise missing(f"{kind.document}id", kind.line)
    if document.get("statecode", _OPEN) != _OPEN:
        raise invalid(f"The {kind.document} is closed, so its products cannot be changed.")
    if after(values, row, "isproductoverridden"):
        if not after(values, row, "productdescription"):
            raise missing("productdescription", kind.line)
    else:
        _check_product(kind, changes, values, row, document)
    values[_CURRENCY] = document.get(_CURRENCY)
    amount = (_number(after(values, row, "priceperunit")) * _number(after(values, row, "quantity"))).quantize(
        _CENT, ROUND_HALF_UP
    )
    discount, tax = (_number(after(values, row, name)) for name in ("manualdiscountamount", "tax"))
    values |= {"baseamount": amount, "extendedamount": amount - discount + tax}


def _check_product(kind: _Kind, changes: Changes, values: Row, row: Row | None, document: Row) -> None:
    product = changes.store.rows("product").get(after(values, row, _PRODUCT) or "")
    if product is None:
        raise missing("productid", kind.line)
    unit = changes.store.rows("uom").get(after(values, row, _UNIT) or "")
    if unit is None:
        raise missing("uomid", kind.line)
    if unit.get("_uomscheduleid_value") != product.get("_defaultuomscheduleid_value"):
        raise invalid("The unit does not belong to the schedule.")
    if product.get("statecode") == _DRAFT:
        raise invalid("A product that is a draft cannot be sold.")
    if document.get(_LIST) is None:
        raise DataverseError(400, "0x80043b1d", "The price level is missing.")
    if row is None and not after(values, row, "ispriceoverridden"):
        values["priceperunit"] = _listed(changes, document[_LIST], product["productid"], unit["uomid"])


def _listed(changes: Changes, price_list: str, product: str, unit: str) -> Any:
    for item in changes.store.rows("productpricelevel").find(_PRODUCT, product):
        if (item.get(_LIST), item.get(_UNIT)) == (price_list, unit):
            return item.get("amount")
    raise DataverseError(400, "0x80043b1e", "The product and unit are not in the price list.")


def _add_up(kind: _Kind, changes: Changes, line: Row, user: str) -> None:
    """The document's totals follow each change of a line."""
    document = changes.store.rows(kind.document).get(line.get(kind.parent) or "")
    if document is not None:
        changes.change(kind.document, document, _totals(kind, changes, {}, document), user)


def _rules_of(kind: _Kind) -> dict[str, EntityRules]:
    def prepare_document(changes: Changes, values: Row, row: Row | None) -> None:
        _prepare_document(kind, changes, values, row)

    def prepare_line(changes: Changes, values: Row, row: Row | None) -> None:
        _prepare_line(kind, changes, values, row)

    def add_up(changes: Changes, line: Row, user: str) -> None:
        _add_up(kind, changes, line, user)

    return {
        kind.document: EntityRules(prepare=prepare_document),
        kind.line: EntityRules(prepare=prepare_line, after_write=add_up),
    }


DOCUMENT_RULES = {name: rules for kind in _KINDS for name, rules in _rules_of(kind).items()}
