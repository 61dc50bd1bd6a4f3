"""Fields that hold nothing themselves: their value is worked out of rows of another table when they are read.

So a new ledger entry changes an item's inventory and leaves the item's row version and times as they are.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from kobling_sandbox.business_central_values import blank
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store
from kobling_sandbox.tables import Column


def flow_reader(store: Store, company: str, column: Column) -> Callable[[Row], Any]:
    """A function from a stored row to the value of this column: the sum or number of the source rows, or the
    first."""
    flow = column.rules["flow"]
    source = store.tables[flow["table"]].columns[flow["column"]]
    name, empty = source.name, blank(source)

    if flow["method"] == "sum":
        return lambda row: sum((each.get(name, 0) for each in _rows(store, company, column, row)), Decimal(0))

    if flow["method"] == "count":
        return lambda row: sum(1 for _ in _rows(store, company, column, row))

    def first(row: Row) -> Any:
        return next((each.get(name, empty) for each in _rows(store, company, column, row)), empty)

    return first


def _rows(store: Store, company: str, column: Column, row: Row) -> Iterator[Row]:
    """The source rows of one row; a blank in the row finds none."""
    flow = column.rules["flow"]
    ((theirs, own),) = flow["where"].items()
    wanted = flow.get("filter", {})
    for each in store.rows(flow["table"], company).find(theirs, row[own]) if row.get(own) else ():
        if all(each.get(key) == value for key, value in wanted.items()):
            yield each
