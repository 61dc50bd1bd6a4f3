"""The schema comes up by itself, once, whoever is first; couplings stay a bijection whatever the locks do."""

from __future__ import annotations

import asyncio
import uuid

import psycopg
import pytest

from kobling.adapters.postgres.schema import migrations, open_database
from kobling.model.errors import ConfigurationError, UnreachableError


async def _opened(url: str) -> int:
    connection = await open_database(url)
    async with connection:
        cursor = await connection.execute("select count(*) from schema_version")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


def test_many_first_processes_make_the_schema_once(database_url: str) -> None:
    async def together() -> list[int]:
        return await asyncio.gather(*[_opened(database_url) for _ in range(4)])

    assert asyncio.run(together()) == [len(migrations())] * 4


def test_migrations_are_numbered_one_by_one() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_newer_schema_is_refused_with_the_cure(database_url: str) -> None:
    asyncio.run(_opened(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into schema_version values (9999)")
    with pytest.raises(ConfigurationError, match=r"schema 9999.*Upgrade kobling"):
        asyncio.run(_opened(database_url))


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        asyncio.run(_opened("postgresql://someone:canary-secret@127.0.0.1:9/nothing"))
    assert "canary-secret" not in str(caught.value)


def test_couplings_are_a_bijection(database_url: str) -> None:
    asyncio.run(_opened(database_url))
    insert = (
        "insert into coupling (mapping_id, layout_id, left_id, right_id)"
        " select mapping_id, id, %s, %s from layout"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into connection (name) values ('one')")
        row = connection.execute(
            "insert into mapping (connection_id, name) select id, 'CUSTOMER' from connection returning id"
        ).fetchone()
        assert row is not None
        names = "left_columns, right_columns, row_names"
        connection.execute(
            f"insert into layout (mapping_id, {names}) values (%s, '{{}}', '{{}}', '{{}}')", row
        )
        left, right = uuid.uuid4(), uuid.uuid4()
        connection.execute(insert, (left, right))
        for pair in ((left, uuid.uuid4()), (uuid.uuid4(), right)):
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(insert, pair)
