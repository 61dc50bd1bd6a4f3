"""Payment terms, shipment methods and shipping agents as options of accounts: one way, by coupling or label.

The names in brackets are of the rules that the tests carry out.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.world import World, wrote
from kobling.engine.task import Options
from kobling.model.errors import ConfigurationError, UnreachableError
from kobling.model.mapping import Side
from kobling.service.mappings import set_mapping, show_mappings
from kobling.service.session import Session
from stages import Stages

TERMS, METHOD, AGENT = "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT"
NAMES = (TERMS, METHOD, AGENT)
TABLES = {TERMS: "paymentTerms", METHOD: "shipmentMethods", AGENT: "shippingAgents"}
COLUMNS = {
    TERMS: "paymenttermscode",
    METHOD: "address1_freighttermscode",
    AGENT: "address1_shippingmethodcode",
}
FIRST_OWN_VALUE = 100_000_000


def options(world: World, place: str = "account.paymenttermscode") -> dict[int, str]:
    """The labels of a choice column by value."""
    entity, _, column = place.partition(".")
    kind = "Microsoft.Dynamics.CRM.PicklistAttributeMetadata"
    path = f"EntityDefinitions(LogicalName='{entity}')/Attributes(LogicalName='{column}')/{kind}"
    found = world.get("crm", world.crm(f"{path}?$select=LogicalName&$expand=OptionSet"))["OptionSet"][
        "Options"
    ]
    return {one["Value"]: one["Label"]["UserLocalizedLabel"]["Label"] for one in found}


def change_option(world: World, message: str, value: int, label: str = "", **client: str) -> None:
    """Somebody changes the payment terms of accounts in Power Apps."""
    body: dict[str, Any] = {
        "EntityLogicalName": "account",
        "AttributeLogicalName": "paymenttermscode",
        "Value": value,
    }
    if label:
        body["Label"] = {"LocalizedLabels": [{"Label": label, "LanguageCode": 1033}]}
    world.send("crm", "POST", world.crm(message), body, **client)


def insert(world: World, value: int, label: str) -> None:
    change_option(world, "InsertOptionValue", value, label)


def rename(world: World, value: int, label: str) -> None:
    change_option(world, "UpdateOptionValue", value, label)


def option_id(world: World, value: int) -> str:
    """The id under which that option of the payment terms is coupled."""

    async def ask(session: Session) -> str:
        async with session.context(Options()) as context:
            table = context.mappings[TERMS].right
            pages = context.services[Side.RIGHT].inside(table, ["value"])
            [found] = [str(row["id"]) async for page in pages for row in page if row["value"] == value]
            return found

    return world.command(ask)


def codes(world: World, table: str = "paymentTerms") -> set[str]:
    return {one["code"] for one in world.get("bc", world.bc(table))["value"]}


def row_of(world: World, code: str, table: str = "paymentTerms") -> str:
    """The id of the record with that code."""
    rows = world.get("bc", world.bc(table))["value"]
    return next(str(one["id"]) for one in rows if one["code"] == code)


def change_code(world: World, old: str, new: str) -> None:
    world.send("bc", "PATCH", f"{world.bc('paymentTerms')}({row_of(world, old)})", {"code": new})


def coupled(world: World, name: str = TERMS) -> dict[str, str]:
    """Labels by code."""
    return {one["number"]: one["crm_name"] for one in world.couplings(name)}


def meet(world: World) -> None:
    """The default options are coupled."""
    world.sync(*NAMES, full=True)


@pytest.fixture
def met(world: World, stages: Stages) -> World:
    return stages.reach(world, meet)


def meet_backward(world: World) -> None:
    """Payment terms come from Sales, and the default options are coupled."""
    world.configure(TERMS, direction="from_integration")
    world.sync(TERMS, full=True)


@pytest.fixture
def backward(world: World, stages: Stages) -> World:
    return stages.reach(world, meet_backward)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        pytest.param(TERMS, 4, marks=pytest.mark.scenario("OM-03")),
        pytest.param(METHOD, 2, marks=pytest.mark.scenario("OM-02")),
        pytest.param(AGENT, 7, marks=pytest.mark.scenario("OM-01")),
    ],
)
def test_the_default_options_are_coupled_by_their_codes_and_left_as_they_are(
    world: World, name: str, count: int
) -> None:
    before = options(world, f"account.{COLUMNS[name]}")
    run = world.sync(name, full=True)
    assert run[""] == 0
    assert wrote(run) == 0
    assert len(world.couplings(name)) == count
    assert set(coupled(world, name)) == codes(world, TABLES[name])
    assert set(coupled(world, name).values()) == set(before.values())
    assert options(world, f"account.{COLUMNS[name]}") == before
    assert wrote(world.sync(name)) == 0


def test_nothing_is_made_of_an_uncoupled_code_unless_the_mapping_may_create(met: World) -> None:
    before = options(met)
    met.create("bc", "paymentTerms", code="14 DAYS")
    assert wrote(met.sync(TERMS)) == 0
    assert options(met) == before


def test_a_new_code_becomes_an_option_of_the_account_and_of_documents(met: World) -> None:
    """[OM2, OM4]"""
    met.configure(TERMS, synch_only_coupled=False)
    met.create("bc", "paymentTerms", code="14 DAYS")
    met.create("bc", "paymentTerms", code="COD")
    run = met.sync(TERMS)
    assert run[TERMS]["counts"]["to"]["inserted"] == 2
    account = options(met)
    new = {value: account[value] for value in (FIRST_OWN_VALUE, FIRST_OWN_VALUE + 1)}
    assert set(new.values()) == {"14 DAYS", "COD"}
    for entity in ("salesorder", "quote", "invoice"):
        assert options(met, f"{entity}.paymenttermscode").items() >= new.items()
    assert {"14 DAYS", "COD"} < set(coupled(met))
    for _ in range(2):
        assert wrote(met.sync(TERMS)) == 0


def test_shipment_methods_are_copied_to_orders_and_quotes_and_not_to_invoices(met: World) -> None:
    """[OM4]"""
    for name in (METHOD, AGENT):
        met.configure(name, synch_only_coupled=False)
        met.create("bc", TABLES[name], code="BOAT")
    met.sync(METHOD, AGENT)
    for place in (
        "account.address1_freighttermscode",
        "salesorder.freighttermscode",
        "quote.freighttermscode",
    ):
        assert options(met, place)[FIRST_OWN_VALUE] == "BOAT"
    for entity in ("salesorder", "quote", "invoice"):
        assert options(met, f"{entity}.shippingmethodcode")[FIRST_OWN_VALUE] == "BOAT"


def test_a_code_that_is_renamed_renames_the_label_everywhere(met: World) -> None:
    """[OM2, OM4]"""
    change_code(met, "NET30", "MONTH")
    run = met.sync(TERMS)
    assert run[TERMS]["counts"]["to"]["modified"] == 1
    for entity in ("account", "salesorder", "quote", "invoice"):
        assert options(met, f"{entity}.paymenttermscode")[1] == "MONTH"
    change_code(met, "MONTH", "NET30")
    met.sync(TERMS)
    assert options(met)[1] == "NET30"
    assert wrote(met.sync(TERMS)) == 0


def test_a_description_that_changes_leaves_the_label(met: World) -> None:
    met.send("bc", "PATCH", f"{met.bc('paymentTerms')}({row_of(met, 'NET30')})", {"description": "A month"})
    assert wrote(met.sync(TERMS)) == 0
    assert options(met)[1] == "Net 30"


def test_an_option_that_was_renamed_meanwhile_is_planned_again_and_not_overwritten_blindly(
    met: World,
) -> None:
    """One way: the code wins, but over the label that the plan has seen."""
    change_code(met, "NET30", "MONTH")
    rename(met, 1, "A month")
    run = met.sync(TERMS)
    assert run[""] == 0
    assert options(met)[1] == "MONTH"
    assert wrote(met.sync(TERMS)) == 0


def test_a_code_with_a_comma_is_refused_in_words_and_passes_once_it_is_renamed(met: World) -> None:
    met.configure(TERMS, synch_only_coupled=False)
    met.create("bc", "paymentTerms", code="14,5 DAYS")
    run = met.sync(TERMS)
    assert run[TERMS]["counts"]["to"]["failed"] == 1
    assert "'14,5 DAYS' has a comma" in run[TERMS]["errors"][0]["message"]
    change_code(met, "14,5 DAYS", "15 DAYS")
    assert met.sync(TERMS)[TERMS]["counts"]["to"]["inserted"] == 1
    assert options(met)[FIRST_OWN_VALUE] == "15 DAYS"


def test_two_options_that_begin_alike_leave_their_code_to_a_person(met: World) -> None:
    insert(met, 500, "Cash Payment A")
    insert(met, 501, "Cash Payment B")
    met.create("bc", "paymentTerms", code="CASH PAYME")
    run = met.sync(TERMS, full=True)
    assert run[TERMS]["counts"]["to"]["failed"] == 1
    assert "2 records of Account option have the same Code" in run[TERMS]["errors"][0]["message"]
    rename(met, 501, "Bill")
    met.sync(TERMS, full=True)
    assert coupled(met)["CASH PAYME"] == "Cash Payment A"


def test_an_option_is_coupled_with_one_code_only(met: World) -> None:
    """[OM5]"""
    met.create("bc", "paymentTerms", code="COD")
    option = met.couplings(TERMS)[0]["crm_id"]
    with pytest.raises(ConfigurationError, match="is already coupled with"):
        met.couple(TERMS, row_of(met, "COD"), option)


@pytest.mark.scenario("OM-06")
def test_a_customer_with_a_coupled_code_gives_its_account_the_option(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.edit_customer(customer, shippingAgentCode="DHL", paymentTermsCode="NET45")
    synchronized.sync("CUSTOMER")
    held = synchronized.account(account)
    assert (held["address1_shippingmethodcode"], held["paymenttermscode"]) == (2, 3)


def test_a_coupled_code_wins_over_the_label_and_ends_the_wait(synchronized: World) -> None:
    customer, account = synchronized.pair()
    synchronized.create("bc", "paymentTerms", code="COD")
    insert(synchronized, 500, "Cash on delivery")
    synchronized.edit_customer(customer, paymentTermsCode="COD")
    run = synchronized.sync("CUSTOMER")
    assert run["CUSTOMER"]["errors"] == []
    assert run["CUSTOMER"]["open"]["clearable"] == 1
    assert synchronized.account(account)["paymenttermscode"] is None
    assert synchronized.customer(customer)["paymentTermsCode"] == "COD", "blank never flows back"
    synchronized.couple(TERMS, row_of(synchronized, "COD"), option_id(synchronized, 500), use="leave")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["paymenttermscode"] == 500
    synchronized.edit_account(account, paymenttermscode=4)
    synchronized.sync("CUSTOMER")
    synchronized.edit_account(account, paymenttermscode=500)
    synchronized.sync("CUSTOMER")
    assert synchronized.customer(customer)["paymentTermsCode"] == "COD"
    assert wrote(synchronized.sync()) == 0


def test_a_new_option_is_found_by_customers_before_and_after_it_is_coupled(synchronized: World) -> None:
    """The label rule answers while the mapping is disabled, and the coupling gives the same."""
    synchronized.configure(TERMS, enabled=False)
    customer, account = synchronized.pair()
    synchronized.create("bc", "paymentTerms", code="CASH PAYME")
    insert(synchronized, 500, "Cash Payment")
    synchronized.edit_customer(customer, paymentTermsCode="CASH PAYME")
    synchronized.sync("CUSTOMER")
    assert synchronized.account(account)["paymenttermscode"] == 500
    synchronized.configure(TERMS, enabled=True)
    assert wrote(synchronized.sync(TERMS, "CUSTOMER", full=True)) == 0
    assert coupled(synchronized)["CASH PAYME"] == "Cash Payment"


def test_a_customer_gets_the_option_that_the_same_run_creates(synchronized: World) -> None:
    synchronized.configure(TERMS, synch_only_coupled=False)
    customer, account = synchronized.pair()
    synchronized.create("bc", "paymentTerms", code="14 DAYS")
    synchronized.edit_customer(customer, paymentTermsCode="14 DAYS")
    run = synchronized.sync()
    assert run[TERMS]["counts"]["to"]["inserted"] == 1
    assert run["CUSTOMER"]["open"]["clearable"] == 0
    assert synchronized.account(account)["paymenttermscode"] == FIRST_OWN_VALUE
    assert wrote(synchronized.sync()) == 0


def test_a_renamed_code_leaves_the_options_of_accounts(synchronized: World) -> None:
    before = {one["accountid"]: one["paymenttermscode"] for one in synchronized.accounts()}
    change_code(synchronized, "NET30", "MONTH")
    synchronized.sync()
    assert {one["accountid"]: one["paymenttermscode"] for one in synchronized.accounts()} == before
    assert wrote(synchronized.sync()) == 0


def test_a_label_that_is_renamed_renames_the_code_and_with_it_the_customers(backward: World) -> None:
    """[OM3]"""
    customers = len(backward.customers("paymentTermsCode eq 'NET45'"))
    rename(backward, 3, "Net 50")
    run = backward.sync(TERMS)
    assert run[TERMS]["counts"]["from"]["modified"] == 1
    assert codes(backward) == {"NET30", "2%10NET30", "NET 50", "NET60"}
    assert len(backward.customers("paymentTermsCode eq 'NET 50'")) == customers > 0
    assert wrote(backward.sync(TERMS)) == 0


@pytest.mark.parametrize("label", ["net45", "NET 45", "Net45"])
def test_a_label_that_makes_the_same_code_renames_nothing(backward: World, label: str) -> None:
    """[OM3]"""
    rename(backward, 3, label)
    assert wrote(backward.sync(TERMS)) == 0
    assert "NET45" in codes(backward)


def test_a_new_option_becomes_a_code_of_its_first_ten_characters(backward: World) -> None:
    """[OM3]"""
    insert(backward, 500, "Cash Payment")
    assert wrote(backward.sync(TERMS)) == 0, "only coupled records are synchronized"
    backward.configure(TERMS, direction="from_integration", synch_only_coupled=False)
    insert(backward, 501, "Elevenchars")
    run = backward.sync(TERMS)
    assert run[TERMS]["counts"]["from"]["inserted"] == 1
    assert "ELEVENCHAR" in codes(backward)
    backward.sync(TERMS, full=True)
    assert {"ELEVENCHAR", "CASH PAYME"} < codes(backward)
    assert wrote(backward.sync(TERMS)) == 0


def test_options_that_begin_alike_make_one_code_and_words_about_the_others(backward: World) -> None:
    insert(backward, 500, "Cash Payment A")
    backward.sync(TERMS, full=True)
    insert(backward, 501, "Cash Payment B")
    run = backward.sync(TERMS, full=True)
    assert run[TERMS]["counts"]["from"]["failed"] == 1
    words = "the options 'Cash Payment B' and 'Cash Payment A' both make the code CASH PAYME"
    assert words in run[TERMS]["errors"][0]["message"]
    rename(backward, 501, "Bank Payment")
    backward.sync(TERMS)
    assert {"CASH PAYME", "BANK PAYME"} < codes(backward)


def test_a_label_with_a_comma_is_refused_in_words(backward: World) -> None:
    insert(backward, 500, "Net 7, cash")
    run = backward.sync(TERMS, full=True)
    assert run[TERMS]["counts"]["from"]["failed"] == 1
    assert "'Net 7, cash' has a comma" in run[TERMS]["errors"][0]["message"]
    assert len(codes(backward)) == 4


def test_option_mappings_are_never_bidirectional(world: World) -> None:
    """[OM6]"""

    def change(direction: str) -> Any:
        edits = [f"direction={direction}"]
        return world.command(
            lambda one: set_mapping(one, TERMS, edits, existing=False, wait=lambda name: None)
        )

    with pytest.raises(ConfigurationError, match="PAYMENT TERMS flows only one way"):
        change("bidirectional")
    change("from_integration")
    [variant] = world.command(lambda one: show_mappings(one, TERMS))["variants"]
    assert variant["direction"] == "from_integration"
    assert [one["direction"] for one in variant["fields"]] == ["from_integration"]


def test_an_option_that_is_deleted_in_sales_is_for_a_person_and_comes_back_when_restored(met: World) -> None:
    change_option(met, "DeleteOptionValue", 4)
    met.sync(TERMS)
    assert [one["mapping"] for one in met.skipped()] == [TERMS]
    met.configure(TERMS, deletion_conflict="restore")
    change_code(met, "NET60", "NET 60 X")
    met.sync(TERMS)
    assert options(met)[FIRST_OWN_VALUE] == "NET 60 X"
    assert wrote(met.sync(TERMS)) == 0


def test_a_dry_run_shows_new_options_and_makes_none(met: World) -> None:
    met.configure(TERMS, synch_only_coupled=False)
    met.create("bc", "paymentTerms", code="14 DAYS")
    before = options(met)
    run = met.sync(TERMS, dry_run=True)
    assert run[TERMS]["counts"]["to"]["inserted"] == 1
    assert options(met) == before


def test_a_run_that_lost_the_answer_to_a_new_option_makes_it_once(met: World) -> None:
    met.configure(TERMS, synch_only_coupled=False)
    met.create("bc", "paymentTerms", code="14 DAYS")
    met.faults("crm", {"path": "PublishXml", "nth": 1, "action": "reset_after"})
    with pytest.raises(UnreachableError):
        met.sync(TERMS)
    met.sync(TERMS)
    assert sorted(options(met).values()).count("14 DAYS") == 1
    assert "14 DAYS" in coupled(met)
    assert wrote(met.sync(TERMS)) == 0


def test_documents_that_do_not_take_an_option_leave_the_account_without_it(met: World) -> None:
    """The account comes last, so the next run begins anew."""
    met.configure(TERMS, synch_only_coupled=False)
    met.create("bc", "paymentTerms", code="14 DAYS")
    met.faults("crm", {"path": "InsertOptionValue", "nth": 2, "action": "status", "status": 403})
    run = met.sync(TERMS)
    assert run[TERMS]["counts"]["to"]["failed"] == 1
    assert "14 DAYS" not in options(met).values()
    met.faults("crm")
    met.send(
        "bc", "PATCH", f"{met.bc('paymentTerms')}({row_of(met, '14 DAYS')})", {"description": "Two weeks"}
    )
    met.sync(TERMS)
    for entity in ("account", "salesorder", "quote", "invoice"):
        assert list(options(met, f"{entity}.paymenttermscode").values()).count("14 DAYS") == 1


def test_matching_by_the_codes_leaves_the_labels_as_people_read_them(world: World) -> None:
    matched = world.match(TERMS)
    assert len(matched["matched"]) == 4
    assert wrote(world.sync(TERMS)) == 0
    assert options(world)[1] == "Net 30"
    assert set(coupled(world)) == codes(world)
