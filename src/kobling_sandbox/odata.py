"""Query options of both services: reading them from a URL, and carrying them out over stored rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_plus

from kobling_sandbox.odata_compile import (
    Predicate,
    Properties,
    Property,
    compile_filter,
    compile_order,
    equality_values,
    find_property,
    lower_bound,
    stored_property,
)
from kobling_sandbox.odata_filter import (
    BUSINESS_CENTRAL,
    DATAVERSE,
    Dialect,
    Expression,
    ODataError,
    fields_of,
    parse_filter,
)
from kobling_sandbox.rows import Row

__all__ = [
    "BUSINESS_CENTRAL",
    "DATAVERSE",
    "Dialect",
    "Expand",
    "Expression",
    "ODataError",
    "Options",
    "Predicate",
    "Properties",
    "Property",
    "compile_filter",
    "compile_order",
    "decode_query",
    "equality_values",
    "fields_of",
    "find_property",
    "lower_bound",
    "page_size",
    "parse_filter",
    "parse_options",
    "preferences",
    "select",
    "stored_property",
]

_EXPAND_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The query options of one request or of one `$expand`; `other` holds every further parameter."""

    select: tuple[str, ...] = ()
    filter: str = ""
    order: str = ""
    top: int | None = None
    skip: int = 0
    count: bool = False
    expand: tuple["Expand", ...] = ()
    skip_token: str = ""
    delta_token: str = ""
    other: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expand:
    """One navigation property of `$expand` with the options in its parentheses."""

    name: str
    options: Options


def decode_query(query: str) -> dict[str, str]:
    """The parameters of a raw query string, percent-decoded; aliases (`@p1`) are put in for their names.

    Raises ODataError when a parameter stands twice.
    """
    parameters: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in parameters:
            raise ODataError("syntax", f"Query option '{name}' was specified more than once.")
        # A blank is often sent as +, and a plus sign is always sent as %2B.
        parameters[name] = unquote_plus(value)
    aliases = {name: value for name, value in parameters.items() if name.startswith("@")}
    for name, value in aliases.items():
        del parameters[name]
        for key in parameters:
            parameters[key] = parameters[key].replace(name, value)
    return parameters


@lru_cache(maxsize=512)
def options_of_query(query: str) -> Options:
    """The options of a raw query string; each part of a batch repeats its own. Raises ODataError."""
    return parse_options(decode_query(query))


def parse_options(parameters: dict[str, str], *, depth: int = 0) -> Options:
    """The options among decoded parameters. Raises ODataError with kind `syntax` for a value that is none."""
    if depth > _EXPAND_DEPTH_MAX:
        raise ODataError("syntax", "The $expand option is nested too deep.")
    rest = {name: value.strip() for name, value in parameters.items()}
    top = rest.pop("$top", None)
    names = [name.strip() for name in rest.pop("$select", "").split(",")]
    return Options(
        select=tuple(dict.fromkeys(name for name in names if name)),
        filter=rest.pop("$filter", ""),
        order=rest.pop("$orderby", ""),
        top=None if top is None else _whole_number("$top", top),
        skip=_whole_number("$skip", rest.pop("$skip", "0")),
        count=_truth(rest.pop("$count", "false")),
        expand=parse_expand(rest.pop("$expand", ""), depth=depth + 1),
        skip_token=rest.pop("$skiptoken", ""),
        delta_token=rest.pop("$deltatoken", ""),
        other=rest,
    )


def parse_expand(text: str, *, depth: int = 1) -> tuple[Expand, ...]:
    """The parts of `$expand`: `a,b($select=x;$expand=c($top=1))`."""
    return tuple(_expand_part(part, depth) for part in _split(text, ",") if part.strip())


def _expand_part(text: str, depth: int) -> Expand:
    name, bracket, rest = text.strip().partition("(")
    if bracket and not rest.endswith(")"):
        raise ODataError("syntax", f"Found an unbalanced bracket expression in '{text}'.")
    parameters = {}
    for option in _split(rest[:-1], ";") if bracket else ():
        key, _, value = option.strip().partition("=")
        if key:
            parameters[key] = value
    return Expand(name=name.strip(), options=parse_options(parameters, depth=depth))


def _split(text: str, separator: str) -> list[str]:
    """Splits outside of brackets and of quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts


def _whole_number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ODataError("syntax", f"Invalid value '{text}' for {name} query option found.", name)
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ODataError("syntax", f"Invalid value '{text}' for $count query option found.", "$count")
    return text.lower() == "true"


@lru_cache(maxsize=512)
def preferences(header: str) -> Mapping[str, str]:
    """The `Prefer` header: lower-case names to values without quotes, an empty text for a bare name."""
    found: dict[str, str] = {}
    for part in _split_quoted(header):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip().strip('"')
    return found


def _split_quoted(header: str) -> list[str]:
    parts, quoted, start = [], False, 0
    for position, letter in enumerate(header):
        if letter == '"':
            quoted = not quoted
        elif letter in ",;" and not quoted:
            parts.append(header[start:position])
            start = position + 1
    parts.append(header[start:])
    return parts


def page_size(preferred: Mapping[str, str], maximum: int) -> int:
    """The rows a page: `odata.maxpagesize`, at most the service's own maximum, which is the default."""
    text = preferred.get("odata.maxpagesize", preferred.get("maxpagesize", ""))
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(wanted, maximum) if wanted else maximum


def select(
    rows: Iterable[Row],
    options: Options,
    properties: Properties,
    dialect: Dialect,
    tree: Expression | None = None,
) -> Sequence[Row]:
    """The rows that `$filter` lets through, in the order of `$orderby`; `tree`: the filter, if parsed."""
    if options.filter:
        tree = tree or parse_filter(options.filter, dialect)
        accepts = compile_filter(tree, properties, dialect)
        rows = [row for row in rows if accepts(row)]
    if options.order:
        return compile_order(options.order, properties, dialect)(rows)
    return rows if isinstance(rows, list) else list(rows)
