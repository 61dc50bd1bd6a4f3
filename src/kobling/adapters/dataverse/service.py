"""Dataverse through its Web API: change tracking, bulk reads and conditional parts of `$batch`."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from kobling.adapters.dataverse.multipart import Part, PartAnswer, decode, encode
from kobling.adapters.odata.http import Door
from kobling.model.errors import ProtocolError
from kobling.ports import Method, Outcome, Page, Row, RowResult, RowWrite

_BATCH: Final = 500
_PAGE: Final = 5000
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_CONDITION: Final = {Method.CREATE: "If-None-Match: *"}
_VERB: Final = {Method.CREATE: "PATCH", Method.UPDATE: "PATCH", Method.DELETE: "DELETE"}
_OUTCOMES: Final = {
    "0x80060882": Outcome.STALE,
    "0x80040237": Outcome.EXISTS,
    "0x80040217": Outcome.GONE,
}


class Dataverse:
    """One environment. `root` is its address without a path. `keys` gives each set's key column."""

    def __init__(self, door: Door, root: str, keys: dict[str, str]) -> None:
        self._door = door
        self._api = f"{root.rstrip('/')}/api/data/v9.2"
        self._keys = keys

    async def changes(self, table: str, columns: Sequence[str], token: str | None) -> AsyncIterator[Page]:
        """Change tracking: `token` is the delta link of the last page of the feed before."""
        url = token or f"{self._api}/{table}?$select={','.join(columns)}"
        while url:
            page = await self._get(url)
            rows = [row for row in page["value"] if "reason" not in row]
            deleted = [row["id"] for row in page["value"] if "reason" in row]
            url = page.get("@odata.nextLink", "")
            yield Page(rows=rows, deleted=deleted, token=None if url else page.get("@odata.deltaLink"))

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """Bulk read by id, in batches."""
        query = f"?$select={','.join(columns)}"
        parts = [Part("GET", f"{self._api}/{table}({one}){query}") for one in ids]
        key = self._keys[table]
        rows = [_decoder.decode(one.body) for one in await self._batch(parts) if one.status == 200]
        return {row[key]: row for row in rows}

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Conditional writes; a create is a PATCH that may only create."""
        return [_result(answer) for answer in await self._batch([self._part(one) for one in writes])]

    def _part(self, one: RowWrite) -> Part:
        condition = _CONDITION.get(one.method, f"If-Match: {one.version}")
        select = f"?$select={','.join(one.select)}" if one.select else ""
        url = f"{self._api}/{one.table}({one.id})"
        if one.method is Method.DELETE:
            return Part("DELETE", url, (condition,))
        body = _encoder.encode(one.body)
        return Part(_VERB[one.method], url + select, (condition, "Prefer: return=representation"), body)

    async def _get(self, url: str) -> Any:
        headers = {
            "Accept": "application/json",
            "OData-Version": "4.0",
            "OData-MaxVersion": "4.0",
            "Prefer": f"odata.track-changes,odata.maxpagesize={_PAGE}",
        }
        answer = await self._door.send("GET", url, headers)
        document = answer.json("Dataverse")
        if answer.status != 200:
            error = document.get("error", {}) if isinstance(document, dict) else {}
            raise ProtocolError(
                f"Dataverse answered {answer.status} {error.get('code', '')}: {error.get('message', '')}"
            )
        return document

    async def _batch(self, parts: Sequence[Part]) -> list[PartAnswer]:
        answers: list[PartAnswer] = []
        for start in range(0, len(parts), _BATCH):
            boundary = f"batch_{uuid.uuid4().hex}"
            headers = {
                "Content-Type": f'multipart/mixed; boundary="{boundary}"',
                "Prefer": "odata.continue-on-error",
                "OData-Version": "4.0",
                "OData-MaxVersion": "4.0",
            }
            body = encode(parts[start : start + _BATCH], boundary)
            answer = await self._door.send("POST", f"{self._api}/$batch", headers, body)
            answers += decode(answer.body, answer.headers.get("Content-Type", ""))
        if len(answers) != len(parts):
            raise ProtocolError(f"Dataverse answered {len(answers)} of {len(parts)} parts of a batch.")
        return answers


def _result(answer: PartAnswer) -> RowResult:
    if answer.status < 300:
        row = _decoder.decode(answer.body) if answer.body else None
        return RowResult(outcome=Outcome.DONE, row=row)
    try:
        error = _decoder.decode(answer.body).get("error", {})
    except (msgspec.DecodeError, AttributeError):
        error = {"message": answer.body[:200].decode("utf-8", "replace")}
    code, message = str(error.get("code", "")), str(error.get("message", ""))
    passing = answer.status in {429, 500, 502, 503, 504}
    outcome = _OUTCOMES.get(code, Outcome.TRANSIENT if passing else Outcome.REJECTED)
    return RowResult(outcome=outcome, code=code, message=message)
