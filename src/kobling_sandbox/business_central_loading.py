"""Putting a data set's companies into the store, as persons would have entered them over time."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kobling_sandbox.business_central_values import blank
from kobling_sandbox.datasets.model import CompanyRows
from kobling_sandbox.datasets.model import Row as GivenRow
from kobling_sandbox.datasets.setup import user_id
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store, format_time
from kobling_sandbox.tables import Table

# Long ago, so that nothing loaded looks newer than what a test writes, whatever its clock.
_FIRST_ENTRY = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
_ENTRIES_EVERY = timedelta(minutes=7)
_ENTRY_TIMES = 4000
_PERSONS = ("anna.hagen", "lars.moller", "sofia.kowalska", "pierre.dubois", "emily.marsh")


def load_companies(store: Store, companies: Iterable[CompanyRows]) -> None:
    """Replaces everything in the store by these companies."""
    store.restore({"version": 100_000, "tables": [], "tombstones": []})
    stamps = _stamps()
    for company in companies:
        store.load("Company", [_company(company) | dict(next(stamps))])
        for name, rows in company.tables.items():
            table = store.tables[name]
            store.load(name, _kept(table, rows, stamps), company.id)


def _company(company: CompanyRows) -> Row:
    return {
        "id": company.id,
        "name": company.name,
        "displayName": company.display_name,
        "systemVersion": "27.0.0.0",
    }


def _kept(table: Table, rows: Iterable[GivenRow], stamps: Iterator[Row]) -> Iterator[Row]:
    """The rows as they are stored: blanks left out, exact decimals, stamped."""
    blanks = {column.name: blank(column) for column in table.columns.values()}
    decimals = {column.name for column in table.columns.values() if column.type == "decimal"}
    for given in rows:
        row = {key: value for key, value in given.items() if value is not None and value != blanks[key]}
        for key in decimals & row.keys():
            row[key] = Decimal(str(row[key]))
        row.update(next(stamps))
        yield row


def _stamps() -> Iterator[Row]:
    """Times within some weeks and persons in turn, over and over."""
    times = [format_time(_FIRST_ENTRY + step * _ENTRIES_EVERY, 3) for step in range(_ENTRY_TIMES)]
    users = [user_id(person) for person in _PERSONS]
    number = 0
    while True:
        moment, user = times[number % _ENTRY_TIMES], users[number % len(users)]
        yield {
            "systemCreatedAt": moment,
            "systemCreatedBy": user,
            "systemModifiedAt": moment,
            "systemModifiedBy": user,
        }
        number += 1
