"""Business Central through the kobling extension's API (`/api/kobling/sync/v1.0/`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from kobling.adapters.odata.http import Door
from kobling.model.errors import ProtocolError
from kobling.ports import Method, Outcome, Page, Row, RowResult, RowWrite

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_BATCH: Final = 100
_PAGE: Final = 5000
_SYSTEM: Final = ("id", "systemRowVersion", "systemModifiedAt", "systemModifiedBy")
_STALE: Final = frozenset({"Request_EntityChanged"})
_EXISTS: Final = frozenset({"Internal_EntityWithSameKeyExists"})
_VERB: Final = {Method.CREATE: "POST", Method.UPDATE: "PATCH", Method.DELETE: "DELETE"}


class BusinessCentral:
    """One company of one environment. `root` ends in `/v2.0/{tenant}/{environment}`."""

    def __init__(self, door: Door, root: str, company_id: str) -> None:
        self._door = door
        self._api = f"{root.rstrip('/')}/api/kobling/sync/v1.0"
        self._company = f"companies({company_id})"

    async def changes(self, table: str, columns: Sequence[str], token: str | None) -> AsyncIterator[Page]:
        """Rows above the mark, and deletions under the same rule.

        The mark moves to at most one below the lowest open transaction, which is read first, so a change that
        commits late is never passed.
        """
        mark = int(token or 0)
        minimum = await self._minimum_row_version()
        highest, url = mark, self._changed_url(table, columns, mark)
        while url:
            page = await self._get(url)
            rows = page["value"]
            highest = max([highest, *(int(row["systemRowVersion"]) for row in rows)])
            url = page.get("@odata.nextLink", "")
            done = None if url else str(max(mark, min(highest, minimum - 1)))
            yield Page(rows=rows, deleted=[], token=done)

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """Bulk read by id, in batches of 100."""
        select = ",".join((*_SYSTEM, *columns))
        requests = [
            {"method": "GET", "id": str(index), "url": f"{self._company}/{table}({one})?$select={select}"}
            for index, one in enumerate(ids)
        ]
        answers = await self._batch(requests)
        return {answer["body"]["id"]: answer["body"] for answer in answers if answer["status"] == 200}

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Conditional writes in batches of 100; each part stands alone."""
        answers = await self._batch([self._part(index, one) for index, one in enumerate(writes)])
        return [_result(answer) for answer in answers]

    def _changed_url(self, table: str, columns: Sequence[str], mark: int) -> str:
        select = ",".join(dict.fromkeys((*_SYSTEM, *columns)))
        condition = quote(f"systemRowVersion gt {mark}")
        order = "&$orderby=systemRowVersion"
        return f"{self._api}/{self._company}/{table}?$select={select}&$filter={condition}{order}"

    def _part(self, index: int, one: RowWrite) -> dict[str, Any]:
        place = f"{self._company}/{one.table}"
        part: dict[str, Any] = {"method": _VERB[one.method], "id": str(index), "url": place}
        headers = {"Content-Type": "application/json"}
        if one.method is Method.CREATE:
            return part | {"headers": headers, "body": {"id": one.id, **one.body}}
        part["url"] = f"{place}({one.id})"
        headers["If-Match"] = one.version
        return part | ({"headers": headers, "body": one.body} if one.body else {"headers": headers})

    async def _minimum_row_version(self) -> int:
        page = await self._get(f"{self._api}/{self._company}/rowVersions")
        return int(page["value"][0]["minimumActiveRowVersion"])

    async def _get(self, url: str) -> Any:
        headers = {"Accept": "application/json", "Prefer": f"odata.maxpagesize={_PAGE}"}
        answer = await self._door.send("GET", url, headers)
        return _checked(answer.json("Business Central"), answer.status)

    async def _batch(self, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        headers = {"Content-Type": "application/json", "Prefer": "odata.continue-on-error"}
        for start in range(0, len(requests), _BATCH):
            body = _encoder.encode({"requests": requests[start : start + _BATCH]})
            answer = await self._door.send("POST", f"{self._api}/$batch", headers, body)
            document = _checked(answer.json("Business Central"), answer.status)
            answers += document["responses"]
        if len(answers) != len(requests):
            raise ProtocolError(
                f"Business Central answered {len(answers)} of {len(requests)} parts of a batch."
            )
        return answers


def _checked(document: Any, status: int) -> Any:
    if status == 200:
        return document
    error = document.get("error", {}) if isinstance(document, dict) else {}
    raise ProtocolError(
        f"Business Central answered {status} {error.get('code', '')}: {error.get('message', '')}",
        cure="Check that the extension is installed and that the company exists.",
    )


def _result(answer: dict[str, Any]) -> RowResult:
    status, body = answer["status"], answer.get("body") or {}
    if status < 300:
        return RowResult(outcome=Outcome.DONE, row=body or None)
    error = body.get("error", {})
    code, message = str(error.get("code", "")), str(error.get("message", ""))
    return RowResult(outcome=_outcome(status, code), code=code, message=message)


def _outcome(status: int, code: str) -> Outcome:
    """A 409 also means other things, so the code decides."""
    if code in _STALE or status == 412:
        return Outcome.STALE
    if code in _EXISTS:
        return Outcome.EXISTS
    if status == 404:
        return Outcome.GONE
    return Outcome.TRANSIENT if status in {429, 500, 502, 503, 504} else Outcome.REJECTED
