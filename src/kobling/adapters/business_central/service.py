"""Business Central through the kobling extension's API (`/api/kobling/sync/v1.0/`).

Change detection needs no clock: every row has a row version, and the lowest version of a transaction that is
still open is read before the rows. All below it are committed, so a mark just under it passes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from kobling.adapters.business_central.results import GONE_CODES, result
from kobling.adapters.odata.answer import Answer, next_link, refused
from kobling.adapters.odata.batch import answer_all
from kobling.adapters.odata.filters import FIND_PAGE, any_of
from kobling.adapters.odata.http import Door
from kobling.adapters.odata.pushdown import Dialect, pushed
from kobling.model.errors import ConfigurationError, FeedExpiredError, ProtocolError
from kobling.model.look_up import Reference
from kobling.model.mapping import Table
from kobling.ports import DELETIONS, Method, Opening, Page, Row, RowResult, RowWrite

# The extension's API, below the address of an environment.
API: Final = "/api/kobling/sync/v1.0"
_NAME: Final = "Business Central"
_BATCH: Final = 100
_PAGE: Final = 5000
_DELETED: Final = "deletedRecords"
_VERSIONS: Final = "rowVersions"
_VERSION: Final = "systemRowVersion"
_SYSTEM: Final = ("id", _VERSION, "systemModifiedBy")
# What every row carries beside its columns, but the service knows under another name or by itself.
_MADE: Final = frozenset({"modifiedBy", "@odata.etag"})
_VERB: Final = {Method.CREATE: "POST", Method.UPDATE: "PATCH", Method.DELETE: "DELETE"}
# No row has this version, so a write whose version nobody knows is answered as stale and not done blindly.
_NO_VERSION: Final = 'W/"0"'


class _PartAnswer(msgspec.Struct):
    status: int
    id: str | int | None = None
    headers: dict[str, Any] = {}
    body: msgspec.Raw = msgspec.Raw()


class _BatchAnswer(msgspec.Struct):
    responses: list[_PartAnswer]


class _RowVersions(msgspec.Struct):
    minimumActiveRowVersion: int  # noqa: N815 - the wire's name
    lastUsedRowVersion: int  # noqa: N815


class _RowVersionsPage(msgspec.Struct):
    value: list[_RowVersions]


_DIALECT: Final = Dialect(nulls=False, name=lambda column: column.name)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_batch_decoder: Final = msgspec.json.Decoder(_BatchAnswer)
_versions_decoder: Final = msgspec.json.Decoder(_RowVersionsPage, strict=False)


class BusinessCentral:
    """One company of one environment. `root` ends in `/v2.0/{tenant}/{environment}`.

    tables: where given, only their routes are known; every table's key is `id`, so none need be given.
    """

    def __init__(
        self, door: Door, root: str, company_id: str, tables: Sequence[Table] = (), *, page_rows: int = _PAGE
    ) -> None:
        self._door = door
        self._api = f"{root.rstrip('/')}{API}"
        self._company = f"companies({company_id})"
        self._routes = frozenset(one.route for one in tables)
        self._paging = {"Prefer": f"odata.maxpagesize={page_rows}"}
        # As the last opening read them, for the feeds that are read after it.
        self._versions: _RowVersions | None = None

    @property
    def requests(self) -> int:
        """HTTP requests that went through the door so far."""
        return self._door.requests

    async def opening(self, references: Sequence[Reference], marks: dict[str, str]) -> Opening:
        """Row versions, deletions and the reference tables above their marks, in one batch."""
        names = [DELETIONS, *(one.name for one in references)]
        routes = [_DELETED, *(one.route for one in references)]
        columns = [("tableId", "recordId"), *(one.columns for one in references)]
        old = {name: int(marks[name]) for name in names if name in marks}
        urls = [
            self._above(*one) for one in zip(routes, columns, (old.get(n, 0) for n in names), strict=True)
        ]
        # The parts are carried out in their order: what commits after the versions were read is above them.
        parts = [_get(f"{self._company}/{_VERSIONS}"), *map(self._paged, urls)]
        answers = await self._batch(parts[:_BATCH])
        answers += await self._batch(parts[_BATCH:])
        self._versions = _row_versions(answers[0])
        for mark in old.values():
            _check_mark(mark, self._versions)
        pages = [await self._rows(one, what) for one, what in zip(answers[1:], routes, strict=True)]
        deleted, rows = pages[0], dict(zip(names[1:], pages[1:], strict=True))
        return Opening(
            rows=rows,
            whole=frozenset(rows.keys() - old.keys()),
            marks={name: str(self._new_mark(old.get(name, 0))) for name in names},
            deleted=tuple((int(one["tableId"]), str(one["recordId"]).lower()) for one in deleted),
        )

    async def changes(
        self, table: str, columns: Sequence[str], token: str | None, only: Table | None = None
    ) -> AsyncIterator[Page]:
        """Rows above the mark; deletions come with the opening. only: see `kobling.ports`.

        Raises ConfigurationError for a mark that this database never gave.
        """
        self._check_route(table)
        mark = _number(token)
        if self._versions is None or mark > self._versions.lastUsedRowVersion:
            # Another run may have moved the mark past what our opening saw, so ask before complaining.
            versions = _row_versions(await self._get(f"{self._api}/{self._company}/{_VERSIONS}"))
            _check_mark(mark, versions)
        else:
            versions = self._versions
        after = str(_mark_under(versions, mark))
        condition = pushed(only, _DIALECT) if only is not None and token is None else ""
        url = f"{self._api}/{self._above(table, columns, mark, condition)}"
        while url:
            page = (await self._get(url, table)).page(f"{_NAME} for {table}")
            url = next_link(page.next, self._api, _NAME)
            yield Page(rows=_finished(page.value, table), deleted=[], token=None if url else after)

    async def inside(self, table: Table, columns: Sequence[str]) -> AsyncIterator[list[Row]]:
        """The rows that may be inside the table's filter."""
        async for page in self.changes(table.route, columns, None, table):
            yield page.rows

    async def created_by(self, table: str, user: str) -> list[str]:
        """None: the API does not say under which id the application is known."""
        return []

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """Bulk read by id. Only the service's word for a missing record counts as one."""
        self._check_route(table)
        select = _select(columns)
        parts = [_get(f"{self._company}/{table}({one})?$select={select}") for one in ids]
        rows = []
        for answer in await self._batch(parts):
            if answer.status == 200:
                rows.append(answer.row(f"{_NAME} for {table}"))
            elif answer.status != 404 or answer.problem()[0].lower() not in GONE_CODES:
                raise _refused(table, answer)
        return {row["id"]: row for row in _finished(rows, table)}

    async def find(self, table: str, columns: Sequence[str], column: str, values: Sequence[str]) -> list[Row]:
        """The rows whose column has one of these values; several values of one field may be or-ed."""
        self._check_route(table)
        place, select = f"{self._company}/{table}", _select(columns)
        parts = [
            _get(f"{place}?$select={select}&$filter={quote(any_of(column, values[at : at + FIND_PAGE]))}")
            for at in range(0, len(values), FIND_PAGE)
        ]
        rows = []
        for answer in await self._batch(parts):
            if answer.status != 200:
                raise _refused(table, answer)
            rows += _finished(answer.page(f"{_NAME} for {table}").value, table)
        return rows

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Conditional writes; each part stands alone."""
        for table in {one.table for one in writes}:
            self._check_route(table)
        answers = await self._batch([self._part(one) for one in writes], writes=True)
        results = [result(one, answer) for one, answer in zip(writes, answers, strict=True)]
        for one, made in zip(writes, results, strict=True):
            if made.row is not None:
                _finished([made.row], one.table)
        return results

    def _check_route(self, table: str) -> None:
        if self._routes and table not in self._routes:
            raise ConfigurationError(
                f"No mapping has the {_NAME} table {table!r}.",
                cure=f"Known: {', '.join(sorted(self._routes))}.",
            )

    def _above(self, table: str, columns: Sequence[str], mark: int, condition: str = "") -> str:
        """The address, below the API, of the rows of a table above a mark that meet the condition."""
        wanted = quote(f"{_VERSION} gt {mark}{' and ' if condition else ''}{condition}")
        return f"{self._company}/{table}?$select={_select(columns)}&$filter={wanted}&$orderby={_VERSION}"

    def _paged(self, url: str) -> dict[str, Any]:
        return {**_get(url), "headers": self._paging}

    def _part(self, one: RowWrite) -> dict[str, Any]:
        place = f"{self._company}/{one.table}"
        headers = {"Content-Type": "application/json"}
        part: dict[str, Any] = {"method": _VERB[one.method], "url": place, "headers": headers}
        if one.method is Method.CREATE:
            return {**part, "body": {"id": one.id, **one.body}}
        part["url"] = f"{place}({one.id})"
        headers["If-Match"] = one.version or _NO_VERSION
        return {**part, "body": one.body} if one.body else part

    def _new_mark(self, mark: int) -> int:
        assert self._versions is not None, "an opening reads them first"
        return _mark_under(self._versions, mark)

    async def _rows(self, answer: Answer, what: str) -> list[Row]:
        """The rows of a part of the opening, those of further pages too."""
        if answer.status != 200:
            raise _refused(what, answer)
        page = answer.page(f"{_NAME} for {what}")
        rows = page.value
        while url := next_link(page.next, self._api, _NAME):
            page = (await self._get(url, what)).page(f"{_NAME} for {what}")
            rows += page.value
        return _finished(rows, what)

    async def _get(self, url: str, what: str = _VERSIONS) -> Answer:
        answer = await self._door.send("GET", url, {"Accept": "application/json", **self._paging})
        if answer.status != 200:
            raise _refused(what, answer)
        return answer

    async def _batch(self, parts: Sequence[dict[str, Any]], *, writes: bool = False) -> list[Answer]:
        async def ask(some: Sequence[dict[str, Any]]) -> list[Answer]:
            return await self._one_batch(some, writes)

        return await answer_all(self._door, parts, _BATCH, ask, writes=writes)

    async def _one_batch(self, parts: Sequence[dict[str, Any]], writes: bool) -> list[Answer]:
        """One batch; its answers are found by their ids, whatever their order."""
        for index, part in enumerate(parts):
            part["id"] = str(index)
        headers = {"Content-Type": "application/json", "Prefer": "odata.continue-on-error"}
        body = _encoder.encode({"requests": parts})
        answer = await self._door.send("POST", f"{self._api}/$batch", headers, body, writes=writes)
        if answer.status != 200:
            raise _refused("a batch", answer)
        found = {
            str(one.id): Answer(one.status, _headers(one), one.body)
            for one in answer.decoded(_batch_decoder, f"{_NAME} for a batch").responses
        }
        return [found[part["id"]] for part in parts if part["id"] in found]


def _headers(part: _PartAnswer) -> dict[str, str]:
    """Only those of a refusal are ever read, and a first load has many parts."""
    if part.status < 400:
        return {}
    return {name.lower(): str(text) for name, text in part.headers.items()}


def _get(url: str) -> dict[str, Any]:
    return {"method": "GET", "url": url}


def _select(columns: Iterable[str]) -> str:
    return ",".join(dict.fromkeys((*_SYSTEM, *(one for one in columns if one not in _MADE))))


def _finished(rows: list[Row], what: str) -> list[Row]:
    """The same rows, with what every row carries; ProtocolError for one without id or version."""
    for row in rows:
        if not isinstance(row.get("id"), str) or "@odata.etag" not in row:
            raise ProtocolError(
                f"{_NAME} gives a row of {what} without its id or version.",
                cure="Check that the extension is of the version that this program needs.",
            )
        row["id"] = row["id"].lower()
        row["modifiedBy"] = row.get("systemModifiedBy") or ""
    return rows


def _number(token: str | None) -> int:
    if token is not None and not (token.isascii() and token.isdigit()):
        raise FeedExpiredError(f"The stored mark {token!r} is none of {_NAME}'s.", cure="Run with --full.")
    return int(token or 0)


def _mark_under(versions: _RowVersions, mark: int) -> int:
    """One below the lowest open transaction: all rows up to there were seen."""
    return max(mark, versions.minimumActiveRowVersion - 1)


def _row_versions(answer: Answer) -> _RowVersions:
    if answer.status != 200:
        raise _refused(_VERSIONS, answer)
    found = answer.decoded(_versions_decoder, f"{_NAME} for {_VERSIONS}").value
    if len(found) != 1:
        raise ProtocolError(
            f"{_NAME} gives {len(found)} rows of {_VERSIONS} in place of one.", cure="Update the extension."
        )
    return found[0]


def _check_mark(mark: int, versions: _RowVersions) -> None:
    last = versions.lastUsedRowVersion
    if mark > last:
        raise ConfigurationError(
            f"{_NAME}: the stored mark {mark} is above the environment's present maximum {last}: this is "
            "another or a restored database.",
            cure="Check the environment in the configuration; if it was restored, run coupling rebuild.",
        )


def _refused(what: str, answer: Answer) -> Exception:
    return refused(_NAME, what, answer, _cure(what, answer))


def _cure(what: str, answer: Answer) -> str:
    code = answer.problem()[0].lower()
    if answer.status == 403:
        return (
            f"Give the application's user in {_NAME} the right to read {what}, e.g. a permission set for it."
        )
    if code == "internal_companynotfound":
        return "Check the company in the configuration."
    return "Check that the extension is installed in this environment, and its version."
