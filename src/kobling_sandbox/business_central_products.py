"""What Business Central does by itself with items and resources: their units, groups and entries."""

from collections.abc import Callable
from dataclasses import dataclass

from kobling_sandbox.business_central_derive import changes, fill_search_name, value_of
from kobling_sandbox.business_central_errors import dialog
from kobling_sandbox.business_central_prices import delete_prices
from kobling_sandbox.business_central_writes import Company, Rules
from kobling_sandbox.rows import Row

_BASE = "baseUnitOfMeasure"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Items and resources are alike: `units` is the table of their units, `key` its column for the number."""

    table: str
    units: str
    key: str


_ITEM = _Kind(table="Item", units="Item Unit of Measure", key="itemNo")
_RESOURCE = _Kind(table="Resource", units="Resource Unit of Measure", key="resourceNo")


def _derive_item(company: Company, old: Row | None, values: Row) -> None:
    fill_search_name(old, values, "description", "searchDescription")
    if changes(old, values, _BASE):
        # Selling and buying are done in the base unit until somebody chooses another one.
        values.setdefault("salesUnitOfMeasure", values[_BASE])
        values.setdefault("purchUnitOfMeasure", values[_BASE])


def _derive_resource(company: Company, old: Row | None, values: Row) -> None:
    fill_search_name(old, values, "name", "searchName")


def unit_of(company: Company, kind_table: str, number: object, code: object) -> Row | None:
    """The row of an item's or resource's unit, or None."""
    kind = _ITEM if kind_table == "Item" else _RESOURCE
    units = company.find(kind.units, kind.key, number)
    return next((unit for unit in units if unit["code"] == code), None)


def _made(kind: _Kind) -> Callable[[Company, Row], None]:
    def after_create(company: Company, row: Row) -> None:
        """A new item or resource gets its unit group and the row of its base unit."""
        company.create("Unit Group", {"sourceType": kind.table, "sourceNo": row["no"]})
        _ensure_base_unit(kind, company, row)

    return after_create


def _changed(kind: _Kind) -> Callable[[Company, Row, Row], None]:
    def after_change(company: Company, old: Row, new: Row) -> None:
        if old.get(_BASE) != new.get(_BASE):
            _ensure_base_unit(kind, company, new)

    return after_change


def _ensure_base_unit(kind: _Kind, company: Company, row: Row) -> None:
    code = row.get(_BASE)
    if not code:
        return
    unit = unit_of(company, kind.table, row["no"], code)
    if unit is None:
        company.create(kind.units, {kind.key: row["no"], "code": code, "qtyPerUnitOfMeasure": 1})
    elif unit.get("qtyPerUnitOfMeasure") != 1:
        raise dialog(
            f"The quantity per base unit of measure must be 1. {code} is set up with "
            f"{unit.get('qtyPerUnitOfMeasure', 0)} per unit of measure."
        )


def _deleted(kind: _Kind) -> Callable[[Company, Row], None]:
    def after_delete(company: Company, row: Row) -> None:
        """Units, group and prices go with the item or resource."""
        if kind is _ITEM and company.find("Item Ledger Entry", "itemNo", row["no"]):
            raise dialog(
                f"You cannot delete Item {row['no']} because there is at least one item ledger entry for it."
            )
        delete_prices(company, kind.table, row["no"])
        for unit in company.find(kind.units, kind.key, row["no"]):
            company.delete(kind.units, unit)
        for group in company.find("Unit Group", "sourceNo", row["no"]):
            if group.get("sourceType", "Item") == kind.table:
                company.delete("Unit Group", group)

    return after_delete


def _is_base(kind: _Kind, company: Company, unit: Row) -> bool:
    return any(row.get(_BASE) == unit.get("code") for row in company.find(kind.table, "no", unit[kind.key]))


def _derive_unit(kind: _Kind) -> Callable[[Company, Row | None, Row], None]:
    def derive(company: Company, old: Row | None, values: Row) -> None:
        quantity = values.get("qtyPerUnitOfMeasure", 1)
        if quantity <= 0:
            raise dialog(f"Qty. per Unit of Measure must be greater than 0 in {kind.units}.")
        if old is None or not _is_base(kind, company, old):
            return
        if quantity != 1:
            raise dialog(
                f"Qty. per Unit of Measure must be equal to '1' in {kind.units}: it is the base unit."
            )
        if values.get("code", old["code"]) != old["code"]:
            raise dialog(
                f"{kind.units} {old['code']} cannot be renamed: it is the base unit of {old[kind.key]}."
            )

    return derive


def _unit_deleted(kind: _Kind) -> Callable[[Company, Row], None]:
    def after_delete(company: Company, unit: Row) -> None:
        if _is_base(kind, company, unit):
            raise dialog(
                f"{kind.units} {unit['code']} cannot be deleted: it is the base unit of {unit[kind.key]}."
            )
        for row in company.find(kind.table, "no", unit[kind.key]):
            for key in ("salesUnitOfMeasure", "purchUnitOfMeasure"):
                if row.get(key) == unit["code"]:
                    raise dialog(
                        f"{kind.units} {unit['code']} cannot be deleted: it is in use by {row['no']}."
                    )

    return after_delete


def _derive_group(company: Company, old: Row | None, values: Row) -> None:
    """The group names its item or resource by number and by id."""
    kind = value_of(old, values, "sourceType") or "Item"
    for row in company.find(kind, "no", value_of(old, values, "sourceNo")):
        values["sourceId"] = row["id"]


def number_entry(table: str) -> Callable[[Company, Row | None, Row], None]:
    """The rule that gives an entry the next number of its table."""

    def derive(company: Company, old: Row | None, values: Row) -> None:
        rows = company.store.rows(table, company.company).by_id.values()
        if old is None and not values.get("entryNo"):
            values["entryNo"] = max((row.get("entryNo", 0) for row in rows), default=0) + 1

    return derive


def _rules_of(kind: _Kind, derive: Callable[[Company, Row | None, Row], None]) -> dict[str, Rules]:
    return {
        kind.table: Rules(
            derive=derive,
            after_create=_made(kind),
            after_change=_changed(kind),
            after_delete=_deleted(kind),
        ),
        kind.units: Rules(derive=_derive_unit(kind), after_delete=_unit_deleted(kind)),
    }


PRODUCT_RULES = {
    **_rules_of(_ITEM, _derive_item),
    **_rules_of(_RESOURCE, _derive_resource),
    "Unit Group": Rules(derive=_derive_group),
    "Item Ledger Entry": Rules(derive=number_entry("Item Ledger Entry")),
    "Res. Capacity Entry": Rules(derive=number_entry("Res. Capacity Entry")),
}
