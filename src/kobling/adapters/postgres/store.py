"""The state of one mapping in PostgreSQL; every statement works on a page of rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import psycopg

from kobling.adapters.postgres.inbox import Stamps, move
from kobling.adapters.postgres.packing import Layouts, columns_of, decoder, encoder, is_id, pack, unpack
from kobling.model.mapping import Mapping, Side
from kobling.model.pair import Base, First
from kobling.model.state import Change, Coupling, Found, Intent, Open, Settled
from kobling.model.values import EMPTY_ID

_CHANGE: Final = "record_id::text, side, version, body, deleted, wanted, reason, layout_id, xmin::text"
_COUPLING: Final = (
    "left_id::text, right_id::text, left_version, right_version, left_base, right_base, made,"
    " left_seen, right_seen, first, left_number, left_title, right_title, layout_id"
)
# Both rows of a pair lie in one slice; what a finder may couple lies in the first.
SLICES: Final = 16
_SLICE: Final = (
    "(select case when left_id is null and %s then 0"
    " else abs(hashtext(coalesce(left_id, record_id)::text)::bigint) %% %s end"
    " from (select 1) as one left join coupling on coupling.mapping_id = inbox.mapping_id"
    " and record_id = case side when 'left' then left_id else right_id end)"
)
# A deleted record waits for a person only under the policy that asks.
_SKIPPED: Final = ("deleted", "failed", "unproved")


class PostgresStore:
    """Couplings, inbox and intents of one mapping of one connection, on one database connection."""

    def __init__(self, database: psycopg.AsyncConnection[Any], mapping_id: int, mapping: Mapping) -> None:
        self.mapping_id = mapping_id
        self.mapping = mapping
        self._database = database
        self._layouts = Layouts(mapping_id, mapping)
        self._stamps = Stamps()

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
            condition += " and record_id = any(%s::uuid[])"
            parameters.append(list(ids))
        if slices is not None:
            condition += f" and {_SLICE} = any(%s)"
            parameters += [bool(self.mapping.finder), SLICES, list(slices)]
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where {condition} order by since, record_id limit %s",  # noqa: S608
            [*parameters, limit],
        )
        return [self._change(row) async for row in cursor]

    async def waiting(self, side: Side, ids: Sequence[str]) -> dict[str, Change]:
        """The inbox rows of these records, due or not."""
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox"  # noqa: S608
            " where mapping_id = %s and side = %s and record_id = any(%s::uuid[])",
            [self.mapping_id, side, list(ids)],
        )
        return {row[0]: self._change(row) async for row in cursor}

    async def put(self, changes: Sequence[Change], turn: int = 0) -> None:
        """Puts rows into the inbox; they are due from that wave of the run in hand on."""
        await self._database.execute(
            "insert into inbox as held (mapping_id, layout_id, turn, side, record_id, version, body, deleted,"
            " wanted, reason) select %s, %s, %s, * from unnest(%s::text[], %s::uuid[], %s::text[],"
            " %s::bytea[], %s::boolean[], %s::boolean[], %s::text[])"
            " on conflict (record_id, mapping_id, side) do update set version = excluded.version,"
            " layout_id = excluded.layout_id, turn = excluded.turn, body = coalesce(excluded.body, case when"
            " held.version = excluded.version then held.body end), deleted = excluded.deleted, due = true,"
            # That a record was outside the filter is news to whoever waits for it, however it returns.
            " reason = case when excluded.reason = 'new' or held.reason = 'outside' then held.reason"
            " else excluded.reason end,"
            " message = '', wanted = held.wanted or excluded.wanted",
            [self.mapping_id, self._layouts.present, turn, *columns_of(changes)],
        )

    async def rows_of(self, ids: Sequence[str]) -> list[Change]:
        """All inbox rows of these records, of either side."""
        cursor = await self._database.execute(
            f"select {_CHANGE} from inbox where mapping_id = %s and record_id = any(%s::uuid[])",  # noqa: S608
            [self.mapping_id, list(ids)],
        )
        return [self._change(row) async for row in cursor]

    async def couplings(self, left: Sequence[str], right: Sequence[str]) -> list[Coupling]:
        """The couplings in which any of these records stands."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s"  # noqa: S608
            " and (left_id = any(%s::uuid[]) or right_id = any(%s::uuid[]))",
            [self.mapping_id, list(left), list(right)],
        )
        return [self._coupling(row) async for row in cursor]

    async def some_coupled(self, side: Side, but: Sequence[str], count: int) -> list[str]:
        """A few coupled records of that side, to show that the table can be read at all."""
        cursor = await self._database.execute(
            f"select {side}_id::text from coupling where mapping_id = %s"  # noqa: S608
            f" and not {side}_id = any(%s::uuid[]) limit %s",
            [self.mapping_id, list(but), count],
        )
        return [row[0] async for row in cursor]

    async def look_up(self, side: Side, keys: Sequence[str]) -> dict[str, Found]:
        """The coupled partners on `side`: right ids by left number, or left numbers by right id."""
        asked, given = ("right_id", "left_number") if side is Side.LEFT else ("left_number", "right_id")
        kind = "uuid" if side is Side.LEFT else "text"
        cursor = await self._database.execute(
            f"select {asked}::text, {given}::text, coalesce((select message from inbox"  # noqa: S608
            " where inbox.mapping_id = coupling.mapping_id and reason = 'outside' and record_id = "
            f"{side}_id limit 1), '') from coupling where mapping_id = %s and {asked} = any(%s::{kind}[])",
            [self.mapping_id, [one for one in keys if kind == "text" or is_id(one)]],
        )
        return {row[0]: Found(value=row[1], outside=row[2]) async for row in cursor}

    async def generations(self, ids: Sequence[str]) -> dict[str, int]:
        """How often each of these records has been uncoupled; those that never were are left out."""
        cursor = await self._database.execute(
            "select source_id::text, generation from generation where mapping_id = %s"
            " and source_id = any(%s::uuid[])",
            [self.mapping_id, list(ids)],
        )
        return {row[0]: row[1] async for row in cursor}

    async def journal(self, job: int, intents: Sequence[Intent]) -> None:
        """Commits what is about to be written, before it is."""
        await self._database.execute(
            "insert into intent (job_id, mapping_id, side, record_id, partner_id, method, body, version)"
            " select %s, %s, * from unnest(%s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::bytea[],"
            " %s::text[])",
            [
                job,
                self.mapping_id,
                [one.side for one in intents],
                [one.id for one in intents],
                [one.partner for one in intents],
                [one.method for one in intents],
                [encoder.encode(one.body) for one in intents],
                [one.version for one in intents],
            ],
        )

    async def opened(self, job: int, side: Side, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Those of these ids for which another job left an intent open, and its body; the last if several."""
        cursor = await self._database.execute(
            "select record_id::text, body from intent where mapping_id = %s and side = %s and job_id <> %s"
            " and record_id = any(%s::uuid[]) order by id",
            [self.mapping_id, side, job, list(ids)],
        )
        return {row[0]: decoder.decode(row[1]) async for row in cursor}

    async def settle(self, job: int, turn: int, settled: Sequence[Settled]) -> None:
        """One batch's outcome in one transaction: couplings, inbox rows, intents and audit."""
        coupled = [one.coupling for one in settled if one.coupling is not None]
        gone = [one.uncouple for one in settled if one.uncouple is not None]
        async with self._database.transaction():
            await self.couple(coupled)
            if gone:
                await self.uncouple(gone)
            await self._move(settled, turn)
            await self._record(job, settled)
            await self._close(job, [*coupled, *gone])
            await self.wake([key for one in settled for key in one.wakes], turn + 1)

    async def couple(self, coupled: Sequence[Coupling]) -> None:
        """Makes these couplings, or brings them up to date."""
        if not coupled:
            return
        columns = _COUPLING.replace("::text", "").removesuffix(", layout_id")
        updates = [one for one in columns.split(", ") if not one.endswith("_id")]
        updates = [one.strip() for part in updates for one in part.split(",") if one.strip()]
        changed = ", ".join(f"{one} = excluded.{one}" for one in (*updates, "layout_id"))
        bases = [one.base or _NO_BASE for one in coupled]
        await self._database.execute(
            f"insert into coupling (mapping_id, layout_id, {columns})"  # noqa: S608
            " select %s, %s, * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bytea[],"
            " %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[], %s::text[], %s::text[], %s::text[],"
            f" %s::text[]) on conflict (left_id, mapping_id) do update set {changed}",
            [
                self.mapping_id,
                self._layouts.present,
                [one.left for one in coupled],
                [one.right for one in coupled],
                [one.left_version for one in coupled],
                [one.right_version for one in coupled],
                [pack(base.left) if one.base else None for one, base in zip(coupled, bases, strict=True)],
                [pack(base.right) if one.base else None for one, base in zip(coupled, bases, strict=True)],
                [pack(base.made) if one.base else None for one, base in zip(coupled, bases, strict=True)],
                [pack(one.left_seen) for one in coupled],
                [pack(one.right_seen) for one in coupled],
                [str(one.first) for one in coupled],
                [one.left_number for one in coupled],
                [one.left_title for one in coupled],
                [one.right_title for one in coupled],
            ],
        )

    async def uncouple(self, gone: Sequence[Coupling]) -> None:
        """Removes couplings; both records get another generation, so what is created anew gets a new id."""
        ids = [identifier for one in gone for identifier in (one.left, one.right)]
        await self._database.execute(
            "delete from coupling where mapping_id = %s and left_id = any(%s::uuid[])",
            [self.mapping_id, [one.left for one in gone]],
        )
        await self._database.execute(
            "insert into generation select %s, id, 1 from unnest(%s::uuid[]) as given(id)"
            " on conflict (source_id, mapping_id) do update set generation = generation.generation + 1",
            [self.mapping_id, ids],
        )
        await self._database.execute(
            "delete from inbox where mapping_id = %s and record_id = any(%s::uuid[])", [self.mapping_id, ids]
        )

    async def wake(self, keys: Sequence[str], turn: int = 0) -> None:
        """What waits for one of these keys, in any mapping of the connection, is due."""
        if keys:
            await self._database.execute(
                "update inbox set due = true, turn = %s where not due and waits && %s::text[] and mapping_id"
                " in (select id from mapping where connection_id ="
                " (select connection_id from mapping where id = %s))",
                [turn, list(keys), self.mapping_id],
            )

    async def conflicts(self) -> list[tuple[Coupling, tuple[str, ...]]]:
        """The pairs that wait for a person to resolve them, with the contested fields."""
        columns = _COUPLING.replace("layout_id", "coupling.layout_id")
        cursor = await self._database.execute(
            f"select distinct on (left_id) {columns}, inbox.fields from coupling"  # noqa: S608
            " join inbox on inbox.mapping_id = coupling.mapping_id"
            " and record_id = case side when 'left' then left_id else right_id end"
            " where inbox.mapping_id = %s and reason = 'conflict' and not due order by left_id",
            [self.mapping_id],
        )
        return [(self._coupling(row), tuple(row[14])) async for row in cursor]

    async def page(self, after: str, limit: int) -> list[Coupling]:
        """Couplings in the order of their left ids, from the one after `after` on."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s and left_id > %s"  # noqa: S608
            " order by left_id limit %s",
            [self.mapping_id, after or EMPTY_ID, limit],
        )
        return [self._coupling(row) async for row in cursor]

    async def named(self, number: str) -> list[Coupling]:
        """The couplings whose left record has that number."""
        cursor = await self._database.execute(
            f"select {_COUPLING} from coupling where mapping_id = %s and left_number = %s",  # noqa: S608
            [self.mapping_id, number],
        )
        return [self._coupling(row) async for row in cursor]

    async def open_counts(self) -> Open:
        """How many records stay, by reason; a pair counts once."""
        cursor = await self._database.execute(
            "select reason, count(distinct coalesce(coupling.left_id, record_id)) from inbox"
            " left join coupling on coupling.mapping_id = inbox.mapping_id"
            " and record_id = case side when 'left' then left_id else right_id end"
            " where inbox.mapping_id = %s and not due group by reason",
            [self.mapping_id],
        )
        counts: dict[str, int] = {row[0]: row[1] async for row in cursor}
        return Open(
            conflicts=counts.get("conflict", 0),
            waiting=counts.get("waiting", 0),
            clearable=counts.get("clearable", 0),
            skipped=sum(counts.get(one, 0) for one in _SKIPPED),
            held=counts.get("held", 0),
            failed=counts.get("failed", 0) + counts.get("transient", 0),
            outside=counts.get("outside", 0),
        )

    async def _move(self, settled: Sequence[Settled], turn: int) -> None:
        await move(self._database, self.mapping_id, self._stamps, settled)
        again = [one for entry in settled for one in entry.again]
        if again:
            await self.put(again, turn + 1)

    async def _record(self, job: int, settled: Sequence[Settled]) -> None:
        effects = [one for entry in settled for one in entry.effects]
        if effects:
            await self._database.execute(
                "insert into audit (job_id, mapping_id, left_id, right_id, side, method, changes, reason)"
                " select %s, %s, * from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::bytea[],"
                " %s::text[])",
                [
                    job,
                    self.mapping_id,
                    [one.left for one in effects],
                    [one.right for one in effects],
                    [one.side for one in effects],
                    [one.method for one in effects],
                    [encoder.encode(one.values) for one in effects],
                    [one.reason for one in effects],
                ],
            )

    async def _close(self, job: int, ended: Sequence[Coupling]) -> None:
        ids = [record for one in ended for record in (one.left, one.right)]
        await self._database.execute(
            "delete from intent where job_id = %s or (mapping_id = %s and record_id = any(%s::uuid[]))",
            [job, self.mapping_id, ids],
        )

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
        )


_NO_BASE: Final = Base(left=(), right=(), made=())
