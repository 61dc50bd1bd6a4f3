"""Aim: scenarios of the built-in integration about choosing a partner, and about the way to the records.

Its dialog has a cell to type a name into, a list to look records up in, and a link. Here the list and the
addresses are what commands answer with.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

import msgspec
import pytest

from engine.test_scenarios_coupling import Pair, account, coupled, customer
from engine.world import Document, World, wrote
from kobling.model.errors import ConfigurationError
from kobling.service.candidates import list_candidates
from kobling.service.explanations import why
from kobling.service.mappings import list_mappings
from kobling.service.own_mappings import NewMapping, new_mapping


def chosen_from(world: World, mapping: str, record: str, **asked: Any) -> Document:
    return world.command(lambda one: list_candidates(one, mapping, record, **asked))


def names(document: Document) -> set[str]:
    return {one["name"] for one in document["candidates"]}


@pytest.mark.scenario("CP-52")
def test_what_was_chosen_for_a_pair_stays_whatever_else_is_looked_at(common: World) -> None:
    bc, first, second = customer(common, "CP-52"), account(common, "CP-52 A"), account(common, "CP-52 B")
    common.edit_account(first, customertypecode=12)
    assert "is outside" in common.couple("CUSTOMER", bc, f"crm:{first}", use="crm")["outside"]
    for text in ("CP-52 B", "CP-52 A", ""):
        found = chosen_from(common, "CUSTOMER", f"bc:{bc}", search=text)
        assert found["coupled_with"] == first
    with pytest.raises(ConfigurationError, match="already coupled"):
        common.couple("CUSTOMER", bc, f"crm:{second}", use="bc")
    assert wrote(common.sync("CUSTOMER")) == 0
    common.edit_account(first, customertypecode=3)
    common.sync("CUSTOMER")
    assert (coupled(common)[bc], common.customer(bc)["name"]) == (first, "CP-52 A")


@pytest.mark.scenario("CP-70")
def test_a_price_group_is_offered_the_price_lists_of_its_own_company(common: World) -> None:
    other = common.create("crm", "bcbi_companies", bcbi_externalid="77777777-0000-4000-8000-000000000070")
    money = common.get("crm", common.crm("transactioncurrencies"))["value"][0]["transactioncurrencyid"]
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({money})"}
    mark = {"bcbi_CompanyId@odata.bind": f"/bcbi_companies({other['bcbi_companyid']})"}
    common.create("crm", "pricelevels", name="CP-70 free", **bind)
    common.create("crm", "pricelevels", name="CP-70 theirs", **bind, **mark)
    common.create("bc", "customerPriceGroups", code="CP70", description="CP-70 group")
    found = chosen_from(common, "CUSTPRCGRP-PRICE", "CP70", search="cp-70")
    assert found["record"]["number"] == "CP70"
    assert names(found) == {"CP-70 free"}


def test_only_what_is_free_and_inside_is_offered_with_what_it_holds(common: World, pair: Pair) -> None:
    bc = customer(common, "Somebody")
    account(common, "Søker Én", fax="70707070")
    account(common, "Søker To")
    inactive = account(common, "Søker Tre")
    common.edit_account(inactive, statecode=1, statuscode=2)
    found = chosen_from(common, "CUSTOMER", f"bc:{bc}", search="søker")
    assert names(found) == {"Søker Én", "Søker To"}
    [one] = chosen_from(common, "CUSTOMER", f"bc:{bc}", search="SØKER EN")["candidates"]
    assert (one["bc_id"], one["fields"]["Fax No."]) == (None, "70707070")
    assert names(chosen_from(common, "CUSTOMER", f"bc:{bc}", search=common.account(pair[1])["name"])) == set()
    [first] = chosen_from(common, "CUSTOMER", f"bc:{bc}", search="søker", limit=1)["candidates"]
    assert first["name"].startswith("Søker")
    lone = chosen_from(common, "CUSTOMER", f"crm:{one['crm_id']}", search="Somebody")
    assert [each["bc_id"] for each in lone["candidates"]] == [bc]
    assert (lone["more"], lone["candidates"][0]["crm_id"]) == (False, None)


def test_nothing_is_offered_to_a_record_that_there_is_not(common: World) -> None:
    for text, words in (
        ("C-NOBODY", "neither side has a record"),
        ("bc:00000000-0000-4000-8000-000000000073", "there is no Customer with the id"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            chosen_from(common, "CUSTOMER", text)


def entities(world: World, table: str) -> list[str]:
    """What the mappings of that table of Business Central name in Sales."""
    mappings = world.command(list_mappings)["mappings"]
    return [one["crm_entity"] for one in mappings if one["bc_table"] == table]


@pytest.mark.scenario("CP-73")
@pytest.mark.scenario("CP-74")
def test_the_other_table_is_named_by_the_mapping_and_by_nothing_else(common: World, pair: Pair) -> None:
    assert entities(common, "Service Vehicle") == []
    request = NewMapping(name="VEHICLE", bc_table="Service Vehicle", crm_entity="new_vehicle")
    common.command(lambda one: new_mapping(one, request, (), wait=lambda name: None))
    assert entities(common, "Service Vehicle") == ["new_vehicle"]
    # Runs for single records, and those that only show, are runs of the mapping itself.
    common.sync("CUSTOMER", records=(f"bc:{pair[0]}",), full=True)
    common.sync("CUSTOMER", dry_run=True)
    assert entities(common, "Customer") == ["account"]
    found = chosen_from(common, "CUSTOMER", f"bc:{pair[0]}", limit=1)
    assert (found["bc_table"], found["crm_entity"]) == ("Customer", "account")


@pytest.mark.scenario("MS-12")
@pytest.mark.scenario("MS-21")
def test_a_coupled_customer_leads_to_its_account_and_back(common: World, pair: Pair) -> None:
    [listed] = [one for one in common.couplings() if one["bc_id"] == pair[0]]
    address = urllib.parse.urlsplit(listed["crm_url"])
    assert f"{address.scheme}://{address.netloc}" == common.configuration.crm.url
    assert (address.path, dict(urllib.parse.parse_qsl(address.query))) == (
        "/main.aspx",
        {"etn": "account", "pagetype": "entityrecord", "id": pair[1]},
    )
    told = common.command(lambda one: why(one, "CUSTOMER", f"bc:{pair[0]}"))
    assert told["crm_url"] == listed["crm_url"]
    # Where people open this Business Central is not known until somebody says it.
    assert (told["bc_url"], listed["bc_url"]) == (None, None)
    here = common.configuration
    bc = msgspec.structs.replace(here.bc, web_url="https://bc.example/sandbox")
    common.configuration = msgspec.structs.replace(here, bc=bc)
    told = common.command(lambda one: why(one, "CUSTOMER", f"crm:{pair[1]}"))
    common.configuration = here
    page = urllib.parse.urlsplit(told["bc_url"])
    [company] = common.get("bc", f"{here.bc.root}/api/v2.0/companies")["value"]
    assert (page.netloc, page.path) == ("bc.example", "/sandbox/")
    assert dict(urllib.parse.parse_qsl(page.query)) == {
        "company": company["name"],
        "page": "21",
        "filter": f"'No.' IS '{listed['number']}'",
    }


def test_what_is_no_record_in_its_system_has_no_address(common: World) -> None:
    [option, *_] = common.couplings("PAYMENT TERMS")
    assert option["crm_url"] is None
    lone = customer(common, "Without an account")
    assert common.command(lambda one: why(one, "CUSTOMER", f"bc:{lone}"))["crm_url"] is None
