"""The text of `$filter` as a tree: lexer and parser, for both services' dialects.

The tree is made of tuples' cousins, frozen dataclasses; nothing here knows a table. Every text comes from
outside, so its nesting and its length have limits.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from typing import Literal as Exactly

ErrorKind = Exactly["syntax", "unknown", "type", "unsupported", "distinct"]

# Deep enough for any client seen, far from Python's own recursion limit.
_NESTING_MAX = 60
_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_FUNCTIONS = {"contains": 2, "startswith": 2, "endswith": 2, "tolower": 1, "toupper": 1}
_TRUTHS = frozenset({"contains", "startswith", "endswith"})
_IN = "Microsoft.Dynamics.CRM.In"


class ODataError(Exception):
    """A query that the service refuses. `kind` says why, `name` is the property or word concerned."""

    def __init__(self, kind: ErrorKind, message: str, name: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.name = kind, message, name


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a service reads filters: letters' case, `or` over several fields, the form of its times."""

    name: str
    ignores_case: bool
    or_over_fields: bool
    fraction_digits: int


DATAVERSE = Dialect("dataverse", ignores_case=True, or_over_fields=True, fraction_digits=0)
BUSINESS_CENTRAL = Dialect("business_central", ignores_case=False, or_over_fields=False, fraction_digits=3)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: `kind` is string, number, guid, datetime, date, boolean or null."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    """A property, or a path such as `primarycontactid/fullname`."""

    path: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the language, its name in lower case."""

    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Logical:
    """`and` or `or` over two or more operands."""

    operator: str
    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of the operand."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Within:
    """Whether the property has one of the values."""

    field: Field
    values: tuple[Literal, ...]


Expression = Literal | Field | Call | Compare | Logical | Not | Within

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<guid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}(?![\w-]))
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)
    | (?P<date>\d{4}-\d\d-\d\d(?![\w-]))
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w))
    | (?P<word>@?[A-Za-z_][\w.]*(?:/[A-Za-z_][\w.]*)*)
    | (?P<mark>[()\[\],=])
    )""",
    re.VERBOSE,
)


def parse_filter(text: str, dialect: Dialect) -> Expression:
    """The tree of a filter. Raises ODataError for what the dialect does not read."""
    parser = _Parser(_tokens(text))
    tree = parser.alternatives(0)
    parser.end()
    if not dialect.or_over_fields:
        _check_alternatives(tree)
    return tree


def fields_of(tree: Expression) -> set[str]:
    """The properties that a tree reads."""
    if isinstance(tree, Field):
        return {tree.path}
    if isinstance(tree, Within):
        return {tree.field.path}
    return set().union(*map(fields_of, _children(tree)))


def _children(tree: Expression) -> tuple[Expression, ...]:
    if isinstance(tree, Call):
        return tree.arguments
    if isinstance(tree, Compare):
        return (tree.left, tree.right)
    if isinstance(tree, Logical):
        return tree.operands
    return (tree.operand,) if isinstance(tree, Not) else ()


def _check_alternatives(tree: Expression) -> None:
    if isinstance(tree, Logical) and tree.operator == "or" and len(fields_of(tree)) > 1:
        message = "The 'OR' operator is not supported on distinct fields on an OData filter."
        raise ODataError("distinct", message)
    for child in _children(tree):
        _check_alternatives(child)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ODataError("syntax", f"Syntax error at position {position} in '{text}'.")
        assert found.lastgroup is not None
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        position = found.end()
    tokens.append(("end", ""))
    return tokens


class _Parser:
    """Recursive descent; `or` binds weaker than `and`, `and` weaker than `not`."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.position = 0

    def alternatives(self, depth: int) -> Expression:
        """One or more conditions joined by `or`."""
        operands = [self._conjunction(depth)]
        while self._takes("or"):
            operands.append(self._conjunction(depth))
        return operands[0] if len(operands) == 1 else Logical("or", tuple(operands))

    def end(self) -> None:
        """Refuses anything left over."""
        if self._kind != "end":
            raise self._error()

    def _conjunction(self, depth: int) -> Expression:
        operands = [self._condition(depth)]
        while self._takes("and"):
            operands.append(self._condition(depth))
        return operands[0] if len(operands) == 1 else Logical("and", tuple(operands))

    def _condition(self, depth: int) -> Expression:
        if depth > _NESTING_MAX:
            raise ODataError("syntax", "The node count limit is exceeded: the filter is nested too deep.")
        if self._takes("not"):
            return Not(self._condition(depth + 1))
        if self._text == "(":
            self.position += 1
            inner = self.alternatives(depth + 1)
            self._expect(")")
            return inner
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Expression:
        left = self._operand(depth)
        if self._kind == "word" and self._text in _COMPARISONS:
            operator = self._next()[1]
            return Compare(operator, left, self._operand(depth))
        truth = isinstance(left, (Field, Within)) or (isinstance(left, Call) and left.name in _TRUTHS)
        if not truth and not (isinstance(left, Literal) and left.kind == "boolean"):
            raise self._error()
        return left

    def _operand(self, depth: int) -> Expression:
        kind, text = self._next()
        if kind == "word":
            return self._named(text, depth)
        if kind in ("mark", "end"):
            self.position -= 1
            raise self._error()
        return _literal(kind, text)

    def _named(self, text: str, depth: int) -> Expression:
        if text in ("true", "false"):
            return Literal("boolean", text == "true")
        if text == "null":
            return Literal("null", None)
        if self._text != "(":
            return Field(text)
        if text == _IN:
            return self._within()
        return self._call(text, depth)

    def _call(self, text: str, depth: int) -> Call:
        name = text.lower()
        if name not in _FUNCTIONS or depth > _NESTING_MAX:
            raise ODataError("unsupported", f"An unknown function with name '{text}' was found.", text)
        self._expect("(")
        arguments = [self._operand(depth + 1)]
        while self._text == ",":
            self.position += 1
            arguments.append(self._operand(depth + 1))
        self._expect(")")
        if len(arguments) != _FUNCTIONS[name]:
            raise ODataError("syntax", f"No function signature for the function with name '{text}' matches.")
        return Call(name, tuple(arguments))

    def _within(self) -> Within:
        self._expect("(")
        self._expect("PropertyName")
        self._expect("=")
        name = self._constant().value
        self._expect(",")
        self._expect("PropertyValues")
        self._expect("=")
        self._expect("[")
        values = [] if self._text == "]" else [self._constant()]
        while self._text == ",":
            self.position += 1
            values.append(self._constant())
        self._expect("]")
        self._expect(")")
        return Within(Field(str(name)), tuple(values))

    def _constant(self) -> Literal:
        kind, text = self._next()
        if kind in ("mark", "end", "word"):
            self.position -= 1
            raise self._error()
        return _literal(kind, text)

    @property
    def _kind(self) -> str:
        return self.tokens[self.position][0]

    @property
    def _text(self) -> str:
        return self.tokens[self.position][1]

    def _next(self) -> tuple[str, str]:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def _takes(self, word: str) -> bool:
        if self.tokens[self.position] != ("word", word):
            return False
        self.position += 1
        return True

    def _expect(self, text: str) -> None:
        if self._text != text:
            raise self._error()
        self.position += 1

    def _error(self) -> ODataError:
        read = " ".join(text for _, text in self.tokens[: self.position + 1])
        return ODataError("syntax", f"Syntax error: unexpected '{self._text}' after '{read[-120:]}'.")


def _literal(kind: str, text: str) -> Literal:
    if kind == "string":
        return Literal(kind, text[1:-1].replace("''", "'"))
    if kind == "guid":
        return Literal(kind, text.lower())
    if kind == "number":
        plain = text.lstrip("+-").isdigit()
        return Literal(kind, int(text) if plain and len(text) < 40 else Decimal(text))
    return Literal(kind, text)
