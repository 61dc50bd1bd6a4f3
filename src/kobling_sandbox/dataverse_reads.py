"""Reading rows of Dataverse: select, filter, order, expand, count, pages, annotations."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any
from urllib.parse import quote

from kobling_sandbox.dataverse_errors import bad_query, query, unknown_property
from kobling_sandbox.dataverse_model import Entity, Model, collections_of, row_etag
from kobling_sandbox.odata import (
    DATAVERSE,
    Expand,
    Expression,
    ODataError,
    Options,
    equality_values,
    fields_of,
    parse_filter,
)
from kobling_sandbox.odata import select as odata_select
from kobling_sandbox.rows import Row
from kobling_sandbox.tables import LOOKUP_TYPES, Column

PAGE_ROWS_MAX = 5000
COUNT_MAX = 5000
# Types whose values are text in the filter and in the row: only those can be looked up as they are.
_INDEXED_TYPES = LOOKUP_TYPES | {"string", "guid"}
_FORMATTED = "OData.Community.Display.V1.FormattedValue"
_LOGICAL_NAME = "Microsoft.Dynamics.CRM.lookuplogicalname"
_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"

Shape = Callable[[Row], dict[str, Any]]
_SHAPES_KEPT = 256


class Reads:
    """Rows as the wire shows them. Raises DataverseError for queries that are refused."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.store = model.store
        # Each part of a batch asks for the same columns.
        self._shapes: dict[tuple[str, tuple[str, ...], str], Shape] = {}

    def matching(self, entity: Entity, options: Options) -> list[Row]:
        """All rows that the filter lets through, by id or in the order asked for."""
        rows = self.store.rows(entity.name)
        try:
            tree = parse_filter(options.filter, DATAVERSE) if options.filter else None
            candidates = None if tree is None else self._candidates(entity, tree)
            source: Iterable[Row] = rows.ordered() if candidates is None else candidates
            return list(
                odata_select(source, options, lambda path: self.model.find(entity, path), DATAVERSE, tree)
            )
        except ODataError as error:
            raise query(error, entity.name) from None

    def shape(self, entity: Entity, options: Options, annotations: str = "") -> Shape:
        """A function from a stored row to the answer's row, for this `$select` and `$expand`."""
        key = (entity.name, options.select, annotations)
        shape = None if options.expand else self._shapes.get(key)
        if shape is None:
            shape = self._shape(entity, options, annotations)
            if len(self._shapes) >= _SHAPES_KEPT:
                self._shapes.clear()
            if not options.expand:
                self._shapes[key] = shape
        return shape

    def _shape(self, entity: Entity, options: Options, annotations: str) -> Shape:
        names = self.selected(entity, options)
        pairs = [(name, entity.defaults.get(name)) for name in names]
        expands = [self._expand(entity, part, annotations) for part in options.expand]
        notes = self._annotator(entity, names, annotations) if annotations else None

        def one(row: Row) -> dict[str, Any]:
            get = row.get
            shown = {"@odata.etag": row_etag(row), **{name: get(name, default) for name, default in pairs}}
            if notes is not None:
                notes(row, shown)
            for expand in expands:
                expand(row, shown)
            return shown

        return one

    def selected(self, entity: Entity, options: Options) -> list[str]:
        """The names of the properties to show; the primary key is always among them."""
        if not options.select:
            return list(entity.readable)
        names = []
        for name in options.select:
            found = entity.properties.get(name)
            if found is not None:
                names.append(found.key or found.name)
            elif name in entity.navigation:
                names.append(entity.navigation[name][0].stored)
            else:
                raise unknown_property(name, entity.name)
        return list(dict.fromkeys([*names, entity.table.key]))

    def context(self, root: str, entity: Entity, options: Options, suffix: str = "") -> str:
        """The `@odata.context` of rows of a table."""
        names = f"({','.join(options.select)})" if options.select else ""
        return f"{root}$metadata#{entity.table.set_name}{names}{suffix}"

    def count(self, entity: Entity, options: Options) -> int:
        """How many rows fit, as far as the service counts."""
        fitting = self.matching(entity, options) if options.filter else self.store.rows(entity.name)
        return min(len(fitting), COUNT_MAX)

    def page(
        self, root: str, entity: Entity, options: Options, *, size: int, annotations: str, link: str
    ) -> dict[str, Any]:
        """One page of a collection; `link` is the request's own URL without a skip token."""
        if options.skip:
            raise bad_query("Skip Clause is not supported in CRM")
        shape = self.shape(entity, options, annotations)
        if not (options.filter or options.order or options.count or options.top is not None):
            return self._plain_page(root, entity, options, shape, size, link)
        rows = self.matching(entity, options)
        answer: dict[str, Any] = {"@odata.context": self.context(root, entity, options)}
        if options.count:
            answer["@odata.count"] = min(len(rows), COUNT_MAX)
        if options.top is not None:
            rows, size = rows[: options.top], PAGE_ROWS_MAX
        start, number = self._start(entity, options, rows)
        shown = rows[start : start + size]
        answer["value"] = [shape(row) for row in shown]
        if start + size < len(rows) and options.top is None:
            last = shown[-1][entity.table.key]
            cookie = f'<cookie pagenumber="{number + 1}" at="{start + size}" last="{last}" />'
            answer["@odata.nextLink"] = next_link(link, cookie)
        return answer

    def _plain_page(
        self, root: str, entity: Entity, options: Options, shape: Shape, size: int, link: str
    ) -> dict[str, Any]:
        """A page of all rows by id, without looking at those of other pages: tables may be large."""
        number, _, last = _cookie(options.skip_token) if options.skip_token else (1, 0, "")
        rows = list(islice(self.store.rows(entity.name).ordered(last), size + 1))
        answer: dict[str, Any] = {
            "@odata.context": self.context(root, entity, options),
            "value": [shape(row) for row in rows[:size]],
        }
        if len(rows) > size:
            last = rows[size - 1][entity.table.key]
            cookie = f'<cookie pagenumber="{number + 1}" at="0" last="{last}" />'
            answer["@odata.nextLink"] = next_link(link, cookie)
        return answer

    def _start(self, entity: Entity, options: Options, rows: list[Row]) -> tuple[int, int]:
        if not options.skip_token:
            return 0, 1
        number, at, last = _cookie(options.skip_token)
        if options.order:
            return min(at, len(rows)), number
        # By id: rows that came or went in between do not move those that are still to be read.
        key = entity.table.key
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if rows[middle][key] <= last else (low, middle)
        return low, number

    def _candidates(self, entity: Entity, tree: Expression) -> list[Row] | None:
        """The rows that an index offers for an equality in the filter, by id; None without one."""
        rows = self.store.rows(entity.name)
        for path in sorted(fields_of(tree)):
            found = entity.properties.get(path)
            if found is None or not found.key or found.type not in _INDEXED_TYPES:
                continue
            values = equality_values(tree, path)
            if values is None or any(not isinstance(value, str) for value in values):
                continue
            wanted = dict.fromkeys(value.casefold() for value in values)
            if found.key == entity.table.key:
                chosen = [row for value in wanted if (row := rows.get(value)) is not None]
            else:
                chosen = [row for value in wanted for row in rows.find(found.key, value)]
            return sorted(chosen, key=lambda row: str(row[entity.table.key]))
        return None

    def _expand(
        self, entity: Entity, part: Expand, annotations: str
    ) -> Callable[[Row, dict[str, Any]], None]:
        single = entity.navigation.get(part.name)
        if single is not None and single[1] in self.model.entities:
            return self._expand_single(entity, part, single, annotations)
        many = collections_of(entity).get(part.name)
        if many is None:
            raise unknown_property(part.name, entity.name)
        inner = self.model.far_of(many)
        shape = self.shape(inner, part.options, annotations)
        plain = Options(filter=part.options.filter, order=part.options.order)

        def collect(row: Row, shown: dict[str, Any]) -> None:
            found = self.model.members(entity, many, row[entity.table.key])
            try:
                chosen = odata_select(found, plain, lambda path: self.model.find(inner, path), DATAVERSE)
            except ODataError as error:
                raise query(error, inner.name) from None
            shown[part.name] = [shape(other) for other in chosen[: part.options.top]]

        return collect

    def _expand_single(
        self, entity: Entity, part: Expand, found: tuple[Column, str], annotations: str
    ) -> Callable[[Row, dict[str, Any]], None]:
        column, first = found
        shapes = {first: self.shape(self.model.entities[first], part.options, annotations)}
        for target in column.targets:
            # An owner is a user or a team under one name; a team is shown whole, whatever was selected.
            if target != first and column.navigation.get(target) == part.name:
                shapes[target] = self.shape(self.model.entities[target], Options(), annotations)

        def fetch(row: Row, shown: dict[str, Any]) -> None:
            target = entity.target_of(row, column)
            shape = shapes.get(target)
            other = self.store.rows(target).get(row.get(column.stored, "")) if shape else None
            shown[part.name] = None if other is None or shape is None else shape(other)

        return fetch

    def _annotator(
        self, entity: Entity, names: list[str], annotations: str
    ) -> Callable[[Row, dict[str, Any]], None]:
        patterns = [part.strip() for part in annotations.split(",")]
        formatted, logical, navigation = (
            any(fnmatchcase(name, pattern) for pattern in patterns)
            for name in (_FORMATTED, _LOGICAL_NAME, _NAVIGATION)
        )
        columns = [(name, entity.readable[name]) for name in names]
        if not formatted:
            columns = [(name, column) for name, column in columns if column.is_lookup]

        def annotate(row: Row, shown: dict[str, Any]) -> None:
            for name, column in columns:
                value = shown[name]
                if value is None:
                    continue
                if column.is_lookup:
                    table = entity.target_of(row, column)
                    if logical:
                        shown[f"{name}@{_LOGICAL_NAME}"] = table
                    if navigation:
                        shown[f"{name}@{_NAVIGATION}"] = column.navigation.get(table, column.name)
                if formatted and (text := self._formatted(entity, row, column, value)) is not None:
                    shown[f"{name}@{_FORMATTED}"] = text

        return annotate

    def _formatted(self, entity: Entity, row: Row, column: Column, value: Any) -> str | None:
        if column.is_lookup:
            return self.model.label(entity.target_of(row, column), value)
        if column.options:
            return str(self.model.options.of(entity.name, column).get(str(value), value))
        if column.type == "boolean":
            return "Yes" if value else "No"
        if column.type in ("string", "memo", "guid"):
            return None
        return f"{value:,}" if column.type in ("integer", "decimal", "money", "double") else str(value)


def _cookie(token: str) -> tuple[int, int, str]:
    """The page's number, its first row's place in an order asked for, and the last id shown before it."""
    try:
        parts = dict(part.split("=", 1) for part in token.split() if "=" in part)
        return int(parts["pagenumber"].strip('"')), int(parts["at"].strip('"')), parts["last"].strip('"')
    except (KeyError, ValueError):
        raise bad_query("Malformed XML in the Paging Cookie") from None


def next_link(link: str, token: str) -> str:
    """The URL of the next page: the request's own with an opaque token."""
    return f"{link}{'&' if '?' in link else '?'}$skiptoken={quote(token, safe='')}"
