"""Aim: a connection is forgotten as a whole, on request and while nothing runs; others and records stay."""

from __future__ import annotations

import asyncio

import pytest

from engine.world import World
from kobling.model.errors import ConfigurationError
from kobling.service.cleaning import clean_connection
from kobling.service.session import open_session

OTHER = "another"


@pytest.fixture
def two(synchronized: World) -> World:
    """A connection in step, and another one of which there is a copy of some."""
    synchronized.configure("CUSTOMER", guard_deletions={"number": 3})
    synchronized.query(
        "with made as (insert into connection (name, settings) values ('another', '{\"blocked\": \"off\"}')"
        " returning id), own as (insert into mapping (connection_id, name) select id, 'CUSTOMER' from made"
        " returning id), placed as (insert into layout (mapping_id, left_columns, right_columns, row_names)"
        " select own.id, '{}', '{}', '{}' from own returning id, mapping_id)"
        " insert into coupling (mapping_id, layout_id, left_id, right_id)"
        " select placed.mapping_id, placed.id, left_id, right_id from placed, coupling"
        " join mapping on mapping.id = coupling.mapping_id where mapping.name = 'CUSTOMER' returning 1"
    )
    return synchronized


def clean(world: World, name: str, *, yes: bool = True) -> dict[str, int]:
    document = world.command(lambda one: clean_connection(one, name, yes=yes))
    assert document["connection"] == name
    return dict(document["removed"])


def test_nothing_goes_without_a_word_and_what_would_go_is_told(common: World) -> None:
    count = len(common.couplings())
    with pytest.raises(ConfigurationError) as error:
        clean(common, "default", yes=False)
    assert "couplings" in error.value.message
    assert "--yes" in error.value.cure
    assert len(common.couplings()) == count


def test_a_connection_that_nobody_has_is_refused_with_those_that_there_are(common: World) -> None:
    with pytest.raises(ConfigurationError, match="no connection 'nobody'") as error:
        clean(common, "nobody")
    assert "default" in error.value.cure


def test_while_a_run_holds_a_mapping_nothing_is_cleaned(common: World) -> None:
    async def both() -> None:
        async with (
            open_session(common.configuration) as one,
            one.locked(["CUSTOMER"], lambda name: None),
            open_session(common.configuration) as other,
        ):
            await clean_connection(other, "default", yes=True)

    with pytest.raises(ConfigurationError, match="under way: CUSTOMER"):
        asyncio.run(both())


@pytest.mark.scenario("MC-11")
@pytest.mark.scenario("MC-12")
@pytest.mark.scenario("MC-13")
def test_all_of_a_connection_goes_and_nothing_of_another_or_of_the_services(two: World) -> None:
    records = two.count("bc", "Customer"), two.count("crm", "account")
    kept = len(two.couplings())
    assert clean(two, OTHER) == {"couplings": kept, "inbox": 0, "jobs": 0, "settings": 1, "entries": 0}
    assert len(two.couplings()) == kept > 0
    removed = clean(two, "default")
    assert removed["couplings"] > kept
    assert removed["jobs"] > 0
    assert removed["settings"] == 1
    left = two.query(
        "select (select count(*) from coupling), (select count(*) from inbox), (select count(*) from job),"
        " (select count(*) from audit), (select count(*) from feed), (select count(*) from mark),"
        " (select count(*) from reference), (select count(*) from generation), (select count(*) from layout)"
    )
    assert left == [(0,) * 9]
    assert (two.count("bc", "Customer"), two.count("crm", "account")) == records
    # It begins anew like any other, and what carries the company's mark is not made twice.
    with pytest.raises(ConfigurationError, match="carry the mark of this company"):
        two.sync("CUSTOMER", full=True)
    assert two.sync("CURRENCY", full=True)["CURRENCY"]["counts"]["to"]["coupled"] > 0
