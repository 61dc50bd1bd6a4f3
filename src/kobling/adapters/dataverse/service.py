"""Dataverse through its Web API: change tracking, bulk reads and conditional parts of `$batch`."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from kobling.adapters.dataverse.layout import (
    NOTES,
    Bindings,
    Layout,
    by_route,
    layout_of,
    layout_of_reference,
)
from kobling.adapters.dataverse.multipart import Part, decode, encode
from kobling.adapters.dataverse.options import OptionTables, is_option_table, option_rows, options_part
from kobling.adapters.dataverse.results import GONE_CODES, result
from kobling.adapters.dataverse.untracked import (
    NotTrackedError,
    is_by_time,
    modified_since,
    newest_in,
    newest_of,
    token_at,
)
from kobling.adapters.odata.answer import Answer, RowsPage, next_link, refused, same_origin
from kobling.adapters.odata.batch import answer_all
from kobling.adapters.odata.filters import FIND_PAGE, any_id_of, any_of
from kobling.adapters.odata.http import Door
from kobling.adapters.odata.pushdown import Dialect, pushed
from kobling.model.errors import ConfigurationError, FeedExpiredError, ProtocolError
from kobling.model.look_up import Reference
from kobling.model.mapping import Table
from kobling.ports import Method, Opening, Page, Row, RowResult, RowWrite

_NAME: Final = "Dataverse"
_BATCH: Final = 500
_PAGE: Final = 5000
_ODATA: Final = {"OData-Version": "4.0", "OData-MaxVersion": "4.0"}
_VERB: Final = {Method.CREATE: "PATCH", Method.UPDATE: "PATCH", Method.DELETE: "DELETE"}
# No row has this version, so a write whose version nobody knows is answered as stale and not done blindly.
_NO_VERSION: Final = 'W/"0"'
_EXPIRED: Final = "0x80044352"
_NOT_TRACKED: Final = "0x80044351"
_TOKEN_WORDS: Final = re.compile(r"(delta|sync)\s?token|version stamp", re.IGNORECASE)
_PRIVILEGE: Final = re.compile(r"\bprv[A-Z]\w+")
_TRACKING: Final = "odata.track-changes"
_TRACK: Final = f"Turn on 'Track changes' for the table in {_NAME}."
_DIALECT: Final = Dialect(
    nulls=True, name=lambda column: f"_{column.name}_value" if column.targets else column.name
)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


class Dataverse:
    """One environment. `root` is its address without a path; `tables` are those that may be read or written.

    A reference table of an opening need not be among them.
    """

    def __init__(self, door: Door, root: str, tables: Sequence[Table], *, page_rows: int = _PAGE) -> None:
        self._door = door
        self._api = f"{root.rstrip('/')}/api/data/v9.2"
        self._tables = by_route([one for one in tables if not is_option_table(one.route)])
        self._options = OptionTables(self._api, door, lambda parts, writes: self._batch(parts, writes=writes))
        self._bindings = {route: Bindings(one) for route, one in self._tables.items()}
        self._paging = f"odata.maxpagesize={page_rows}"

    @property
    def requests(self) -> int:
        """HTTP requests that went through the door so far."""
        return self._door.requests

    async def opening(self, references: Sequence[Reference], marks: dict[str, str]) -> Opening:
        """The reference tables, each read whole, in one batch; without any nothing is sent."""
        answers = await self._batch([self._reference(one) for one in references])
        rows = {
            one.name: await self._reference_rows(one, answer)
            for one, answer in zip(references, answers, strict=True)
        }
        return Opening(rows=rows, whole=frozenset(rows))

    async def changes(
        self, table: str, columns: Sequence[str], token: str | None, only: Table | None = None
    ) -> AsyncIterator[Page]:
        """Change tracking: `token` is the delta link of the last page of the feed before. A table that is not
        tracked is read by time. Neither takes a filter, so `only` leaves nothing out.

        Raises FeedExpiredError where the service, or another address, no longer takes the token, and where
        tracking has been switched on or off since.
        """
        if is_option_table(table):
            async for option_page in self._options.changes(table, token):
                yield option_page
            return
        layout = layout_of(self._table(table), columns)
        if token is not None and is_by_time(token):
            if await self._is_tracked(layout):
                raise _expired(table, "its changes are tracked again")
        else:
            try:
                async for page in self._tracked(layout, token):
                    yield page
                return
            except NotTrackedError as error:
                if token is not None:
                    raise _expired(table, "its changes are no longer tracked") from error
        async for page in self._by_time(layout, token):
            yield page

    async def _tracked(self, layout: Layout, token: str | None) -> AsyncIterator[Page]:
        table = layout.table
        if token is not None and not same_origin(token, self._api):
            raise _expired(table, "it is of another address")
        prefer = f"{_TRACKING},{self._prefer(layout)}"
        url, asked = token or f"{self._api}/{table}?$select={layout.select}", token
        while url:
            page = await self._page(url, prefer, table, asked)
            url, asked = next_link(page.next, self._api, _NAME), None
            if not url and not page.delta:
                raise NotTrackedError
            yield _page(page, layout, None if url else page.delta)

    async def _is_tracked(self, layout: Layout) -> bool:
        url = f"{self._api}/{layout.table}?$select={layout.key}"
        try:
            page = await self._page(url, f"{_TRACKING},odata.maxpagesize=1", layout.table, None)
        except NotTrackedError:
            return False
        return bool(page.next or page.delta)

    async def _by_time(self, layout: Layout, token: str | None) -> AsyncIterator[Page]:
        """What was modified since the token; then, unless that was everything, all ids that there are."""
        newest, whole = newest_of(token), not newest_of(token)
        url = f"{self._api}/{modified_since(layout, newest)}"
        while url:
            page = await self._page(url, self._prefer(layout), layout.table, None)
            url = next_link(page.next, self._api, _NAME)
            newest = newest_in(page.value, newest)
            rows = layout.finish(page.value)
            yield Page(rows=rows, deleted=[], token=token_at(newest) if whole and not url else None)
        url = "" if whole else f"{self._api}/{layout.table}?$select={layout.key}"
        while url:
            page = await self._page(url, self._paging, layout.table, None)
            url = next_link(page.next, self._api, _NAME)
            ids = [str(row.get(layout.key, "")).lower() for row in page.value]
            yield Page(rows=[], deleted=[], present=ids, token=None if url else token_at(newest))

    async def inside(self, table: Table, columns: Sequence[str]) -> AsyncIterator[list[Row]]:
        """The rows that may be inside the table's filter."""
        if is_option_table(table.route):
            yield await self._options.rows(table.route)
            return
        layout = layout_of(self._table(table.route), columns)
        condition = pushed(table, _DIALECT)
        url = f"{self._api}/{table.route}?$select={layout.select}"
        url += f"&$filter={quote(condition)}" if condition else ""
        while url:
            page = await self._page(url, self._prefer(layout), table.route, None)
            url = next_link(page.next, self._api, _NAME)
            yield layout.finish(page.value)

    async def created_by(self, table: str, user: str) -> list[str]:
        """Ids of a page of the rows that this user created; values of a choice tell nothing of it."""
        if is_option_table(table):
            return []
        layout = layout_of(self._table(table), ())
        url = f"{self._api}/{table}?$select={layout.key}&$filter={quote(f'_createdby_value eq {user}')}"
        page = await self._page(url, self._paging, table, None)
        return [str(row.get(layout.key, "")).lower() for row in page.value]

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """Bulk read by id. Only the service's word for a missing record counts as one."""
        if is_option_table(table):
            return {row["id"]: row for row in await self._options.rows(table) if row["id"] in ids}
        layout = layout_of(self._table(table), columns)
        headers = (f"Prefer: {NOTES}",) if layout.notes else ()
        parts = [Part("GET", f"{self._api}/{table}({one})?$select={layout.select}", headers) for one in ids]
        rows = []
        for answer in await self._batch(parts):
            if answer.status == 200:
                rows.append(answer.row(f"{_NAME} for {table}"))
            elif answer.status != 404 or answer.problem()[0].lower() not in GONE_CODES:
                raise _refused(table, answer)
        return {row["id"]: row for row in layout.finish(rows)}

    async def find(self, table: str, columns: Sequence[str], column: str, values: Sequence[str]) -> list[Row]:
        """The rows whose column has one of these values."""
        if is_option_table(table):
            return [row for row in await self._options.rows(table) if str(row[column]) in values]
        layout = layout_of(self._table(table), columns)
        headers = (f"Prefer: {NOTES}",) if layout.notes else ()
        place = f"{self._api}/{table}?$select={layout.select}"
        points = any(one.name == column and one.targets for one in self._table(table).columns)
        name, says = (f"_{column}_value", any_id_of) if points else (column, any_of)
        parts = [
            Part("GET", f"{place}&$filter={quote(says(name, values[at : at + FIND_PAGE]))}", headers)
            for at in range(0, len(values), FIND_PAGE)
        ]
        rows = []
        for answer in await self._batch(parts):
            if answer.status != 200:
                raise _refused(table, answer)
            rows += layout.finish(answer.page(f"{_NAME} for {table}").value)
        return rows

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Conditional writes; a create is a PATCH that may only create. Each part stands alone."""
        if writes and is_option_table(writes[0].table):
            return await self._options.write(writes)
        layouts: dict[tuple[str, tuple[str, ...]], Layout] = {}
        for one in writes:
            if (one.table, one.select) not in layouts:
                layouts[one.table, one.select] = layout_of(self._table(one.table), one.select)
        parts = [self._part(one, layouts[one.table, one.select]) for one in writes]
        answers = await self._batch(parts, writes=True)
        results = []
        rows: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
        for one, answer in zip(writes, answers, strict=True):
            made = result(one, answer, layouts[one.table, one.select].key)
            if made.row is not None:
                rows.setdefault((one.table, one.select), []).append(made.row)
            results.append(made)
        for key, found in rows.items():
            layouts[key].finish(found)
        return results

    def _table(self, route: str) -> Table:
        found = self._tables.get(route)
        if found is None:
            raise ConfigurationError(
                f"No mapping has the {_NAME} table {route!r}, so its key is not known.",
                cure=f"Known: {', '.join(sorted(self._tables)) or 'none'}.",
            )
        return found

    def _part(self, one: RowWrite, layout: Layout) -> Part:
        condition = f"If-Match: {one.version or _NO_VERSION}"
        url = f"{self._api}/{one.table}({one.id})"
        if one.method is Method.DELETE:
            return Part("DELETE", url, (condition,))
        if one.method is Method.CREATE:
            condition = "If-None-Match: *"
        prefer = f"Prefer: return=representation{',' + NOTES if layout.notes else ''}"
        body = _encoder.encode(self._bindings[one.table].body(one.body))
        return Part(_VERB[one.method], f"{url}?$select={layout.select}", (condition, prefer), body)

    def _layout_of(self, reference: Reference) -> Layout:
        table = self._tables.get(reference.route)
        return layout_of_reference(reference) if table is None else layout_of(table, reference.columns)

    def _reference(self, one: Reference) -> Part:
        if one.options:
            return options_part(self._api, one.route, one.columns)
        layout = self._layout_of(one)
        return Part(
            "GET", f"{self._api}/{one.route}?$select={layout.select}", (f"Prefer: {self._prefer(layout)}",)
        )

    def _prefer(self, layout: Layout) -> str:
        return f"{self._paging}{',' + NOTES if layout.notes else ''}"

    async def _reference_rows(self, one: Reference, answer: Answer) -> list[Row]:
        """The rows of a part of the opening, those of further pages too."""
        if answer.status != 200:
            raise _refused(one.route, answer)
        page = answer.page(f"{_NAME} for {one.route}")
        if one.options:
            return list(option_rows(one.route, page.value))
        layout = self._layout_of(one)
        rows, prefer = page.value, self._prefer(layout)
        while url := next_link(page.next, self._api, _NAME):
            page = await self._page(url, prefer, one.route, None)
            rows += page.value
        return layout.finish(rows)

    async def _page(self, url: str, prefer: str, what: str, token: str | None) -> RowsPage:
        headers = {"Accept": "application/json", "Prefer": prefer, **_ODATA}
        answer = await self._door.send("GET", url, headers)
        if answer.status == 200:
            return answer.page(f"{_NAME} for {what}")
        if token is not None and _is_expiry(answer):
            raise _expired(what, answer.problem()[1])
        if _TRACKING in prefer and answer.problem()[0].lower() == _NOT_TRACKED:
            raise NotTrackedError
        raise _refused(what, answer)

    async def _batch(self, parts: Sequence[Part], *, writes: bool = False) -> list[Answer]:
        async def ask(some: Sequence[Part]) -> list[Answer]:
            return await self._one_batch(some, writes)

        return await answer_all(self._door, parts, _BATCH, ask, writes=writes)

    async def _one_batch(self, parts: Sequence[Part], writes: bool) -> list[Answer]:
        boundary = f"batch_{uuid.uuid4().hex}"
        headers = {
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "Prefer": "odata.continue-on-error",
            **_ODATA,
        }
        body = encode(parts, boundary)
        answer = await self._door.send("POST", f"{self._api}/$batch", headers, body, writes=writes)
        if answer.status != 200:
            raise _refused("a batch", answer)
        return decode(answer)


def _page(page: RowsPage, layout: Layout, token: str | None) -> Page:
    """Rows and tombstones apart: a tombstone has no version."""
    deleted = [str(row.get("id", "")).lower() for row in page.value if "@odata.etag" not in row]
    if not deleted:
        return Page(rows=layout.finish(page.value), deleted=[], token=token)
    rows = [row for row in page.value if "@odata.etag" in row]
    if "" in deleted:
        raise ProtocolError(
            f"{_NAME} gives a row of {layout.table} without its id and version.",
            cure="Check what stands between here and the service.",
        )
    return Page(rows=layout.finish(rows), deleted=deleted, token=token)


def _is_expiry(answer: Answer) -> bool:
    code, message = answer.problem()
    if answer.status == 410 or code.lower() == _EXPIRED:
        return True
    return answer.status in {400, 404} and _TOKEN_WORDS.search(message) is not None


def _expired(table: str, why: str) -> FeedExpiredError:
    return FeedExpiredError(
        f"{_NAME} no longer takes the stored place in the changes of {table}: {' '.join(why.split())}",
        cure="The table must be read anew as a whole.",
    )


def _refused(what: str, answer: Answer) -> Exception:
    return refused(_NAME, what, answer, _cure(what, answer))


def _cure(what: str, answer: Answer) -> str:
    code, message = answer.problem()
    if answer.status == 403:
        found = _PRIVILEGE.search(message)
        right = (
            f"the privilege {found[0]}" if found else f"the right to read {what} in the whole organization"
        )
        return f"Give a security role of the application user in {_NAME} {right}."
    if code.lower() == _NOT_TRACKED:
        return _TRACK
    if answer.status == 404:
        return f"Check that {_NAME} has this table and that the solution is installed."
    return "Check the columns of the mapping and what stands between here and the service."
