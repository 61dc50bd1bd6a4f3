"""Aim: scenarios of the built-in integration about pairs of which a record is deleted.

A deletion is found by itself, whether or not the other record changes. Without a policy it is listed at once,
where the built-in integration fails the pair first and skips it at the second run.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.test_words_on_skipped import say
from engine.world import World, wrote
from kobling.model.errors import ConfigurationError

Pair = tuple[str, str]
WAYS = [
    ("bidirectional", True),
    ("bidirectional", False),
    ("from_integration", True),
    ("from_integration", False),
]


@pytest.fixture(autouse=True)
def as_shipped(common: World) -> Iterator[None]:
    """The mapping is put back, and what a test leaves open is over."""
    yield
    common.configure("CUSTOMER")
    common.plugins()
    common.faults("crm")
    say(common, "remove-coupling", mapping="CUSTOMER")
    say(common, mapping="CUSTOMER")
    assert common.skipped() == []


def listed(world: World) -> set[str]:
    return {one["bc_id"] for one in world.skipped()}


def coupled(world: World, pair: Pair) -> set[Pair]:
    """The couplings in which one of the two records stands."""
    found = {(one["bc_id"], one["crm_id"]) for one in world.couplings()}
    return {one for one in found if pair[0] in one or pair[1] in one}


def lives(world: World, pair: Pair) -> tuple[bool, bool]:
    """Whether the customer and the account are there."""
    customers = world.customers(f"id eq {pair[0]}")
    return bool(customers), bool(world.accounts(f"accountid eq {pair[1]}"))


def delete(world: World, pair: Pair, system: str) -> None:
    table, identifier = ("customers", pair[0]) if system == "bc" else ("accounts", pair[1])
    world.delete(system, table, identifier)


def refuse_faxes(world: World, pair: Pair) -> None:
    """The pair is skipped, though both records are there."""
    world.plugins({"entity": "account", "on": "update", "field": "fax", "refuse": "no faxes"})
    world.edit_customer(pair[0], faxNo="12121212")


@pytest.mark.scenario("DL-02")
@pytest.mark.scenario("DL-03")
@pytest.mark.scenario("DL-04")
@pytest.mark.scenario("DL-05")
@pytest.mark.parametrize(("direction", "only_coupled"), WAYS)
def test_the_policy_removes_the_coupling_at_once(
    common: World, pair: Pair, direction: str, only_coupled: bool
) -> None:
    settings = {"direction": direction, "synch_only_coupled": only_coupled}
    common.configure("CUSTOMER", deletion_conflict="remove-coupling", **settings)
    delete(common, pair, "bc")
    done = common.sync("CUSTOMER", direction="from" if direction != "bidirectional" else "both")
    assert done["CUSTOMER"]["open"]["skipped"] == 0
    assert coupled(common, pair) == set()
    assert lives(common, pair) == (False, True)


@pytest.mark.scenario("DL-06")
@pytest.mark.scenario("DL-07")
@pytest.mark.scenario("DL-09")
@pytest.mark.parametrize(("direction", "only_coupled"), WAYS)
def test_the_policy_restores_the_record_and_keeps_the_survivor(
    common: World, pair: Pair, direction: str, only_coupled: bool
) -> None:
    settings = {"direction": direction, "synch_only_coupled": only_coupled}
    common.configure("CUSTOMER", deletion_conflict="restore", **settings)
    delete(common, pair, "bc")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    # Where uncoupled records take part as well, another account may become a customer too.
    assert done["counts"]["from"]["inserted"] >= 1
    assert done["open"]["skipped"] == 0
    [(customer, account)] = coupled(common, pair)
    assert account == pair[1]
    assert customer != pair[0]
    assert common.customer(customer)["name"] == common.account(account)["name"]


@pytest.mark.scenario("DL-01")
@pytest.mark.scenario("DL-10")
@pytest.mark.scenario("DL-11")
@pytest.mark.scenario("DL-12")
@pytest.mark.scenario("DL-13")
@pytest.mark.parametrize(("direction", "only_coupled"), WAYS)
def test_without_a_policy_the_pair_is_listed_and_left_alone(
    common: World, pair: Pair, direction: str, only_coupled: bool
) -> None:
    common.configure("CUSTOMER", direction=direction, synch_only_coupled=only_coupled)
    delete(common, pair, "bc")
    first, second = (common.sync("CUSTOMER")["CUSTOMER"] for _ in range(2))
    assert [one["counts"][way]["failed"] for one in (first, second) for way in ("to", "from")] == [0] * 4
    assert [one["open"]["skipped"] for one in (first, second)] == [1, 1]
    assert listed(common) == {pair[0]}
    assert coupled(common, pair) == {pair}
    assert lives(common, pair) == (False, True)


@pytest.mark.scenario("DL-16")
@pytest.mark.scenario("DL-20")
@pytest.mark.scenario("SK-13")
@pytest.mark.parametrize("word", ["delete", "restore"])
def test_a_word_on_all_is_about_those_of_which_a_record_is_gone(
    common: World, pair: Pair, other_pair: Pair, third_pair: Pair, word: str
) -> None:
    refuse_faxes(common, pair)
    delete(common, other_pair, "bc")
    delete(common, third_pair, "crm")
    common.sync("CUSTOMER")
    assert listed(common) == {pair[0], other_pair[0], third_pair[0]}
    document, _ = say(common, word, mapping="CUSTOMER")
    assert (document["records"], document["done"]) == (2, 2)
    assert listed(common) == {pair[0]}
    assert coupled(common, pair) == {pair}
    survivors = (lives(common, other_pair)[1], lives(common, third_pair)[0])
    assert survivors == ((False, False) if word == "delete" else (True, True))
    anew = [len(coupled(common, one)) for one in (other_pair, third_pair)]
    assert anew == ([0, 0] if word == "delete" else [1, 1])
    common.plugins()
    say(common, mapping="CUSTOMER")


@pytest.mark.scenario("DL-14")
@pytest.mark.scenario("DL-15")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_a_word_deletes_the_record_that_is_left(common: World, pair: Pair, system: str) -> None:
    delete(common, pair, system)
    common.sync("CUSTOMER")
    document, status = say(common, "delete", mapping="CUSTOMER", record=f"bc:{pair[0]}")
    assert (document["done"], status) == (1, 0)
    assert lives(common, pair) == (False, False)
    assert coupled(common, pair) == set()


@pytest.mark.scenario("DL-17")
def test_a_record_that_may_not_be_deleted_stays_listed_with_what_the_service_says(
    common: World, pair: Pair
) -> None:
    delete(common, pair, "bc")
    common.sync("CUSTOMER")
    denied = {"action": "status", "status": 403, "code": "0x80040220"}
    common.faults("crm", {"method": "DELETE", "path": "/accounts", "every": 1, **denied})
    document, status = say(common, "delete", mapping="CUSTOMER", record=f"bc:{pair[0]}")
    assert (document["done"], status) == (0, 1)
    assert listed(common) == {pair[0]}
    assert lives(common, pair) == (False, True)
    common.faults("crm")
    assert say(common, "delete", mapping="CUSTOMER", record=f"bc:{pair[0]}")[1] == 0


@pytest.mark.scenario("DL-18")
def test_a_restored_customer_has_a_new_number_and_the_name_of_its_account(common: World, pair: Pair) -> None:
    number = common.customer(pair[0])["no"]
    common.edit_account(pair[1], name="Survivor AS")
    delete(common, pair, "bc")
    common.sync("CUSTOMER")
    assert say(common, "restore", mapping="CUSTOMER", record=f"bc:{pair[0]}")[1] == 0
    [(customer, account)] = coupled(common, pair)
    assert (account, common.customer(customer)["name"]) == (pair[1], "Survivor AS")
    assert common.customer(customer)["no"] != number
    assert listed(common) == set()


@pytest.mark.scenario("DL-19")
def test_a_restored_account_has_a_new_id_and_the_name_of_its_customer(common: World, pair: Pair) -> None:
    common.edit_customer(pair[0], name="Survivor AS")
    delete(common, pair, "crm")
    common.sync("CUSTOMER")
    assert say(common, "restore", mapping="CUSTOMER", record=f"bc:{pair[0]}")[1] == 0
    [(customer, account)] = coupled(common, pair)
    assert (customer, common.account(account)["name"]) == (pair[0], "Survivor AS")
    assert account != pair[1]


@pytest.mark.scenario("DL-21")
@pytest.mark.scenario("DL-22")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_a_pair_of_which_a_record_is_gone_is_not_synchronized_by_asking_again(
    common: World, pair: Pair, system: str
) -> None:
    delete(common, pair, system)
    common.sync("CUSTOMER")
    document, status = say(common, mapping="CUSTOMER", record=f"bc:{pair[0]}")
    assert (document["records"], document["done"], status) == (1, 0, 1)
    assert wrote(common.sync("CUSTOMER", records=(f"bc:{pair[0]}",))) == 0
    [one] = common.skipped()
    assert (one["bc_id"], one["reason"]) == (pair[0], "deleted")
    assert "kobling skipped restore, remove-coupling or delete" in one["message"]
    assert say(common, "remove-coupling", mapping="CUSTOMER", record=f"bc:{pair[0]}")[1] == 0


@pytest.mark.scenario("DL-23")
def test_a_pair_with_both_records_is_neither_deleted_nor_restored(common: World, pair: Pair) -> None:
    refuse_faxes(common, pair)
    common.sync("CUSTOMER")
    for word in ("delete", "restore"):
        document, status = say(common, word, mapping="CUSTOMER", record=f"bc:{pair[0]}")
        assert (document["records"], status) == (0, 1)
    assert lives(common, pair) == (True, True)
    assert coupled(common, pair) == {pair}


@pytest.mark.scenario("DL-24")
def test_a_record_whose_partner_is_gone_is_coupled_with_another(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    """A coupling whose other record is gone gives way; one whose records live is never replaced."""
    common.uncouple("CUSTOMER", other_pair[0])
    delete(common, pair, "crm")
    common.sync("CUSTOMER")
    common.couple("CUSTOMER", f"bc:{pair[0]}", f"crm:{other_pair[1]}", use="bc")
    assert coupled(common, pair) == {(pair[0], other_pair[1])}
    with pytest.raises(ConfigurationError, match="already coupled"):
        common.couple("CUSTOMER", f"bc:{other_pair[0]}", f"crm:{other_pair[1]}")
    assert listed(common) == set()


@pytest.mark.scenario("DL-25")
def test_a_coupling_that_is_refused_changes_nothing(common: World, pair: Pair, other_pair: Pair) -> None:
    """There is no dialog to cancel; what is not carried out leaves everything as it was."""
    delete(common, pair, "crm")
    common.sync("CUSTOMER")
    with pytest.raises(ConfigurationError):
        common.couple("CUSTOMER", f"bc:{pair[0]}", f"crm:{other_pair[1]}")
    assert coupled(common, pair) == {pair}
    assert coupled(common, other_pair) == {other_pair}
    assert listed(common) == {pair[0]}


@pytest.mark.scenario("DL-26")
@pytest.mark.scenario("TS-23")
def test_a_pair_of_which_both_records_are_gone_is_over_without_an_error(common: World, pair: Pair) -> None:
    """The built-in integration logs an error without ids; nothing is left that could be told of."""
    delete(common, pair, "bc")
    common.sync("CUSTOMER")
    assert listed(common) == {pair[0]}
    delete(common, pair, "crm")
    done = common.sync("CUSTOMER")["CUSTOMER"]
    assert done["errors"] == []
    assert coupled(common, pair) == set()
    assert listed(common) == set()
