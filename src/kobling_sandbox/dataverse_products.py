"""Unit groups, units, products, price lists and their items: how Dataverse keeps them consistent."""

from decimal import Decimal
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, exists, invalid, missing
from kobling_sandbox.dataverse_rules import Changes, EntityRules
from kobling_sandbox.rows import Row

_GROUP = "_uomscheduleid_value"
_UNIT = "_uomid_value"
_DEFAULT_GROUP = "_defaultuomscheduleid_value"
_DEFAULT_UNIT = "_defaultuomid_value"
_CURRENCY = "_transactioncurrencyid_value"
_LIST = "_pricelevelid_value"
_PRODUCT = "_productid_value"
_BASE = "isschedulebaseuom"
_DRAFT = 2
_AMOUNT = 1


def after(values: Row, row: Row | None, key: str) -> Any:
    """The value of a column as it will be after the write."""
    return values[key] if key in values else (row or {}).get(key)


def _prepare_group(changes: Changes, values: Row, row: Row | None) -> None:
    if row is None and not values.get("baseuomname"):
        raise DataverseError(400, "0x80043810", "baseuomname not specified")


def _make_base_unit(changes: Changes, group: Row, user: str) -> None:
    """A new group has its base unit from the start."""
    values = {
        "name": group["baseuomname"],
        "quantity": Decimal(1),
        _BASE: True,
        _GROUP: group["uomscheduleid"],
    }
    changes.make("uom", values, user)


def _prepare_unit(changes: Changes, values: Row, row: Row | None) -> None:
    group = after(values, row, _GROUP)
    if group is None:
        raise missing("uomscheduleid", "uom")
    if after(values, row, "quantity") is None:
        raise missing("quantity", "uom")
    if row is None and changes.store.rows("uomschedule").by_id[group].get("statecode", 0) != 0:
        raise invalid("A unit cannot be added to a unit group that is inactive.")
    if row is not None and row.get(_BASE):
        _check_base(values)
        return
    if not after(values, row, "quantity") > 0:
        raise invalid("The quantity of a unit must be greater than zero.")
    base = after(values, row, "_baseuom_value")
    if base is None:
        values["_baseuom_value"] = _base_of(changes, group)
    elif changes.store.rows("uom").by_id[base].get(_GROUP) != group:
        raise invalid("The base unit does not belong to the unit group of the unit.")


def _check_base(values: Row) -> None:
    if values.get("quantity", 1) != 1:
        raise invalid("The quantity of the base unit of a unit group is 1.")
    if values.get("_baseuom_value") is not None:
        text = "Do not use a base unit as the value for a primary unit. This value should always be null."
        raise DataverseError(400, "0x80043b17", text)


def _base_of(changes: Changes, group: str) -> Any:
    units = changes.store.rows("uom").find(_GROUP, group)
    return next((unit["uomid"] for unit in units if unit.get(_BASE)), None)


def _keep_base_unit(changes: Changes, unit: Row) -> None:
    if unit.get(_BASE):
        raise DataverseError(400, "0x80043b03", "The base unit of a schedule cannot be deleted.")


def _prepare_product(changes: Changes, values: Row, row: Row | None) -> None:
    group, unit = after(values, row, _DEFAULT_GROUP), after(values, row, _DEFAULT_UNIT)
    for name, value in (("defaultuomscheduleid", group), ("defaultuomid", unit)):
        if value is None:
            raise missing(name, "product")
    if row is not None and row.get("statecode") != _DRAFT and group != row.get(_DEFAULT_GROUP):
        raise DataverseError(
            400, "0x8004F975", "You can Only update draft products: the unit group is fixed."
        )
    _check_unit(changes, unit, group)


def _check_unit(changes: Changes, unit: str, group: str) -> None:
    if changes.store.rows("uom").by_id[unit].get(_GROUP) != group:
        raise invalid("The unit does not belong to the schedule.")


def _prepare_list(changes: Changes, values: Row, row: Row | None) -> None:
    if row is None and values.get(_CURRENCY) is None:
        values[_CURRENCY] = changes.base_currency()
    begins, ends = after(values, row, "begindate"), after(values, row, "enddate")
    if begins and ends and begins > ends:
        raise invalid("The end date of a price list must not lie before its start date.")


def _prepare_list_item(changes: Changes, values: Row, row: Row | None) -> None:
    for name, key in (("pricelevelid", _LIST), ("productid", _PRODUCT), ("uomid", _UNIT)):
        if after(values, row, key) is None:
            raise missing(name, "productpricelevel")
    price_list = changes.store.rows("pricelevel").by_id[after(values, row, _LIST)]
    product = changes.store.rows("product").by_id[after(values, row, _PRODUCT)]
    _check_unit(changes, after(values, row, _UNIT), product.get(_DEFAULT_GROUP, ""))
    wanted = after(values, row, "pricingmethodcode") or _AMOUNT
    amount = "amount" if wanted == _AMOUNT else "percentage"
    if after(values, row, amount) is None:
        raise missing(amount, "productpricelevel")
    _check_once(changes, values, row)
    values |= {
        "pricingmethodcode": wanted,
        "productnumber": product["productnumber"],
        "_uomscheduleid_value": product[_DEFAULT_GROUP],
        _CURRENCY: price_list.get(_CURRENCY),
    }


def _check_once(changes: Changes, values: Row, row: Row | None) -> None:
    """A product and a unit have one price in a list."""
    keys = (_LIST, _PRODUCT, _UNIT)
    wanted = [after(values, row, key) for key in keys]
    for other in changes.store.rows("productpricelevel").find(_PRODUCT, wanted[1]):
        is_itself = row is not None and other["productpricelevelid"] == row["productpricelevelid"]
        if not is_itself and [other.get(key) for key in keys] == wanted:
            raise exists("This product and unit combination has a price for this price list.")


PRODUCT_RULES = {
    "uomschedule": EntityRules(prepare=_prepare_group, after_create=_make_base_unit),
    "uom": EntityRules(prepare=_prepare_unit, before_delete=_keep_base_unit),
    "product": EntityRules(prepare=_prepare_product),
    "pricelevel": EntityRules(prepare=_prepare_list),
    "productpricelevel": EntityRules(prepare=_prepare_list_item),
}
