"""The filter language of Business Central for one field: `10000..20000|@*holding*&<>X*`.

`&` binds tighter than `|`, and parentheses go before both. A value that holds a sign of the language stands
in `'`, with `''` for `'` itself; `''` alone is blank.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from kobling.algebra.expressions import all_of, any_of
from kobling.catalogue.definition import Column, ColumnType
from kobling.catalogue.filter_values import NULL, UnfitError, read_value
from kobling.model.errors import ConfigurationError
from kobling.model.expression import AllOf, AnyOf, Compare, Expression, Like, Not, OneOf, Order, Range
from kobling.model.values import Value, is_blank

CONSTANTS: Final = ("company", "base_currency")
# Longer than anything that a person writes, and far from what would take long to read.
LENGTH_MAX: Final = 4000
_NESTING_MAX: Final = 30
_EXCERPT_MAX: Final = 100
_OPERATOR: Final = re.compile(r"<>|<=|>=|<|>|=")
_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'")
_CONSTANT: Final = re.compile(rf"<({'|'.join(CONSTANTS)})>")
_ENDS: Final = re.compile(r"['|&()]|\.\.")
_RESERVED: Final = "<>="
_WILD: Final = "*?"
_ORDERED: Final = {ColumnType.TEXT, ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE}


class Cursor:
    """A filter that is being read: its text, and how far. what: the field in hand, for errors."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.what = ""
        if len(text) > LENGTH_MAX:
            self.at = LENGTH_MAX
            self.refuse(f"it is longer than {LENGTH_MAX} characters", cure="Write a shorter filter.")

    def skip(self) -> None:
        """Passes blanks."""
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def takes(self, sign: str) -> bool:
        """Passes the sign, and blanks before it, if it stands here."""
        start = self.at
        self.skip()
        if self.text.startswith(sign, self.at):
            self.at += len(sign)
            return True
        self.at = start
        return False

    def refuse(self, message: str, *, cure: str = "") -> NoReturn:
        """Raises ConfigurationError that points at the place."""
        field = f"{self.what}: " if self.what else ""
        raise ConfigurationError(
            f"The filter {self.text[:LENGTH_MAX]!r} is wrong at position {self.at + 1}: {field}{message}.",
            cure=cure or "Write conditions like: City = Oslo|Bergen* AND No. = 10000..20000 AND Name <> ''.",
            excerpt=self._excerpt(),
        )

    def _excerpt(self) -> tuple[str, str]:
        start = max(0, self.at - _EXCERPT_MAX // 2)
        shown = "".join(one if one.isprintable() else " " for one in self.text[start : start + _EXCERPT_MAX])
        return shown, " " * (self.at - start) + "^"


def parse_expression(text: str, column: Column) -> Expression:
    """The expression of a text that holds nothing else. Raises ConfigurationError with the place."""
    cursor = Cursor(text)
    found = ExpressionReader(cursor, column, None).read()
    cursor.skip()
    if cursor.at < len(text):
        cursor.refuse("| or & is missing here")
    if _asked(found):
        cursor.refuse("what only a run knows stands in `source`")
    return found


class ExpressionReader:
    """Reads an expression about a column from where the cursor stands. ends: what ends it, beside the end."""

    def __init__(self, cursor: Cursor, column: Column, ends: re.Pattern[str] | None) -> None:
        self._cursor = cursor
        self._column = column
        self._ends = ends
        self._depth = 0
        cursor.what = column.caption

    def read(self, *, one: bool = False) -> Expression:
        """The whole expression. one: it has no `|` outside of parentheses."""
        place = self._place()
        found = self.conjunction() if one else self.alternatives()
        asked = _asked(found)
        listed = found.part if isinstance(found, Not) else found
        if asked and not (isinstance(listed, OneOf) and listed.source in CONSTANTS):
            self._cursor.at = place
            self._cursor.refuse("what a run knows stands once, and only among values with | between")
        return found

    def alternatives(self) -> Expression:
        """Parts with `|` between them."""
        parts = [self.conjunction()]
        while self._cursor.takes("|"):
            parts.append(self.conjunction())
        return any_of(parts)

    def conjunction(self) -> Expression:
        """Parts with `&` between them."""
        parts = [self._term()]
        while self._cursor.takes("&"):
            parts.append(self._term())
        return all_of(parts)

    def _place(self) -> int:
        self._cursor.skip()
        return self._cursor.at

    def _term(self) -> Expression:
        cursor, place = self._cursor, self._place()
        constant = self._constant()
        if constant is not None:
            return constant
        operator = _OPERATOR.match(cursor.text, place)
        if operator is not None:
            cursor.at = operator.end()
            return self._operated(operator[0], place)
        if cursor.text.startswith("(", place):
            return self._group()
        if cursor.text.startswith("..", place):
            cursor.at += 2
            self._ordered(place)
            return Range(None, self._end(), self._is_day)
        found = self._value()
        return self._range(found, place) if cursor.takes("..") else found

    def _group(self) -> Expression:
        self._cursor.at += 1
        self._depth += 1
        if self._depth > _NESTING_MAX:
            self._cursor.refuse("the parentheses are nested too deep")
        found = self.alternatives()
        self._depth -= 1
        if not self._cursor.takes(")"):
            self._cursor.skip()
            self._cursor.refuse("a ) is missing here")
        return found

    def _operated(self, sign: str, place: int) -> Expression:
        if sign == "=":
            return self._value()
        if sign == "<>":
            self._place()
            part = self._constant() or self._value()
            if self._cursor.takes(".."):
                self._cursor.at -= 2
                self._cursor.refuse("<> takes a value, not a range")
            return Not(part)
        self._ordered(place)
        return Compare(Order(sign), self._end(), self._is_day)

    def _constant(self) -> OneOf | None:
        constant = _CONSTANT.match(self._cursor.text, self._cursor.at)
        if constant is None or self._column.type is not ColumnType.ID:
            return None
        self._cursor.at = constant.end()
        return OneOf((), constant[1])

    def _range(self, low: Expression, place: int) -> Expression:
        self._ordered(place)
        first, end = self._bound(low, place), self._cursor.at
        if self._stops(end) or self._stops(self._place()):
            self._cursor.at = end
            return Range(first, None, self._is_day)
        return Range(first, self._end(), self._is_day)

    def _end(self) -> Value:
        place = self._place()
        return self._bound(self._value(), place)

    def _bound(self, found: Expression, place: int) -> Value:
        """The one value that a comparison or the end of a range takes."""
        value = found.value if isinstance(found, Compare) else None
        if isinstance(found, OneOf):
            [value] = found.values
        if is_blank(value):
            self._cursor.at = place
            self._cursor.refuse("a plain value must stand here", cure="Blank or not is '' or <>''.")
        return value

    @property
    def _is_day(self) -> bool:
        return self._column.type is ColumnType.DATE

    def _ordered(self, place: int) -> None:
        if self._column.type not in _ORDERED:
            self._cursor.at = place
            self._cursor.refuse("it has no order", cure="Name its values: with | between, or <> before one.")

    def _stops(self, at: int) -> bool:
        text = self._cursor.text
        if at >= len(text) or text[at] in "|&)":
            return True
        return self._ends is not None and self._ends.match(text, at) is not None

    def _value(self) -> OneOf | Like | Compare:
        """One value, or a text with wildcards: quoted and plain parts without blanks between them."""
        cursor, place = self._cursor, self._place()
        is_folded = cursor.text.startswith("@", place)
        cursor.at += is_folded
        parts: list[tuple[bool, str]] = []
        while True:
            quoted = _QUOTED.match(cursor.text, cursor.at)
            if quoted is not None:
                parts.append((True, quoted[1].replace("''", "'")))
                cursor.at = quoted.end()
                continue
            plain = self._plain(begun=bool(parts))
            if not plain:
                break
            parts.append((False, plain))
        if cursor.text.startswith("'", cursor.at):
            cursor.refuse("this quote is not closed; within quotes, '' is one quote")
        if not parts:
            cursor.refuse("a value is missing here; blank is ''")
        return self._made(parts, is_folded, place)

    def _plain(self, *, begun: bool) -> str:
        """The text up to the next sign of the language; '' where a blank or a sign stands here."""
        cursor, start = self._cursor, self._cursor.at
        if begun and cursor.text[start : start + 1].isspace():
            return ""
        at = start
        while at < len(cursor.text) and not _ENDS.match(cursor.text, at) and not self._stops(at):
            if cursor.text[at] in _RESERVED:
                cursor.at = at
                sign = cursor.text[at]
                cursor.refuse(f"{sign!r} has no meaning in a value; put the value in '' if it is part of it")
            at += 1
        found = cursor.text[start:at].rstrip()
        if cursor.text.startswith("(", at) and found:
            cursor.at = at
            cursor.refuse("'(' has no meaning in a value; put the value in '' if it is part of it")
        cursor.at = start + len(found)
        return found

    def _made(self, parts: list[tuple[bool, str]], is_folded: bool, place: int) -> OneOf | Like | Compare:
        column, end = self._column, self._cursor.at
        wild = any(sign in text for quoted, text in parts if not quoted for sign in _WILD)
        self._cursor.at = place
        if (wild or is_folded) and (column.type is not ColumnType.TEXT or column.entity_of):
            self._cursor.refuse("@, * and ? are for texts")
        if wild or is_folded:
            found: OneOf | Like | Compare = Like("".join(self._pattern(*one) for one in parts), is_folded)
        else:
            found = self._single(parts)
        self._cursor.at = end
        return found

    def _pattern(self, quoted: bool, text: str) -> str:
        signs = "\\" + _WILD if quoted else "\\"
        text = text.upper() if self._column.upper else text
        return "".join(f"\\{one}" if one in signs else one for one in text)

    def _single(self, parts: list[tuple[bool, str]]) -> OneOf | Compare:
        text = "".join(text for _, text in parts)
        if self._column.nothing is None and parts == [(False, text)] and text.casefold() == NULL:
            text = ""
        try:
            value = read_value(self._column, text)
        except UnfitError as error:
            self._cursor.refuse(str(error))
        is_day = self._is_day and not is_blank(value)
        return Compare(Order.SAME, value, day=True) if is_day else OneOf((value,))


def _asked(one: Expression) -> list[str]:
    """The values within that only a run knows."""
    if isinstance(one, OneOf):
        return [one.source] if one.source else []
    parts = one.parts if isinstance(one, AllOf | AnyOf) else (one.part,) if isinstance(one, Not) else ()
    return [each for part in parts for each in _asked(part)]
