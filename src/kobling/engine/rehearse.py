"""A service that answers writes without sending them, so that a run shows exactly what it would do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from kobling.engine.task import ETAG
from kobling.model.look_up import Reference
from kobling.model.mapping import Table
from kobling.ports import Method, Opening, Outcome, Page, Row, RowResult, RowWrite, Service

# The version of a record that the rehearsal itself has written.
REHEARSED: Final = "rehearsed"


class Rehearsal:
    """Reads go through; a write is answered as the service would answer if it took it as it is."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rows: dict[tuple[str, str], Row | None] = {}

    @property
    def requests(self) -> int:
        """HTTP requests so far."""
        return self._service.requests

    async def opening(self, references: Sequence[Reference], marks: dict[str, str]) -> Opening:
        """The opening of a run."""
        return await self._service.opening(references, marks)

    async def changes(
        self, table: str, columns: Sequence[str], token: str | None, only: Table | None = None
    ) -> AsyncIterator[Page]:
        """What changed since the token."""
        async for page in self._service.changes(table, columns, token, only):
            yield page

    async def inside(self, table: Table, columns: Sequence[str]) -> AsyncIterator[list[Row]]:
        """The rows that may be inside the filter."""
        async for rows in self._service.inside(table, columns):
            yield rows

    async def created_by(self, table: str, user: str) -> list[str]:
        """Records that this user created."""
        return await self._service.created_by(table, user)

    async def read(self, table: str, columns: Sequence[str], ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these ids, with what was rehearsed put in."""
        rows = await self._service.read(table, columns, ids)
        for one in ids:
            if (table, one) in self._rows:
                row = self._rows[table, one]
                if row is None:
                    rows.pop(one, None)
                else:
                    rows[one] = rows.get(one, {}) | row
        return rows

    async def find(self, table: str, columns: Sequence[str], column: str, values: Sequence[str]) -> list[Row]:
        """The rows whose column has one of these values."""
        return await self._service.find(table, columns, column, values)

    async def write(self, writes: Sequence[RowWrite]) -> list[RowResult]:
        """Every write succeeds; an update answers with the values that are known of the row."""
        updated = [one for one in writes if one.method is Method.UPDATE]
        before: dict[str, Row] = {}
        if updated:
            table, columns = updated[0].table, updated[0].select
            before = await self.read(table, columns, [one.id for one in updated])
        return [self._written(one, before.get(one.id)) for one in writes]

    def _written(self, write: RowWrite, before: Row | None) -> RowResult:
        key = (write.table, write.id)
        if write.method is Method.DELETE:
            self._rows[key] = None
            return RowResult(outcome=Outcome.DONE)
        if write.method is Method.UPDATE and before is None:
            return RowResult(outcome=Outcome.GONE, message="there is no such record")
        if write.method is Method.UPDATE and before is not None and before[ETAG] != write.version:
            return RowResult(outcome=Outcome.STALE, message="the record has changed")
        blank: Row = dict.fromkeys(write.select)
        row = {**blank, **(before or {}), **write.body, "id": write.id, ETAG: REHEARSED}
        self._rows[key] = row
        return RowResult(outcome=Outcome.DONE, row=row)
