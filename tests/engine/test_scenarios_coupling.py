"""Aim: scenarios of the built-in integration about couplings made by hand, and what cannot be coupled.

It asks in a dialog what here are arguments: which record of Sales, whether one is created, and whose values
hold. Where it moves a coupling to another record without a word, the first one is to be removed here.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.test_contacts import company_of, new_contact, person
from engine.test_scenarios_contacts import of_account
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.couplings import couple_records

Pair = tuple[str, str]


def customer(world: World, name: str, **values: Any) -> str:
    return str(world.create("bc", "customers", name=name, **values)["id"])


def account(world: World, name: str, **values: Any) -> str:
    return str(world.create("crm", "accounts", name=name, customertypecode=3, **values)["accountid"])


def loose(world: World, word: str = "") -> Pair:
    """A customer and an account that nobody has coupled."""
    return customer(world, f"Left {word}"), account(world, f"Right {word}")


def coupled(world: World, mapping: str = "CUSTOMER") -> dict[str, str]:
    return {one["bc_id"]: one["crm_id"] for one in world.couplings(mapping)}


def rehearsed(world: World, mapping: str, bc: str, crm: str) -> Document:
    return world.command(
        lambda one: couple_records(one, mapping, bc, crm, "", wait=lambda name: None, dry_run=True)
    )[0]


def seller(world: World, code: str, user: str) -> Pair:
    """A salesperson and a user of different names."""
    made = world.create("bc", "salespeoplePurchasers", code=code, name=f"Seller {code}")
    values = {"internalemailaddress": f"{user}@x.example", "islicensed": True, "isdisabled": False}
    other = world.create("crm", "systemusers", fullname=f"User {user}", lastname=user, **values)
    return made["id"], other["systemuserid"]


@pytest.mark.scenario("CP-03")
@pytest.mark.scenario("CP-56")
@pytest.mark.scenario("CP-57")
def test_two_records_are_coupled_and_known_by_each_other(common: World) -> None:
    one = loose(common, "CP-03")
    document = common.couple("CUSTOMER", f"bc:{one[0]}", f"crm:{one[1]}")
    assert (document["bc_id"], document["crm_id"]) == one
    assert coupled(common)[one[0]] == one[1]
    found = [each for each in common.couplings() if one[1] == each["crm_id"]]
    assert [each["bc_id"] for each in found] == [one[0]]


@pytest.mark.scenario("CP-04")
@pytest.mark.scenario("CP-05")
@pytest.mark.scenario("CP-07")
@pytest.mark.scenario("CP-09")
@pytest.mark.scenario("CP-48")
def test_a_coupled_record_is_not_coupled_a_second_time(
    common: World, pair: Pair, other_pair: Pair, third_pair: Pair
) -> None:
    free = loose(common, "CP-04")
    before = coupled(common)
    wanted = [
        (pair[0], free[1], "is already coupled with"),
        (free[0], pair[1], "is already coupled with"),
        (pair[0], other_pair[1], "is already coupled with"),
        (third_pair[0], pair[1], "is already coupled with"),
        (pair[0], pair[1], "coupled with each other already"),
    ]
    for left, right, words in wanted:
        with pytest.raises(ConfigurationError, match=words):
            common.couple("CUSTOMER", left, f"crm:{right}", use="bc")
    assert coupled(common) == before
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.scenario("CP-06")
@pytest.mark.scenario("CP-40")
@pytest.mark.scenario("CP-41")
def test_a_coupling_moves_once_the_old_one_is_removed(common: World) -> None:
    first, second = loose(common, "CP-06 a"), customer(common, "CP-06 b")
    common.couple("CUSTOMER", *first)
    with pytest.raises(ConfigurationError, match="already coupled"):
        common.couple("CUSTOMER", second, first[1])
    common.uncouple("CUSTOMER", f"crm:{first[1]}")
    assert first[0] not in coupled(common)
    common.couple("CUSTOMER", second, first[1])
    assert coupled(common)[second] == first[1]


@pytest.mark.scenario("CP-08")
@pytest.mark.scenario("CP-12")
def test_a_coupling_whose_record_is_gone_gives_way(common: World, pair: Pair) -> None:
    common.delete("bc", "customers", pair[0])
    assert coupled(common)[pair[0]] == pair[1]
    assert pair[0] not in {one["bc_id"] for one in common.skipped()}
    new = customer(common, "CP-08")
    common.couple("CUSTOMER", new, f"crm:{pair[1]}", use="bc")
    now = coupled(common)
    assert (pair[0] in now, now[new]) == (False, pair[1])
    assert common.account(pair[1])["name"] == "CP-08"
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.scenario("CP-11")
def test_removing_a_coupling_again_is_harmless(common: World, pair: Pair) -> None:
    assert common.uncouple("CUSTOMER", pair[0])["uncoupled"] == 1
    before = coupled(common)
    assert common.uncouple("CUSTOMER", f"bc:{pair[0]}")["uncoupled"] == 0
    assert coupled(common) == before


@pytest.mark.scenario("CP-22")
@pytest.mark.scenario("CP-38")
@pytest.mark.scenario("CP-39")
def test_a_coupled_salesperson_is_overwritten_from_the_user(common: World) -> None:
    salesperson, user = seller(common, "CP22", "cp22")
    document = common.couple("SALESPEOPLE", salesperson, f"crm:{user}", use="crm")
    assert [one["counts"]["from"]["modified"] for one in document["jobs"]] == [1]
    now = common.get("bc", f"{common.bc('salespeoplePurchasers')}({salesperson})")
    assert now["eMail"] == "cp22@x.example"
    listed = {one["crm_id"]: one["number"] for one in common.couplings("SALESPEOPLE")}
    assert listed[user] == "CP22"


@pytest.mark.scenario("CP-23")
@pytest.mark.scenario("CP-59")
@pytest.mark.scenario("CP-60")
@pytest.mark.parametrize("use", ["bc", "crm", "leave", ""])
def test_whose_values_hold_is_said_with_the_coupling(common: World, use: str) -> None:
    one = loose(common, f"CP-23 {use}")
    document = common.couple("CUSTOMER", *one, use=use)
    names = common.customer(one[0])["name"], common.account(one[1])["name"]
    left, right = f"Left CP-23 {use}", f"Right CP-23 {use}"
    assert names == {"bc": (left, left), "crm": (right, right)}.get(use, (left, right))
    assert bool(document["jobs"]) is bool(use)
    if not use:
        common.uncouple("CUSTOMER", one[0])


@pytest.mark.scenario("CP-24")
def test_a_contact_coupled_without_synchronizing_keeps_its_data_on_both_sides(
    common: World, pair: Pair
) -> None:
    one = new_contact(common, company_of(common, pair[0]), firstName="Left", surname="Vik")
    other = of_account(common, pair[1], firstname="Right", lastname="Dal")
    common.couple("CONTACT", one["id"], f"crm:{other}", use="leave")
    assert coupled(common, "CONTACT")[one["id"]] == other
    assert wrote(common.sync("CONTACT")) == 0
    assert person(common, other)["firstname"] == "Right"
    now = common.get("bc", f"{common.bc('contacts')}({one['id']})")
    assert (now["firstName"], now["surname"]) == ("Left", "Vik")


@pytest.mark.scenario("CP-25")
@pytest.mark.scenario("MS-03")
def test_accounts_become_customers(common: World) -> None:
    made = [account(common, f"CP-25 {number}") for number in range(3)]
    document, status = common.counterparts("CUSTOMER", *(f"crm:{one}" for one in made))
    assert status == 0
    assert {one["crm_id"] for one in document["created"]} == set(made)
    [job] = document["jobs"]
    assert job["counts"]["from"]["inserted"] == 3
    names = {common.customer(one["bc_id"])["name"] for one in document["created"]}
    assert names == {f"CP-25 {number}" for number in range(3)}
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.scenario("CP-26")
@pytest.mark.scenario("MS-05")
def test_a_contact_of_a_coupled_account_becomes_a_contact(common: World, pair: Pair) -> None:
    other = of_account(common, pair[1], firstname="Tora", lastname="CP-26")
    document, status = common.counterparts("CONTACT", f"crm:{other}")
    assert status == 0
    [made] = document["created"]
    now = common.get("bc", f"{common.bc('contacts')}({made['bc_id']})")
    assert (now["surname"], now["companyNo"]) == ("CP-26", company_of(common, pair[0]))
    # Accounts are their own mapping, and their own command.
    lone = account(common, "CP-26")
    assert common.counterparts("CUSTOMER", lone)[0]["created"] != []


@pytest.mark.scenario("CP-43")
def test_contact_and_customer_made_anew_find_each_other(common: World) -> None:
    bc = customer(common, "CP-43")
    contact = new_contact(common, company_of(common, bc), surname="CP-43")
    common.edit_customer(bc, primaryContactNo=contact["no"])
    document, status = common.counterparts("CONTACT", contact["id"])
    assert (status, document["created"]) == (1, [])
    assert [one["bc_id"] for one in document["skipped"]] == [contact["id"]]
    assert common.counterparts("CUSTOMER", bc)[1] == 0
    common.sync("CONTACT", "CUSTOMER")
    crm = coupled(common)[bc]
    other = coupled(common, "CONTACT")[contact["id"]]
    assert common.account(crm)["_primarycontactid_value"] == other


@pytest.mark.scenario("CP-44")
def test_an_account_that_the_integration_user_wrote_is_created_when_a_person_asks(common: World) -> None:
    crm = account(common, "CP-44")
    url = f"{common.crm('accounts')}({crm})"
    common.send("crm", "PATCH", url, {"fax": "44444444"}, client="kobling")
    document, status = common.counterparts("CUSTOMER", f"crm:{crm}")
    assert status == 0
    [made] = document["created"]
    assert common.customer(made["bc_id"])["faxNo"] == "44444444"


@pytest.mark.scenario("CP-45")
@pytest.mark.scenario("CP-46")
@pytest.mark.parametrize("system", ["bc", "crm"])
def test_a_record_whose_partner_is_gone_gets_a_new_one(common: World, pair: Pair, system: str) -> None:
    if system == "bc":
        common.delete("bc", "customers", pair[0])
        asked = f"crm:{pair[1]}"
    else:
        common.delete("crm", "accounts", pair[1])
        asked = f"bc:{pair[0]}"
    document, status = common.counterparts("CUSTOMER", asked)
    assert status == 0
    [made] = document["created"]
    stays = pair[1] if system == "bc" else pair[0]
    assert stays in made.values()
    assert set(made.values()) != set(pair)
    assert coupled(common)[made["bc_id"]] == made["crm_id"]
    assert wrote(common.sync("CUSTOMER")) == 0


@pytest.mark.scenario("CP-47")
@pytest.mark.scenario("CP-49")
@pytest.mark.scenario("CP-58")
@pytest.mark.scenario("CP-61")
@pytest.mark.scenario("MS-02")
def test_customers_become_accounts_with_their_values(common: World) -> None:
    made = [customer(common, f"CP-47 {number}", faxNo=f"4700000{number}") for number in range(3)]
    document, status = common.counterparts("CUSTOMER", *made)
    assert status == 0
    assert {one["bc_id"] for one in document["created"]} == set(made)
    [job] = document["jobs"]
    assert job["counts"]["to"]["inserted"] == 3
    accounts = [common.account(one["crm_id"]) for one in document["created"]]
    assert {one["name"] for one in accounts} == {f"CP-47 {number}" for number in range(3)}


@pytest.mark.scenario("CP-50")
@pytest.mark.scenario("CP-62")
@pytest.mark.scenario("MS-01")
def test_nothing_is_created_of_what_is_coupled(common: World, pair: Pair) -> None:
    new = customer(common, "MS-01")
    before = common.count("crm", "account")
    document, status = common.counterparts("CUSTOMER", pair[0], new)
    assert status == 1
    assert [one["bc_id"] for one in document["created"]] == [new]
    assert [(one["bc_id"], one["crm_id"]) for one in document["skipped"]] == [pair]
    assert common.count("crm", "account") == before + 1


@pytest.mark.scenario("MS-04")
def test_each_mapping_creates_its_own(common: World) -> None:
    bc = customer(common, "MS-04")
    vendor = common.create("bc", "vendors", name="MS-04 vendor")["id"]
    with pytest.raises(ConfigurationError, match="neither side has a record"):
        common.counterparts("CUSTOMER", bc, vendor)
    assert bc not in coupled(common)
    assert common.counterparts("CUSTOMER", bc)[0]["jobs"][0]["mapping"] == "CUSTOMER"
    assert common.counterparts("VENDOR", vendor)[0]["jobs"][0]["mapping"] == "VENDOR"
    assert vendor in coupled(common, "VENDOR")


@pytest.mark.scenario("CP-63")
def test_a_mapping_that_flows_one_way_creates_nothing_against_it(common: World) -> None:
    made = common.create("bc", "salespeoplePurchasers", code="CP63", name="CP-63")
    with pytest.raises(ConfigurationError, match="flows from_integration only"):
        common.counterparts("SALESPEOPLE", made["id"])


@pytest.mark.scenario("CP-54")
def test_a_name_of_nobody_is_refused(common: World, pair: Pair) -> None:
    free = loose(common, "CP-54")
    before = coupled(common)
    nobody = "00000000-0000-4000-8000-000000000054"
    wanted = [
        ("C-NOBODY", free[1], "neither side has a record 'C-NOBODY'"),
        (f"bc:{nobody}", free[1], "there is no .* with the id"),
        (free[0], f"crm:{nobody}", "there is no Account with the id"),
        (free[0], "crm:not-an-id", "a GUID is expected"),
        (free[0], f"crm:{free[1]}0", "a GUID is expected"),
        ("bc:", free[1], "a GUID is expected"),
        ("", free[1], "neither side has a record ''"),
        (free[0], "C00010; drop", "neither side has a record"),
        (free[1], free[0], "is no record of Business Central"),
    ]
    for left, right, words in wanted:
        with pytest.raises(ConfigurationError, match=words):
            common.couple("CUSTOMER", left, right)
    assert coupled(common) == before


def test_a_record_of_another_mapping_is_named_as_such(common: World, pair: Pair) -> None:
    lone = customer(common, "Another mapping")
    other = next(iter(coupled(common, "CONTACT").values()))
    with pytest.raises(ConfigurationError, match="CONTACT has it"):
        common.couple("CUSTOMER", lone, f"crm:{other}")


def test_a_record_of_another_table_is_named_as_such_though_nobody_has_coupled_it(common: World) -> None:
    vendor = common.create("bc", "vendors", name="No customer")["id"]
    crm = account(common, "No vendor")
    with pytest.raises(ConfigurationError, match=r"there is no Customer .*; it is the id of a Vendor"):
        common.couple("CUSTOMER", f"bc:{vendor}", f"crm:{crm}")
    assert vendor not in coupled(common)


@pytest.mark.parametrize("system", ["bc", "crm"])
def test_a_record_that_was_deleted_meanwhile_is_not_coupled(common: World, system: str) -> None:
    free = loose(common, f"Deleted in {system}")
    common.delete(*(("bc", "customers", free[0]) if system == "bc" else ("crm", "accounts", free[1])))
    with pytest.raises(ConfigurationError, match=r"there is no (Customer|Account) with the id"):
        common.couple("CUSTOMER", f"bc:{free[0]}", f"crm:{free[1]}", use="bc")
    assert free[0] not in coupled(common)


def test_a_record_of_another_company_is_left_to_it(common: World) -> None:
    bc = customer(common, "Another company")
    made = common.create("crm", "bcbi_companies", bcbi_externalid="77777777-0000-4000-8000-000000000001")
    crm = account(
        common, "Theirs", **{"bcbi_CompanyId@odata.bind": f"/bcbi_companies({made['bcbi_companyid']})"}
    )
    with pytest.raises(ConfigurationError, match="belongs to another company"):
        common.couple("CUSTOMER", bc, f"crm:{crm}", use="bc")
    assert bc not in coupled(common)
    assert common.account(crm)["name"] == "Theirs"


@pytest.mark.scenario("CP-64")
@pytest.mark.scenario("CP-65")
def test_looking_at_a_pair_shows_both_values_of_every_field(common: World, pair: Pair) -> None:
    bc = customer(common, "CP-64", faxNo="64646464")
    first, second = account(common, "CP-64 first"), account(common, "CP-64 second", fax="65656565")
    shown = {one["field"]: one for one in rehearsed(common, "CUSTOMER", bc, f"crm:{first}")["fields"]}
    assert (shown["Name"]["bc"], shown["Name"]["crm"]) == ("CP-64", "CP-64 first")
    assert (shown["Fax No."]["bc"], shown["Fax No."]["crm"]) == ("64646464", None)
    again = {one["field"]: one for one in rehearsed(common, "CUSTOMER", bc, f"crm:{second}")["fields"]}
    assert (again["Name"]["crm"], again["Fax No."]["crm"]) == ("CP-64 second", "65656565")
    assert shown.keys() == again.keys()
    assert bc not in coupled(common)


@pytest.mark.scenario("CP-20")
@pytest.mark.scenario("CP-21")
def test_an_uncoupled_record_has_no_partner(common: World) -> None:
    for one, way in zip(loose(common, "CP-20"), ("bc", "crm"), strict=True):
        run = common.sync("CUSTOMER", records=(f"{way}:{one}",))
        assert [each["class"] for each in run["CUSTOMER"]["errors"]] == ["not coupled"]
        assert run[""] == 1


@pytest.mark.scenario("CP-75")
def test_a_deleted_account_and_a_conflict_keep_their_couplings(
    common: World, pair: Pair, other_pair: Pair
) -> None:
    common.delete("crm", "accounts", pair[1])
    common.edit_customer(other_pair[0], name="CP-75 left")
    common.edit_account(other_pair[1], name="CP-75 right")
    for _ in range(2):
        run = common.sync("CUSTOMER")
        contested = {one["bc_id"] for one in common.conflicts()}
        assert (run[""], other_pair[0] in contested) == (1, True)
        assert pair[0] in {one["bc_id"] for one in common.skipped()}
        now = coupled(common)
        assert (now[pair[0]], now[other_pair[0]]) == (pair[1], other_pair[1])
    common.resolve("bc", mapping="CUSTOMER", record=other_pair[0])
    common.uncouple("CUSTOMER", pair[0])
