"""The state of one connection in PostgreSQL: feeds, reference tables, jobs and locks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from collections.abc import Mapping as Table
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from kobling.adapters.postgres import history, neighbours, reference_tables, shared_job
from kobling.adapters.postgres.inbox import AGAIN, SLICES
from kobling.adapters.postgres.locks import Lock
from kobling.adapters.postgres.packing import IDS, as_text, encoder, joined
from kobling.adapters.postgres.store import PostgresStore
from kobling.adapters.postgres.sweep import Sweep
from kobling.adapters.telemetry.tracing import Span, begun
from kobling.model.errors import ConfigurationError
from kobling.model.look_up import Reference
from kobling.model.mapping import Mapping, Side
from kobling.model.state import Change, Invitation, Report
from kobling.ports import Opening, Row


class ConnectionStore:
    """State of one connection (a BC company and a Dataverse environment), on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], connection_id: int) -> None:
        self.connection_id = connection_id
        self._database = database
        self._ids: dict[str, int] = {}
        self._spans: dict[int, Span] = {}
        self._stores: dict[str, PostgresStore] = {}
        self._sweep = Sweep(database)

    @property
    def database(self) -> psycopg.AsyncConnection[Any]:
        """The database connection behind it."""
        return self._database

    @classmethod
    async def open(cls, database: psycopg.AsyncConnection[Any], name: str) -> ConnectionStore:
        """The connection of that name; made if it is new."""
        insert = "insert into connection (name) values (%s) on conflict do nothing"
        select = "select id from connection where name = %s"
        row = await (await database.execute(select, [name])).fetchone()
        if row is None:
            await database.execute(insert, [name])
            row = await (await database.execute(select, [name])).fetchone()
        assert row is not None
        store = cls(database, row[0])
        await store._load_ids()
        return store

    async def _load_ids(self) -> None:
        cursor = await self._database.execute(
            "select name, id from mapping where connection_id = %s", [self.connection_id]
        )
        self._ids = {row[0]: row[1] async for row in cursor}

    async def mapping_id(self, name: str) -> int:
        """The key of a mapping; its row is made if it is new."""
        if name not in self._ids:
            insert = "insert into mapping (connection_id, name) values (%s, %s) on conflict do nothing"
            await self._database.execute(insert, [self.connection_id, name])
            await self._load_ids()
        return self._ids[name]

    async def mapping(self, mapping: Mapping) -> PostgresStore:
        """The store of one mapping."""
        store = await PostgresStore.open(self._database, await self.mapping_id(mapping.name), mapping)
        self._stores[mapping.name] = store
        return store

    async def connection_settings(self) -> dict[str, str]:
        """What a person set of the connection as a whole."""
        cursor = await self._database.execute(
            "select settings from connection where id = %s", [self.connection_id]
        )
        row = await cursor.fetchone()
        assert row is not None
        return dict(row[0])

    async def change_connection_settings(self, settings: dict[str, str]) -> None:
        """Stores what a person set of the connection as a whole."""
        await self._database.execute(
            "update connection set settings = %s::jsonb where id = %s",
            [encoder.encode(settings).decode(), self.connection_id],
        )

    async def settings(self) -> dict[str, dict[str, Any]]:
        """What a person changed of each mapping."""
        cursor = await self._database.execute(
            "select name, settings from mapping where connection_id = %s", [self.connection_id]
        )
        return {row[0]: row[1] async for row in cursor}

    async def change_settings(self, name: str, settings: dict[str, Any]) -> None:
        """Stores what a person changed of a mapping."""
        await self._database.execute(
            "update mapping set settings = %s::jsonb where id = %s",
            [encoder.encode(settings).decode(), await self.mapping_id(name)],
        )

    async def mapping_changed(self, name: str, routes: Sequence[str]) -> None:
        """What stays in the inbox may pass now; the feeds of `routes` begin anew with a full read."""
        async with self.together():
            await self._database.execute(
                f"update inbox set {AGAIN}, turn = 0 where mapping_id = %s and not due",
                [await self.mapping_id(name)],
            )
            await self._database.execute(
                "delete from feed where connection_id = %s and table_name = any(%s)",
                [self.connection_id, list(routes)],
            )

    async def count_couplings(self, name: str) -> int:
        """How many coupled pairs a mapping has."""
        cursor = await self._database.execute(
            "select count(*) from coupling where mapping_id = %s", [await self.mapping_id(name)]
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def identities(self) -> tuple[str, str, str]:
        """The BC company, the Dataverse organization and our user there; '' before the first use."""
        cursor = await self._database.execute(
            "select left_identity, right_identity, right_user from connection where id = %s",
            [self.connection_id],
        )
        row = await cursor.fetchone()
        assert row is not None
        return row[0], row[1], row[2]

    async def identify(self, left: str, right: str, user: str) -> None:
        """Remembers whom this connection joins; ConfigurationError if it was somebody else before. user: the
        integration user of the right side, who may be another every time."""
        known = (await self.identities())[:2]
        for old, new, what in zip(
            known, (left, right), ("BC company", "Dataverse organization"), strict=True
        ):
            if old and new and old != new:
                raise ConfigurationError(
                    f"The database belongs to {what} {old}, the configuration leads to {new}.",
                    cure="Name another database (KOBLING_DATABASE_URL) or another connection name for it.",
                )
        identities = (known[0] or left, known[1] or right, user)
        await neighbours.identify(self._database, self.connection_id, identities)

    async def owner_of_shared(self) -> str:
        """The connection that writes tables without a company in our organization; '' if that is us."""
        return await neighbours.owner_of_shared(self._database, self.connection_id)

    async def written_elsewhere(self, versions: Table[str, str]) -> set[str]:
        """Of these records on the right those of which another connection knows this version as its own."""
        return await neighbours.written_elsewhere(self._database, self.connection_id, versions)

    async def token(self, side: Side, table: str, columns: Sequence[str]) -> str | None:
        """Where the feed stands; None before its first read and after its columns changed."""
        cursor = await self._database.execute(
            "select token from feed where connection_id = %s and side = %s and table_name = %s"
            " and columns = %s",
            [self.connection_id, side, table, list(columns)],
        )
        row = await cursor.fetchone()
        return None if row is None else row[0]

    async def take_in(
        self,
        side: Side,
        table: str,
        columns: Sequence[str],
        pages: Table[str, Sequence[Change]],
        token: str | None,
    ) -> None:
        """Puts a page into the inbox of each mapping and moves the feed's token, in one transaction.

        A record that no coupling, no earlier row and no wish to create it knows is read past, for mappings
        that synchronize coupled records only.
        """
        async with self._database.transaction():
            for name, changes in pages.items():
                if changes:
                    await self._put(self._stores[name], side, changes)
            if token is not None:
                await self._database.execute(
                    "insert into feed (connection_id, side, table_name, columns, token)"
                    " values (%s, %s, %s, %s, %s) on conflict (connection_id, side, table_name) do update set"
                    " columns = excluded.columns, token = excluded.token, token_at = now()",
                    [self.connection_id, side, table, list(columns), token],
                )

    async def _put(self, store: PostgresStore, side: Side, changes: Sequence[Change]) -> None:
        if not store.mapping.synch_only_coupled or all(one.wanted for one in changes):
            await store.put(changes)
            return
        ids = [one.id for one in changes]
        cursor = await self._database.execute(
            f"select {side}_id::text from coupling where mapping_id = %s"
            f" and {side}_id = {IDS} union"
            f" select record_id::text from inbox where mapping_id = %s and record_id = {IDS}",
            [store.mapping_id, joined(ids), store.mapping_id, joined(ids)],
        )
        known = {row[0] async for row in cursor}
        kept = [one for one in changes if one.wanted or one.id in known]
        if kept:
            await store.put(kept)

    async def marks(self) -> dict[str, str]:
        """How far the reference tables and the deletion log were read."""
        cursor = await self._database.execute(
            "select name, mark from mark where connection_id = %s", [self.connection_id]
        )
        return {row[0]: row[1] async for row in cursor}

    async def references(self, names: Sequence[str]) -> dict[str, list[Row]]:
        """The rows of these reference tables as they were last read."""
        return await reference_tables.read(self._database, self.connection_id, names)

    async def save(self, references: Sequence[Reference], opening: Opening) -> dict[str, list[Row]]:
        """Stores what an opening brought; gives the rows that changed, new and old ones, by table."""
        changed = await reference_tables.save(self._database, self.connection_id, references, opening)
        await self._mark(opening.marks)
        return changed

    async def _mark(self, marks: dict[str, str]) -> None:
        if marks:
            await self._database.execute(
                "insert into mark select %s, * from unnest(%s::text[], %s::text[])"
                " on conflict (connection_id, name) do update set mark = excluded.mark",
                [self.connection_id, list(marks), list(marks.values())],
            )

    async def keep_mark(self, name: str, mark: str) -> None:
        """Stores one mark."""
        await self._mark({name: mark})

    async def wake_couplings(self, name: str, keys: Collection[str] | None, turn: int = 0) -> None:
        """Coupled pairs whose base holds one of these values, or all of them, may have another input now."""
        condition, parameters = "", [turn, self._ids[name]]
        if keys is not None:
            condition = (
                " and exists (select 1 from unnest(%s::text[]) as given(value) where"
                " position(value in left_base) > 0 or position(value in right_base) > 0)"
            )
            parameters.append([as_text(one) for one in keys])  # type: ignore[arg-type]
        await self._database.execute(
            "insert into inbox (mapping_id, layout_id, side, record_id, version, reason, turn)"
            " select mapping_id, layout_id, 'left', left_id, left_version, 'input', %s from coupling"
            f" where mapping_id = %s and left_base is not null{condition}"
            f" on conflict (record_id, mapping_id, side) do update set {AGAIN}, turn = excluded.turn,"
            " reason = case when inbox.reason = 'new' then excluded.reason else inbox.reason end",
            parameters,
        )

    async def begin(self, names: Sequence[str]) -> None:
        """A run begins: what failed is tried again if its pause is over, what was withheld is looked at,
        and every row that is due counts at once."""
        await self._database.execute(
            "update inbox set due = true, turn = 0, next_try = null where mapping_id = any(%s)"
            " and (not due and (reason = 'guard' or next_try <= now()) or due and turn > 0)",
            [[self._ids[one] for one in names]],
        )
        await self._sweep.begin()

    async def untouched(self, names: Sequence[str]) -> bool:
        """Whether these mappings have no coupling, and nothing in the inbox."""
        cursor = await self._database.execute(
            "select exists (select 1 from coupling where mapping_id = any(%s))"
            " or exists (select 1 from inbox where mapping_id = any(%s))",
            [[self._ids[one] for one in names]] * 2,
        )
        row = await cursor.fetchone()
        return row is not None and not row[0]

    async def watched(self, names: Sequence[str]) -> list[str]:
        """A full read begins; those of its mappings that had couplings before the run."""
        ids = await self._sweep.start([self._ids[one] for one in names])
        return [one for one in names if self._ids[one] in ids]

    async def note_read(self, ids: Sequence[str]) -> None:
        """The full read in hand has brought these records."""
        await self._sweep.note(ids)

    async def missed(self, name: str, side: Side) -> list[str]:
        """The coupled records of a mapping that the full read in hand has not brought."""
        return await self._sweep.missed(self._ids[name], side)

    async def hint_deleted(self, name: str, ids: Sequence[str]) -> None:
        """Records that the deletion log names, of one mapping; those that nobody knows do not matter."""
        store = self._stores[name]
        hints = [Change(id=one, side=Side.LEFT, deleted=True) for one in ids]
        coupled = {one.left for one in await store.couplings(ids, [])}
        waiting = await store.waiting(Side.LEFT, ids)
        await store.put([one for one in hints if one.id in coupled or one.id in waiting])

    async def open_job(self, name: str, kind: str) -> int:
        """A new job; its number."""
        insert = "insert into job (mapping_id, kind) values (%s, %s) returning id"
        cursor = await self._database.execute(insert, [self._ids[name], kind])
        row = await cursor.fetchone()
        assert row is not None
        self._spans[int(row[0])] = begun("job", job=int(row[0]), mapping=name, kind=kind)
        return int(row[0])

    async def close_job(self, job: int, status: str, report: Report) -> None:
        """The job is over; its counts and errors are kept."""
        await history.close(self._database, job, status, report)
        if job in self._spans:
            self._spans.pop(job).end(status=status, failures=len(report.failures))

    async def jobs(self, names: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """The newest jobs of these mappings, newest first, with their errors."""
        return await history.jobs(self._database, self.connection_id, names, limit)

    async def purge_jobs(self, days: int) -> tuple[int, int]:
        """Deletes jobs that ended longer ago; how many went, and how many something still needs."""
        return await history.purge(self._database, self.connection_id, days)

    async def stays(self, name: str, reasons: Sequence[str]) -> list[dict[str, Any]]:
        """What stays in a mapping's inbox for one of these reasons; a pair is one entry."""
        return await history.stays(self._database, await self.mapping_id(name), reasons)

    async def stays_of(self, name: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The inbox rows of these records of a mapping."""
        return await history.stays_of(self._database, await self.mapping_id(name), ids)

    async def written(self, name: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """What was written to these records of a mapping, oldest first."""
        return await history.written(self._database, await self.mapping_id(name), ids)

    async def job(self, number: int) -> dict[str, Any] | None:
        """One job with its errors; None if there is none of that number."""
        return await history.job(self._database, self.connection_id, number)

    @asynccontextmanager
    async def lock(self, name: str, wait: Callable[[str], None]) -> AsyncIterator[None]:
        """Holds the mapping; the lock dies with this process. `wait` is called if somebody else holds it."""
        key = [Lock.MAPPING, await self.mapping_id(name)]
        cursor = await self._database.execute("select pg_try_advisory_lock(%s, %s)", key)
        row = await cursor.fetchone()
        if row is None or not row[0]:
            wait(name)
            await self._database.execute("select pg_advisory_lock(%s, %s)", key)
        try:
            await shared_job.bury(self._database, key[1])
            yield
        finally:
            if not self._database.closed:
                await self._database.execute("select pg_advisory_unlock(%s, %s)", key)

    def shared(self, name: str, job: int) -> shared_job.SharedJob:
        """A job of a mapping, as one of the workers that share it."""
        return shared_job.SharedJob(self._database, self._ids[name], job)

    async def invitations(self) -> list[Invitation]:
        """The jobs of other workers in whose present wave one may take part."""
        return await shared_job.invitations(self._database, self.connection_id)

    @asynccontextmanager
    async def slices(self, name: str) -> AsyncIterator[Collection[int] | None]:
        """Holds the slices of a mapping's inbox that nobody else holds; None for all. They die with us."""
        key = -(await self.mapping_id(name))
        cursor = await self._database.execute(
            "select slice from generate_series(0, %s) as slice where pg_try_advisory_lock(%s, slice)",
            [SLICES - 1, key],
        )
        held = [row[0] async for row in cursor]
        try:
            yield None if len(held) == SLICES else held
        finally:
            if not self._database.closed:
                await self._database.execute(
                    "select pg_advisory_unlock(%s, slice) from unnest(%s::int[]) as slice", [key, held]
                )

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """What is stored inside is stored as one."""
        async with self._database.transaction():
            yield

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[None]:
        """Everything that is stored inside is forgotten at the end."""
        async with self._database.transaction(force_rollback=True):
            yield
