"""Aim: a person sees which code stands for which option, sets one by hand or to blank, and no code or option
ever stands for two."""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_option_mappings import AGENT, METHOD, TERMS, insert, option_id, row_of
from engine.world import World, wrote
from kobling.catalogue.options import OPTION_FIELDS, default_codes
from kobling.model.errors import ConfigurationError
from kobling.service.options import list_options, set_option


def listed(world: World, *names: str) -> dict[str, dict[str, Any]]:
    document = world.command(lambda one: list_options(one, names))
    return {one["code"]: one for one in document["options"]}


def put(world: World, code: str, option: str, name: str = TERMS) -> dict[str, Any]:
    def fail(held: str) -> None:
        raise AssertionError(held)

    document = world.command(lambda one: set_option(one, name, code, option, wait=fail))
    found: dict[str, Any] = document["option"]
    return found


def test_the_thirteen_defaults_are_listed_both_ways_before_and_after_they_are_coupled(world: World) -> None:
    known = {
        (one.mapping, code, value)
        for one in OPTION_FIELDS
        for value, code in default_codes()[one.column].items()
    }
    before = listed(world)
    assert {(one["mapping"], one["code"], one["value"]) for one in before.values()} >= known
    assert {before[code]["state"] for _, code, _ in known} == {"label"}
    assert before["2%10NET30"]["label"] == "2% 10, Net 30"
    world.sync(TERMS, METHOD, AGENT, full=True)
    after = listed(world, METHOD)
    assert {code: one["state"] for code, one in after.items()} == {"FOB": "coupled", "NOCHARGE": "coupled"}


def test_what_has_no_partner_is_listed_with_its_reason(world: World) -> None:
    world.create("bc", "paymentTerms", code="COD")
    insert(world, 500, "Cash Payment")
    found = listed(world, TERMS)
    assert (found["COD"]["state"], found["COD"]["value"]) == ("no option", None)
    assert (found["CASH PAYME"]["state"], found["CASH PAYME"]["bc_id"]) == ("no code", None)
    assert found["CASH PAYME"]["value"] == 500


@pytest.mark.parametrize("option", ["500", "cash on delivery"])
def test_a_code_is_set_by_hand_and_customers_follow(synchronized: World, option: str) -> None:
    customer, account = synchronized.pair()
    synchronized.create("bc", "paymentTerms", code="COD")
    insert(synchronized, 500, "Cash on delivery")
    synchronized.edit_customer(customer, paymentTermsCode="COD")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["paymenttermscode"] is None
    assert put(synchronized, "cod", option) == listed(synchronized, TERMS)["COD"]
    assert listed(synchronized, TERMS)["COD"]["state"] == "coupled"
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["paymenttermscode"] == 500
    assert wrote(synchronized.sync()) == 0


def test_blank_ends_the_wait_and_leaves_the_field_blank_until_it_is_taken_back(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, paymentTermsCode="NET45")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["paymenttermscode"] == 3
    assert put(synchronized, "NET45", "blank")["state"] == "blank"
    run = synchronized.sync()
    assert run["CUSTOMER"]["open"]["clearable"] == 0
    assert synchronized.account(account)["paymenttermscode"] is None
    assert synchronized.customer(customer)["paymentTermsCode"] == "NET45", "blank never flows back"
    assert wrote(synchronized.sync(TERMS, "CUSTOMER", full=True)) == 0
    assert listed(synchronized, TERMS)["NET45"]["state"] == "blank", "a full run couples nothing of it"
    put(synchronized, "NET45", "default")
    synchronized.sync()
    assert synchronized.account(account)["paymenttermscode"] == 3
    assert wrote(synchronized.sync()) == 0


def test_a_code_that_waits_for_an_option_waits_no_longer_once_it_is_blank(synchronized: World) -> None:
    customer, _ = synchronized.pair()
    synchronized.create("bc", "paymentTerms", code="COD")
    synchronized.edit_customer(customer, paymentTermsCode="COD")
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["open"]["clearable"] == 1
    put(synchronized, "COD", "blank")
    assert synchronized.sync("CUSTOMER")["CUSTOMER"]["open"]["clearable"] == 0


def test_a_blank_code_is_set_again_by_hand(world: World) -> None:
    world.sync(TERMS, full=True)
    put(world, "NET45", "blank")
    assert put(world, "NET45", "3")["state"] == "coupled"


def test_the_word_of_a_code_that_is_deleted_is_taken_back(world: World) -> None:
    world.create("bc", "paymentTerms", code="COD")
    put(world, "COD", "blank")
    world.delete("bc", "paymentTerms", row_of(world, "COD"))
    taken = put(world, "COD", "default")
    assert (taken["bc_id"], taken["value"], taken["state"]) == (None, None, "no code")
    with pytest.raises(ConfigurationError, match="no code 'COD'"):
        put(world, "COD", "default")


def test_neither_a_code_nor_an_option_stands_for_two(world: World) -> None:
    """Where nothing is coupled the label counts, too."""
    world.create("bc", "paymentTerms", code="COD")
    with pytest.raises(ConfigurationError, match="the option 1 stands for NET30 by its label"):
        put(world, "COD", "1")
    world.match(TERMS)
    with pytest.raises(ConfigurationError, match="the option 1 is coupled with NET30"):
        put(world, "COD", "1")
    with pytest.raises(ConfigurationError, match="NET30 is coupled with the option 1"):
        put(world, "NET30", "2")
    assert listed(world, TERMS)["COD"]["state"] == "no option"
    put(world, "NET30", "blank")
    assert put(world, "COD", "1")["state"] == "coupled"
    assert option_id(world, 1) in {one["crm_id"] for one in world.couplings(TERMS)}
    assert row_of(world, "COD") in {one["bc_id"] for one in world.couplings(TERMS)}


@pytest.mark.parametrize(
    ("name", "code", "option", "words"),
    [
        ("CUSTOMER", "NET30", "1", "CUSTOMER is no option mapping"),
        (TERMS, "NET99", "1", "Business Central has no code 'NET99'"),
        (TERMS, "NET30", "77", "has no option '77'.*1 \\(Net 30\\)"),
        (TERMS, "NET99", "blank", "Business Central has no code 'NET99'"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    world: World, name: str, code: str, option: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        put(world, code, option, name)
