"""Filter expressions as text that `filter_expression` reads back."""

from __future__ import annotations

import re
from typing import Final

from kobling.algebra.expressions import pieces
from kobling.catalogue.filter_values import NULL, value_text
from kobling.model.expression import AllOf, AnyOf, Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.values import Value, is_blank

# What has a meaning of its own in a filter, or is not read as it stands.
_SPECIAL: Final = re.compile(r"['|&()<>=*?,]|^@|\.\.|^\.|\.$|(^|\s)AND(\s|$)|^\s|\s$", re.IGNORECASE)
_SIGN: Final = {"many": "*", "one": "?"}


def expression_text(expression: Expression) -> str:
    """The expression as people write it."""
    match expression:
        case OneOf(values, source):
            written = [quoted(one) for one in values]
            return "|".join([*written, *([f"<{source}>"] if source else [])])
        case Compare(order, value):
            return ("" if order is Order.SAME else order.value) + quoted(value)
        case Range(low, high):
            return "..".join("" if one is None else quoted(one) for one in (low, high))
        case Like(pattern, folded):
            return ("@" if folded else "") + "".join(_part(*one) for one in pieces(pattern))
        case Not(part):
            return _shut_out(part)
        case AllOf(parts):
            return "&".join(_operand(one) for one in parts)
        case AnyOf(parts):
            return "|".join(expression_text(one) for one in parts)


def quoted(value: Value) -> str:
    """A value in quotes, if it needs them; blank is `''`."""
    if is_blank(value):
        return "''"
    return _quoted(value_text(value))


def _quoted(text: str) -> str:
    special = _SPECIAL.search(text) or text.casefold() == NULL
    return "'" + text.replace("'", "''") + "'" if special else text


def _part(kind: str, text: str) -> str:
    return _quoted(text) if kind == "literal" else _SIGN[kind]


def _shut_out(part: OneOf | Like | Compare) -> str:
    if not isinstance(part, OneOf):
        return f"<>{expression_text(part)}"
    written = [quoted(one) for one in part.values] + ([f"<{part.source}>"] if part.source else [])
    return "&".join(f"<>{one}" for one in written)


def _operand(one: Expression) -> str:
    """A part between `&`: several values and alternatives stand in parentheses."""
    several = isinstance(one, AnyOf) or (isinstance(one, OneOf) and len(one.values) > 1)
    return f"({expression_text(one)})" if several else expression_text(one)
