"""What a data set is: rows for both services, made without a server.

A data set knows nothing of the store, so the same rows can be counted, compared and loaded.
Identifiers come from names (UUIDv5): two servers started with the same data set hold the same rows.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

Value = object
Row = dict[str, Value]

# A constant of this sandbox; any other value would only change every identifier.
_NAMESPACE = uuid.UUID("5b1c6f0e-52a4-5c0e-9d2b-0c8f3f0a7d11")


@dataclass(frozen=True, slots=True)
class Reference:
    """A value of a look-up that may point to several tables: the table's logical name and the row's id."""

    table: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyRows:
    """One company of Business Central: its own row and its rows by table name, each with an `id`."""

    id: str
    name: str
    display_name: str
    tables: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Rows of both services. Dataverse rows lie under the logical table name and carry their primary key."""

    companies: list[CompanyRows]
    dataverse: dict[str, list[Row]]


def identifier(*parts: object) -> str:
    """A lower-case GUID that depends on the parts alone."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(map(str, parts))))


def lines(text: str) -> Iterator[list[str]]:
    """The rows of a table written as text: one line a row, `|` between the cells, blanks around them cut."""
    for line in text.strip().splitlines():
        yield [cell.strip() for cell in line.split("|")]
