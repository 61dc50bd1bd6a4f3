"""The state of one mapping in PostgreSQL; every statement works on a page of rows."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg

from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Base
from kobling.model.state import Change, Coupling, Intent, Settled
from kobling.model.values import Values

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def pack(values: Values | None) -> bytes | None:
    """Values as bytes, decimals exact."""
    return None if values is None else _encoder.encode(values)


def unpack(body: bytes | None) -> Values | None:
    """The values that `pack` was given."""
    return None if body is None else tuple(_decoder.decode(body))


class PostgresStore:
    """Couplings, inbox, feeds, intents of one mapping of one connection, on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], connection_id: int, mapping_id: int) -> None:
        self._database = database
        self._connection_id = connection_id
        self._mapping_id = mapping_id

    @classmethod
    async def open(
        cls, database: psycopg.AsyncConnection[Any], connection: str, mapping: Mapping
    ) -> PostgresStore:
        """The store of that mapping; rows that are not there yet are made."""
        insert = "insert into connection (name) values (%s) on conflict do nothing"
        await database.execute(insert, [connection])
        cursor = await database.execute("select id from connection where name = %s", [connection])
        row = await cursor.fetchone()
        assert row is not None
        insert = "insert into mapping (connection_id, name) values (%s, %s) on conflict do nothing"
        await database.execute(insert, [row[0], mapping.name])
        select = "select id from mapping where connection_id = %s and name = %s"
        cursor = await database.execute(select, [row[0], mapping.name])
        found = await cursor.fetchone()
        assert found is not None
        return cls(database, row[0], found[0])

    async def token(self, side: Side, table: str, columns: Sequence[str]) -> str | None:
        """Where the feed stands; None before its first read and after its columns changed."""
        cursor = await self._database.execute(
            "select token from feed where connection_id = %s and side = %s and table_name = %s"
            " and columns = %s",
            [self._connection_id, side, table, list(columns)],
        )
        row = await cursor.fetchone()
        return None if row is None else row[0]

    async def take_in(
        self, side: Side, table: str, columns: Sequence[str], changes: Sequence[Change], token: str | None
    ) -> None:
        """Puts a page into the inbox and moves the feed's token, in one transaction."""
        async with self._database.transaction():
            await self._put(side, changes)
            if token is not None:
                await self._database.execute(
                    "insert into feed values (%s, %s, %s, %s, %s)"
                    " on conflict (connection_id, side, table_name) do update set"
                    " columns = excluded.columns, token = excluded.token",
                    [self._connection_id, side, table, list(columns), token],
                )

    async def _put(self, side: Side, changes: Sequence[Change]) -> None:
        await self._database.execute(
            "insert into inbox (mapping_id, side, record_id, version, body, deleted, wanted)"
            " select %s, %s, * from unnest(%s::uuid[], %s::text[], %s::bytea[], %s::boolean[], %s::boolean[])"
            " on conflict (record_id, mapping_id, side) do update set version = excluded.version,"
            " body = excluded.body, deleted = excluded.deleted, due = true, message = '',"
            " wanted = inbox.wanted or excluded.wanted",
            [
                self._mapping_id,
                side,
                [one.id for one in changes],
                [one.version for one in changes],
                [pack(one.values) for one in changes],
                [one.deleted for one in changes],
                [one.wanted for one in changes],
            ],
        )

    async def wake(self, reason: str) -> None:
        """Makes the rows due that stay for this reason."""
        await self._database.execute(
            "update inbox set due = true where mapping_id = %s and not due and reason = %s",
            [self._mapping_id, reason],
        )

    async def due(self, limit: int) -> list[Change]:
        """Inbox rows whose time has come, oldest first."""
        cursor = await self._database.execute(
            "select record_id::text, side, version, body, deleted, wanted from inbox"
            " where mapping_id = %s and due order by since, record_id limit %s",
            [self._mapping_id, limit],
        )
        return [_change(row) async for row in cursor]

    async def waiting(self, side: Side, ids: Sequence[str]) -> dict[str, Change]:
        """The inbox rows of these records, due or not."""
        cursor = await self._database.execute(
            "select record_id::text, side, version, body, deleted, wanted from inbox"
            " where mapping_id = %s and side = %s and record_id = any(%s::uuid[])",
            [self._mapping_id, side, list(ids)],
        )
        return {row[0]: _change(row) async for row in cursor}

    async def couplings(self, left: Sequence[str], right: Sequence[str]) -> list[Coupling]:
        """The couplings in which any of these records stands."""
        cursor = await self._database.execute(
            "select left_id::text, right_id::text, left_version, right_version, left_base, right_base, made,"
            " left_seen, right_seen from coupling where mapping_id = %s"
            " and (left_id = any(%s::uuid[]) or right_id = any(%s::uuid[]))",
            [self._mapping_id, list(left), list(right)],
        )
        return [_coupling(row) async for row in cursor]

    async def journal(self, job: int, intents: Sequence[Intent]) -> None:
        """Commits what is about to be written, before it is."""
        await self._database.execute(
            "insert into intent (job_id, mapping_id, side, record_id, partner_id, method, body, version)"
            " select %s, %s, * from unnest(%s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::bytea[],"
            " %s::text[])",
            [
                job,
                self._mapping_id,
                [one.side for one in intents],
                [one.id for one in intents],
                [one.partner for one in intents],
                [one.method for one in intents],
                [_encoder.encode(one.body) for one in intents],
                [one.version for one in intents],
            ],
        )

    async def settle(self, job: int, settled: Sequence[Settled]) -> None:
        """One batch's outcome in one transaction: couplings with bases, inbox rows, intents."""
        coupled = [one.coupling for one in settled if one.coupling is not None]
        async with self._database.transaction():
            if coupled:
                await self._couple(coupled)
            done = [(one.side, one.id) for entry in settled for one in entry.leave]
            await self._database.execute(
                "delete from inbox using unnest(%s::text[], %s::uuid[]) as gone(side, id)"
                " where mapping_id = %s and inbox.side = gone.side and record_id = gone.id",
                [[side for side, _ in done], [one for _, one in done], self._mapping_id],
            )
            stay = [(one, entry) for entry in settled for one in entry.stay]
            await self._database.execute(
                "update inbox set due = false, reason = stay.reason, message = stay.message"
                " from unnest(%s::text[], %s::uuid[], %s::text[], %s::text[])"
                " as stay(side, id, reason, message)"
                " where mapping_id = %s and inbox.side = stay.side and record_id = stay.id",
                [
                    [one.side for one, _ in stay],
                    [one.id for one, _ in stay],
                    [entry.reason for _, entry in stay],
                    [entry.message for _, entry in stay],
                    self._mapping_id,
                ],
            )
            again = [one for entry in settled for one in entry.again]
            for side in Side:
                await self._put(side, [one for one in again if one.side is side])
            ended = [record for one in coupled for record in (one.left, one.right)]
            await self._database.execute(
                "delete from intent where job_id = %s or (mapping_id = %s and record_id = any(%s::uuid[]))",
                [job, self._mapping_id, ended],
            )

    async def _couple(self, coupled: Sequence[Coupling]) -> None:
        columns = "left_id, right_id, left_version, right_version, left_base, right_base, made"
        await self._database.execute(
            f"insert into coupling (mapping_id, {columns}, left_seen, right_seen)"  # noqa: S608
            " select %s, * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bytea[],"
            " %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[])"
            " on conflict (left_id, mapping_id) do update set left_version = excluded.left_version,"
            " right_version = excluded.right_version, left_base = excluded.left_base,"
            " right_base = excluded.right_base, made = excluded.made, left_seen = excluded.left_seen,"
            " right_seen = excluded.right_seen",
            [
                self._mapping_id,
                [one.left for one in coupled],
                [one.right for one in coupled],
                [one.left_version for one in coupled],
                [one.right_version for one in coupled],
                [pack(one.base.left) for one in coupled],
                [pack(one.base.right) for one in coupled],
                [pack(one.base.made) for one in coupled],
                [pack(one.left_seen) for one in coupled],
                [pack(one.right_seen) for one in coupled],
            ],
        )

    async def opened(self, job: int, side: Side, ids: Sequence[str]) -> set[str]:
        """Those of these ids for which an earlier job left an intent open."""
        cursor = await self._database.execute(
            "select record_id::text from intent where mapping_id = %s and side = %s and job_id <> %s"
            " and record_id = any(%s::uuid[])",
            [self._mapping_id, side, job, list(ids)],
        )
        return {row[0] async for row in cursor}

    async def open_job(self, kind: str) -> int:
        """A new job; its number."""
        insert = "insert into job (mapping_id, kind) values (%s, %s) returning id"
        cursor = await self._database.execute(insert, [self._mapping_id, kind])
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def close_job(self, job: int, counts: dict[str, dict[str, int]]) -> None:
        """The job is over; its counts are kept."""
        await self._database.execute(
            "update job set status = 'finished', ended_at = now(), counts = %s::jsonb where id = %s",
            [_encoder.encode(counts).decode(), job],
        )


def _change(row: Any) -> Change:
    return Change(
        id=row[0],
        side=Side(row[1]),
        version=row[2],
        values=unpack(row[3]),
        deleted=row[4],
        wanted=row[5],
    )


def _coupling(row: Any) -> Coupling:
    base = Base(left=unpack(row[4]) or (), right=unpack(row[5]) or (), made=unpack(row[6]) or ())
    return Coupling(
        left=row[0],
        right=row[1],
        left_version=row[2],
        right_version=row[3],
        base=base,
        left_seen=unpack(row[7]),
        right_seen=unpack(row[8]),
    )
