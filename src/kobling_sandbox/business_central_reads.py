"""Reading sets of Business Central: query options, server paging, expansion, and the two logs."""

import base64
import binascii
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import quote

from kobling_sandbox.business_central_entities import View
from kobling_sandbox.business_central_errors import BusinessCentralError, bad_request
from kobling_sandbox.business_central_values import member_text
from kobling_sandbox.odata import (
    BUSINESS_CENTRAL,
    Expand,
    Expression,
    ODataError,
    Options,
    compile_filter,
    compile_order,
    equality_values,
    lower_bound,
    parse_filter,
    parse_options,
)
from kobling_sandbox.odata_filter import Compare, Field, Literal, Logical, Not
from kobling_sandbox.rows import Row

PAGE_MAX = 20_000
_VERSION = "systemRowVersion"


def options_of(parameters: dict[str, str]) -> Options:
    """The query options among decoded parameters. Raises BusinessCentralError for what is refused."""
    options = parse_options(parameters)
    unknown = [name for name in options.other if name.startswith("$") and name != "$schemaversion"]
    if unknown or options.delta_token:
        name = unknown[0] if unknown else "$deltatoken"
        raise bad_request(f"The query parameter '{name}' is not supported.")
    return options


def page_rows(preferred: Mapping[str, str]) -> int:
    """The rows of a page. Raises 413 when more are asked for than the service gives."""
    text = preferred.get("odata.maxpagesize", preferred.get("maxpagesize", ""))
    if not (text.isascii() and text.isdigit() and int(text)):
        return PAGE_MAX
    if int(text) > PAGE_MAX:
        raise BusinessCentralError(
            413, "RequestEntityTooLarge", f"The page size {text} exceeds the maximum of {PAGE_MAX}."
        )
    return int(text)


def matching(view: View, options: Options) -> list[Row]:
    """The rows that the filter lets through, in the order asked for, else in that of the ids."""
    tree = _plain_options(parse_filter(options.filter, BUSINESS_CENTRAL), view) if options.filter else None
    rows: Iterable[Row] = _candidates(view, tree)
    if tree is not None:
        accepts = compile_filter(tree, view.property, BUSINESS_CENTRAL)
        rows = [row for row in rows if accepts(row)]
    if options.order:
        return compile_order(options.order, view.property, BUSINESS_CENTRAL)(rows)
    return sorted(rows, key=_id) if tree is not None else list(rows)


def _id(row: Row) -> str:
    return str(row["id"])


def _candidates(view: View, tree: Expression | None) -> Iterable[Row]:
    """Fewer rows to look at, where the filter names ids, an indexed value or a row version."""
    special = _LOGS.get(view.entity.table.name)
    if special is not None:
        return special(view, lower_bound(tree, _VERSION) if tree is not None else None)
    rows = view.store.rows(view.entity.table.name, view.company)
    if tree is None:
        return rows.ordered()
    identifiers = equality_values(tree, "id")
    if identifiers is not None:
        found = (rows.get(str(each)) for each in dict.fromkeys(identifiers))
        return [row for row in found if row is not None]
    indexed = _by_index(view, tree)
    if indexed is not None:
        return indexed
    bound = lower_bound(tree, _VERSION)
    return rows.by_id.values() if bound is None else rows.since(bound, _VERSION)


def _by_index(view: View, tree: Expression) -> list[Row] | None:
    """Rows by a key or a code. Blanks are not stored and options not by their text: neither can be found."""
    rows = view.store.rows(view.entity.table.name, view.company)
    for name, each in view.entity.fields.items():
        keyed = each.column.type != "option" and (
            each.column.name in view.entity.table.rules.get("primary", ())
            or {"relation", "relations"} & each.column.rules.keys()
            or each.column.name == "no"
        )
        found = view.property(name) if keyed else None
        values = equality_values(tree, name) if found is not None and found.key else None
        if found is not None and values is not None and all(values):
            chosen = (row for value in dict.fromkeys(values) for row in rows.find(found.key, value))
            return list({row["id"]: row for row in chosen}.values())
    return None


def _plain_options(tree: Expression, view: View) -> Expression:
    """Options are compared by their text; their member names (`_x0020_`) are taken too."""
    if isinstance(tree, Logical):
        return Logical(tree.operator, tuple(_plain_options(part, view) for part in tree.operands))
    if isinstance(tree, Not):
        return Not(_plain_options(tree.operand, view))
    if not (isinstance(tree, Compare) and isinstance(tree.left, Field) and isinstance(tree.right, Literal)):
        return tree
    found = view.property(tree.left.path)
    if found is None or found.type != "option" or tree.right.kind != "string":
        return tree
    return replace(tree, right=Literal("string", member_text(tree.right.value)))


def _deleted_records(view: View, bound: Any) -> list[Row]:
    """The deletion log, made from the store's own record of deletions."""
    tables = view.store.tables
    return [
        {
            "id": str(uuid.uuid5(uuid.UUID(each.id), str(each.version))),
            "tableId": tables[each.table].rules["id"],
            "recordId": each.id,
            "deletedAt": each.deleted_at,
            "deletedBy": each.deleted_by,
            "systemRowVersion": each.version,
            "systemCreatedAt": each.deleted_at,
            "systemCreatedBy": each.deleted_by,
            "systemModifiedAt": each.deleted_at,
            "systemModifiedBy": each.deleted_by,
        }
        for each in view.store.deleted_since(bound or 0, company=view.company)
    ]


def _row_versions(view: View, bound: Any) -> list[Row]:
    store = view.store
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, view.company)),
            "minimumActiveRowVersion": store.minimum_active_version,
            "lastUsedRowVersion": store.version,
            "systemRowVersion": store.version,
        }
    ]


def _companies(view: View, bound: Any) -> Sequence[Row]:
    return list(view.store.rows("Company").by_id.values())


_LOGS = {"Deleted Record": _deleted_records, "Row Version": _row_versions, "Company": _companies}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One request for a set: decoded parameters, rows a page, context, and the address without its query."""

    parameters: dict[str, str]
    page: int
    context: str
    url: str


def list_body(view: View, listing: Listing) -> Row:
    """One page of a set: `@odata.context`, `@odata.count` if asked, `value`, and where the next one is."""
    options = options_of(listing.parameters)
    after = _place(options.skip_token)
    body: Row = {"@odata.context": listing.context}
    if _goes_by_version(view, options) and (after is None or after[0] == "version"):
        rows = _next_versions(view, options, after, listing.page + 1)
    else:
        rows = matching(view, options)
        if options.count:
            body["@odata.count"] = len(rows)
        rows = _after(rows, after) if after is not None else rows[options.skip :]
    wanted = len(rows) if options.top is None else options.top
    shown = rows[: min(listing.page, wanted)]
    body["value"] = [render(view, row, options) for row in shown]
    if len(rows) > len(shown) and wanted > len(shown):
        body["@odata.nextLink"] = f"{listing.url}?{_next_query(listing.parameters, options, shown, after)}"
    return body


def _goes_by_version(view: View, options: Options) -> bool:
    """Whether a page can be read from where it begins: rows lie in the order of their versions."""
    if options.order.removesuffix(" asc") != _VERSION or options.count or options.skip:
        return False
    return view.entity.table.name not in _LOGS


def _next_versions(view: View, options: Options, after: tuple[str, Any] | None, limit: int) -> list[Row]:
    """At most so many rows by version; what stands before the page is not looked at again."""
    tree = _plain_options(parse_filter(options.filter, BUSINESS_CENTRAL), view) if options.filter else None
    bound = None if tree is None else lower_bound(tree, _VERSION)
    begin = max(0 if bound is None else bound, 0 if after is None else after[1])
    rows: Iterable[Row] = view.store.rows(view.entity.table.name, view.company).since(begin, _VERSION)
    if tree is not None:
        accepts = compile_filter(tree, view.property, BUSINESS_CENTRAL)
        rows = (row for row in rows if accepts(row))
    return list(islice(rows, limit))


def render(view: View, row: Row, options: Options) -> Row:
    """The row with the chosen fields and its expanded neighbours."""
    for name in options.select:
        view.entity.field(name)
    shown = view.render(row, options.select)
    for expand in options.expand:
        shown[expand.name] = _expanded(view, row, expand)
    return shown


def _expanded(view: View, row: Row, expand: Expand) -> Row | None:
    column = view.entity.navigation.get(expand.name)
    if column is None:
        raise bad_request(
            f"Could not find a property named '{expand.name}' on type "
            f"'Microsoft.NAV.{view.entity.type_name}'."
        )
    other = view.neighbours(str(column.rules["relation"]).rpartition(".")[0])
    found = view.related(column, row.get(column.name))
    return None if found is None or other is None else render(other, found, expand.options)


def _place(token: str) -> tuple[str, Any] | None:
    """Where a page goes on: after an id, after a row version, or after a count of rows."""
    if not token:
        return None
    try:
        kind, _, place = base64.urlsafe_b64decode(token).decode().partition(":")
        return kind, place if kind == "id" else int(place)
    except (ValueError, binascii.Error):
        raise bad_request("The skip token is not valid.", "BadRequest_InvalidRequestUrl") from None


def _after(rows: list[Row], after: tuple[str, Any]) -> list[Row]:
    """A token names the last row shown, so rows that come or go between pages do not shift the next."""
    kind, place = after
    if kind == "id":
        return [row for row in rows if row["id"] > place]
    if kind == "version":
        return [row for row in rows if row[_VERSION] > place]
    return rows[place:]


def _next_query(
    parameters: dict[str, str], options: Options, shown: list[Row], after: tuple[str, Any] | None
) -> str:
    last = shown[-1]
    if not options.order:
        token = f"id:{last['id']}"
    elif options.order.removesuffix(" asc") == _VERSION:
        token = f"version:{last[_VERSION]}"
    else:
        token = f"offset:{(after[1] if after else options.skip) + len(shown)}"
    following = {name: value for name, value in parameters.items() if name not in ("$skip", "aid")}
    if options.top is not None:
        following["$top"] = str(options.top - len(shown))
    following["aid"] = "FIN"
    following["$skiptoken"] = base64.urlsafe_b64encode(token.encode()).decode()
    return "&".join(f"{quote(name, safe='$')}={quote(value, safe='')}" for name, value in following.items())


def refuse_query(error: ODataError) -> BusinessCentralError:
    """A query error in Business Central's words."""
    if error.kind == "unknown":
        return bad_request(error.message)
    if error.kind == "distinct":
        return BusinessCentralError(501, "BadRequest_MethodNotImplemented", error.message)
    return bad_request(error.message, "BadRequest_InvalidRequestUrl")
