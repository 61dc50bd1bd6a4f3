"""Expressions of the common expression language over one flat record.

`value` is what the row reads, a column of the source goes by its name on the wire. A blank is an empty text,
and a number with decimals is a text, as the language knows binary fractions only. An expression is short and
has no macro (`map`, `filter`, `all`, `exists`): so its time is bounded by the length of its texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final

from kobling.model.look_up import Rejected
from kobling.model.values import Value, Values, is_blank

LENGTH_MAX: Final = 500
VALUE: Final = "value"
_MACROS: Final = re.compile(r"\b(map|filter|all|exists|exists_one|reduce|has|optMap|optFlatMap)\s*\(")
_INTEGER_MAX: Final = 2**63 - 1

Expression = Callable[[Value, Values], Value | Rejected]


@cache
def program(source: str) -> Any:
    """The program of a text. Raises ValueError with what is wrong with it."""
    import cel

    if len(source) > LENGTH_MAX:
        raise ValueError(f"the expression has {len(source)} characters; {LENGTH_MAX} are allowed")
    macro = _MACROS.search(source)
    if macro:
        raise ValueError(f"an expression has no macro, and {macro.group(1)} is one")
    try:
        # How deep an expression may be nested is limited by the library itself.
        return cel.compile(source)
    except ValueError as error:
        words = " ".join(str(error).split())
        raise ValueError(f"the expression cannot be read: {words}") from None


def names_in(source: str, known: Collection[str] | None) -> tuple[str, ...]:
    """The columns that an expression reads beside `value`. Raises ValueError for one that is not `known`."""
    names = set(program(source).variables()) - {VALUE}
    unknown = [] if known is None else sorted(names.difference(known))
    if unknown:
        raise ValueError(f"there is no column {unknown[0]!r}; `value` is the field's own")
    return tuple(sorted(names))


def expression(source: str, positions: Mapping[str, int]) -> Expression:
    """What an expression makes of the row's value and the record. positions: where the columns stand."""
    found = program(source)
    read = [(name, positions[name]) for name in names_in(source, positions)]

    def evaluate(value: Value, record: Values) -> Value | Rejected:
        known = {name: _given(record[at]) for name, at in read}
        try:
            result = found.execute({**known, VALUE: _given(value)})
        except Exception as error:
            # The library raises whatever fits; the words are for the person who wrote the expression.
            return Rejected(f"the expression fails: {' '.join(str(error).split())[:200]}")
        return _taken(result)

    return evaluate


def _given(value: Value) -> str | int | bool:
    if is_blank(value) or value is None:
        return ""
    if isinstance(value, int) and abs(value) <= _INTEGER_MAX:
        return value
    return str(value)


def _taken(result: object) -> Value | Rejected:
    if result is None or isinstance(result, str | int | bool):
        return result
    if isinstance(result, float):
        return Rejected("the expression gives a binary fraction, which is not exact; make it a text")
    return Rejected(f"the expression gives a {type(result).__name__}, which no field holds")
