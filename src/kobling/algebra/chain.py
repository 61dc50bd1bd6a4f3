"""The transformation of one row for one side: its rules, one after the other."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final, TypeAlias

from kobling.algebra.expression import expression
from kobling.algebra.formats import number_of
from kobling.algebra.rules import make
from kobling.algebra.works import text_of
from kobling.model.look_up import Rejected
from kobling.model.mapping import FieldRow, Mapping, Side, Step
from kobling.model.values import Value, Values, is_blank

Chain: TypeAlias = Callable[[Value, Values], Value | Rejected]
EXPRESSION: Final = "cel"
# The last step of a chain whose value goes into a column as it is: what the column can hold.
HOLDS: Final = "holds"


def chain(mapping: Mapping, row: FieldRow, target: Side) -> Chain | None:
    """What the row's transformation makes of a value of the other side; None for a row without."""
    steps = row.conversion.steps(target)
    if not steps:
        return None
    columns = mapping.table(target.other).columns
    positions = {one.name: at for at, one in enumerate(columns)}
    works = [_work(step, positions) for step in steps]

    def transform(value: Value, record: Values) -> Value | Rejected:
        for work in works:
            result = work(value, record)
            if isinstance(result, Rejected):
                return result
            value = result
        return value

    return transform


def _work(step: Step, positions: dict[str, int]) -> Chain:
    if step.rule == EXPRESSION:
        return expression(str(step.arguments[0]), positions)
    work = _holder(str(step.arguments[0])) if step.rule == HOLDS else make(step)
    return lambda value, record: value if is_blank(value) else work(value)


def _holder(kind: str) -> Callable[[Value], Value | Rejected]:
    """Takes a value for a column of that kind, a `ColumnType` of the catalogue, or refuses it."""
    take = _TAKERS.get(kind, text_of)

    def hold(value: Value) -> Value | Rejected:
        result = take(value)
        if result is not None:
            return result
        shown = repr(value[:100]) if isinstance(value, str) else "the value"
        return Rejected(f"{shown} is made, which is no {kind}")

    return hold


def _whole(value: Value) -> int | None:
    number = number_of(value)
    return int(number) if number is not None and number == int(number) else None


def _boolean(value: Value) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _id(value: Value) -> str | None:
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


_TAKERS: Final[dict[str, Callable[[Value], Value | Rejected]]] = {
    "integer": _whole,
    "decimal": number_of,
    "boolean": _boolean,
    "id": _id,
}
