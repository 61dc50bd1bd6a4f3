"""Aim: a database of any earlier version comes up to date with all that it holds, and the next run finds its
couplings, bases and feeds: it writes what has changed since, and nothing else.

Method: the demo data in step. What their database holds is put into one of each earlier schema, as far as
that schema knows it; opening that one migrates it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from databases import NewDatabase, databases
from engine.world import World, wrote
from kobling.adapters.postgres.schema import migrations, open_database

NEWEST = len(migrations())
# From this version on, the audit of a creation holds no values of before.
LEAN = 12


@pytest.fixture(scope="module")
def make(postgres_server: str) -> Iterator[NewDatabase]:
    with databases(postgres_server) as make:
        yield make


def tables(database: psycopg.Connection) -> dict[str, list[str]]:
    """The columns of our own tables, in an order in which no row comes before one that it refers to."""
    found: dict[str, list[str]] = {}
    for table, column in database.execute(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0"
        " and not a.attisdropped and c.relname <> 'schema_version' order by c.relname, a.attname"
    ):
        found.setdefault(table, []).append(column)
    first = ["connection", "mapping", "layout", "job", "gate"]
    return {name: found[name] for name in (*(one for one in first if one in found), *found.keys() - {*first})}


def older(make: NewDatabase, version: int, source: str) -> str:
    """A database of that version with what the newest one holds."""
    url = make()
    with psycopg.connect(source) as new, psycopg.connect(url) as old:
        for number, script in migrations()[:version]:
            old.execute(script.encode())
            old.execute("create table if not exists schema_version (version integer primary key)")
            old.execute("insert into schema_version values (%s)", [number])
        known = tables(new)
        for table, columns in tables(old).items():
            names = sql.SQL(", ").join(sql.Identifier(one) for one in columns if one in known[table])
            place = sql.Identifier(table)
            with (
                new.cursor().copy(sql.SQL("copy {} ({}) to stdout").format(place, names)) as rows,
                old.cursor().copy(sql.SQL("copy {} ({}) from stdin").format(place, names)) as into,
            ):
                for data in rows:
                    into.write(data)
            if "id" in columns:
                sequence = sql.Literal(table)
                old.execute(
                    sql.SQL("select setval(pg_get_serial_sequence({}, 'id'), max(id)) from {}").format(
                        sequence, place
                    )
                )
        if version < LEAN:
            old.execute(
                "update audit set changes = (select coalesce(json_object_agg(key,"
                " json_build_array(null, value)), '{}') from json_each(changes::json))"
                " where method = 'create'"
            )
        # A copy goes on once a person says so; here it is the one that was there all the time.
        old.execute("delete from mark where name = 'home'")
    return url


def contents(url: str, known: dict[str, list[str]]) -> dict[str, list[str]]:
    """What these columns hold."""
    found = {}
    with psycopg.connect(url) as database:
        for table, columns in known.items():
            # Values are the same however their text is laid out.
            names = sql.SQL(", ").join(
                sql.SQL("{}::jsonb" if one == "changes" else "{}").format(sql.Identifier(one))
                for one in columns
            )
            query = sql.SQL("select row({})::text from {} order by 1").format(names, sql.Identifier(table))
            found[table] = [row[0] for row in database.execute(query)]
    return found


async def opened(url: str) -> None:
    await (await open_database(url)).close()


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_what_an_older_database_holds_is_kept(common: World, make: NewDatabase, version: int) -> None:
    url = older(make, version, common.environment["KOBLING_DATABASE_URL"])
    with psycopg.connect(url) as database:
        known = tables(database)
        assert database.execute("select max(version) from schema_version").fetchone() == (version,)
    before = contents(common.environment["KOBLING_DATABASE_URL"], known)
    before["mark"] = [one for one in before["mark"] if not one.endswith(",home)")]
    assert all(before[one] for one in ("connection", "mapping", "feed", "mark", "coupling", "job", "audit"))
    asyncio.run(opened(url))
    assert contents(url, known) == before
    with psycopg.connect(url) as database:
        assert database.execute("select max(version) from schema_version").fetchone() == (NEWEST,)


def test_the_first_run_on_an_older_database_goes_on_where_it_was(
    common: World, make: NewDatabase, tmp_path: Path, pair: tuple[str, str], other_pair: tuple[str, str]
) -> None:
    common.sync(full=True)
    url = older(make, 1, common.environment["KOBLING_DATABASE_URL"])
    world = World(common.sandbox, url, tmp_path)
    counts = world.count("bc", "Customer"), world.count("crm", "account")
    world.edit_customer(pair[0], address="Torget 32")
    world.edit_account(other_pair[1], address1_line1="Torget 33")
    run = world.sync()
    assert wrote(run) == 2
    assert world.account(pair[1])["address1_line1"] == "Torget 32"
    assert world.customer(other_pair[0])["address"] == "Torget 33"
    assert wrote(world.sync(full=True)) == 0
    assert (world.count("bc", "Customer"), world.count("crm", "account")) == counts
