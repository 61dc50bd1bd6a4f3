"""Rows of a data set put into Dataverse's store, and users made when they first come."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kobling_sandbox.datasets import setup
from kobling_sandbox.datasets.model import Dataset, Reference, identifier
from kobling_sandbox.dataverse_model import Entity, Model, target_key
from kobling_sandbox.dataverse_options import TABLE, option_rows
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store

_OWNER = "_ownerid_value"
_CURRENCY = "_transactioncurrencyid_value"
_CENT = Decimal("0.01")


class PersonRows:
    """The systemusers of client ids."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def ensure(self, application: str) -> str:
        """The id of the user of a client id; a person is enabled and unlicensed."""
        identifier = setup.user_id(application)
        if self.store.rows("systemuser").get(identifier) is None:
            row = setup.person(application, "", application, licensed=False)
            row["fullname"] = application
            self.store.load("systemuser", [_stored_user(row, identifier)])
        return identifier


def _stored_user(row: dict[str, Any], identifier: str) -> Row:
    stored = {key: value for key, value in row.items() if value not in (None, "")}
    stored["_businessunitid_value"] = stored.pop("businessunitid")
    stored["_createdby_value"] = stored["_modifiedby_value"] = identifier
    return stored


def load_rows(model: Model, dataset: Dataset) -> None:
    """Replaces every row by those of the data set. Tables are filled in the order of the data set."""
    model.store.restore({"version": model.store.version, "tables": [], "tombstones": []})
    rates = {
        str(row["transactioncurrencyid"]): _exact(row["exchangerate"])
        for row in dataset.dataverse.get("transactioncurrency", ())
    }
    base = next((row.get("basecurrencyid") for row in dataset.dataverse.get("organization", ())), None)
    model.store.load(TABLE, (_option(row) for row in option_rows(model.store.tables)))
    for name, rows in dataset.dataverse.items():
        entity = model.entities[name]
        model.store.load(name, (_stored(entity, row, rates, base) for row in rows))


def _option(row: Row) -> Row:
    key = "/".join(str(row[name]) for name in ("objecttypecode", "attributename", "attributevalue"))
    return {"stringmapid": identifier("stringmap", key), **row}


def _stored(entity: Entity, given: dict[str, Any], rates: dict[str, Any], base: Any) -> Row:
    row: Row = {}
    for name, value in given.items():
        column = entity.table.columns.get(name)
        assert column is not None, f"{entity.name} has no column {name}"
        if value is None or value == "":
            continue
        if isinstance(value, Reference):
            row[column.stored] = value.id
            row[target_key(column)] = value.table
        elif column.is_lookup:
            row[column.stored] = value
            if len(column.targets) > 1:
                row[target_key(column)] = column.targets[0]
        else:
            row[name] = _exact(value) if column.type in ("decimal", "money", "double") else value
    _complete(entity, row, rates, base)
    return row


def _complete(entity: Entity, row: Row, rates: dict[str, Any], base: Any) -> None:
    columns = entity.table.columns
    author = setup.user_id(setup.INTEGRATION_USER)
    row.setdefault("_createdby_value", author)
    row.setdefault("_modifiedby_value", row["_createdby_value"])
    if entity.status_of_state:
        row.setdefault("statecode", 0)
        row.setdefault("statuscode", entity.status_of_state.get(row["statecode"], 1))
    if "ownerid" in columns:
        row.setdefault(_OWNER, row["_createdby_value"])
        row.setdefault(f"{_OWNER}@table", "systemuser")
        part = "team" if row[f"{_OWNER}@table"] == "team" else "user"
        row[f"_owning{part}_value"] = row[_OWNER]
        row.setdefault("_owningbusinessunit_value", setup.BUSINESS_UNIT)
    amounts = [name for name in entity.money if name in row]
    if amounts:
        row.setdefault(_CURRENCY, base)
    if entity.money and _CURRENCY in row:
        rate = rates.get(row[_CURRENCY], Decimal(1))
        row["exchangerate"] = rate
        row.update(
            {f"{name}_base": (Decimal(row[name]) / rate).quantize(_CENT, ROUND_HALF_UP) for name in amounts}
        )


def _exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value
