"""Duplicate detection: rows that look like another one, told to those who ask for it.

A write meets it only with `MSCRM.SuppressDuplicateDetection: false`; without the header nothing is looked at.
"""

from typing import Any

from kobling_sandbox.dataverse_errors import duplicate
from kobling_sandbox.dataverse_model import Entity
from kobling_sandbox.exchange import Request
from kobling_sandbox.rows import Row
from kobling_sandbox.store import Store

_HEADER = "mscrm.suppressduplicatedetection"


def refuse_duplicate(request: Request, store: Store, entity: Entity, body: Any, row: Row) -> None:
    """Raises DataverseError (412) when the caller asks and a rule of the table finds another row.

    `row` is the row as it is, empty for a creation. A rule without one of its values finds nothing, and on
    an update only rules whose columns are sent are looked at.
    """
    if _HEADER not in request.headers or request.headers[_HEADER].strip().lower() != "false":
        return
    if type(body) is not dict:
        return
    for columns in entity.table.rules.get("duplicates", ()):
        wanted = {name: str(body.get(name, row.get(name)) or "") for name in columns}
        if set(columns).isdisjoint(body) or not all(wanted.values()):
            continue
        if _others(store, entity, wanted, row):
            raise duplicate()


def _others(store: Store, entity: Entity, wanted: dict[str, str], row: Row) -> list[Row]:
    first, *rest = wanted
    key = entity.table.key
    return [
        other
        for other in store.rows(entity.name).find(first, wanted[first])
        if other[key] != row.get(key)
        and all(str(other.get(name, "")).casefold() == wanted[name].casefold() for name in rest)
    ]
