"""What a client sees of a table: the names of its fields, and how a stored row becomes an answer.

Two routes show the same tables: API v2.0 with its own names, and the extension's with the names of the
fields in camel case. A stored row holds only what is not blank; the blanks are put in here.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kobling_sandbox.business_central_errors import BusinessCentralError, bad_request
from kobling_sandbox.business_central_flows import flow_reader
from kobling_sandbox.business_central_values import BLANK_ID, blank, checker, guid, member_text
from kobling_sandbox.odata import Property
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store
from kobling_sandbox.tables import Column, Table

STANDARD, EXTENSION = "api/v2.0", "api/kobling/sync/v1.0"
_ENTITY_NAMES = {
    "companies": "company",
    "currencies": "currency",
    "salespeoplePurchasers": "salespersonPurchaser",
    "countriesRegions": "countryRegion",
    "unitsOfMeasure": "unitOfMeasure",
    "paymentTerms": "paymentTerm",
    "companyInformation": "companyInformation",
    "itemUnitsOfMeasure": "itemUnitOfMeasure",
    "itemLedgerEntries": "itemLedgerEntry",
    "resourceUnitsOfMeasure": "resourceUnitOfMeasure",
    "resCapacityEntries": "resCapacityEntry",
    "salesReceivablesSetup": "salesReceivablesSetup",
    "opportunities": "opportunity",
    "opportunityEntries": "opportunityEntry",
    "custLedgerEntries": "custLedgerEntry",
    "detailedCustLedgEntries": "detailedCustLedgEntry",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an entity. `refers` is set when the field shows the id of the row that a code names."""

    name: str
    column: Column
    blank: object
    check: Callable[[object], object]
    create: bool
    update: bool
    refers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A table as one route shows it."""

    route: str
    table: Table
    fields: Mapping[str, Field]
    navigation: Mapping[str, Column] = field(default_factory=dict)

    @property
    def type_name(self) -> str:
        """The name of one row's type: `customer` for the set `customers`."""
        return _ENTITY_NAMES.get(self.table.set_name, self.table.set_name.removesuffix("s"))

    def allows(self, change: str) -> bool:
        """Whether the route takes `create`, `update` or `delete`."""
        rules = self.table.rules
        if rules.get("log") or (self.route == STANDARD and rules.get("api_readonly")):
            return False
        if rules.get("append_only"):
            return change == "create"
        return change == "update" or not rules.get("single")

    def field(self, name: str) -> Field:
        """The field, or the error for a name that the type does not have."""
        found = self.fields.get(name)
        if found is None:
            raise bad_request(
                f"The property '{name}' does not exist on type 'Microsoft.NAV.{self.type_name}'. "
                "Make sure to only use property names that are defined by the type."
            )
        return found


def entities(tables: Mapping[str, Table], route: str) -> dict[str, Entity]:
    """The entities of a route by set name."""
    chosen = (_entity(table, tables, route) for table in tables.values())
    return {entity.table.set_name: entity for entity in chosen if entity is not None}


def _entity(table: Table, tables: Mapping[str, Table], route: str) -> Entity | None:
    names = {name: name for name in table.columns}
    if route == STANDARD and table.name != "Company":
        if "api" not in table.rules:
            return None
        names = table.rules["api"]
    fields = {name: _field(name, source, table) for name, source in names.items()}
    return Entity(route=route, table=table, fields=fields, navigation=_navigation(table, tables))


def _field(name: str, source: str, table: Table) -> Field:
    refers = source.startswith("@")
    column = table.columns[source.removeprefix("@")]
    return Field(
        name=name,
        column=column,
        blank=BLANK_ID if refers else blank(column),
        check=guid if refers else checker(column),
        create=column.create,
        update=column.update,
        refers=refers,
    )


def _navigation(table: Table, tables: Mapping[str, Table]) -> dict[str, Column]:
    """The single-valued ones: `currency` leads from `currencyCode` to the row of that code."""
    found: dict[str, Column] = {}
    for column in table.columns.values():
        related = column.rules.get("relation", "").rpartition(".")[0]
        if related:
            set_name = tables[related].set_name
            found.setdefault(_ENTITY_NAMES.get(set_name, set_name.removesuffix("s")), column)
    return found


class View:
    """One entity in one company: renders rows and answers what a query may name."""

    def __init__(
        self, entity: Entity, store: Store, company: str, neighbours: Callable[[str], "View | None"]
    ) -> None:
        self.entity, self.store, self.company = entity, store, company
        # The view of another set of the same route and company by its table's name.
        self.neighbours = neighbours
        self.blanks = {name: each.blank for name, each in entity.fields.items()}
        self.readers = {name: self._reader(each) for name, each in entity.fields.items()}
        self.flows = [name for name, each in entity.fields.items() if "flow" in each.column.rules]

    @property
    def local_currency(self) -> str:
        """API v2.0 shows this code where the table holds a blank; the extension shows the blank."""
        if self.entity.route == EXTENSION:
            return ""
        setups = self.store.rows("General Ledger Setup", self.company).by_id.values()
        return next((str(row.get("lcyCode", "")) for row in setups), "")

    def related(self, column: Column, code: object) -> Row | None:
        """The row that a code names in the column's related table."""
        table, _, key = str(column.rules["relation"]).rpartition(".")
        return next(iter(self.store.rows(table, self.company).find(key, code)), None) if code else None

    def _reader(self, each: Field) -> Callable[[Row], Any]:
        key, empty = each.column.name, each.blank
        if "flow" in each.column.rules:
            return flow_reader(self.store, self.company, each.column)
        if each.refers:
            return lambda row: (self.related(each.column, row.get(key)) or {}).get("id", BLANK_ID)
        if key == "currencyCode" and self.entity.route == STANDARD:
            return lambda row: row.get(key) or self.local_currency
        return lambda row: row.get(key, empty)

    def render(self, row: Row, names: tuple[str, ...] = ()) -> Row:
        """The row as a client sees it, all fields or the chosen ones. `id` is shown when it is chosen."""
        if self.entity.route == EXTENSION and not names:
            flows = {name: self.readers[name](row) for name in self.flows}
            return {"@odata.etag": etag(row), **self.blanks, **row, **flows}
        shown: Row = {"@odata.etag": etag(row)}
        readers = self.readers
        for name in names or readers:
            shown[name] = readers[name](row)
        return shown

    def property(self, name: str) -> Property | None:
        """What a filter or an order may name; None for an unknown name. Options read as plain text."""
        each = self.entity.fields.get(name)
        if each is None:
            return None
        read = self.readers[name]
        if each.column.type == "option":
            return Property(name, "option", lambda row: member_text(read(row)))
        kind = "guid" if each.refers else each.column.type
        shown_otherwise = each.refers or "flow" in each.column.rules
        exact = not shown_otherwise and not (name == "currencyCode" and self.entity.route == STANDARD)
        return Property(name, kind, read, each.column.name if exact else "")

    def read_body(self, body: object, change: str) -> Row:
        """The values of a body by column, checked one by one and in the order sent."""
        if not isinstance(body, dict):
            raise bad_request("Invalid Request Body")
        values: Row = {}
        for name, value in body.items():
            if name.partition("@")[1]:
                continue  # an annotation such as @odata.etag says nothing about the row
            each = self.entity.field(name)
            if not (each.create if change == "create" else each.update):
                self._refuse(name)
            kept = each.check(value)
            values[each.column.name] = self._code_of(each, str(kept)) if each.refers else kept
        if values.get("currencyCode") and values["currencyCode"] == self.local_currency:
            values["currencyCode"] = ""
        return values

    def _refuse(self, name: str) -> None:
        if name == "id":
            raise bad_request("The id cannot be changed.", "Application_DialogException")
        raise bad_request(f"Control '{name}' is read-only.", "BadRequest_InvalidOperation")

    def _code_of(self, each: Field, identifier: str) -> object:
        table, _, key = str(each.column.rules["relation"]).rpartition(".")
        if identifier == BLANK_ID:
            return ""
        row = self.store.rows(table, self.company).get(identifier)
        if row is None:
            caption = self.store.tables[table].caption
            raise BusinessCentralError(
                400,
                "Application_DialogException",
                f'The "{each.name}" does not match to a {caption}.',
            )
        return row[key]


def etag(row: Row) -> str:
    """The row's ETag: the encoded text holds the row version, as the service's own tags do."""
    digits = f"{row['systemRowVersion']:019}"
    text = f"'{len(digits)};1{digits};00;'"
    return f'W/"{base64.b64encode(text.encode()).decode()}"'
