"""What the integration user changes in Sales: held until a person accepts or ignores it, and never lost."""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import Document, World, wrote
from kobling.engine.task import Held
from kobling.service.waiting import Word, list_held, speak

US = "kobling"


def as_us(world: World, account: str, **values: Any) -> None:
    """A change by another program that runs with the integration user's own credentials."""
    world.send("crm", "PATCH", f"{world.crm('accounts')}({account})", values, client=US)


def held(world: World) -> list[Document]:
    return world.command(list_held)["held"]


def say(world: World, word: str, **about: str) -> tuple[Document, int]:
    asked = Word(held=Held(word), **about)
    return world.command(lambda one: speak(one, asked, wait=lambda name: None))


def test_demo_data_and_our_own_writes_hold_nothing(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, address="Torget 1", name="Nytt Navn AS")
    synchronized.edit_account(account, fax="22334455")
    for how in ({}, {"full": True}, {"every_record": True}, {"direction": "from"}, {}):
        run = synchronized.sync("CUSTOMER", **how)
        assert run["CUSTOMER"]["open"]["held"] == 0
    assert held(synchronized) == []
    assert wrote(synchronized.sync()) == 0


def test_an_edit_as_the_integration_user_waits_until_it_is_accepted(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)["faxNo"]
    as_us(synchronized, account, fax="11112222")
    for how in ({}, {}, {"full": True}, {"every_record": True}):
        run = synchronized.sync("CUSTOMER", **how)
        assert synchronized.customer(customer)["faxNo"] == before
        assert run["CUSTOMER"]["open"]["held"] == 1
        assert run["CUSTOMER"]["counts"]["from"]["modified"] == 0
    [one] = held(synchronized)
    assert (one["mapping"], one["bc_id"], one["crm_id"]) == ("CUSTOMER", customer, account)
    assert (one["fields"], one["crm"]["Fax No."]) == (["Fax No."], "11112222")
    document, status = say(synchronized, "accept", mapping="CUSTOMER", record=f"crm:{account}")
    assert (document["done"], status) == (1, 0)
    assert synchronized.customer(customer)["faxNo"] == "11112222"
    assert held(synchronized) == []
    assert wrote(synchronized.sync()) == 0
    assert synchronized.query("select count(*) from inbox where reason = 'held'") == [(0,)]


def test_what_is_ignored_stays_as_it_is_on_both_sides(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)["faxNo"]
    as_us(synchronized, account, fax="11112222")
    synchronized.sync("CUSTOMER")
    document, status = say(synchronized, "ignore")
    assert (document["done"], status) == (1, 0)
    for how in ({}, {"full": True}, {"every_record": True}):
        assert wrote(synchronized.sync("CUSTOMER", **how)) == 0
    assert (synchronized.customer(customer)["faxNo"], synchronized.account(account)["fax"]) == (
        before,
        "11112222",
    )
    synchronized.edit_customer(customer, faxNo="33334444")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["fax"] == "33334444"


def test_with_nothing_held_there_is_nothing_to_say(synchronized: World) -> None:
    assert say(synchronized, "accept")[1] == 1
    _, account = synchronized.pair()
    assert say(synchronized, "ignore", mapping="CUSTOMER", record=account)[1] == 1


def test_other_fields_flow_both_ways_meanwhile(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, fax="11112222")
    synchronized.sync("CUSTOMER")
    synchronized.edit_customer(customer, address="Torget 2", faxNo="55556666")
    synchronized.sync("CUSTOMER")
    now = synchronized.account(account)
    assert (now["address1_line1"], now["fax"]) == ("Torget 2", "11112222")
    assert [one["fields"] for one in held(synchronized)] == [["Fax No."]]
    assert say(synchronized, "accept")[1] == 1
    [conflict] = synchronized.conflicts()
    assert (conflict["bc"], conflict["crm"]) == ("55556666", "11112222")


def test_an_ignored_field_follows_what_changed_on_the_other_side(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, fax="11112222")
    synchronized.edit_customer(customer, faxNo="55556666")
    synchronized.sync("CUSTOMER")
    assert say(synchronized, "ignore")[1] == 0
    assert synchronized.account(account)["fax"] == "55556666"
    assert synchronized.conflicts() == []


def test_an_edit_by_a_person_ends_the_hold(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, fax="11112222")
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, telephone1="+47 22 11 00 99")
    synchronized.sync("CUSTOMER")
    now = synchronized.customer(customer)
    assert (now["phoneNo"], now["faxNo"]) == ("+47 22 11 00 99", "11112222")
    assert held(synchronized) == []


def _upper(seconds: int) -> Document:
    """A plug-in that writes the name back as the integration user."""
    rule = {"entity": "account", "on": "update", "field": "name", "upper": True, "as": "integration"}
    return rule | {"after_seconds": seconds}


def test_an_edit_that_a_plug_in_hides_is_held_with_it_and_not_lost(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins(_upper(0))
    synchronized.edit_account(account, telephone1="+47 22 11 00 98", name="Nytt Navn")
    assert synchronized.account(account)["name"] == "NYTT NAVN"
    synchronized.plugins()
    run = synchronized.sync("CUSTOMER")
    assert wrote(run) == 0
    [one] = held(synchronized)
    assert one["fields"] == ["Name", "Phone No."]
    assert say(synchronized, "accept")[1] == 0
    now = synchronized.customer(customer)
    assert (now["phoneNo"], now["name"]) == ("+47 22 11 00 98", "NYTT NAVN")
    assert wrote(synchronized.sync()) == 0


def test_an_edit_that_was_read_before_the_plug_in_wrote_goes_through(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.plugins(_upper(60))
    synchronized.edit_account(account, telephone1="+47 22 11 00 98", name="Nytt Navn")
    synchronized.sync("CUSTOMER")
    synchronized.sandbox.control(synchronized.sandbox.dataverse, "clock", {"offset_seconds": 61})
    assert synchronized.account(account)["name"] == "NYTT NAVN"
    synchronized.plugins()
    synchronized.sync("CUSTOMER")
    now = synchronized.customer(customer)
    assert (now["phoneNo"], now["name"]) == ("+47 22 11 00 98", "Nytt Navn")
    assert [one["fields"] for one in held(synchronized)] == [["Name"]]


def test_columns_that_nothing_flows_from_hold_nothing(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, description="touched", accountnumber="ANOTHER", creditlimit=7)
    run = synchronized.sync("CUSTOMER")
    assert (held(synchronized), wrote(run)) == ([], 0)
    # What is only written from Business Central is overwritten by its next change there.
    synchronized.edit_customer(customer, creditLimitLCY=4321)
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["creditlimit"] not in {7, None}


def test_a_plug_in_that_answers_our_own_write_as_us_is_held_once(synchronized: World) -> None:
    customer, account = synchronized.pair()
    rule = {"entity": "account", "on": "update", "field": "fax", "set": "77", "as": "integration"}
    synchronized.plugins(rule)
    synchronized.edit_customer(customer, address="Torget 3")
    synchronized.sync("CUSTOMER")
    synchronized.plugins()
    for _ in range(2):
        synchronized.sync("CUSTOMER")
    assert [one["fields"] for one in held(synchronized)] == [["Fax No."]]
    assert synchronized.account(account)["address1_line1"] == "Torget 3"
    assert wrote(synchronized.sync()) == 0


def test_a_second_change_by_us_is_held_too_and_the_first_may_go_back(synchronized: World) -> None:
    customer, account = synchronized.pair()
    old = synchronized.account(account)["fax"]
    as_us(synchronized, account, fax="11112222")
    synchronized.sync("CUSTOMER")
    as_us(synchronized, account, address1_line2="Annex")
    synchronized.sync("CUSTOMER")
    assert [one["fields"] for one in held(synchronized)] == [["Address 2", "Fax No."]]
    as_us(synchronized, account, fax=old)
    synchronized.sync("CUSTOMER")
    assert [one["fields"] for one in held(synchronized)] == [["Address 2"]]
    say(synchronized, "accept", mapping="CUSTOMER", record=customer)
    assert synchronized.customer(customer)["address2"] == "Annex"


def test_a_deactivation_by_us_blocks_no_customer_before_it_is_accepted(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, statecode=1, statuscode=2)
    run = synchronized.sync("CUSTOMER")
    assert (wrote(run), run["CUSTOMER"]["open"]["held"]) == (0, 1)
    assert synchronized.customer(customer)["blocked"] == "_x0020_"
    assert [one["fields"] for one in held(synchronized)] == [["Status"]]
    say(synchronized, "accept")
    assert synchronized.customer(customer)["blocked"] == "All"


def test_a_deactivation_by_us_that_is_ignored_blocks_nobody(synchronized: World) -> None:
    customer, account = synchronized.pair()
    as_us(synchronized, account, statecode=1, statuscode=2)
    synchronized.sync("CUSTOMER")
    say(synchronized, "ignore")
    run = synchronized.sync("CUSTOMER")
    assert wrote(run) == 0
    assert (run["CUSTOMER"]["open"]["held"], held(synchronized)) == (0, [])
    assert synchronized.customer(customer)["blocked"] == "_x0020_"


@pytest.mark.parametrize("word", ["accept", "ignore", "edit"])
def test_a_new_record_by_us_is_not_created(synchronized: World, word: str) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    synchronized.sync()
    before = synchronized.count("bc", "Customer")
    owner = synchronized.account(synchronized.pair()[1])["_ownerid_value"]
    body = {"name": "Ny Konto", "customertypecode": 3, "ownerid@odata.bind": f"/systemusers({owner})"}
    made = synchronized.send("crm", "POST", synchronized.crm("accounts"), body, client=US)
    for how in ({}, {"full": True}):
        run = synchronized.sync("CUSTOMER", **how)
        assert run["CUSTOMER"]["open"]["held"] == 1
    assert synchronized.count("bc", "Customer") == before
    [one] = held(synchronized)
    assert (one["crm_id"], one["bc_id"], one["fields"]) == (made["accountid"], None, [])
    if word == "edit":
        synchronized.edit_account(made["accountid"], fax="99")
        synchronized.sync("CUSTOMER")
    else:
        assert say(synchronized, word, mapping="CUSTOMER", record=made["accountid"])[1] == 0
    assert synchronized.count("bc", "Customer") == before + (word != "ignore")
    assert held(synchronized) == []
    assert wrote(synchronized.sync("CUSTOMER")) == 0


def test_what_we_uncoupled_ourselves_is_created_anew_when_asked_for(synchronized: World) -> None:
    _, account = synchronized.pair()
    synchronized.uncouple("CUSTOMER", f"crm:{account}")
    assert synchronized.account(account)["_bcbi_companyid_value"] is None
    run = synchronized.sync("CUSTOMER", full=True, records=(f"crm:{account}",))
    assert run["CUSTOMER"]["counts"]["from"]["inserted"] == 1
    assert held(synchronized) == []


def test_an_account_that_only_got_our_mark_is_no_change_by_us(synchronized: World) -> None:
    synchronized.configure("CUSTOMER", synch_only_coupled=False)
    owner = synchronized.account(synchronized.pair()[1])["_ownerid_value"]
    body = {"name": "Ny Konto", "customertypecode": 3, "ownerid@odata.bind": f"/systemusers({owner})"}
    refused = {"method": "POST", "path": r"/customers$", "every": 1, "action": "status", "status": 400}
    synchronized.faults("bc", refused)
    made = synchronized.create("crm", "accounts", **body)
    for _ in range(2):
        synchronized.sync("CUSTOMER")
    assert synchronized.account(made["accountid"])["_bcbi_companyid_value"] is not None
    assert held(synchronized) == []
    synchronized.faults("bc")
    synchronized.command(lambda one: speak(one, Word(), wait=lambda name: None))
    assert made["accountid"] in {one["crm_id"] for one in synchronized.couplings()}


def test_users_are_read_whoever_changed_them(synchronized: World) -> None:
    [one, *_] = synchronized.couplings("SALESPEOPLE")
    place = f"{synchronized.crm('systemusers')}({one['crm_id']})"
    synchronized.send("crm", "PATCH", place, {"mobilephone": "+47 90 00 00 01"}, client=US)
    run = synchronized.sync("SALESPEOPLE")
    assert run["SALESPEOPLE"]["counts"]["from"]["modified"] == 1
    assert held(synchronized) == []


def test_a_change_by_us_beside_a_conflict_stays_apart_from_it(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, name="Name in BC")
    synchronized.edit_account(account, name="Name in Sales")
    synchronized.sync("CUSTOMER")
    as_us(synchronized, account, fax="11112222")
    run = synchronized.sync("CUSTOMER")
    assert (run["CUSTOMER"]["open"]["conflicts"], run["CUSTOMER"]["open"]["held"]) == (1, 1)
    assert [one["field"] for one in synchronized.conflicts()] == ["Name"]
    synchronized.resolve("crm", mapping="CUSTOMER", record=customer)
    assert synchronized.customer(customer)["name"] == "Name in Sales"
    assert synchronized.customer(customer)["faxNo"] != "11112222"
    assert [one["fields"] for one in held(synchronized)] == [["Fax No."]]


def test_an_acceptance_is_for_what_was_seen(synchronized: World) -> None:
    customer, account = synchronized.pair()
    before = synchronized.customer(customer)["faxNo"]
    as_us(synchronized, account, fax="11112222")
    synchronized.sync("CUSTOMER")
    as_us(synchronized, account, address1_line2="Not seen")
    # This run leaves the version in the inbox, where nobody has been shown it.
    synchronized.sync("CUSTOMER", direction="to")
    assert [one["fields"] for one in held(synchronized)] == [["Fax No."]]
    assert say(synchronized, "accept")[1] == 1
    assert synchronized.customer(customer)["faxNo"] == before
    assert [one["fields"] for one in held(synchronized)] == [["Address 2", "Fax No."]]


def test_a_dry_run_names_what_is_held(synchronized: World) -> None:
    _, account = synchronized.pair()
    as_us(synchronized, account, fax="11112222")
    rehearsed = synchronized.sync("CUSTOMER", dry_run=True)
    assert [one["held"] for one in rehearsed["actions"]] == [["Fax No."]]
    assert rehearsed["CUSTOMER"]["counts"] == synchronized.sync("CUSTOMER")["CUSTOMER"]["counts"]
