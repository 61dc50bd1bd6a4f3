"""How the sources read the reference rows that they answer from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any, Final

from kobling.model.look_up import Answer, Facts, Resolver, Rows, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing
from kobling.model.values import is_blank


def all_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """Every answer may be another one: a changed row does not say whom it concerns."""
    return None


def to_sales(
    make: Callable[[Facts, Collection[str]], Mapping[str, Answer | Through]],
) -> Resolver:
    """A resolver that answers for Sales alone, as `make` does."""

    @wraps(getattr(make, "func", make))
    def resolve(facts: Facts, side: Side, keys: Collection[str]) -> Mapping[str, Answer | Through]:
        return {} if side is Side.LEFT else make(facts, keys)

    return resolve


def rows_of(facts: Facts, table: str) -> list[dict[str, Any]]:
    """The rows of a reference table; none where it was not read."""
    return facts.tables.get(table, [])


def text_of(row: dict[str, Any], column: str) -> str:
    """A text or code; '' for blank."""
    value = row.get(column)
    return "" if is_blank(value) else str(value).strip()


def same_id(one: str, other: str) -> bool:
    """Whether two GUIDs are the same, however they are written."""
    return one.strip("{} ").casefold() == other.strip("{} ").casefold()


def first_of(rows: Rows, column: str, value: str) -> dict[str, Any] | None:
    """The first row that holds this code, whatever its case; None for a blank code."""
    return next(iter(all_of(rows, column, value)), None)


# Indexes by the identity of the rows: a run asks the same tables batch after batch.
_INDEXES_KEPT: Final = 64
_indexes: Final[dict[tuple[int, str], tuple[Rows, int, dict[str, Rows]]]] = {}


def all_of(rows: Rows, column: str, value: str) -> Rows:
    """The rows that hold this code, whatever its case; none for a blank code."""
    return by_code(rows, column).get(value.strip().upper(), []) if value else []


def by_code(rows: Rows, column: str) -> dict[str, Rows]:
    """The rows by a code in upper case; made once for the same rows, and again when some were added."""
    known = _indexes.get((id(rows), column))
    if known is not None and known[0] is rows and known[1] == len(rows):
        return known[2]
    index: dict[str, Rows] = {}
    for row in rows:
        index.setdefault(text_of(row, column).upper(), []).append(row)
    if len(_indexes) >= _INDEXES_KEPT:
        _indexes.clear()
    _indexes[id(rows), column] = (rows, len(rows), index)
    return index


def missing(source: str, reason: str) -> Missing:
    """No answer yet. It waits for any change of the tables that the source reads: which row will bring the
    answer cannot be known before."""
    return Missing(mapping=source, key="", reason=reason)
