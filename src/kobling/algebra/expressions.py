"""Filter expressions made into functions of one value, and put together in their shortest form."""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from kobling.model.expression import AllOf, AnyOf, Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.values import BLANKS, Value, is_blank

Predicate: TypeAlias = Callable[[Value], bool]
_ORDERS: Final[dict[Order, Callable[[Any, Any], bool]]] = {
    Order.SAME: operator.eq,
    Order.BELOW: operator.lt,
    Order.UP_TO: operator.le,
    Order.ABOVE: operator.gt,
    Order.FROM: operator.ge,
}
# As `2026-01-31`.
_DAY_LENGTH: Final = 10
_PIECE: Final = re.compile(r"\\(?P<literal>.)|(?P<many>\*)|(?P<one>\?)|(?P<plain>[^\\*?]+)", re.DOTALL)
# A run judges with a handful of expressions; one lives as long as its mapping.
_KEPT: Final = 256
_known: Final[dict[int, tuple[Expression, Predicate]]] = {}


def predicate(expression: Expression) -> Predicate:
    """The function that judges a value; the same object is made into one once."""
    found = _known.get(id(expression))
    if found is None or found[0] is not expression:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[id(expression)] = (expression, _compile(expression))
    return found[1]


def folded(text: str) -> str:
    """The text without case and accents."""
    taken_apart = unicodedata.normalize("NFKD", text)
    return "".join(one for one in taken_apart if not unicodedata.combining(one)).casefold()


def pieces(pattern: str) -> list[tuple[str, str]]:
    """(`literal`, text) or (`many` or `one`, '') of a pattern, texts that stand together as one."""
    found: list[tuple[str, str]] = []
    for one in _PIECE.finditer(pattern):
        if one["many"] or one["one"]:
            found.append(("many" if one["many"] else "one", ""))
        elif found and found[-1][0] == "literal":
            found[-1] = ("literal", found[-1][1] + (one["literal"] or one["plain"]))
        else:
            found.append(("literal", one["literal"] or one["plain"]))
    return found


def any_of(parts: Iterable[Expression]) -> Expression:
    """At least one holds; the lists of values among them become one."""
    flat = [each for one in parts for each in (one.parts if isinstance(one, AnyOf) else (one,))]
    lists = [one for one in flat if isinstance(one, OneOf)]
    if len(lists) > 1:
        merged = OneOf(
            tuple(value for one in lists for value in one.values), "".join(one.source for one in lists)
        )
        at = flat.index(lists[0])
        flat = [*flat[:at], merged, *(one for one in flat[at + 1 :] if not isinstance(one, OneOf))]
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def all_of(parts: Iterable[Expression]) -> Expression:
    """Every one holds; the lists of values that are shut out become one."""
    flat = [each for one in parts for each in (one.parts if isinstance(one, AllOf) else (one,))]
    lists = [one.part for one in flat if isinstance(one, Not) and isinstance(one.part, OneOf)]
    if len(lists) > 1:
        merged = any_of(lists)
        assert isinstance(merged, OneOf), "lists alone become a list"
        at = flat.index(Not(lists[0]))
        rest = [one for one in flat[at + 1 :] if not (isinstance(one, Not) and isinstance(one.part, OneOf))]
        flat = [*flat[:at], Not(merged), *rest]
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


def _compile(expression: Expression) -> Predicate:
    match expression:
        case OneOf(values):
            return _one_of(values)
        case Compare(order, value, day):
            return _compare(order, value, day)
        case Range(low, high, day):
            ends = [(Order.FROM, low), (Order.UP_TO, high)]
            return _every([_compare(order, end, day) for order, end in ends if end is not None])
        case Like(pattern, is_folded):
            return _like(pattern, is_folded)
        case Not(part):
            holds = _compile(part)
            return lambda value: not holds(value)
        case AllOf(parts):
            return _every([_compile(one) for one in parts])
        case AnyOf(parts):
            several = [_compile(one) for one in parts]
            return lambda value: any(one(value) for one in several)


def _every(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda value: all(one(value) for one in parts)


def _one_of(values: tuple[Value, ...]) -> Predicate:
    known = frozenset(values) | (BLANKS if any(is_blank(one) for one in values) else frozenset())
    return lambda value: value in known


def _compare(order: Order, value: Value, day: bool) -> Predicate:
    stands = _ORDERS[order]
    if not isinstance(value, str):
        number = value
        return lambda held: held.__class__ in (int, Decimal) and stands(held, number)
    if day:
        return lambda held: isinstance(held, str) and bool(held) and stands(held[:_DAY_LENGTH], value)
    # As both services sort texts, letters of either case stand together.
    wanted = value.casefold()
    return lambda held: stands(_text(held).casefold(), wanted)


def _like(pattern: str, is_folded: bool) -> Predicate:
    fold: Callable[[str], str] = folded if is_folded else str
    between = [""]
    for kind, text in pieces(pattern):
        if kind == "many":
            between.append("")
        else:
            between[-1] += "." if kind == "one" else re.escape(fold(text))
    matches = re.compile(_stars(between), re.DOTALL).fullmatch
    return lambda held: matches(fold(_text(held))) is not None


def _stars(between: list[str]) -> str:
    """The parts with any text between them. What a part has found is kept, so that time stays linear."""
    first, *rest = between
    if not rest:
        return first
    return f"{first}{''.join(f'(?>.*?{one})' for one in rest[:-1] if one)}.*{rest[-1]}"


def _text(held: Value) -> str:
    return held if isinstance(held, str) else ""
