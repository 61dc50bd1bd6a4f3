"""Creating, changing and deleting rows of Dataverse, with the rules that hold whoever writes."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import unquote

from kobling_sandbox.dataverse_errors import DataverseError, exists, invalid, payload
from kobling_sandbox.dataverse_keys import Address, address_of
from kobling_sandbox.dataverse_model import Entity, Model, target_key
from kobling_sandbox.dataverse_rules import entity_rules
from kobling_sandbox.dataverse_states import begin, move
from kobling_sandbox.dataverse_teams import check_owner
from kobling_sandbox.plugins import Plugins
from kobling_sandbox.rows import DuplicateKeyError, Row
from kobling_sandbox.tables import Column

_BIND = "@odata.bind"
_CURRENCY = "_transactioncurrencyid_value"
_OWNER = "_ownerid_value"
_CASCADE_DEPTH_MAX = 10
_ADDRESSES_KEPT = 10_000
_CENT = Decimal("0.01")


class Writes:
    """Every change of a row goes through here. Raises DataverseError for what Dataverse refuses."""

    def __init__(self, model: Model, plugins: Plugins) -> None:
        self.model = model
        self.store = model.store
        self.plugins = plugins
        self.rules = entity_rules()
        # The same few rows are bound by thousands of others; whether they are there is looked at each time.
        self._addresses: dict[str, Address] = {}

    def create(self, entity: Entity, body: dict[str, Any], user: str, identifier: str = "") -> Row:
        """Makes a row from a body; an identifier in the body or given here is the row's own."""
        values = self._values(entity, body, user, creating=True)
        identifier = values.pop(entity.table.key, None) or identifier
        if self.plugins.rules:
            self.plugins.normalise(entity.name, "create", values)
        for name in entity.required:
            if values.get(name) is None:
                raise invalid(f"The '{name}' attribute of the '{entity.name}' entity is required.")
        self._prepare(entity, values, None)
        self._complete(entity, values, user)
        row = {key: value for key, value in values.items() if value is not None}
        try:
            row = self.store.insert(entity.name, row, user=user, identifier=identifier)
        except DuplicateKeyError as error:
            raise _duplicate(entity, error) from None
        rules = self.rules.get(entity.name)
        if rules is not None and rules.after_create is not None:
            rules.after_create(self, row, user)
        self._follow(entity, row, user)
        if self.plugins.rules:
            self.plugins.written(self, entity.name, "create", row[entity.table.key])
        return row

    def change(self, table: str, row: Row, values: Row, user: str) -> Row:
        """Stores values that the service works out by itself over a row, by stored names."""
        return self.apply(self.model.entities[table], row, values, user)

    def _follow(self, entity: Entity, row: Row, user: str) -> None:
        rules = self.rules.get(entity.name)
        if rules is not None and rules.after_write is not None:
            rules.after_write(self, row, user)

    def make(self, table: str, values: Row, user: str) -> Row:
        """Stores a row that the service makes by itself; the values have stored names and need no check."""
        entity = self.model.entities[table]
        self._complete(entity, values, user)
        return self.store.insert(table, {k: v for k, v in values.items() if v is not None}, user=user)

    def associate(self, holder: Entity, pair: Row, user: str) -> None:
        """Stores a row of an intersect table. Raises DataverseError when it is there, or may not be."""
        rules = self.rules.get(holder.name)
        if rules is not None and rules.before_pair is not None:
            rules.before_pair(self, pair)
        try:
            self.make(holder.name, pair, user)
        except DuplicateKeyError as error:
            raise _duplicate(holder, error) from None

    def _prepare(self, entity: Entity, values: Row, row: Row | None) -> None:
        rules = self.rules.get(entity.name)
        if rules is not None and rules.prepare is not None:
            rules.prepare(self, values, row)

    def update(self, entity: Entity, row: Row, body: dict[str, Any], user: str) -> Row:
        """Changes a row; every member sent counts as a change, whatever its value."""
        values = self._values(entity, body, user, creating=False)
        identifier = row[entity.table.key]
        if values.pop(entity.table.key, identifier) != identifier:
            raise payload(entity.table.set_name, "The key of a row cannot be changed.")
        if self.plugins.rules:
            self.plugins.normalise(entity.name, "update", values)
        for name in entity.required:
            if name in values and values[name] is None:
                raise invalid(f"The '{name}' attribute of the '{entity.name}' entity is required.")
        if entity.status_of_state:
            move(entity, values, row)
        self._prepare(entity, values, row)
        new = self.apply(entity, row, values, user)
        self._follow(entity, new, user)
        return new

    def apply(self, entity: Entity, row: Row, values: Row, user: str) -> Row:
        """Stores checked values over a row, with what follows from them; actions come straight here."""
        identifier = row[entity.table.key]
        self._derive(entity, values, row)
        try:
            new = self.store.update(entity.name, identifier, values, user=user)
        except DuplicateKeyError as error:
            raise _duplicate(entity, error) from None
        if self.plugins.rules:
            self.plugins.written(self, entity.name, "update", identifier)
        return new

    def delete(self, entity: Entity, identifier: str, user: str) -> None:
        """Deletes a row and what belongs to it; refused while another row needs it."""
        rules = self.rules.get(entity.name)
        row = self.store.rows(entity.name).get(identifier)
        if rules is not None and rules.before_delete is not None and row is not None:
            rules.before_delete(self, row)
        with self.store.all_or_nothing():
            self._delete(entity, identifier, user, 0)
            if row is not None:
                self._follow(entity, row, user)

    def _delete(self, entity: Entity, identifier: str, user: str, depth: int) -> None:
        if depth > _CASCADE_DEPTH_MAX or self.store.rows(entity.name).get(identifier) is None:
            return
        for reference in entity.referenced_by:
            if not len(self.store.rows(reference.table)):
                continue
            other = self.model.entities[reference.table]
            for row in self.store.rows(reference.table).find(reference.column.stored, identifier):
                if other.target_of(row, reference.column) != entity.name or row is None:
                    continue
                self._release(other, reference.column, reference.on_delete, row, user, depth)
        self.store.delete(entity.name, identifier, user=user)

    def _release(
        self, entity: Entity, column: Column, on_delete: str, row: Row, user: str, depth: int
    ) -> None:
        identifier = row[entity.table.key]
        if on_delete == "restrict":
            text = f"The object you tried to delete is associated with another object ({entity.name}) and"
            raise DataverseError(405, "0x80040227", f"{text} cannot be deleted.")
        if on_delete == "cascade":
            self._delete(entity, identifier, user, depth + 1)
            return
        cleared: Row = {column.stored: None, target_key(column): None}
        self.store.update(entity.name, identifier, cleared, user=user)

    def _values(self, entity: Entity, body: Any, user: str, *, creating: bool) -> Row:
        if type(body) is not dict:
            raise payload(entity.table.set_name, "A JSON object was expected.")
        values: Row = {}
        plain = entity.plain
        for name, value in body.items():
            known = plain.get(name)
            if known is not None:
                column, check = known
                value = check(value)
                # Columns that the caller may not write are passed over, as the service does it.
                if column.create if creating else column.update or name == entity.table.key:
                    values[name] = value
            elif name.endswith(_BIND):
                self._bind(entity, name.removesuffix(_BIND), value, values, creating)
            elif "@" in name:
                continue
            else:
                self._navigate(entity, name, value, values, user, creating)
        return values

    def _bind(self, entity: Entity, name: str, value: Any, values: Row, creating: bool) -> None:
        found = entity.navigation.get(name)
        if found is None:
            raise _undeclared(entity, name)
        column, _ = found
        if type(value) is not str:
            raise payload(entity.table.set_name, f"The value of '{name}{_BIND}' must be a URL.")
        table, identifier = self.resolve(entity, value)
        if table not in column.targets or column.navigation.get(table) != name:
            raise payload(entity.table.set_name, f"'{name}' does not take a row of '{table}'.")
        if not (column.create if creating else column.update):
            return
        values[column.stored] = identifier
        if len(column.targets) > 1:
            values[target_key(column)] = table
        if column.stored == _OWNER:
            check_owner(self.store, table, identifier, entity.name)

    def resolve(self, entity: Entity, url: str) -> tuple[str, str]:
        """The table and id of the row that a bind names. Raises DataverseError when there is none."""
        address = self._addresses.get(url)
        if address is None:
            address = self._address(entity, url)
        row = address.find(self.store)
        if row is None:
            raise address.missing()
        return address.entity.name, row[address.entity.table.key]

    def _address(self, entity: Entity, url: str) -> Address:
        head, bracket, rest = unquote(url).partition("(")
        segment = head.rpartition("/")[2] + bracket + rest
        try:
            _, address = address_of(self.model, segment)
        except DataverseError as error:
            if error.code == "0x8006088a":
                raise payload(entity.table.set_name, error.message) from None
            raise
        # An alternate key may be made or dropped; an id stays what it is.
        if not address.columns:
            if len(self._addresses) >= _ADDRESSES_KEPT:
                self._addresses.clear()
            self._addresses[url] = address
        return address

    def _navigate(
        self, entity: Entity, name: str, value: Any, values: Row, user: str, creating: bool
    ) -> None:
        found = entity.navigation.get(name)
        if found is None:
            raise _undeclared(entity, name)
        column, target = found
        writable = column.create if creating else column.update
        if value is None:
            if writable:
                values[column.stored] = values[target_key(column)] = None
            return
        if type(value) is not dict or target not in self.model.entities or not creating:
            raise payload(entity.table.set_name, f"'{name}' takes a row or null here.")
        inner = self.model.entities[target]
        row = self.create(inner, value, user)
        values[column.stored] = row[inner.table.key]
        if len(column.targets) > 1:
            values[target_key(column)] = target

    def _complete(self, entity: Entity, values: Row, user: str) -> None:
        columns = entity.table.columns
        if entity.status_of_state:
            begin(entity, values)
        for name, value in entity.initial.items():
            values.setdefault(name, value)
        if "ownerid" in columns and values.get(_OWNER) is None:
            values[_OWNER] = user
            values[f"{_OWNER}@table"] = "systemuser"
        early = values.pop("overriddencreatedon", None)
        if early is not None:
            values["overriddencreatedon"] = early
            values["createdon"] = early
        if entity.money and values.get(_CURRENCY) is None and any(values.get(name) for name in entity.money):
            values[_CURRENCY] = self.base_currency()
        self._derive(entity, values, {})

    def _derive(self, entity: Entity, values: Row, row: Row) -> None:
        """Columns that the service works out: owner's parts, full names, base amounts."""
        if _OWNER in values:
            self._derive_owner(values)
        if entity.name in ("contact", "systemuser") and {"firstname", "lastname", "middlename"} & set(values):
            parts = [values.get(p, row.get(p)) for p in ("firstname", "middlename", "lastname")]
            values["fullname"] = " ".join(part for part in parts if part) or None
        if entity.money and (_CURRENCY in values or not set(entity.money).isdisjoint(values)):
            self._derive_money(entity, values, row)

    def _derive_owner(self, values: Row) -> None:
        owner = values[_OWNER]
        is_team = values.get(f"{_OWNER}@table") == "team"
        values["_owningteam_value"] = owner if is_team else None
        values["_owninguser_value"] = None if is_team else owner
        row = self.store.rows("team" if is_team else "systemuser").get(owner or "")
        if row is not None:
            values["_owningbusinessunit_value"] = row.get("_businessunitid_value")

    def _derive_money(self, entity: Entity, values: Row, row: Row) -> None:
        currency_id = values.get(_CURRENCY, row.get(_CURRENCY))
        if currency_id is None and any(values.get(name) for name in entity.money):
            currency_id = values[_CURRENCY] = self.base_currency()
        currency = self.store.rows("transactioncurrency").get(currency_id or "")
        rate = Decimal(currency.get("exchangerate", 1)) if currency else Decimal(1)
        values["exchangerate"] = rate if currency else None
        for name in entity.money:
            amount = values.get(name, row.get(name))
            values[f"{name}_base"] = (
                None if amount is None else (Decimal(amount) / rate).quantize(_CENT, ROUND_HALF_UP)
            )

    def base_currency(self) -> str | None:
        """The id of the organization's currency."""
        for row in self.store.rows("organization").by_id.values():
            return row.get("_basecurrencyid_value")
        return None


def _undeclared(entity: Entity, name: str) -> DataverseError:
    text = (
        f"An undeclared property '{name}' which only has property annotations in the payload but no property "
        "value was found in the payload. In OData, only declared navigation properties and declared named "
        "streams can be represented as properties without values."
    )
    return payload(entity.table.set_name, text)


def _duplicate(entity: Entity, error: DuplicateKeyError) -> DataverseError:
    keys = {
        tuple(entity.table.columns[name].stored for name in columns)
        for columns in entity.table.alternate_keys
    }
    if error.columns in keys:
        text = f"A record that has the attribute values {', '.join(error.columns)} already exists."
        return DataverseError(412, "0x80060892", text)
    return exists()
