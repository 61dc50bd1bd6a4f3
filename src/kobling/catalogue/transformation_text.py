"""Transformations as people write them: `trim > uppercase`, `to: date('dd.MM.yyyy'); from: none`.

Rules stand in the order in which they work, with `>` between them. A text stands in `'` (`''` in it is `'`).
The last may be an expression, `cel: value + ' ' + city`, which reaches to the end. `to:` is the way into the
integration table, `from:` the way back, `both:` the same for each. With none of them the rules are the way of
a row that flows one way; of a row that flows both ways the way to, which the way back takes back.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Final, NoReturn

import msgspec

from kobling.algebra.chain import EXPRESSION
from kobling.algebra.expression import names_in
from kobling.algebra.rules import RULES, Gives, make, undone
from kobling.catalogue.definition import ColumnType
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Direction, Step
from kobling.model.values import Value

_LENGTH_MAX: Final = 2_000
_STEPS_MAX: Final = 20
_WAYS: Final = ("to", "from", "both")
_WAY: Final = re.compile(r"\s*(to|from|both)\s*:", re.IGNORECASE)
_NAME: Final = re.compile(r"\s*([A-Za-z_]+)\s*")
_EXPRESSION: Final = re.compile(r"\s*cel\s*:", re.IGNORECASE)
_ARGUMENT: Final = re.compile(r"\s*(?:'((?:[^']|'')*)'|(-?\d{1,18}(?:\.\d{1,18})?))\s*")
_NONE: Final = "none"
Steps = tuple[Step, ...]


class Transformation(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of both ways."""

    to: Steps = ()
    back: Steps = ()


def parse_transformation(text: str, direction: Direction) -> Transformation:
    """The rules of a text for a row of that direction. Raises ConfigurationError with the place.

    A row that flows both ways needs rules that can be taken back, or rules for each way.
    """
    if len(text) > _LENGTH_MAX:
        _refuse(text[:40] + "...", f"it has more than {_LENGTH_MAX} characters.", "Shorten it.")
    sections = _Reader(text).sections()
    if not sections:
        return Transformation()
    for steps in sections.values():
        for step in steps:
            _made(text, step)
    if "both" in sections:
        if len(sections) > 1:
            _refuse(text, "`both` stands beside another way.", "Give `both` alone, or `to` and `from`.")
        return Transformation(to=sections["both"], back=sections["both"])
    if "" not in sections:
        if direction is Direction.BOTH and len(sections) == 1:
            [way] = sections
            missing = "from" if way == "to" else "to"
            _refuse(
                text,
                f"the field flows both ways, and nothing is said of `{missing}`.",
                f"Add `; {missing}: none` or its rules.",
            )
        return Transformation(to=sections.get("to", ()), back=sections.get("from", ()))
    steps = sections[""]
    if direction is Direction.BOTH:
        return Transformation(to=steps, back=_back(text, steps))
    return Transformation(to=steps) if direction is Direction.TO_RIGHT else Transformation(back=steps)


def gives(steps: Steps) -> Gives:
    """What the last rule makes."""
    last = steps[-1].rule if steps else EXPRESSION
    return Gives.ANY if last == EXPRESSION else RULES[last].gives


def misfit(steps: Steps, kind: ColumnType) -> str:
    """Why the value of these rules does not fit a column of that kind; '' if it may."""
    made = gives(steps)
    if not steps or made is Gives.ANY or kind in {ColumnType.TEXT, ColumnType.OPTION}:
        return ""
    fits = {Gives.INTEGER: {ColumnType.INTEGER, ColumnType.DECIMAL}, Gives.DECIMAL: {ColumnType.DECIMAL}}
    return "" if kind in fits.get(made, set()) else f"{steps[-1].rule} makes a value of type {made}"


def columns_read(steps: Steps, known: Collection[str] | None) -> tuple[str, ...]:
    """The columns that expressions read beside the row's own. Raises ConfigurationError for one that is not
    `known`."""
    found: dict[str, None] = {}
    for step in steps:
        if step.rule == EXPRESSION:
            source = str(step.arguments[0])
            try:
                found |= dict.fromkeys(names_in(source, known))
            except ValueError as error:
                _refuse(f"{EXPRESSION}: {source}", f"{error}.", "Correct the expression.")
    return tuple(found)


def _made(text: str, step: Step) -> None:
    if step.rule == EXPRESSION:
        # Whether its names are columns is asked where the columns are known.
        columns_read((step,), None)
        return
    try:
        make(step)
    except ValueError as error:
        _refuse(text, f"{error}.", "Correct the rule.")


def _back(text: str, steps: Steps) -> Steps:
    back = []
    for step in reversed(steps):
        undo = None if step.rule == EXPRESSION else undone(step)
        if undo is None:
            _refuse(
                text,
                f"the field flows both ways, and what {step.rule} makes cannot be taken back.",
                f"Say what each way does, e.g. `to: {step.rule}...; from: none`, or `both:` for the same.",
            )
        _made(text, undo)
        back.append(undo)
    return tuple(back)


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def sections(self) -> dict[str, Steps]:
        """Rules by way, '' for rules without one."""
        found: dict[str, Steps] = {}
        while self._rest().strip():
            match = _WAY.match(self._text, self._at)
            way = match.group(1).lower() if match else ""
            self._at = match.end() if match else self._at
            if way in found or "" in found or (found and not way):
                self._wrong("each way stands once, as `to: ...; from: ...`")
            found[way] = self._steps()
        return found

    def _steps(self) -> Steps:
        steps: list[Step] = []
        while True:
            step = self._step()
            if step is not None:
                steps.append(step)
            sign = self._rest().lstrip()[:1]
            if sign == ">" and step is not None:
                self._skip(">")
                continue
            if sign == ";":
                self._skip(";")
            elif sign:
                self._wrong("after a rule stands `>`, `;` or the end")
            if len(steps) > _STEPS_MAX:
                self._wrong(f"there are more than {_STEPS_MAX} rules")
            return tuple(steps)

    def _step(self) -> Step | None:
        if match := _EXPRESSION.match(self._text, self._at):
            self._at = match.end()
            return Step(rule=EXPRESSION, arguments=(self._expression(),))
        match = _NAME.match(self._text, self._at)
        if match is None:
            self._wrong("here stands a rule")
        self._at = match.end()
        name = match.group(1).lower()
        if name == _NONE:
            return None
        return Step(rule=name, arguments=self._arguments())

    def _expression(self) -> str:
        """Up to a `;` that stands in no text of the expression."""
        quote, begin = "", self._at
        while self._at < len(self._text):
            sign = self._text[self._at]
            if quote:
                self._at += sign == "\\"
                quote = "" if sign == quote else quote
            elif sign in "'\"":
                quote = sign
            elif sign == ";":
                break
            self._at += 1
        return self._text[begin : self._at].strip()

    def _arguments(self) -> tuple[Value, ...]:
        if not self._rest().startswith("("):
            return ()
        self._at += 1
        found: list[Value] = []
        while True:
            match = _ARGUMENT.match(self._text, self._at)
            if match is None:
                self._wrong("here stands a text in quotes or a number")
            text, number = match.groups()
            found.append(text.replace("''", "'") if text is not None else _number(number))
            self._at = match.end()
            sign = self._rest()[:1]
            if sign not in {",", ")"}:
                self._wrong("after a value stands `,` or `)`")
            self._at += 1
            if sign == ")":
                return tuple(found)

    def _skip(self, sign: str) -> None:
        self._at = self._text.index(sign, self._at) + 1

    def _rest(self) -> str:
        return self._text[self._at :]

    def _wrong(self, words: str) -> NoReturn:
        _refuse(self._text, f"at character {self._at + 1}: {words}.", "Example: trim > replace('U.S.', 'US')")


def _number(text: str) -> Value:
    return Decimal(text) if "." in text else int(text)


def _refuse(text: str, message: str, cure: str) -> NoReturn:
    raise ConfigurationError(f"The transformation {text!r}: {message}", cure=cure)
