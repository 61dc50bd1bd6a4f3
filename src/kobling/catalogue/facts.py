"""How the sources read the reference rows that they answer from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kobling.model.look_up import Facts
from kobling.model.pair import Missing
from kobling.model.values import is_blank


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


def first_of(rows: Iterable[dict[str, Any]], column: str, value: str) -> dict[str, Any] | None:
    """The first row that holds this code, whatever its case; None for a blank code."""
    if not value:
        return None
    return next((one for one in rows if text_of(one, column).upper() == value.strip().upper()), None)


def missing(source: str, reason: str) -> Missing:
    """No answer yet. It waits for any change of the tables that the source reads: which row will bring the
    answer cannot be known before."""
    return Missing(mapping=source, key="", reason=reason)
