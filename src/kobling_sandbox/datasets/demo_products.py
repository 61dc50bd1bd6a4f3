"""What the demo company sells: items and resources with their units, groups and entries."""

from kobling_sandbox.datasets.demo_tables import row, table
from kobling_sandbox.datasets.model import CompanyRows, Row

WRITE_IN = "1021"
_ENTRY_DATE = "2026-01-02"


def fill_products(company: CompanyRows) -> None:
    """Put items and resources, and all that Business Central makes with them, into a company."""
    tables = company.tables
    tables["Item"] = [_item(company, cells) for cells in table("items")]
    tables["Resource"] = [_resource(company, cells) for cells in table("resources")]
    tables["Item Unit of Measure"] = _units(company, "Item", "itemNo", _item_units())
    tables["Resource Unit of Measure"] = _units(company, "Resource", "resourceNo", _resource_units())
    tables["Item Ledger Entry"] = _entries(
        company, "Item Ledger Entry", [(cells[0], cells[10]) for cells in table("items")]
    )
    tables["Res. Capacity Entry"] = _entries(
        company, "Res. Capacity Entry", [(cells[0], cells[9]) for cells in table("resources")]
    )
    tables["Unit Group"] = [
        _group(company, kind, each) for kind in ("Item", "Resource") for each in tables[kind]
    ]
    for setup_row in tables["Sales & Receivables Setup"]:
        setup_row["writeInProductNo"] = WRITE_IN


def _item(company: CompanyRows, cells: list[str]) -> Row:
    number, description, unit, price, cost, vendor, vendor_item, weight, kind, volume, _, blocked = cells
    values: Row = {
        "no": number,
        "description": description,
        "searchDescription": description.upper(),
        "baseUnitOfMeasure": unit,
        "salesUnitOfMeasure": unit,
        "purchUnitOfMeasure": unit,
        "unitPrice": float(price),
        "unitCost": float(cost),
        "vendorNo": vendor,
        "vendorItemNo": vendor_item,
        "grossWeight": float(weight),
        "unitVolume": float(volume),
        "type": kind,
        "blocked": bool(blocked),
    }
    return row(company, "Item", number, values)


def _resource(company: CompanyRows, cells: list[str]) -> Row:
    number, name, kind, unit, price, cost, vendor, *_, blocked = cells
    values: Row = {
        "no": number,
        "name": name,
        "searchName": name.upper(),
        "type": kind,
        "baseUnitOfMeasure": unit,
        "unitPrice": float(price),
        "unitCost": float(cost),
        "vendorNo": vendor,
        "blocked": bool(blocked),
    }
    return row(company, "Resource", number, values)


def _item_units() -> list[tuple[str, str, float]]:
    further = [(number, code, float(quantity)) for number, code, quantity in table("item_units")]
    return [(cells[0], cells[2], 1.0) for cells in table("items")] + further


def _resource_units() -> list[tuple[str, str, float]]:
    further = [(cells[0], cells[7], float(cells[8])) for cells in table("resources") if cells[7]]
    return [(cells[0], cells[3], 1.0) for cells in table("resources")] + further


def _units(company: CompanyRows, kind: str, key: str, units: list[tuple[str, str, float]]) -> list[Row]:
    own: Row = {"relatedToBaseUnitOfMeas": True} if kind == "Resource" else {}
    return [
        row(
            company,
            f"{kind} Unit of Measure",
            f"{number}/{code}",
            {key: number, "code": code, "qtyPerUnitOfMeasure": quantity, **own},
        )
        for number, code, quantity in units
    ]


def _entries(company: CompanyRows, name: str, amounts: list[tuple[str, str]]) -> list[Row]:
    """One entry for each amount that is not zero."""
    some = [(number, float(amount)) for number, amount in amounts if float(amount)]
    rows = []
    for entry_number, (number, amount) in enumerate(some, start=1):
        values: Row = {"entryNo": entry_number}
        if name == "Item Ledger Entry":
            kind = "Positive_x0020_Adjmt_x002E_" if amount > 0 else "Negative_x0020_Adjmt_x002E_"
            values |= {"itemNo": number, "quantity": amount, "postingDate": _ENTRY_DATE, "entryType": kind}
        else:
            values |= {"resourceNo": number, "capacity": amount, "date": _ENTRY_DATE}
        rows.append(row(company, name, str(entry_number), values))
    return rows


def _group(company: CompanyRows, kind: str, source: Row) -> Row:
    values: Row = {"sourceType": kind, "sourceId": source["id"], "sourceNo": source["no"]}
    return row(company, "Unit Group", f"{kind}/{source['no']}", values)
