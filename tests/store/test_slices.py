"""Several workers share one mapping: each slice is held by one of them, and a dead one frees its own."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import psycopg

from kobling.adapters.postgres.connection_store import ConnectionStore
from kobling.adapters.postgres.inbox import SLICES
from kobling.adapters.postgres.schema import open_database
from kobling.adapters.postgres.store import PostgresStore
from kobling.catalogue.load import default_mappings
from kobling.model.mapping import Side
from kobling.model.pair import Base
from kobling.model.state import Change, Coupling

CUSTOMER = default_mappings()["CUSTOMER"]
LEFT = tuple("" for _ in CUSTOMER.left.columns)
RIGHT = tuple(None for _ in CUSTOMER.right.columns)


async def worker(url: str) -> tuple[psycopg.AsyncConnection[Any], ConnectionStore, PostgresStore]:
    database = await open_database(url)
    state = await ConnectionStore.open(database, "test")
    return database, state, await state.mapping(CUSTOMER)


def coupling(left: str, right: str) -> Coupling:
    base = Base(left=LEFT, right=RIGHT, made=tuple(None for _ in CUSTOMER.rows))
    return Coupling(left=left, right=right, left_version="", right_version="", base=base)


def test_a_slice_is_held_by_one_and_freed_by_death(database_url: str) -> None:
    async def story() -> None:
        database, first, _ = await worker(database_url)
        other, second, _ = await worker(database_url)
        try:
            async with first.slices("CUSTOMER") as held:
                assert held is None
                async with second.slices("CUSTOMER") as nothing:
                    assert nothing == []
                await database.close()
                while True:  # the server needs a moment to see that the connection is gone
                    async with second.slices("CUSTOMER") as freed:
                        if freed is None:
                            break
        finally:
            await other.close()

    asyncio.run(story())


def test_every_due_row_lies_in_one_slice_and_a_pair_in_one(database_url: str) -> None:
    async def story() -> None:
        database, _, store = await worker(database_url)
        async with database:
            pairs = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(50)]
            await store.couple([coupling(left, right) for left, right in pairs])
            changes = [
                Change(id=one, side=side, values=values)
                for pair in pairs
                for one, side, values in zip(pair, Side, (LEFT, RIGHT), strict=True)
            ]
            loose = [Change(id=str(uuid.uuid4()), side=Side.LEFT, values=LEFT) for _ in range(50)]
            await store.put([*changes, *loose])
            slice_of: dict[str, int] = {}
            for number in range(SLICES):
                for one in await store.due(1000, 0, slices=[number]):
                    assert one.id not in slice_of
                    slice_of[one.id] = number
            assert len(slice_of) == 150
            assert all(slice_of[left] == slice_of[right] for left, right in pairs)
            assert len(set(slice_of.values())) > SLICES // 2
            assert len(await store.due(1000, 0, slices=list(range(SLICES)))) == 150

    asyncio.run(story())
