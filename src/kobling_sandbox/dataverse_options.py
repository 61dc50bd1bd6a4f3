"""Option values that may be added, renamed and taken away while the service runs.

The options of a column that is marked `open` in the metadata are rows of the table `stringmap`, as in the
service itself, so they are part of every snapshot and reset. Other columns keep the options of the metadata.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kobling_sandbox.dataverse_errors import DataverseError, invalid, payload
from kobling_sandbox.dataverse_values import Checker, choice
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store
from kobling_sandbox.tables import Column, Table

TABLE = "stringmap"
_KEY = ("objecttypecode", "attributename", "attributevalue")
_LANGUAGE = 1033
_LABEL_LENGTH_MAX = 200
# New values without a number of their own begin at a publisher's own range.
_FIRST_VALUE = 100_000_000


def option_rows(tables: Mapping[str, Table]) -> Iterator[Row]:
    """The rows of all open columns as the metadata has them: the start of every data set."""
    for table in tables.values():
        for column in table.columns.values():
            if column.rules.get("open"):
                for order, (value, label) in enumerate(column.options.items(), start=1):
                    yield _row(table.name, column.name, int(value), str(label), order)


def _row(table: str, column: str, value: int, label: str, order: int) -> Row:
    return {
        "objecttypecode": table,
        "attributename": column,
        "attributevalue": value,
        "value": label,
        "displayorder": order,
        "langid": _LANGUAGE,
    }


class OptionSets:
    """The options of every column as they are now, and the messages that change them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.messages: Mapping[str, Callable[[Any, str], Any]] = {
            "InsertOptionValue": self._insert,
            "UpdateOptionValue": self._update,
            "DeleteOptionValue": self._delete,
        }

    def of(self, table: str, column: Column) -> Mapping[str, Any]:
        """Labels by value, the value as text, in the order of their display."""
        if not column.rules.get("open"):
            return column.options
        rows = sorted(self._rows(table, column.name), key=lambda row: int(row["displayorder"]))
        return {str(row["attributevalue"]): row["value"] for row in rows}

    def checker(self, table: Table, column: Column) -> Checker:
        """The checker of an open column: it knows the values that there are when it is asked."""
        rows = self.store.rows

        def allows(value: int) -> bool:
            return rows(TABLE).by_key(_KEY, (table.name, column.name, value)) is not None

        return choice(table, column, allows, lambda: self.of(table.name, column))

    def _rows(self, table: str, column: str) -> list[Row]:
        found = self.store.rows(TABLE).find("attributename", column)
        return [row for row in found if row["objecttypecode"] == table]

    def _insert(self, body: Any, user: str) -> dict[str, Any]:
        table, column = self._column(body)
        label, value = _label(body), body.get("Value")
        rows = self._rows(table.name, column.name)
        taken = [row["attributevalue"] for row in rows]
        if value is None:
            value = max((number + 1 for number in taken if number >= _FIRST_VALUE), default=_FIRST_VALUE)
        if type(value) is not int or value < 0:
            raise payload("InsertOptionValue", "The parameter 'Value' must be a whole number.")
        if value in taken:
            raise invalid(f"The value {value} of '{column.name}' is already in use. Choose another value.")
        order = max((row["displayorder"] for row in rows), default=0) + 1
        self.store.insert(TABLE, _row(table.name, column.name, value, label, order), user=user)
        return {"NewOptionValue": value}

    def _update(self, body: Any, user: str) -> None:
        row = self._option(body)
        self.store.update(TABLE, row["stringmapid"], {"value": _label(body)}, user=user)

    def _delete(self, body: Any, user: str) -> None:
        """Rows that hold the value keep it: it has no label then, and cannot be written again."""
        self.store.delete(TABLE, self._option(body)["stringmapid"], user=user)

    def _option(self, body: Any) -> Row:
        table, column = self._column(body)
        row = self.store.rows(TABLE).by_key(_KEY, (table.name, column.name, body.get("Value")))
        if row is None:
            raise invalid(f"The value {body.get('Value')} of '{column.name}' does not exist.")
        return row

    def _column(self, body: Any) -> tuple[Table, Column]:
        given = body if type(body) is dict else {}
        table = self.store.tables.get(str(given.get("EntityLogicalName")))
        column = None if table is None else table.columns.get(str(given.get("AttributeLogicalName")))
        if table is None or column is None:
            raise DataverseError(404, "0x80060888", "Could not find the column whose options are to change.")
        if not column.rules.get("open"):
            raise invalid(f"The options of '{column.name}' of '{table.name}' cannot be changed here.")
        return table, column


def _label(body: Any) -> str:
    given = body.get("Label")
    labels = given.get("LocalizedLabels") if type(given) is dict else None
    if type(labels) is not list or not labels or type(labels[0]) is not dict:
        raise payload("Label", "A label with 'LocalizedLabels' was expected.")
    text = labels[0].get("Label")
    if type(text) is not str or not text:
        raise payload("Label", "The label has no text.")
    if len(text) > _LABEL_LENGTH_MAX:
        message = f"A validation error occurred.  The length of the label exceeded '{_LABEL_LENGTH_MAX}'."
        raise DataverseError(400, "0x80044331", message)
    return text
