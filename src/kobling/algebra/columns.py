"""Making a column of values at once: what a converter makes of many records.

A first load makes the same look-ups for thousands of records, so each is made once for what it is asked, and
texts, which are most of what travels, pass without a call for each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, TypeAlias

from kobling.algebra.transform import Converter, converter, fit
from kobling.model.look_up import Answer, LookUps
from kobling.model.mapping import FieldRow, Mapping, Side
from kobling.model.values import BLANKS, Values

# What is made by an answer, of few different ones.
_ASKING: Final = frozenset({"look_up", "product"})
ColumnConverter: TypeAlias = Callable[[Sequence[Values], LookUps], list[Answer]]


def column_converter(mapping: Mapping, row: FieldRow, target: Side) -> ColumnConverter:
    """Makes `row`'s values for `target` of many records, as `converter` makes one; in their order."""
    made = converter(mapping, row, target)
    within = row.conversion.within if target is Side.RIGHT else ()
    inputs = {row.column(target.other), *row.conversion.reads, *within} - {None}
    if row.conversion.kind in _ASKING and inputs:
        return _once_each(made, itemgetter(*inputs))
    if row.conversion.kind == "plain" and not inputs:
        return lambda sources, look_ups: [row.conversion.constant] * len(sources)
    if (
        row.conversion.kind == "plain"
        and len(inputs) == 1
        and not (row.not_null or row.conversion.steps(target))
    ):
        return _texts(mapping, row, target, next(iter(inputs)))  # type: ignore[arg-type]
    return lambda sources, look_ups: [made(one, look_ups) for one in sources]


def _once_each(made: Converter, read: itemgetter[Any]) -> ColumnConverter:
    """Of records that hold the same where `read` looks, one is asked for all."""

    def once_each(sources: Sequence[Values], look_ups: LookUps) -> list[Answer]:
        asked = [read(one) for one in sources]
        answers = {key: made(one, look_ups) for key, one in dict(zip(asked, sources, strict=True)).items()}
        return [answers[key] for key in asked]

    return once_each


def _texts(mapping: Mapping, row: FieldRow, target: Side, position: int) -> ColumnConverter:
    at = row.column(target)
    assert at is not None
    column = mapping.table(target).columns[at]
    # A text of so many characters fits, whatever they are.
    shortest = -1 if column.upper else 10**9 if column.maximum is None else column.maximum // 2

    def texts(sources: Sequence[Values], look_ups: LookUps) -> list[Answer]:
        return [
            value
            if value.__class__ is str and len(value) <= shortest and value not in BLANKS
            else fit(value, column)
            for value in [one[position] for one in sources]
        ]

    return texts
