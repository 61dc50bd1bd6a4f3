"""Filters and orders made into closures over a stored row.

Nulls compare as Dataverse and BC do it: `eq null` is true for a null alone, `ne` is true for a null, the
other comparisons are false.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kobling_sandbox.odata_filter import (
    Call,
    Compare,
    Dialect,
    Expression,
    Field,
    Literal,
    Logical,
    Not,
    ODataError,
    Within,
)
from kobling_sandbox.rows import Row
from kobling_sandbox.store import format_time
from kobling_sandbox.tables import CHOICE_TYPES, LOOKUP_TYPES, NUMBER_TYPES, TEXT_TYPES

Predicate = Callable[[Row], bool]
Reader = Callable[[Row], Any]

_EDM = {"string": "Edm.String", "number": "Edm.Int32", "guid": "Edm.Guid", "boolean": "Edm.Boolean"}


@dataclass(frozen=True, slots=True)
class Property:
    """What a query may name: `type` is a column type of `tables`, `read` takes the value from a stored row.

    `key` is the key of the stored row when the property is exactly that value, else empty: such a property
    may be searched by an index. An `option` reads as text, a `picklist` as a number.
    """

    name: str
    type: str
    read: Reader
    key: str = ""


Properties = Callable[[str], Property | None]


def stored_property(name: str, type_name: str, key: str = "") -> Property:
    """A property that is a value of the stored row, under its own name or another key."""
    key = key or name
    return Property(name, type_name, lambda row: row.get(key), key)


def compile_filter(tree: Expression, properties: Properties, dialect: Dialect) -> Predicate:
    """The filter as a function. Raises ODataError for an unknown property and for types that do not fit."""
    if isinstance(tree, Logical):
        tree = _gathered(tree)
    if isinstance(tree, Logical):
        return _logical(tree.operator, [compile_filter(part, properties, dialect) for part in tree.operands])
    if isinstance(tree, Not):
        operand = compile_filter(tree.operand, properties, dialect)
        return lambda row: not operand(row)
    if isinstance(tree, Compare):
        return _compare(tree, properties, dialect)
    if isinstance(tree, Within):
        return _within(tree, properties, dialect)
    if isinstance(tree, Call):
        return _text_test(tree, properties, dialect)
    if isinstance(tree, Field):
        chosen = find_property(tree.path, properties)
        if chosen.type != "boolean":
            raise ODataError("type", "The $filter expression must evaluate to a single boolean value.")
        return lambda row: chosen.read(row) is True
    return lambda row: tree.value is True


def compile_order(
    text: str, properties: Properties, dialect: Dialect
) -> Callable[[Iterable[Row]], list[Row]]:
    """A function that sorts rows by `$orderby`; nulls come first when ascending."""
    keys = []
    for part in text.split(","):
        name, _, way = part.strip().partition(" ")
        if way.strip() not in ("", "asc", "desc"):
            raise ODataError("syntax", f"Syntax error in '$orderby': '{part.strip()}'.")
        keys.append((find_property(name, properties).read, way.strip() == "desc"))

    def sort(rows: Iterable[Row]) -> list[Row]:
        ordered = list(rows)
        for read, descending in reversed(keys):
            ordered.sort(key=lambda row, read=read: _rank(read(row), dialect), reverse=descending)  # type: ignore[misc]
        return ordered

    return sort


def find_property(name: str, properties: Properties) -> Property:
    """The property, or ODataError with kind `unknown`."""
    found = properties(name)
    if found is None:
        raise ODataError("unknown", f"Could not find a property named '{name}'.", name)
    return found


def equality_values(tree: Expression, path: str) -> list[Any] | None:
    """The values one of which the property must have, when the filter says so; else None.

    Reads `x eq 1`, `x eq 1 or x eq 2`, the In function, and any of these as a part of an `and`.
    """
    if isinstance(tree, Compare) and tree.operator == "eq" and tree.left == Field(path):
        return [tree.right.value] if isinstance(tree.right, Literal) else None
    if isinstance(tree, Within) and tree.field.path == path:
        return [literal.value for literal in tree.values]
    if isinstance(tree, Logical):
        parts = [equality_values(part, path) for part in tree.operands]
        if tree.operator == "and":
            return next((part for part in parts if part is not None), None)
        if all(part is not None for part in parts):
            return [value for part in parts if part is not None for value in part]
    return None


def lower_bound(tree: Expression, path: str) -> Any:
    """The largest value that the property must exceed (`gt`) or reach (`ge`, one less), else None.

    For whole numbers only: it serves to read rows from a row version on.
    """
    if isinstance(tree, Compare) and tree.left == Field(path) and isinstance(tree.right, Literal):
        value = tree.right.value
        if isinstance(value, int) and tree.operator in ("gt", "ge"):
            return value if tree.operator == "gt" else value - 1
    if isinstance(tree, Logical) and tree.operator == "and":
        return max((b for b in (lower_bound(p, path) for p in tree.operands) if b is not None), default=None)
    return None


def _gathered(tree: Logical) -> Logical | Within:
    """`x eq 1 or x eq 2 ...` as one look into a set: clients name hundreds of rows that way."""
    if tree.operator != "or":
        return tree
    values = []
    for part in tree.operands:
        if not (isinstance(part, Compare) and part.operator == "eq" and isinstance(part.right, Literal)):
            return tree
        values.append(part.right)
    fields = {part.left for part in tree.operands if isinstance(part, Compare)}
    field = fields.pop()
    if fields or not isinstance(field, Field):
        return tree
    return Within(field, tuple(values))


def _logical(operator: str, parts: list[Predicate]) -> Predicate:
    if operator == "and":
        return lambda row: all(part(row) for part in parts)
    return lambda row: any(part(row) for part in parts)


def _compare(tree: Compare, properties: Properties, dialect: Dialect) -> Predicate:
    left, right, operator = tree.left, tree.right, tree.operator
    if isinstance(left, Literal):
        left, right, operator = right, left, _MIRROR[operator]
    read, type_name = _operand(left, properties, dialect)
    if not isinstance(right, Literal):
        other, _ = _operand(right, properties, dialect)
        return lambda row: _COMPARE[operator](read(row), other(row))
    value = _value(right, type_name, dialect, operator)
    if dialect.ignores_case and isinstance(value, str) and type_name in TEXT_TYPES:
        read = _folded(read)
        value = value.casefold()
    compare = _COMPARE[operator]
    return lambda row: compare(read(row), value)


def _operand(tree: Expression, properties: Properties, dialect: Dialect) -> tuple[Reader, str]:
    if isinstance(tree, Field):
        found = find_property(tree.path, properties)
        return found.read, found.type
    if isinstance(tree, Literal):
        return (lambda row: tree.value), tree.kind
    if isinstance(tree, Call) and tree.name in ("tolower", "toupper"):
        read, _ = _operand(tree.arguments[0], properties, dialect)
        change = str.lower if tree.name == "tolower" else str.upper
        return (lambda row: None if (text := read(row)) is None else change(text)), "string"
    if isinstance(tree, Call):
        return compile_filter(tree, properties, dialect), "boolean"
    raise ODataError("syntax", "A comparison needs a property, a function or a constant on each side.")


def _text_test(tree: Call, properties: Properties, dialect: Dialect) -> Predicate:
    if tree.name not in ("contains", "startswith", "endswith"):
        raise ODataError("type", "The $filter expression must evaluate to a single boolean value.")
    (read, kind), (part, part_kind) = (_operand(arg, properties, dialect) for arg in tree.arguments)
    if kind not in TEXT_TYPES | {"option"} or part_kind not in TEXT_TYPES:
        message = f"No function signature for the function with name '{tree.name}' matches."
        raise ODataError("type", message)
    if dialect.ignores_case:
        read, part = _folded(read), _folded(part)
    test: Callable[[str, str], bool] = {
        "contains": str.__contains__,
        "startswith": str.startswith,
        "endswith": str.endswith,
    }[tree.name]
    return lambda row: (
        (text := read(row)) is not None and (wanted := part(row)) is not None and test(text, wanted)
    )


def _within(tree: Within, properties: Properties, dialect: Dialect) -> Predicate:
    found = find_property(tree.field.path, properties)
    folds = dialect.ignores_case and found.type in TEXT_TYPES
    read = _folded(found.read) if folds else found.read
    values = {_value(_as_type(literal, found.type), found.type, dialect, "eq") for literal in tree.values}
    wanted = {value.casefold() for value in values} if folds else values
    return lambda row: read(row) in wanted


def _as_type(literal: Literal, type_name: str) -> Literal:
    """The values of the In function stand in quotes whatever their type."""
    if literal.kind == "string" and (type_name == "guid" or type_name in LOOKUP_TYPES):
        return Literal("guid", literal.value.lower())
    if literal.kind == "string" and type_name in NUMBER_TYPES | CHOICE_TYPES and literal.value.isdigit():
        return Literal("number", int(literal.value))
    return literal


def _value(literal: Literal, type_name: str, dialect: Dialect, operator: str) -> Any:
    if literal.kind == "null":
        return None
    if type_name == "datetime" and literal.kind in ("datetime", "date"):
        return _moment(literal.value, dialect, operator)
    fits = _FITS.get(literal.kind, frozenset())
    if type_name not in fits:
        message = (
            "A binary operator with incompatible types was detected. Found operand types "
            f"'{_EDM.get(_family(type_name), 'Edm.DateTimeOffset')}' and "
            f"'{_EDM.get(literal.kind, 'Edm.DateTimeOffset')}' for operator kind '{_NAMES[operator]}'."
        )
        raise ODataError("type", message)
    return literal.value


def _family(type_name: str) -> str:
    for family, types in _FITS.items():
        if type_name in types:
            return family
    return type_name


def _moment(text: str, dialect: Dialect, operator: str) -> str:
    """The constant in the service's form. Its finer digits are not lost: see `_finer`."""
    try:
        moment = datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00")
    except ValueError:
        raise ODataError("syntax", f"'{text}' is not a valid date and time.") from None
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return _finer(moment, dialect.fraction_digits, operator)
    except OverflowError:
        raise ODataError("syntax", f"'{text}' lies outside the range of dates.") from None


def _finer(moment: datetime, digits: int, operator: str) -> str:
    """A stored time never has more digits: below a finer constant means up to the next whole step."""
    step = timedelta(milliseconds=1) if digits else timedelta(seconds=1)
    text = format_time(moment, digits)
    whole = datetime.fromisoformat(text)
    if whole != moment and operator in ("lt", "ge"):
        return format_time(whole + step, digits)
    return text


def _folded(read: Reader) -> Reader:
    def folded(row: Row) -> Any:
        value = read(row)
        return value.casefold() if isinstance(value, str) else value

    return folded


def _rank(value: Any, dialect: Dialect) -> tuple[bool, Any]:
    if isinstance(value, str) and dialect.ignores_case:
        value = value.casefold()
    return (value is not None, value if value is not None else 0)


_FITS: Mapping[str, frozenset[str]] = {
    "string": TEXT_TYPES | {"option"},
    "number": NUMBER_TYPES | (CHOICE_TYPES - {"option"}) | {"number"},
    "guid": LOOKUP_TYPES | {"guid"},
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
}
_MIRROR = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_NAMES = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left is not None and right is not None and left > right,
    "ge": lambda left, right: left is not None and right is not None and left >= right,
    "lt": lambda left, right: left is not None and right is not None and left < right,
    "le": lambda left, right: left is not None and right is not None and left <= right,
}
