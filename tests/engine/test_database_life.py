"""Aim: after going back to an older backup nothing is made twice and nothing is lost, and what is kept of one
record can be forgotten without a trace of its values.

Method: a backup by the command, more runs and edits on both sides, the backup restored; every row of every
table searched for what was erased.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.database_life import adopt, back_up, erase_record, restore
from kobling.service.doctor import examine
from kobling.service.explanations import history
from kobling.service.rebuilding import rebuild_couplings
from kobling.service.session import Session


def nobody(name: str) -> None:
    raise AssertionError(name)


def counts(world: World) -> dict[str, int]:
    state: Any = world._control("bc", "state")["counts"] | world._control("crm", "state")["counts"]
    return {one: state[one] for one in ("Customer", "Contact", "account", "contact")}


def rebuilt(world: World, mapping: str) -> Document:
    return world.command(lambda one: rebuild_couplings(one, mapping, "", dry_run=False, wait=nobody))[0]


def found(world: World, name: str) -> list[str]:
    from datetime import UTC, datetime

    told = asyncio.run(examine(world.configuration, datetime.now(UTC).date()))
    return [one.message for one in told if one.name == name and one.cure]


@pytest.mark.parametrize("full", [False, True])
def test_after_an_older_backup_nothing_is_doubled_and_nothing_lost(
    synchronized: World, tmp_path: Path, full: bool
) -> None:
    world, file = synchronized, tmp_path / "backup"
    world.sync(full=True)
    asyncio.run(back_up(world.configuration, file))
    assert file.stat().st_mode & 0o777 == 0o600
    pairs = sorted((one["bc_id"], one["crm_id"]) for one in world.couplings())
    customer = world.create("bc", "customers", name="Later AS")["id"]
    account = world.create("crm", "accounts", name="Later from Sales", customertypecode=3)["accountid"]
    world.edit_customer(pairs[0][0], address="There and synchronized")
    world.edit_account(pairs[1][1], address1_line1="Here and synchronized")
    world.sync(full=True)
    world.edit_account(pairs[0][1], address1_line1="Then in Sales")
    world.sync()
    world.edit_customer(pairs[2][0], address="Late in BC")
    world.edit_account(pairs[3][1], address1_line1="Late in Sales")
    there, coupled = counts(world), len(world.couplings())
    document = asyncio.run(restore(world.configuration, file))
    assert "CUSTOMER" in document["rebuild"]
    assert len(world.couplings()) < coupled
    assert any("CUSTOMER: an older state was restored" in one for one in found(world, "restored"))
    # What would create waits for a person; what is coupled flows.
    with pytest.raises(ConfigurationError, match=r"what was created after it is not known"):
        world.sync(full=full)
    for _ in range(2):
        world.sync("CUSTOMER")
    expected = ["Then in Sales", "Here and synchronized", "Late in BC", "Late in Sales"]
    assert [world.customer(one)["address"] for one, _ in pairs[:4]] == expected
    assert [world.account(one)["address1_line1"] for _, one in pairs[:4]] == expected
    assert (counts(world), world.conflicts()) == (there, [])
    for name in document["rebuild"]:
        rebuilt(world, name)
    assert found(world, "restored") == []
    assert len(world.couplings()) == coupled
    world.sync()
    again = {one["bc_id"]: one["crm_id"] for one in world.couplings()}
    made = {one["crm_id"]: one["bc_id"] for one in world.couplings()}
    world.edit_customer(customer, city="Hamar")
    world.edit_account(account, address1_city="Gjøvik")
    assert wrote(world.sync()) == 2
    assert world.account(again[customer])["address1_city"] == "Hamar"
    assert world.customer(made[account])["city"] == "Gjøvik"
    assert (counts(world), wrote(world.sync(full=True))) == (there, 0)


def test_a_copy_writes_nothing_until_somebody_says_that_it_goes_on(
    common: World, pair: tuple[str, str]
) -> None:
    with psycopg.connect(common.environment["KOBLING_DATABASE_URL"]) as database:
        # As it is in a database that was made from a dump: its tables are others.
        database.execute("update mark set mark = mark || '0' where name = 'home'")
    common.edit_customer(pair[0], city="Kopi")
    before = common.account(pair[1])
    with pytest.raises(
        ConfigurationError, match=r"is a copy, or was restored.*nothing is written"
    ) as refused:
        common.sync("CUSTOMER")
    assert "kobling database adopt" in refused.value.cure
    assert common.account(pair[1]) == before
    assert [one for one in found(common, "home") if "is a copy" in one]
    assert "CUSTOMER" in common.command(adopt)["rebuild"]
    assert found(common, "home") == []
    common.sync("CUSTOMER")
    assert common.account(pair[1])["address1_city"] == "Kopi"
    for name in sorted(common.command(mapping_names)):
        common.command(lambda one, name=name: one.state.keep_mark(f"restored {name}", ""))


async def mapping_names(session: Session) -> list[str]:
    return list(await session.mappings())


def test_what_is_no_backup_is_refused_and_nothing_is_changed(world: World, tmp_path: Path) -> None:
    world.sync("CURRENCY", full=True)
    (tmp_path / "text").write_text("no backup")
    with pytest.raises(ConfigurationError, match="pg_restore"):
        asyncio.run(restore(world.configuration, tmp_path / "text"))
    file = tmp_path / "backup"
    asyncio.run(back_up(world.configuration, file))
    with pytest.raises(ConfigurationError, match="cannot be written"):
        asyncio.run(back_up(world.configuration, file))
    file.write_bytes(file.read_bytes()[:-4_000])
    with pytest.raises(Exception, match="pg_restore"):
        asyncio.run(restore(world.configuration, file))
    with (
        psycopg.connect(world.environment["KOBLING_DATABASE_URL"]),
        pytest.raises(ConfigurationError, match=r"1 other connections .* Stop every kobling worker"),
    ):
        asyncio.run(restore(world.configuration, _good(world, tmp_path)))
    assert world.couplings("CURRENCY")
    schemas = world.query("select nspname from pg_namespace where nspname like 'kobling%'")
    assert schemas == []


def test_a_database_that_is_new_takes_a_backup(world: World, tmp_path: Path) -> None:
    world.sync("CURRENCY", full=True)
    before, good, broken = world.couplings("CURRENCY"), _good(world, tmp_path), tmp_path / "broken"
    broken.write_bytes(good.read_bytes()[:-4_000])
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(
            "drop schema procrastinate cascade; drop schema public cascade; create schema public"
        )
    with pytest.raises(Exception, match="pg_restore"):
        asyncio.run(restore(world.configuration, broken))
    assert world.couplings("CURRENCY") == []
    asyncio.run(restore(world.configuration, good))
    assert world.couplings("CURRENCY") == before != []


def test_after_a_restore_that_was_killed_nothing_is_done_and_nothing_is_lost(
    world: World, tmp_path: Path
) -> None:
    world.sync("CURRENCY", full=True)
    before, good, broken = world.couplings("CURRENCY"), _good(world, tmp_path), tmp_path / "broken"
    broken.write_bytes(good.read_bytes()[:-4_000])
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        for name in ("procrastinate", "public"):
            place = sql.Identifier(name), sql.Identifier(f"kobling_before_{name}")
            database.execute(sql.SQL("alter schema {} rename to {}").format(*place))
        database.execute("create schema public")
    with pytest.raises(ConfigurationError, match=r"was killed.* Restore again"):
        world.sync("CURRENCY")
    with pytest.raises(Exception, match="pg_restore"):
        asyncio.run(restore(world.configuration, broken))
    assert world.couplings("CURRENCY") == before
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        # Killed only after all was in place.
        database.execute("create schema kobling_before_public")
    world.sync("CURRENCY")
    asyncio.run(restore(world.configuration, good))
    assert world.couplings("CURRENCY") == before != []
    assert world.query("select nspname from pg_namespace where nspname like 'kobling%'") == []


def _good(world: World, folder: Path) -> Path:
    asyncio.run(back_up(world.configuration, folder / "good"))
    return folder / "good"


def everywhere(world: World, word: str) -> list[str]:
    """The tables of which a row holds that word."""
    holding = []
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        names = database.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'procrastinate')"
        ).fetchall()
        for schema, table in names:
            query = sql.SQL("select 1 from {} as one where one::text ilike {} limit 1").format(
                sql.Identifier(schema, table), sql.Literal(f"%{word}%")
            )
            if database.execute(query).fetchone():
                holding.append(table)
    return holding


def test_what_is_kept_of_a_record_is_forgotten(synchronized: World) -> None:
    world = synchronized
    customer, account = world.pair()
    others = len(world.couplings())
    world.edit_customer(customer, name="Canary Forgotten AS", address="Canary street 1")
    world.sync()
    # A conflict leaves values in the inbox, a refused one words in the errors of a job.
    world.edit_customer(customer, phoneNo="+47 22 00 77 01", address="Canary street 2")
    world.edit_account(account, telephone1="+47 22 00 77 02")
    world.faults("crm", {"method": "PATCH", "path": account, "action": "status", "status": 400})
    world.sync("CUSTOMER")
    world.faults("crm")
    assert {"coupling", "audit", "job_error"} <= {*everywhere(world, "canary")}
    written = len(world.command(lambda one: history(one, "CUSTOMER", customer))["changes"])
    assert written
    document = world.command(lambda one: erase_record(one, "CUSTOMER", customer, wait=nobody))
    assert (document["records"], document["couplings"]) == (sorted([customer, account]), 1)
    kept = [one for one in everywhere(world, "canary") if one not in {"reference"}]
    assert [kept, everywhere(world, "+47 22 00 77")] == [[], []]
    # That it happened is kept.
    shown = world.command(lambda one: history(one, "CUSTOMER", customer))["changes"]
    assert {(one["field"], one["before"], one["after"]) for one in shown} == {("", None, None)}
    assert [row[0] for row in world.query("select kind from job order by id desc limit 1")] == ["erase"]
    assert len(world.couplings()) == others - 1


def test_what_was_erased_is_not_created_anew_and_not_undone(common: World, pair: tuple[str, str]) -> None:
    common.configure("CUSTOMER", synch_only_coupled=False)
    common.edit_customer(pair[0], address="Torget 32")
    job = common.sync("CUSTOMER")["CUSTOMER"]["job"]
    common.command(lambda one: erase_record(one, "CUSTOMER", f"bc:{pair[0]}", wait=nobody))
    before = common.count("crm", "account"), common.count("bc", "Customer")
    assert common.undo(job)["jobs"][0]["counts"]["to"]["modified"] == 0
    assert common.account(pair[1])["address1_line1"] == "Torget 32"
    common.edit_customer(pair[0], address="Torget 33")
    common.sync("CUSTOMER", full=True)
    assert (common.count("crm", "account"), common.count("bc", "Customer")) == before
    with pytest.raises(ConfigurationError, match="knows no record 'C99999'"):
        common.command(lambda one: erase_record(one, "CUSTOMER", "C99999", wait=nobody))


def test_a_write_that_nobody_has_settled_is_settled_before(common: World, pair: tuple[str, str]) -> None:
    with psycopg.connect(common.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(
            "insert into intent (job_id, mapping_id, entries) select max(job.id), mapping_id, %s from job"
            " join mapping on mapping.id = mapping_id where name = 'CUSTOMER' group by mapping_id",
            [f'[{{"id": "{pair[0]}"}}]'],
        )
        database.commit()
        with pytest.raises(ConfigurationError, match="left a write to this record unsettled"):
            common.command(lambda one: erase_record(one, "CUSTOMER", pair[0], wait=nobody))
        database.execute("delete from intent")
