"""The state of one mapping in PostgreSQL; every statement works on a page of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from collections.abc import Mapping as Table
from decimal import Decimal
from typing import Any, Final

import msgspec
import psycopg

from kobling.adapters.postgres import bulk, history, look_ups
from kobling.adapters.postgres.generation import Generations
from kobling.adapters.postgres.inbox import (
    AGAIN,
    PAIR_OF_ROW,
    SLICES,
    Stamps,
    bits,
    move,
    pending,
    slice_of,
)
from kobling.adapters.postgres.packing import BETWEEN, IDS, Layouts, as_text, joined, unpack
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Base, Crossing, First
from kobling.model.state import Change, Coupling, Found, Intent, NewPairs, Open, Settled
from kobling.model.values import EMPTY_ID

_CHANGE: Final = "record_id::text, side, version, body, deleted, wanted, reason, layout_id, xmin::text, by_us"
_COUPLING: Final = (
    "left_id::text, right_id::text, left_version, right_version, left_base, right_base, made,"
    " left_seen, right_seen, first, left_number, left_title, right_title, layout_id, right_held, left_key"
)
_intents: Final = msgspec.json.Decoder(list[Intent], float_hook=Decimal)
# A deleted record waits for a person only under the policy that asks.
_SKIPPED: Final = ("deleted", "failed", "unproved", "undone")


class PostgresStore:
    """Couplings, inbox and intents of one mapping of one connection, on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], mapping_id: int, mapping: Mapping) -> None:
        self.mapping_id = mapping_id
        self.mapping = mapping
        self._database = database
        self._layouts = Layouts(mapping_id, mapping)
        self._stamps = Stamps()
        self._generations = Generations(database, mapping_id)

    @classmethod
    async def open(
        cls, database: psycopg.AsyncConnection[Any], mapping_id: int, mapping: Mapping
    ) -> PostgresStore:
        """The store of that mapping, with its layout known."""
        store = cls(database, mapping_id, mapping)
        await store._layouts.load(database)
        return store

    async def due(
        self,
        limit: int,
        turn: int,
        *,
        side: Side | None = None,
        ids: Sequence[str] | None = None,
        slices: Collection[int] | None = None,
    ) -> list[Change]:
        """Inbox rows whose time has come, oldest first; of one side, of these records or slices only."""
        condition = "inbox.mapping_id = %s and due and turn <= %s"
        parameters: list[Any] = [self.mapping_id, turn]
        if side is not None:
            condition += " and side = %s"
            parameters.append(side)
        if ids is not None:
            condition += f" and record_id = {IDS}"
            parameters.append(joined(ids))
        if slices is not None and len(slices) < SLICES:
            condition += f" and {slice_of(finder=bool(self.mapping.finder))} = any(%s)"
            parameters.append(list(slices))
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where {condition} order by since, record_id limit %s",
            [*parameters, limit],
        )
        return [self._change(row) async for row in cursor]

    async def pending(self) -> tuple[int, int]:
        """How many coupled pairs are due with a record that is said to be deleted, and with a changed one."""
        return await pending(self._database, self.mapping_id)

    async def count(self) -> int:
        """How many coupled pairs there are."""
        query = "select count(*) from coupling where mapping_id = %s"
        row = await (await self._database.execute(query, [self.mapping_id])).fetchone()
        return 0 if row is None else int(row[0])

    async def waiting(self, side: Side, ids: Sequence[str]) -> dict[str, Change]:
        """The inbox rows of these records, due or not."""
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where mapping_id = %s and side = %s and record_id = {IDS}",
            [self.mapping_id, side, joined(ids)],
        )
        return {row[0]: self._change(row) async for row in cursor}

    async def put(self, changes: Sequence[Change], turn: int = 0) -> None:
        """Puts rows into the inbox; they are due from that wave of the run in hand on."""
        if changes:
            async with self._database.transaction():
                await bulk.put(self._database, f"{self._layouts.head}\t{turn}", changes)

    async def rows_of(self, ids: Sequence[str]) -> list[Change]:
        """All inbox rows of these records, of either side."""
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where mapping_id = %s and record_id = {IDS}",
            [self.mapping_id, joined(ids)],
        )
        return [self._change(row) async for row in cursor]

    async def couplings(self, left: Sequence[str], right: Sequence[str]) -> list[Coupling]:
        """The couplings in which any of these records stands."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s"
            f" and (left_id = {IDS} or right_id = {IDS})",
            [self.mapping_id, joined(left), joined(right)],
        )
        return [self._coupling(row) async for row in cursor]

    async def same_versions(self, side: Side, versions: Table[str, str]) -> dict[str, str]:
        """Those of these records (by id, with the left id of the pair) whose pair is settled, waits for
        nothing, and knows this very version with all columns that are read now."""
        cursor = await self._database.execute(
            f"select {side}_id::text, left_id::text from coupling"
            " join unnest(string_to_array(%s, ',')::uuid[], string_to_array(%s, %s)) as given(id, version)"
            f" on {side}_id = given.id and {side}_version = given.version"
            " where coupling.mapping_id = %s and layout_id = %s and left_base is not null"
            " and not exists (select 1 from inbox"
            " where inbox.mapping_id = coupling.mapping_id and record_id in (left_id, right_id))",
            [
                joined(versions),
                BETWEEN.join(versions.values()),
                BETWEEN,
                self.mapping_id,
                self._layouts.present,
            ],
        )
        return {row[0]: row[1] async for row in cursor}

    async def some_coupled(self, side: Side, but: Sequence[str], count: int) -> list[str]:
        """A few coupled records of that side, to show that the table can be read at all."""
        cursor = await self._database.execute(
            f"select {side}_id::text from coupling where mapping_id = %s and not {side}_id = {IDS} limit %s",
            [self.mapping_id, joined(but), count],
        )
        return [row[0] async for row in cursor]

    async def look_up(self, side: Side, keys: Sequence[str]) -> dict[str, Found]:
        """The coupled partners on `side`: right ids by left key, or left numbers by right id."""
        by = "left_key" if self.mapping.left.known_by else "left_number"
        return await look_ups.partners(self._database, self.mapping_id, side, by, keys)

    async def parts(self, numbers: Sequence[str]) -> dict[str, int]:
        """How many left records of each of these numbers are coupled, if any."""
        return await look_ups.coupled_parts(self._database, self.mapping_id, numbers)

    async def generations(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these records has been uncoupled; those that never were are left out."""
        return await self._generations.raised(ids)

    async def own_versions(self, ids: Sequence[str]) -> dict[str, str]:
        """The versions that we ourselves wrote last of these records, which have no coupling."""
        return await self._generations.own(ids)

    async def left_out(self, ids: Sequence[str]) -> dict[str, str]:
        """Of these records those whose creation was undone, with the number of the job that it was."""
        return await self._generations.left_out(ids)

    async def release(self, ids: Sequence[str]) -> None:
        """These records take part again, though a creation made of them was undone."""
        await self._generations.release(ids)

    async def crossings(self, ids: Sequence[str]) -> dict[str, list[Crossing]]:
        """What was written to these pairs within the last hour, by left id, oldest first."""
        return await history.crossings(self._database, self.mapping_id, ids)

    async def journal(self, job: int, intents: Sequence[Intent], slices: Collection[int] = ()) -> int:
        """Commits what is about to be written, before it is; the entry's number. slices: see `SharedJob`."""
        cursor = await self._database.execute(
            "insert into intent (job_id, mapping_id, entries, slices) values (%s, %s, %s, %s) returning id",
            [job, self.mapping_id, as_text(intents), bits(slices)],
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])

    async def open_intents(self, job: int) -> list[Intent]:
        """What earlier jobs journalled and did not settle, oldest first."""
        cursor = await self._database.execute(
            "select job_id, entries from intent where mapping_id = %s and job_id <> %s order by id",
            [self.mapping_id, job],
        )
        return [
            msgspec.structs.replace(one, job=row[0])
            async for row in cursor
            for one in _intents.decode(row[1])
        ]

    async def settle(
        self, job: int, turn: int, settled: Sequence[Settled], entry: int = 0, new: Sequence[NewPairs] = ()
    ) -> None:
        """One batch's outcome in one transaction: couplings, inbox rows, audit; its journal entry goes."""
        fresh = [one.coupling for one in settled if one.coupling is not None and one.fresh]
        known = [one.coupling for one in settled if one.coupling is not None and not one.fresh]
        gone = [one.uncouple for one in settled if one.uncouple is not None]
        async with self._database.transaction():
            for pairs in new:
                await bulk.note_new(self._database, self._layouts.head, self.mapping_id, job, pairs)
            await bulk.couple(self._database, self._layouts.head, fresh, fresh=True)
            await bulk.couple(self._database, self._layouts.head, known, fresh=False)
            if gone:
                await self.uncouple(gone)
            await self._generations.note_own([pair for one in settled for pair in one.own])
            await self._generations.leave_out([pair for one in settled for pair in one.left_out])
            await self._move([*settled, *(Settled(leave=tuple(one.leave)) for one in new)], turn)
            effects = [one for each in settled for one in each.effects]
            await bulk.record(self._database, job, self.mapping_id, effects)
            await self._close(job, entry, [one for each in settled for one in each.open])
            woken = [key for one in new for key in one.wakes]
            await self.wake([*woken, *(key for one in settled for key in one.wakes)], turn + 1)

    async def couple(self, coupled: Sequence[Coupling]) -> None:
        """Makes these couplings, or brings them up to date."""
        async with self._database.transaction():
            await bulk.couple(self._database, self._layouts.head, coupled, fresh=False)

    async def forget_intents(self, job: int) -> None:
        """A run has been through everything: what earlier jobs left open is settled, or open under it."""
        await self._database.execute(
            "delete from intent where mapping_id = %s and (job_id < %s or job_id = %s and slices <> 0)",
            [self.mapping_id, job, job],
        )

    async def uncouple(self, gone: Sequence[Coupling]) -> None:
        """Removes couplings; both records get another generation, so what is created anew gets a new id."""
        ids = [identifier for one in gone for identifier in (one.left, one.right)]
        await self._database.execute(
            f"delete from coupling where mapping_id = %s and left_id = {IDS}",
            [self.mapping_id, joined(one.left for one in gone)],
        )
        await self._generations.uncoupled(ids)
        await self._generations.note_own([(one.right, one.right_version) for one in gone])
        await self._database.execute(
            f"delete from inbox where mapping_id = %s and record_id = {IDS}",
            [self.mapping_id, joined(ids)],
        )

    async def wake(self, keys: Sequence[str], turn: int = 0) -> None:
        """What waits for one of these keys, in any mapping of the connection, is due."""
        if keys:
            await self._database.execute(
                f"update inbox set {AGAIN}, turn = %s where not due"
                " and waits && string_to_array(%s, %s) and mapping_id"
                " in (select id from mapping where connection_id ="
                " (select connection_id from mapping where id = %s))",
                [turn, BETWEEN.join(keys), BETWEEN, self.mapping_id],
            )

    async def conflicts(self) -> AsyncIterator[tuple[Coupling, tuple[str, ...]]]:
        """The pairs that wait for a person to resolve them, with the contested fields; one by one."""
        columns = _COUPLING.replace("layout_id", "coupling.layout_id")
        cursor = await self._database.execute(
            f"select distinct on (left_id) {columns}, inbox.fields from inbox join {PAIR_OF_ROW}"
            " where inbox.mapping_id = %s and reason = 'conflict' and not due order by left_id",
            [self.mapping_id],
        )
        async for row in cursor:
            yield self._coupling(row), tuple(row[16])

    async def held(self) -> list[Coupling]:
        """The pairs with columns that the integration user changed, until a person speaks for them."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s and right_held <> '' order by left_id",
            [self.mapping_id],
        )
        return [self._coupling(row) async for row in cursor]

    async def staying(self, reasons: Sequence[str]) -> list[Change]:
        """The rows that stay for one of these reasons."""
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where mapping_id = %s and reason = any(%s) and not due",
            [self.mapping_id, list(reasons)],
        )
        return [self._change(row) async for row in cursor]

    async def page(self, after: str, limit: int) -> list[Coupling]:
        """Couplings in the order of their left ids, from the one after `after` on."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s and left_id > %s"
            " order by left_id limit %s",
            [self.mapping_id, after or EMPTY_ID, limit],
        )
        return [self._coupling(row) async for row in cursor]

    async def named(self, numbers: Sequence[str]) -> list[Coupling]:
        """The couplings whose left record has one of these numbers."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s and left_number = any(%s)",
            [self.mapping_id, list(numbers)],
        )
        return [self._coupling(row) async for row in cursor]

    async def open_counts(self) -> Open:
        """How many records stay, by reason; a pair counts once."""
        cursor = await self._database.execute(
            "select reason, count(distinct coalesce(coupling.left_id, record_id)),"
            " count(distinct coalesce(coupling.left_id, record_id)) filter"
            " (where coalesce(right_held <> '', reason = 'held')) from inbox"
            f" left join {PAIR_OF_ROW} where inbox.mapping_id = %s and not due group by reason",
            [self.mapping_id],
        )
        rows = await cursor.fetchall()
        counts: dict[str, int] = {row[0]: row[1] for row in rows}
        return Open(
            conflicts=counts.get("conflict", 0),
            waiting=counts.get("waiting", 0),
            clearable=counts.get("clearable", 0),
            skipped=sum(counts.get(one, 0) for one in _SKIPPED),
            # Held fields also stand beside a conflict, or outside the filter.
            held=sum(row[2] for row in rows),
            failed=counts.get("failed", 0) + counts.get("transient", 0),
            outside=counts.get("outside", 0),
        )

    async def _move(self, settled: Sequence[Settled], turn: int) -> None:
        # What a full read hands over has no row to stay in yet.
        await self.put([one for entry in settled for one in entry.stay if one.direct], turn)
        await move(self._database, self.mapping_id, self._stamps, settled)
        await self.put([one for entry in settled for one in entry.again], turn + 1)

    async def _close(self, job: int, entry: int, still_open: Sequence[Intent]) -> None:
        """What was journalled is carried out, but for writes whose effect nobody knows yet."""
        if entry:
            await self._database.execute("delete from intent where id = %s", [entry])
        if still_open:
            await self.journal(job, still_open)

    def _change(self, row: Any) -> Change:
        order = self._layouts.order(row[7])
        self._stamps.keep(row[1], row[0], row[8])
        return Change(
            id=row[0],
            side=Side(row[1]),
            version=row[2],
            values=unpack(row[3], order.left if row[1] == Side.LEFT else order.right),
            deleted=row[4],
            wanted=row[5],
            reason=row[6],
            by_us=row[9],
        )

    def _coupling(self, row: Any) -> Coupling:
        order = self._layouts.order(row[13])
        base = None
        if row[4] is not None:
            left, right, made = (
                unpack(row[4], order.left),
                unpack(row[5], order.right),
                unpack(row[6], order.made),
            )
            base = Base(left=left or (), right=right or (), made=made or ())
        return Coupling(
            left=row[0],
            right=row[1],
            left_version=row[2],
            right_version=row[3],
            base=base,
            left_seen=unpack(row[7], order.left),
            right_seen=unpack(row[8], order.right),
            first=First(row[9]),
            left_number=row[10],
            left_title=row[11],
            right_title=row[12],
            right_held=frozenset(row[14].split(",")) if row[14] else frozenset(),
            left_key=row[15],
        )
