"""Aim: what the built-in integration promises of its set-up holds here: what is missing is said before
anything runs, what is shipped is there from the start, and nothing is asked of a service before it is needed.
"""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from engine.companies import Branch, branches, served_companies
from engine.test_connection_setup import setup
from engine.test_switches import turn
from engine.world import World
from kobling.algebra.schedule import due
from kobling.engine.pause import paused_words
from kobling.model.errors import ConfigurationError, CredentialsError
from kobling.service.configuration import read_configuration
from kobling.service.connection import open_door, who_am_i
from kobling.service.connection_settings import show_connection
from kobling.service.doctor import examine
from kobling.service.exchange import reset_mappings
from kobling.service.finding import Level
from kobling.service.mappings import list_mappings
from kobling.service.pausing import pause, resume, resume_on_start, start_again
from kobling.service.schedule import (
    enabled_names,
    hold_entries,
    known_entries,
    list_entries,
    ready_entries,
    schedule_store,
)
from kobling.service.session import Session, open_session
from kobling.service.waiting import list_conflicts, list_jobs, list_skipped

__all__ = ["branches", "served_companies"]
CURRENCY = "base currency"


def requests(world: World) -> int:
    return sum(one["count"] for system in ("bc", "crm") for one in world.requests(system)["outer"])


def execute(world: World, statement: LiteralString) -> None:
    with psycopg.connect(world.environment["KOBLING_DATABASE_URL"]) as database:
        database.execute(statement)


def entries(world: World) -> dict[str, dict[str, Any]]:
    return {one["mapping"]: one for one in world.command(list_entries)["entries"]}


@pytest.mark.scenario("SU-01")
def test_opening_the_installation_asks_nothing_of_the_services(world: World) -> None:
    world.reset_requests()
    for work in (list_mappings, list_entries, list_conflicts, list_skipped, show_connection):
        world.command(work)
    world.command(lambda one: list_jobs(one, (), 10))
    assert requests(world) == 0
    assert {world.requests(system)["tokens"] for system in ("bc", "crm")} == {0}


def due_now(world: World) -> set[str]:
    """The mappings that a worker would take up at this moment."""

    async def work(session: Session) -> set[str]:
        store, enabled = schedule_store(session), await enabled_names(session)
        async with store.changing() as now:
            known = [one.entry for one in await known_entries(session, store, now)]
            return {one.mapping for one in due([one for one in known if one.mapping in enabled], now)}

    return world.command(work)


@pytest.mark.scenario("SU-02")
def test_nothing_runs_by_itself_where_all_is_held_and_does_where_it_is_ready(world: World) -> None:
    world.command(lambda one: hold_entries(one, []))
    assert due_now(world) == set()
    world.command(lambda one: ready_entries(one, ["CUSTOMER"]))
    assert due_now(world) == {"CUSTOMER"}
    world.configure("CUSTOMER", enabled=False)
    assert due_now(world) == set()


def shown(world: World, **environment: str) -> tuple[str | None, str | None]:
    """The base currency and the business unit of Sales, as far as they are known."""
    before = world.configuration
    world.configuration = read_configuration(world.path, world.environment | environment)
    try:
        document = world.command(show_connection)
    finally:
        world.configuration = before
    return document["base_currency"], document["business_unit"]


@pytest.mark.scenario("SU-10")
def test_the_base_currency_is_known_while_the_connection_is_in_use(world: World) -> None:
    assert shown(world) == (None, None)
    world.sync("CURRENCY")
    assert shown(world)[0] == "EUR"
    world.command(lambda one: pause(one, ""))
    assert shown(world)[0] is None
    world.command(resume)
    world.sync("CURRENCY")
    assert shown(world)[0] == "EUR"


@pytest.mark.scenario("SU-22")
@pytest.mark.scenario("SU-23")
def test_the_business_unit_is_that_of_the_address(world: World) -> None:
    world.sync("CURRENCY")
    [unit] = world.get("crm", world.crm("businessunits?$filter=_parentbusinessunitid_value%20eq%20null"))[
        "value"
    ]
    assert shown(world)[1] == unit["name"]
    # Without an address, and at another one that was never used, nothing of the former one is shown.
    elsewhere = {"KOBLING_CRM_TOKEN_URL": world.configuration.crm.token_url}
    assert shown(world, KOBLING_CRM_URL="https://elsewhere.example", **elsewhere) == (None, None)
    moved = world.path.with_name("cleared.toml")
    lines = world.path.read_text().splitlines()
    crm = lines.index("[crm]")
    moved.write_text(
        "\n".join(line for at, line in enumerate(lines) if at < crm or not line.startswith("url"))
    )
    moved.chmod(0o600)
    world.configuration = read_configuration(moved, world.environment)
    assert world.configuration.crm.url == ""
    assert world.command(show_connection)["business_unit"] is None


@pytest.mark.scenario("SU-03")
@pytest.mark.scenario("SU-04")
def test_the_next_start_resumes_a_sound_connection_and_no_broken_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def start(**environment: str) -> str | None:
        configuration = read_configuration(world.path, world.environment | environment)

        async def inside() -> str | None:
            async with open_session(configuration) as session:
                await start_again(session)
                return await paused_words(session.state) or None

        return asyncio.run(inside())

    world.command(lambda one: pause(one, "a move"))
    assert "a move" in (start() or "")
    assert world.command(resume_on_start)["paused"]
    assert "a move" in (start(KOBLING_CRM_SECRET="wrong") or "")
    assert "stays paused: crm sign-in" in caplog.text
    assert start() is None
    world.command(lambda one: pause(one, "again"))
    assert "again" in (start() or "")


@pytest.mark.scenario("SU-05")
def test_a_connection_is_made_once(world: World) -> None:
    for _ in range(2):
        world.command(list_mappings)
    assert world.query("select name from connection") == [("default",)]


@pytest.mark.scenario("SU-09")
def test_a_new_installation_has_the_shipped_mappings_and_their_entries(world: World) -> None:
    assert world.query("select to_regclass('mapping') is null") == [(True,)]
    names = {one["name"] for one in world.command(list_mappings)["mappings"]}
    assert {"SALESPEOPLE", "CURRENCY", "CUSTOMER", "VENDOR", "CONTACT", "OPPORTUNITY"} <= names
    document = world.command(list_mappings)
    ready = {one["name"] for one in (*document["mappings"], *document["beside"]) if one["ready"]}
    parts = {name for name, one in world.command(lambda one: one.mappings()).items() if one.part_of}
    assert set(entries(world)) == ready - parts


@pytest.mark.scenario("SU-12")
@pytest.mark.scenario("SU-27")
def test_a_reset_brings_the_shipped_mappings_back_and_their_entries_stay(world: World) -> None:
    def nobody(name: str) -> None:
        raise AssertionError(name)

    shipped = world.command(list_mappings)
    world.configure("CUSTOMER", update_conflict="send", synch_only_coupled=False)
    assert world.command(list_mappings) != shipped
    world.command(lambda one: reset_mappings(one, (), every=True, yes=True, wait=nobody))
    assert world.command(list_mappings) == shipped
    assert "CUSTOMER" in entries(world)


@pytest.mark.scenario("SU-11")
def test_another_base_currency_needs_an_exchange_rate(branches: tuple[Branch, Branch]) -> None:
    one, other = branches
    assert setup(one)[CURRENCY].message == "EUR on both sides"
    found = setup(other)[CURRENCY]
    assert found.met
    assert "EUR in Sales, NOK in Business Central" in found.message
    for rate in other.get("bc", other.bc("currencyExchangeRates?$filter=currencyCode%20eq%20'EUR'"))["value"]:
        other.delete("bc", "currencyExchangeRates", rate["id"])
    refused = setup(other)[CURRENCY]
    assert not refused.met
    assert "the currency EUR has no exchange rate" in refused.message
    assert "page Currencies" in refused.cure
    told = asyncio.run(examine(other.configuration, date(2026, 11, 24)))
    assert [one.level for one in told if one.name == CURRENCY] == [Level.PROBLEM]


@pytest.mark.scenario("SU-17")
def test_the_reason_of_a_failure_is_gone_when_an_entry_is_set_going(world: World) -> None:
    entries(world)
    execute(
        world,
        "update schedule_entry set status = 'Error', message = 'It broke.', attempts = 10 from mapping"
        " where mapping.id = mapping_id and mapping.name = 'CUSTOMER'",
    )
    assert entries(world)["CUSTOMER"]["message"] == "It broke."
    world.command(lambda one: ready_entries(one, ["CUSTOMER"]))
    one = entries(world)["CUSTOMER"]
    assert (one["status"], one["message"], one["attempts"]) == ("Ready", "", 0)


@pytest.mark.scenario("SU-21")
def test_the_owner_model_that_is_stored_is_shown(world: World) -> None:
    def shown() -> str:
        settings = world.command(show_connection)["settings"]
        return next(one["value"] for one in settings if one["name"] == "owner_model")

    assert shown() == "person"
    turn(world, "owner_model=team")
    assert shown() == "team"


@pytest.mark.scenario("SU-25")
@pytest.mark.scenario("SU-26")
def test_users_are_coupled_where_persons_own_records_and_not_where_a_team_does(world: World) -> None:
    assert world.match("SALESPEOPLE")["matched"]
    turn(world, "owner_model=team")
    with pytest.raises(ConfigurationError, match=r"SALESPEOPLE is left out.*owner_model=person"):
        world.match("SALESPEOPLE")


@pytest.mark.scenario("SU-33")
def test_no_error_of_the_services_shows_the_secret(world: World) -> None:
    secret = "canary-5d1f"
    configuration = read_configuration(world.path, world.environment | {"KOBLING_CRM_SECRET": secret})
    asked: list[str] = [repr(configuration)]

    async def ask() -> None:
        async with open_door(configuration, "crm") as door:
            asked.append(repr(door))
            await who_am_i(door, configuration)

    with pytest.raises(CredentialsError, match="refuses client") as refused:
        asyncio.run(ask())
    assert secret not in "".join([*asked, str(refused.value), repr(refused.value)])
    assert "secret" in "".join(asked).casefold()


@pytest.mark.scenario("SU-34")
def test_a_token_is_asked_for_by_client_credentials_for_the_address(world: World) -> None:
    place = world.configuration.crm
    assert place.scope == f"{place.url}/.default"
    world.reset_requests()
    assert all(one.met for one in setup(world).values())
    assert world.requests("crm")["tokens"] == 1
    with pytest.raises(CredentialsError, match="AADSTS1002012"):
        setup(world, KOBLING_CRM_SCOPE="https://elsewhere.example/read")


def test_a_secret_that_expires_on_no_day_is_refused(tmp_path: Path, world: World) -> None:
    with pytest.raises(ConfigurationError, match=r"is no day.*2027-01-31"):
        read_configuration(world.path, {"KOBLING_BC_SECRET_EXPIRES": "soon"})
